"""A CA's CRLs as a source: in files and folders, and at URLs.

Files are read at the start, and when they change; what URLs give is fetched in the
background into a folder of its own. A CRL tells what is revoked, not what was issued: a serial that none lists is Unlisted,
unless a list of issued serials stands beside them (C10). An expired CRL answers tryLater,
never good (C9); so do CRLs that together leave something out, for what they do not list
(C4, C5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

from certstatus.errors import ConfigError, MalformedError, SourceError
from certstatus.limits import FILE_CHECK_TIME, FIRST_CRL_TIME, MAX_ISSUED_BYTES
from certstatus.ocsp import (
    NO_EXTENSIONS,
    ArchiveCutoff,
    CertID,
    CrlID,
    Extensions,
    Good,
    Revoked,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, CertificateList, CRLReason
from certstatus.sources.base import Answer, Editions, Known, NotOurs, Page, Unlisted
from certstatus.sources.crl_by_url import CRLsByURL, Fetching
from certstatus.sources.crl_files import CRLFiles, Findings
from certstatus.sources.crl_findings import baseline_findings
from certstatus.sources.crl_place import CRLPlace, named_place, named_server
from certstatus.sources.crl_scope import Issuance, Issues
from certstatus.sources.crl_set import CRLSet, Listed, NotListed, Undetermined, View
from certstatus.sources.crl_signers import crl_issuers_of
from certstatus.sources.entry_extensions import EntryExtensions
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.issued import IssuedSerials
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.listing import SortedSerials
from certstatus.sources.unrevoked import Unrevoked
from certstatus.sources.watch import WatchedFile

__all__ = ["CRL"]

_GOOD: Final = Good()

Where: TypeAlias = Path | str | Sequence[str]
"""A file or folder, a URL, or the URLs that are alternatives for one CRL."""


class CRL:
    """A Source over the CRLs of one authority, PEM or DER, in files, folders and at URLs.

    Full and delta CRLs, partitions and indirect CRLs are joined; each is signed by
    ``issuer`` itself or by one of ``crl_issuers``. While a file is missing, half written or
    not to be believed, the last good CRL answers until its nextUpdate. One with a lower
    number or an older thisUpdate is never taken over (C1). What has URLs is to be closed.
    """

    def __init__(
        self,
        path: Where | Sequence[Where],
        issuer: Certificate,
        *,
        now: datetime,
        name: str = "crl",
        observer: Observer | None = None,
        check_every: timedelta = FILE_CHECK_TIME,
        issued: Path | None = None,
        issued_base: Literal[10, 16] = 16,
        issues: Issues = Issues.ANY,
        distribution_points: Collection[str] = (),
        partitions: Collection[str] = (),
        crl_issuers: Collection[Certificate] = (),
        entry_extensions: EntryExtensions = EntryExtensions.NONE,
        crl_id: bool = False,
        crl_url: str | None = None,
        archive_cutoff: bool = False,
        left_out: Literal["try-later", "unknown"] = "try-later",
        allow_sha1: bool = False,
        baseline: bool = False,
        fetching: Fetching = Fetching(),  # noqa: B008 - a value, frozen
    ) -> None:
        """Read the CRLs, and the list of issued serials where there is one.

        ``path`` is a file or folder, a URL, a list of URLs that are alternatives for one
        CRL, or several of these; ``fetching`` says how URLs are fetched. Nobody waits for
        them: until the first CRL has come, status raises SourceError.
        ``issued`` has one serial number in each line, of base ``issued_base``. ``issues``,
        ``distribution_points`` (all of which every certificate names), ``partitions`` (one
        of which every certificate names) and ``crl_issuers`` say what the authority issues
        and who signs CRLs for it. ``crl_id`` adds CrlID, with ``crl_url``, to every answer
        that rests on one CRL (O26); ``archive_cutoff`` adds ArchiveCutoff from
        expiredCertsOnCRL (C14). ``left_out`` is what is said of a serial that may be listed
        where no CRL at hand looks (C5): SourceError, or an Unlisted that is never good.
        ``baseline`` tells of CRLs that break the Baseline Requirements (B8).

        Raises:
            ConfigError: a file is not there, or can't be used, or a URL can't be fetched;
                the message says why.
        """
        if crl_url is not None and not crl_url.isascii():
            raise ConfigError("is not in ASCII", key="crl_url", remedy="percent-encode it")
        self._name = name
        self._hashes = IssuerHashes(issuer)
        self._observer = observer
        self._issued_base: Literal[10, 16] = issued_base
        self._entry_extensions = entry_extensions
        self._crl_id = crl_id
        self._crl_url = crl_url
        self._archive_cutoff = archive_cutoff
        self._left_out = left_out
        self._is_expired = False
        self._listed = SortedSerials()
        self._said: _Said | None = None
        signers = _signers(issuer, crl_issuers)
        paths, places = _sorted_out(path, fetching)
        self._fetched = CRLsByURL(
            places, signers, fetching, name=name, observer=observer, allow_sha1=allow_sha1
        )
        issuance = Issuance(
            issues=issues,
            distribution_points=frozenset(distribution_points),
            partitions=frozenset(partitions),
        )
        self._crls = CRLFiles(
            (*paths, *self._fetched.folders),
            signers,
            issuance=issuance,
            name=name,
            now=now,
            observer=observer,
            check_every=check_every,
            allow_sha1=allow_sha1,
            memory=self._fetched.memory,
            findings=_findings(issuance, fetching.certificates) if baseline else None,
            may_be_empty=self._fetched.has_places,
        )
        self._editions = Editions()
        self._issued = (
            None
            if issued is None
            else WatchedFile(
                issued,
                self._read_issued,
                name=name,
                now=now,
                max_bytes=MAX_ISSUED_BYTES,
                observer=observer,
                check_every=check_every,
            )
        )

        self._fetched.start(self._crls.hear_of_news)

    def wait_settled(self, timeout: timedelta = FIRST_CRL_TIME) -> bool:
        """Wait until of every URL there is a CRL, or a reason why there is none."""
        return self._fetched.wait_settled(timeout)

    def wake(self) -> None:
        """Look at the clock now. For whoever has put it right."""
        self._fetched.wake()

    def close(self) -> None:
        """Fetch no longer. What was fetched goes on answering until its nextUpdate."""
        self._fetched.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    @property
    def issuer(self) -> Certificate:
        """The CA whose certificates they speak of."""
        return self._hashes.issuer

    @property
    def signature_algorithm(self) -> AlgorithmIdentifier | None:
        """What the CA signs its CRLs with; of several the first that was read (O31).

        None while none has been fetched yet.
        """
        views = self._crls.held.views
        return views[0].full.signature_algorithm if views else None

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the CRLs say.

        Raises:
            SourceError: they have expired, or leave out what may list the serial, and
            ``left_out`` is "try-later".
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        crls = await self._crls.current(now)
        self._note_expiry(crls.problem(now))
        verdict = crls.say(cert_id.serial_number, now)
        if isinstance(verdict, NotListed):
            issued = None if self._issued is None else (await self._issued.current(now)).value
            return self._not_listed(verdict, issued, cert_id.serial_number, now)
        if isinstance(verdict, Listed):
            return self._revoked(verdict, now)
        if self._left_out == "unknown" and crls.views and not verdict.is_expiry:
            return _not_covered(crls.views, self._name, now)
        raise SourceError(
            f"{self._name}: {verdict.reason}, and nothing at hand lists this serial",
            rule=verdict.rule,
        )

    def edition(self, now: datetime) -> object | None:
        """Return what stands for the CRLs, and the list of issued ones, that ``at_hand`` reads."""
        crls = None if self._is_expired else self._crls.at_hand(now)
        if self._issued is None:
            return crls
        return self._editions.of(crls, self._issued.at_hand(now))

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what ``status`` would, unless a look at the files is due or the CRLs leave a gap.

        What was fetched stands in files too, and counts once ``status`` has taken it over.
        """
        crls = self._crls.at_hand(now)
        if crls is None or self._is_expired:
            return None
        verdict = crls.say(serial_number, now)
        if isinstance(verdict, NotListed):
            return self._not_listed_at_hand(verdict, serial_number, now)
        if isinstance(verdict, Listed) and crls.problem(now) is None:
            return self._revoked(verdict, now)
        return None

    def _not_listed_at_hand(
        self, verdict: NotListed, serial_number: int, now: datetime
    ) -> Answer | None:
        if self._issued is None:
            return self._not_listed(verdict, None, serial_number, now)
        issued = self._issued.at_hand(now)
        if issued is None:
            return None
        return self._not_listed(verdict, issued.value, serial_number, now)

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Name what the CRLs list, and what the list of issued ones does, where there is one.

        Raises:
            SourceError: a CRL has expired that is needed to tell what is revoked.
        """
        crls, issued = await self._lists(now)
        return self._listed.page(
            (crls, issued), lambda: chain(crls.serial_numbers(), issued), after, limit
        )

    async def count(self, now: datetime) -> int:
        """Say how many are listed. Raises as ``listed``."""
        crls, issued = await self._lists(now)
        return self._listed.count((crls, issued), lambda: chain(crls.serial_numbers(), issued))

    async def _lists(self, now: datetime) -> tuple[CRLSet, Iterable[int]]:
        """Return what serial numbers stand in."""
        crls = await self._crls.current(now)
        problem = crls.problem(now)
        self._note_expiry(problem)
        if problem is not None and problem.is_expiry:
            raise SourceError(f"{self._name}: {problem.reason}", rule=problem.rule)
        return crls, () if self._issued is None else (await self._issued.current(now)).value

    def _note_expiry(self, problem: Undetermined | None) -> None:
        """Raise the alarm when a CRL that is needed is past its nextUpdate, and end it (C9)."""
        expired = problem.reason if problem is not None and problem.is_expiry else None
        was_expired, self._is_expired = self._is_expired, expired is not None
        if was_expired != self._is_expired:
            kind = EventKind.EXPIRED if self._is_expired else EventKind.RECOVERED
            detail = expired or "a CRL that has not expired was read"
            tell(SourceEvent(source=self._name, kind=kind, detail=detail), self._observer)

    def _revoked(self, listed: Listed, now: datetime) -> Known:
        entry, view = listed.entry, listed.view
        # Unspecified says no more than nothing, and is left out (RFC 5280 §5.3.1, C9).
        reason = None if entry.reason is CRLReason.UNSPECIFIED else entry.reason
        extensions = self._entry_extensions.of(reason, entry.invalidity_date)
        return Known(
            cert_status=Revoked(entry.revocation_date, reason),
            this_update=min(view.newest.this_update, now),
            next_update=view.newest.next_update,
            origin=self._name,
            single_extensions=Extensions(
                extensions.members + self._crl_extensions((view,)).members
            ),
        )

    def _not_listed(
        self, verdict: NotListed, issued: IssuedSerials | None, serial_number: int, now: datetime
    ) -> Known | Unlisted:
        """Answer for a serial that is not revoked: good needs the list of issued ones (C10)."""
        said = self._said
        if said is None or said.verdict is not verdict or not said.holds_at(now):
            said = self._said = self._say_not_listed(verdict, now)
        if issued is None:
            return said.unlisted
        return said.issued.good if serial_number in issued else said.issued.unlisted

    def _say_not_listed(self, verdict: NotListed, now: datetime) -> _Said:
        views = verdict.views
        newest = max(view.newest.this_update for view in views)
        this_update = min(now, *(view.newest.this_update for view in views))
        next_update = min(view.newest.next_update for view in views)
        extensions = self._crl_extensions(views)

        def unlisted(*, lists_issued: bool) -> Unlisted:
            return Unlisted(
                this_update=this_update,
                next_update=next_update,
                origin=self._name,
                lists_issued=lists_issued,
                # Of a serial that was never issued no CRL says anything (O13).
                single_extensions=NO_EXTENSIONS if lists_issued else extensions,
            )

        good = Known(
            cert_status=_GOOD,
            this_update=this_update,
            next_update=next_update,
            origin=self._name,
            single_extensions=extensions,
        )
        return _Said(
            verdict,
            now,
            newest,
            unlisted=unlisted(lists_issued=False),
            issued=Unrevoked(good, unlisted(lists_issued=True)),
        )

    def _crl_extensions(self, views: Sequence[View]) -> Extensions:
        """Name the CRL where it is one, and since when expired certificates stay listed."""
        values: list[CrlID | ArchiveCutoff] = []
        if self._crl_id and len(views) == 1:
            newest = views[0].newest
            values.append(CrlID(self._crl_url, newest.crl_number, newest.this_update))
        cutoffs = [view.archive_cutoff for view in views]
        if self._archive_cutoff and None not in cutoffs:
            values.append(ArchiveCutoff(max(one for one in cutoffs if one is not None)))
        return Extensions.of(*values) if values else NO_EXTENSIONS

    def _read_issued(
        self, data: bytes, previous: IssuedSerials | None, now: datetime
    ) -> IssuedSerials:
        del now
        issued = IssuedSerials(data, base=self._issued_base, where="issued serials")
        lost = None if previous is None else previous.first_not_in(issued)
        if lost is not None:
            raise MalformedError(
                f"lacks serial {lost:X}, which it listed before; a restart takes it",
                where="issued serials",
            )
        return issued


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of serials that no CRL lists, without a list of issued ones and with it."""

    verdict: NotListed
    at: datetime
    newest: datetime
    unlisted: Unlisted
    issued: Unrevoked

    def holds_at(self, now: datetime) -> bool:
        """Whether it is said at ``now`` too: only a thisUpdate that lies ahead goes by the clock."""
        return self.at == now or self.newest <= min(self.at, now)


