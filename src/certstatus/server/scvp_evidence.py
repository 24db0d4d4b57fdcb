"""What a server of SCVP goes by: its pool, what this worker's sources know, what is fetched."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from certstatus.clock import Clock
from certstatus.errors import ConfigError, SourceError
from certstatus.fetch import Door, Exchange, Guard, HTTPAnswer, LDAPDoor
from certstatus.limits_scvp import MAX_POOL_CERTIFICATES
from certstatus.meter import Meter
from certstatus.ocsp import CertStatus, Good, Revoked
from certstatus.path import StatusSource
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.responder import Authority, Refusal
from certstatus.responder.statement import state
from certstatus.server.certificates import load_certificates
from certstatus.sources import Unlisted

__all__ = ["CountedDoor", "CountedLDAPDoor", "load_pool", "status_by"]


# --- the pool -------------------------------------------------------------------------------


def load_pool(places: Iterable[Path]) -> tuple[Certificate, ...]:
    """Read the certificates of files and folders, each once, in their order.

    Of a folder every file is read whose name ends as certificates' do; it must hold some.

    Raises:
        ConfigError: one can't be read or holds something else, or there are too many.
    """
    found: dict[Certificate, None] = {}
    for place in places:
        files = tuple(_files_in(place)) if place.is_dir() else (place,)
        if not files:
            raise ConfigError(
                "holds no certificate",
                file=str(place),
                remedy=f"put files there that end in {', '.join(sorted(_SUFFIXES))}",
            )
        found |= dict.fromkeys(load_certificates(files))
        if len(found) > MAX_POOL_CERTIFICATES:
            raise ConfigError(
                f"makes the pool larger than {MAX_POOL_CERTIFICATES} certificates", file=str(place)
            )
    return tuple(found)


_SUFFIXES: Final = frozenset({".cer", ".crt", ".der", ".pem"})


def _files_in(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"can't be read: {reason}", file=str(folder)) from error
    for one in inside:
        if one.suffix.lower() in _SUFFIXES and one.is_file():
            yield one


# --- what this worker's own sources know ----------------------------------------------------


def status_by(authorities: Iterable[Authority], clock: Clock, skew: timedelta) -> StatusSource:
    """Ask the sources of the CAs that are served here; of all others they know nothing.

    What is not listed means what the authority's policy says (C10). Of a time further past
    than ``skew`` sources speak only where they list the certificate: they forget (S12).
    """
    by_issuer = {_identity(one.issuer): one for one in authorities}

    async def status(
        certificate: Certificate, issuer: Certificate, at: datetime
    ) -> CertStatus | None:
        authority = by_issuer.get(_identity(issuer))
        if authority is None:
            return None
        now = clock.now().replace(microsecond=0)
        cert_id = authority.cert_id(certificate.serial_number, HashAlgorithm.SHA256)
        try:
            answer = await authority.source.status(cert_id, now)
            told = state(answer, authority).cert_status
        except (SourceError, Refusal):
            return None
        if at >= now - skew:
            return told
        return None if isinstance(answer, Unlisted) else _as_of(told, at)

    return status


def _identity(issuer: Certificate) -> Hashable:
    """Name a CA by name and key: it may have several certificates."""
    return issuer.subject.folded, issuer.spki_der


def _as_of(status: CertStatus, at: datetime) -> CertStatus:
    """Say what was so at a time past: who was revoked later was good."""
    return Good() if isinstance(status, Revoked) and status.revocation_time > at else status


# --- fetching, counted ------------------------------------------------------------------------


class CountedDoor:
    """A door for HTTP whose exchanges are counted, by whether anybody answered."""

    def __init__(self, inner: Door, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        """Exchange, and count it. Raises as the inner door does."""
        with _counted(self._meter, "http"):
            return self._inner.fetch(exchange)

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        """Exchange, and count it. Raises as the inner door does."""
        with _counted(self._meter, "http"):
            return await self._inner.afetch(exchange)


class CountedLDAPDoor(LDAPDoor):
    """A door for LDAP whose searches are counted."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    async def aget(self, url: str, *, guard: Guard, max_bytes: int) -> tuple[bytes, ...]:
        """Search, and count it. Raises as the inner door does."""
        with _counted(self._meter, "ldap"):
            return await super().aget(url, guard=guard, max_bytes=max_bytes)


@contextmanager
def _counted(meter: Meter, scheme: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        meter.count("scvp_fetches", scheme=scheme, outcome="failed")
        raise
    meter.count("scvp_fetches", scheme=scheme, outcome="answered")
