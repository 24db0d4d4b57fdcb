"""The index.txt of ``openssl ca`` as a source: read at the start, and again when it changes.

The index belongs to one CA: its serial numbers mean nothing for any other. It lists what
was issued, so a serial that it lacks was never issued. Expired certificates (E) go on
being answered: good where they were not revoked before they expired (O12).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from certstatus.errors import MalformedError, SourceError
from certstatus.limits import FILE_CHECK_TIME, LAST_GOOD_TIME, MAX_INDEX_BYTES
from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import Certificate, CRLReason
from certstatus.sources.base import Answer, Known, NotOurs, Page, Unlisted
from certstatus.sources.entry_extensions import EntryExtensions
from certstatus.sources.events import Observer
from certstatus.sources.index_format import IndexEntry, IndexRevocation, parse_index
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.listing import SortedSerials
from certstatus.sources.unrevoked import UnrevokedAt
from certstatus.sources.watch import Held, WatchedFile

__all__ = ["OpenSSLIndex"]


@dataclass(frozen=True, slots=True)
class _Index:
    """What an index says: expiry (seconds since 1970) of every serial, and what is revoked."""

    expiries: dict[int, int]
    revocations: dict[int, IndexRevocation]


class OpenSSLIndex:
    """A Source over an index.txt.

    While the file is missing, half written or malformed, the last good reading answers,
    with the time at which it was last confirmed as thisUpdate, for ``last_good_time``;
    then the answer is tryLater. An index that suddenly lacks certificates, or takes
    revocations back, is an older or a broken copy, and is not taken over while running; a
    restart takes it.
    """

    def __init__(
        self,
        path: Path,
        issuer: Certificate,
        *,
        now: datetime,
        name: str = "openssl-index",
        observer: Observer | None = None,
        check_every: timedelta = FILE_CHECK_TIME,
        last_good_time: timedelta = LAST_GOOD_TIME,
        entry_extensions: EntryExtensions = EntryExtensions.NONE,
    ) -> None:
        """Read the index of ``issuer``.

        Raises:
            ConfigError: the file is not there, or is no index.
        """
        self._name = name
        self._hashes = IssuerHashes(issuer)
        self._last_good_time = last_good_time
        self._entry_extensions = entry_extensions
        self._listed = SortedSerials()
        self._unrevoked = UnrevokedAt(name)
        self._file = WatchedFile(
            path,
            self._read,
            name=name,
            now=now,
            max_bytes=MAX_INDEX_BYTES,
            observer=observer,
            check_every=check_every,
        )

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    @property
    def issuer(self) -> Certificate:
        """The CA whose index it is."""
        return self._hashes.issuer

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the index says.

        Raises:
            SourceError: the file has been unusable for longer than ``last_good_time``.
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        return self._answer(await self._usable(now), cert_id.serial_number, now)

    def edition(self, now: datetime) -> object | None:
        """Return the reading that ``at_hand`` answers from."""
        held = self._file.at_hand(now)
        return None if held is None or self._is_outdated(held, now) else held

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what ``status`` would, unless a look at the file is due, or it is unusable for long."""
        held = self._file.at_hand(now)
        if held is None or self._is_outdated(held, now):
            return None
        return self._answer(held, serial_number, now)

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Name what the index lists: all that was issued. Raises as ``status``."""
        index = (await self._usable(now)).value
        return self._listed.page((index,), lambda: index.expiries, after, limit)

    async def count(self, now: datetime) -> int:
        """Say how many the index lists. Raises as ``status``."""
        return len((await self._usable(now)).value.expiries)

    async def _usable(self, now: datetime) -> Held[_Index]:
        held = await self._file.current(now)
        if self._is_outdated(held, now):
            raise SourceError(f"{self._name}: the index has been unusable: {self._file.failed}")
        return held

    def _is_outdated(self, held: Held[_Index], now: datetime) -> bool:
        return now - held.confirmed_at > self._last_good_time

    def _answer(self, held: Held[_Index], serial_number: int, now: datetime) -> Known | Unlisted:
        index, this_update = held.value, min(held.confirmed_at, now)
        revocation = index.revocations.get(serial_number)
        if revocation is not None:
            return self._revoked(revocation, this_update)
        unrevoked = self._unrevoked(this_update)
        return unrevoked.good if serial_number in index.expiries else unrevoked.unlisted

    def _revoked(self, revocation: IndexRevocation, this_update: datetime) -> Known:
        return Known(
            cert_status=Revoked(revocation.revocation_time, revocation.reason),
            this_update=this_update,
            origin=self._name,
            single_extensions=self._entry_extensions.of(
                revocation.reason, revocation.invalidity_date
            ),
        )

    @staticmethod
    def _read(data: bytes, previous: _Index | None, now: datetime) -> _Index:
        index = _Index({}, {})
        for entry in parse_index(data, "index"):
            _add(index, entry)
        if previous is not None:
            _check_follows(index, previous, now)
        return index


def _add(index: _Index, entry: IndexEntry) -> None:
    index.expiries[entry.serial_number] = int(entry.expiry.timestamp())
    if entry.revocation is not None:
        index.revocations[entry.serial_number] = entry.revocation


def _check_follows(index: _Index, previous: _Index, now: datetime) -> None:
    """Refuse an index that forgets: a copy cut at a line's end, emptied, or out of date."""
    for serial in previous.expiries.keys() - index.expiries.keys():
        if previous.expiries[serial] > now.timestamp():
            raise MalformedError(
                f"lacks serial {serial:X}, which it listed and which has not expired",
                where="index",
            )
    for serial in previous.revocations.keys() - index.revocations.keys():
        was_final = previous.revocations[serial].reason is not CRLReason.CERTIFICATE_HOLD
        if was_final and serial in index.expiries:
            raise MalformedError(
                f"takes the revocation of serial {serial:X} back; a revocation is final",
                where="index",
            )