def _not_covered(views: Sequence[View], name: str, now: datetime) -> Unlisted:
    """Answer for a serial that the CRLs leave out; each of them may change that."""
    return Unlisted(
        this_update=min(now, *(view.newest.this_update for view in views)),
        next_update=min(end for view in views if (end := view.newest.next_update) > now),
        origin=name,
        lists_issued=False,
        is_covered=False,
    )


def _sorted_out(
    path: Where | Sequence[Where], fetching: Fetching
) -> tuple[list[Path], list[CRLPlace]]:
    """Tell files and folders from URLs. Raises ConfigError."""
    server = None if fetching.ldap_server is None else named_server(fetching.ldap_server)
    paths: list[Path] = []
    places: list[CRLPlace] = []
    for one in (path,) if isinstance(path, str | Path) else path:
        if isinstance(one, str) and "://" in one:
            places.append(named_place((one,), server=server))
        elif isinstance(one, str | Path):
            paths.append(Path(one))
        else:
            places.append(named_place(tuple(one), server=server))
    return paths, places


def _findings(issuance: Issuance, certificates: Sequence[Certificate]) -> Findings:
    """Make the judge of the Baseline Requirements for an authority (B8)."""
    named = (uri for certificate in certificates for uri in certificate.crl_uris)
    points = issuance.distribution_points | issuance.partitions | frozenset(named)
    is_of_cas = issuance.issues is Issues.CA_CERTIFICATES

    def find(crl: CertificateList, now: datetime) -> Sequence[str]:
        return baseline_findings(crl, now=now, points=points, is_of_cas=is_of_cas)

    return find


def _signers(issuer: Certificate, others: Collection[Certificate]) -> tuple[Certificate, ...]:
    try:
        return crl_issuers_of(issuer, others)
    except MalformedError as error:
        raise ConfigError(str(error), key="crl_issuers") from error
