"""The URLs of one authority's CRLs, its folder of what was fetched, and its fetcher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from certstatus.clock import Clock, SystemClock
from certstatus.errors import ConfigError, MalformedError
from certstatus.fetch import HTTPDoor, LDAPDoor
from certstatus.limits import CRL_FETCH_TIME, CRL_REFRESH, FIRST_CRL_TIME, MAX_CRL_FILES
from certstatus.pkix import Certificate
from certstatus.sources.crl_fetcher import CRLFeed, CRLFetcher, believer
from certstatus.sources.crl_folder import CRLFolder
from certstatus.sources.crl_look import Looker
from certstatus.sources.crl_memory import CRLMemory
from certstatus.sources.crl_place import CRLPlace, named_server, places_of_certificate
from certstatus.sources.crl_schedule import CRLPace
from certstatus.sources.events import Observer

__all__ = ["CRLsByURL", "Fetching"]


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """How CRLs are fetched.

    Args:
        folder: keeps what was fetched, and remembers what was believed (C1), also of files;
            without it URLs have the user's own state directory, and files no memory.
        certificates: CRLs are fetched from where these, issued by the CA, say that they are.
        ldap_server: for LDAP URLs and directory names without a host: ``ldap://host``.
        allow_private: what stands in certificates and CRLs may lead into private networks.
        refresh: the longest time between two looks while all is well.
        time_limit: for one fetch.
        clock: tells the time.
        fetcher: a thread that is shared with other sources, and closed by who made it.
        count: hears of every look: newer, unchanged, failed.
    """

    folder: Path | None = None
    certificates: Sequence[Certificate] = ()
    ldap_server: str | None = None
    allow_private: bool = False
    refresh: timedelta = CRL_REFRESH
    time_limit: timedelta = CRL_FETCH_TIME
    clock: Clock = SystemClock()  # noqa: RUF009 - it has no state
    fetcher: CRLFetcher | None = None
    count: Callable[[str], None] | None = None


class CRLsByURL:
    """What a source of CRLs has beside its files; nothing where it has no URLs."""

    def __init__(
        self,
        named: Sequence[CRLPlace],
        signers: Sequence[Certificate],
        fetching: Fetching,
        *,
        name: str,
        observer: Observer | None,
        allow_sha1: bool,
    ) -> None:
        """Open the folder; fetch nothing yet.

        Raises:
            ConfigError: the folder can't be used, or a certificate names no place.
        """
        self._fetching = fetching
        self._own: CRLFetcher | None = None
        self._feed: CRLFeed | None = None
        self._folder: CRLFolder | None = None
        places = (*named, *_of_certificates(fetching.certificates, signers[0]))
        if len(places) > MAX_CRL_FILES:
            raise ConfigError(
                f"names {len(places)} CRLs", key="crl", remedy=f"name {MAX_CRL_FILES} at most"
            )
        if places or fetching.folder is not None:
            self._folder = CRLFolder(fetching.folder, signers[0])
        if not places or self._folder is None:
            return
        deltas = (one for place in places for one in self._folder.state(place).deltas)
        self._folder.tidy((*places, *deltas), fetching.clock.now())
        believe = believer(signers, self._folder, fetching.clock, allow_sha1=allow_sha1)
        server = None if fetching.ldap_server is None else named_server(fetching.ldap_server)
        limit = fetching.time_limit
        self._feed = CRLFeed(
            places=places,
            signers=signers,
            folder=self._folder,
            looker=Looker(
                http=HTTPDoor(total_time=limit),
                ldap=LDAPDoor(total_time=limit, server=server),
                believe=believe,
                allow_private=fetching.allow_private,
            ),
            name=name,
            observer=observer,
            count=fetching.count,
            pace=CRLPace(refresh=fetching.refresh),
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where what is fetched stands."""
        return () if self._feed is None or self._folder is None else (self._folder.path,)

    @property
    def memory(self) -> CRLMemory | None:
        """What was believed before a restart; None where no folder keeps it."""
        return None if self._folder is None else self._folder.memory

    @property
    def has_places(self) -> bool:
        """Whether there is anything to fetch."""
        return self._feed is not None

    @property
    def _fetcher(self) -> CRLFetcher | None:
        return self._fetching.fetcher or self._own

    def start(self, hear: Callable[[], None]) -> None:
        """Fetch in the background from now on; ``hear`` is called, there, for each newer CRL."""
        if self._feed is None:
            return
        self._feed = replace(self._feed, hear=hear)
        if self._fetching.fetcher is None:
            self._own = CRLFetcher(clock=self._fetching.clock)
        assert self._fetcher is not None
        self._fetcher.add(self._feed)

    def wait_settled(self, timeout: timedelta = FIRST_CRL_TIME) -> bool:
        """Wait until of every place there is a CRL, or a reason why there is none."""
        return self._fetcher is None or self._fetcher.wait_settled(timeout)

    def wake(self) -> None:
        """Look at the clock now."""
        if self._fetcher is not None:
            self._fetcher.wake()

    def close(self) -> None:
        """Fetch no longer."""
        if self._feed is not None and self._fetcher is not None:
            self._fetcher.remove(self._feed)
        if self._own is not None:
            self._own.close()


def _of_certificates(
    certificates: Sequence[Certificate], issuer: Certificate
) -> tuple[CRLPlace, ...]:
    """Return the places that certificates name, each once. Raises ConfigError."""
    places: dict[str, CRLPlace] = {}
    for certificate in certificates:
        if not certificate.issuer.matches(issuer.subject):
            raise ConfigError(
                f"{certificate.subject} is of {certificate.issuer}, not of {issuer.subject}",
                key="crl_from",
                remedy="name a certificate that the CA issued",
            )
        try:
            places |= {place.name: place for place in places_of_certificate(certificate)}
        except MalformedError as error:
            raise ConfigError(f"{certificate.subject}: {error}", key="crl_from") from error
    return tuple(places.values())
