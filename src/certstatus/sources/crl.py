"""A CA's full CRL, in a file, as a source: read at the start, and again when it changes.

A CRL tells what is revoked, not what was issued: a serial that it does not list is
Unlisted, unless a list of issued serials stands beside it (C10). An expired CRL answers
tryLater, never good (C9); one with a limited scope answers so for what it does not list,
unless the authority issues nothing outside that scope (C4).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from certstatus.errors import ConfigError, MalformedError, SourceError
from certstatus.limits import FILE_CHECK_TIME, MAX_CRL_BYTES, MAX_INDEX_BYTES
from certstatus.ocsp import NO_EXTENSIONS, CertID, CrlID, Extensions, Good, Revoked
from certstatus.pkix import Certificate, CRLReason, RevokedEntry
from certstatus.sources.base import Answer, Known, NotOurs, Unlisted
from certstatus.sources.crl_rules import (
    Issues,
    check_follows,
    coverage_gap,
    load_full_crl,
    read_entries,
)
from certstatus.sources.entry_extensions import EntryExtensions
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.serial_number import parse_serials
from certstatus.sources.watch import WatchedFile

__all__ = ["CRL"]

_GOOD: Final = Good()


@dataclass(frozen=True, slots=True)
class _Reading:
    """What answers need of a CRL; ``gap`` says why an unlisted serial may be revoked."""

    crl_number: int | None
    this_update: datetime
    next_update: datetime
    entries: dict[int, RevokedEntry]
    gap: str | None


class CRL:
    """A Source over a full CRL, PEM or DER, signed by ``issuer`` itself.

    While the file is missing, half written or not to be believed, the last good CRL
    answers until its nextUpdate. One with a lower number or an older thisUpdate is never
    taken over (C1).
    """

    def __init__(
        self,
        path: Path,
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
        entry_extensions: EntryExtensions = EntryExtensions.NONE,
        crl_id: bool = False,
        crl_url: str | None = None,
        allow_sha1: bool = False,
    ) -> None:
        """Read the CRL, and the list of issued serials where there is one.

        ``issued`` has one serial number in each line, of base ``issued_base``. ``issues``
        and ``distribution_points`` say what the authority issues. ``crl_id`` adds CrlID,
        with ``crl_url``, to every answer that rests on the CRL (O26).

        Raises:
            ConfigError: a file is not there, or can't be used; the message says why.
        """
        if crl_url is not None and not crl_url.isascii():
            raise ConfigError("is not in ASCII", key="crl_url", remedy="percent-encode it")
        self._name = name
        self._issuer = issuer
        self._hashes = IssuerHashes(issuer)
        self._observer = observer
        self._issued_base: Literal[10, 16] = issued_base
        self._issues = issues
        self._distribution_points = frozenset(distribution_points)
        self._entry_extensions = entry_extensions
        self._crl_id = crl_id
        self._crl_url = crl_url
        self._allow_sha1 = allow_sha1
        self._is_expired = False
        self._crl = WatchedFile(
            path,
            self._read_crl,
            name=name,
            now=now,
            max_bytes=MAX_CRL_BYTES,
            observer=observer,
            check_every=check_every,
        )
        self._issued = (
            None
            if issued is None
            else WatchedFile(
                issued,
                self._read_issued,
                name=name,
                now=now,
                max_bytes=MAX_INDEX_BYTES,
                observer=observer,
                check_every=check_every,
            )
        )

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the CRL says.

        Raises:
            SourceError: the CRL has expired, or does not cover what it does not list.
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        crl = (await self._crl.current(now)).value
        self._check_expiry(crl, now)
        entry = crl.entries.get(cert_id.serial_number)
        if entry is not None:
            return self._revoked(crl, entry, now)
        if crl.gap is not None:
            raise SourceError(f"{self._name}: {crl.gap}, and does not list this serial", rule="C4")
        return await self._not_listed(crl, cert_id.serial_number, now)

    def _check_expiry(self, crl: _Reading, now: datetime) -> None:
        """Raise the alarm and SourceError when the CRL is past its nextUpdate (C9)."""
        was_expired, self._is_expired = self._is_expired, now >= crl.next_update
        reason = f"the CRL expired on {crl.next_update:%Y-%m-%d %H:%M:%SZ}"
        if was_expired != self._is_expired:
            kind = EventKind.EXPIRED if self._is_expired else EventKind.RECOVERED
            detail = reason if self._is_expired else "a CRL that has not expired was read"
            tell(SourceEvent(source=self._name, kind=kind, detail=detail), self._observer)
        if self._is_expired:
            raise SourceError(f"{self._name}: {reason}", rule="C9")

    def _revoked(self, crl: _Reading, entry: RevokedEntry, now: datetime) -> Known:
        # Unspecified says no more than nothing, and is left out (RFC 5280 §5.3.1, C9).
        reason = None if entry.reason is CRLReason.UNSPECIFIED else entry.reason
        extensions = self._entry_extensions.of(reason, entry.invalidity_date)
        return Known(
            cert_status=Revoked(entry.revocation_date, reason),
            this_update=min(crl.this_update, now),
            next_update=crl.next_update,
            origin=self._name,
            single_extensions=Extensions(extensions.members + self._crl_extensions(crl).members),
        )

    async def _not_listed(self, crl: _Reading, serial_number: int, now: datetime) -> Answer:
        """Answer for a serial that is not revoked: good needs the list of issued ones (C10)."""
        this_update = min(crl.this_update, now)
        issued = None if self._issued is None else (await self._issued.current(now)).value
        if issued is not None and serial_number in issued:
            return Known(
                cert_status=_GOOD,
                this_update=this_update,
                next_update=crl.next_update,
                origin=self._name,
                single_extensions=self._crl_extensions(crl),
            )
        return Unlisted(
            this_update=this_update,
            next_update=crl.next_update,
            origin=self._name,
            lists_issued=issued is not None,
            # Of a serial that was never issued no CRL says anything (O13).
            single_extensions=NO_EXTENSIONS if issued is not None else self._crl_extensions(crl),
        )

    def _crl_extensions(self, crl: _Reading) -> Extensions:
        if not self._crl_id:
            return NO_EXTENSIONS
        return Extensions.of(CrlID(self._crl_url, crl.crl_number, crl.this_update))

    # --- reading ------------------------------------------------------------------------

    def _read_crl(self, data: bytes, previous: _Reading | None, now: datetime) -> _Reading:
        crl = load_full_crl(data, self._issuer, now=now, allow_sha1=self._allow_sha1)
        if previous is not None:
            check_follows(crl, previous.crl_number, previous.this_update)
        assert crl.next_update is not None  # load_full_crl asks for it
        return _Reading(
            crl_number=crl.crl_number,
            this_update=crl.this_update,
            next_update=crl.next_update,
            entries=read_entries(crl),
            gap=coverage_gap(
                crl, issues=self._issues, distribution_points=self._distribution_points
            ),
        )

    def _read_issued(
        self, data: bytes, previous: frozenset[int] | None, now: datetime
    ) -> frozenset[int]:
        del now
        issued = parse_serials(data, base=self._issued_base, where="issued serials")
        lost = (previous or frozenset()) - issued
        if lost:
            raise MalformedError(
                f"lacks serial {next(iter(lost)):X}, which it listed before; a restart takes it",
                where="issued serials",
            )
        return issued
