"""The status database as a source: what it says at the moment of asking.

In SQLite a lookup is one prepared statement on local disk, some 20 µs, and is made within the
event loop: handing it to a thread would cost more than it takes. At hand it takes some 5 µs,
in one transaction with the others of the loop's turn. PostgreSQL is asked in a thread. A
database that is locked or fails is left alone for a growing pause, so that waiting for it does
not hold up answers about other issuers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import MAX_DATABASE_BACK_OFF, MAX_SERIAL_OCTETS
from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import Certificate, CRLReason
from certstatus.sources.base import Answer, Known, NotOurs, Page, Unlisted
from certstatus.sources.database.record import Status
from certstatus.sources.database.schema import certificates, issuer_hashes, issuers, number_text
from certstatus.sources.database.snapshot import Snapshot
from certstatus.sources.database.store import StatusDatabase
from certstatus.sources.entry_extensions import EntryExtensions
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.serial_number import is_listable
from certstatus.sources.unrevoked import UnrevokedAt

__all__ = ["DatabaseSource"]

_ODD: Final = 1 << 8 * MAX_SERIAL_OCTETS
"""Serial numbers from here on are longer than RFC 5280 §4.1.2.2 allows."""

# Issuer and serial in one statement, so that both are of one moment. A row without a status
# is an issuer that has no such serial; no row is another issuer.
_LOOKUP: Final = (
    sa.select(
        issuers.c.ca_compromised_at,
        certificates.c.status,
        certificates.c.revocation_time,
        certificates.c.reason,
        certificates.c.invalidity_date,
    )
    .select_from(
        issuer_hashes.join(issuers, issuers.c.id == issuer_hashes.c.issuer_id).outerjoin(
            certificates,
            sa.and_(
                certificates.c.issuer_id == issuer_hashes.c.issuer_id,
                certificates.c.serial_number == sa.bindparam("serial_number"),
            ),
        )
    )
    .where(
        issuer_hashes.c.algorithm == sa.bindparam("algorithm"),
        issuer_hashes.c.name_hash == sa.bindparam("name_hash"),
        issuer_hashes.c.key_hash == sa.bindparam("key_hash"),
        issuer_hashes.c.issuer_id == sa.bindparam("issuer_id"),
    )
)

# The same for one issuer, whose facts are learnt once for each state of the database: the
# issuer is ours while all its hashes lead to it.
_LEARN: Final = """
SELECT hashes.algorithm, hashes.name_hash, hashes.key_hash, issuers.ca_compromised_at
FROM issuers JOIN issuer_hashes AS hashes ON hashes.issuer_id = issuers.id
WHERE issuers.id = ?"""
_AT_HAND: Final = """
SELECT status, revocation_time, reason, invalidity_date
FROM certificates WHERE issuer_id = ? AND serial_number = ?"""

# A row is of a certificate that was issued: where the CA (0) is in nobody else's hands and it (1)
# was never revoked (3), it is good.
_LISTED: Final = (
    sa.select(
        issuers.c.ca_compromised_at,
        certificates.c.serial_number,
        certificates.c.status,
        certificates.c.revocation_time,
        certificates.c.reason,
        certificates.c.invalidity_date,
    )
    .join(issuers, issuers.c.id == certificates.c.issuer_id)
    .where(certificates.c.issuer_id == sa.bindparam("issuer_id"))
    .order_by(certificates.c.serial_number)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_LISTED_AFTER: Final = _LISTED.where(certificates.c.serial_number > sa.bindparam("after"))

_COUNT: Final = (
    sa.select(sa.func.count())
    .select_from(certificates)
    .where(certificates.c.issuer_id == sa.bindparam("issuer_id"))
)


class _Row(NamedTuple):
    """What the database says of a certificate; all None: nothing."""

    ca_compromised_at: datetime | None
    status: str | None
    revocation_time: datetime | None
    reason: int | None
    invalidity_date: datetime | None


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a state of the database says of the issuer itself."""

    state: object
    is_ours: bool
    ca_compromised_at: datetime | None


class DatabaseSource:
    """A Source over the certificates of one issuer in a StatusDatabase.

    The database lists what was issued. thisUpdate is the moment of asking, and there is no
    nextUpdate: it knows at all times, and the authority's policy says how long an answer
    lasts (O19). A CA that is marked as compromised answers revoked for every serial,
    listed or not, unless the certificate was revoked before (O14).
    """

    def __init__(
        self,
        database: StatusDatabase,
        issuer: Certificate,
        *,
        name: str = "database",
        observer: Observer | None = None,
        entry_extensions: EntryExtensions = EntryExtensions.NONE,
    ) -> None:
        """Serve the certificates of ``issuer``.

        Raises:
            ConfigError: the database does not list this issuer.
            SourceError: the database is locked or damaged.
        """
        known = database.issuer(issuer)
        if known is None:
            raise ConfigError(
                f"does not list the issuer {issuer.subject}",
                file=database.engine.name,
                remedy="add it with `certstatus db import`, or `certstatus db init --issuer`",
            )
        self._database = database
        self._issuer_id = known.id
        self._hashes = IssuerHashes(issuer)
        self._learnt = _Learnt(None, is_ours=False, ca_compromised_at=None)
        self._name = name
        self._unrevoked = UnrevokedAt(name)
        self._entry_extensions = entry_extensions
        self._care = _Care(name, observer)

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    @property
    def issuer(self) -> Certificate:
        """The CA whose certificates it answers for."""
        return self._hashes.issuer

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the database says now.

        Raises:
            SourceError: it is locked, gone or damaged.
        """
        with self._care.guard(now):
            row = await self._look_up(cert_id)
        return NotOurs(origin=self._name) if row is None else self._answer(row, now)

    def edition(self, now: datetime) -> object | None:
        """Return what stands for all that is committed, as of this turn of the event loop."""
        del now
        if not self._care.is_well:
            return None
        try:
            snapshot = self._database.engine.snapshot()
            is_ours = snapshot is not None and self._learn(snapshot).is_ours
        except (SourceError, ConfigError):
            self._care.is_well = False
            return None
        return snapshot.state if snapshot is not None and is_ours else None

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what ``status`` would, over SQLite, as of this turn of the event loop.

        None for odd serial numbers, where another issuer has taken this one's place, and from a
        failure on until ``status`` has succeeded: it waits for locks, pauses and raises alarms.
        """
        if not self._care.is_well or not 0 <= serial_number < _ODD:
            return None
        try:
            snapshot = self._database.engine.snapshot()
            if snapshot is None:
                return None
            learnt = self._learn(snapshot)
            rows = snapshot.rows(_AT_HAND, (self._issuer_id, number_text(serial_number)))
        except (SourceError, ConfigError):
            self._care.is_well = False
            return None
        return self._answer_at_hand(learnt, rows, now) if learnt.is_ours else None

    def _answer_at_hand(
        self, learnt: _Learnt, rows: Sequence[tuple[Any, ...]], now: datetime
    ) -> Known | Unlisted:
        if learnt.ca_compromised_at is None:  # the quick way for nearly all there are
            if not rows:
                return self._unrevoked(now).unlisted
            if rows[0][1] is None:
                return self._unrevoked(now).good
        status, revocation_time, reason, invalidity_date = rows[0] if rows else (None,) * 4
        row = _Row(
            learnt.ca_compromised_at,
            status,
            _moment(revocation_time),
            reason,
            _moment(invalidity_date),
        )
        return self._answer(row, now)

    def _learn(self, snapshot: Snapshot) -> _Learnt:
        """Return the facts of the issuer, read anew when the database has changed."""
        learnt = self._learnt
        if learnt.state is not snapshot.state:
            rows = snapshot.rows(_LEARN, (self._issuer_id,))
            learnt = self._learnt = _Learnt(
                snapshot.state,
                is_ours=self._hashes.are_among({row[:3] for row in rows}),
                ca_compromised_at=_moment(rows[0][3]) if rows else None,
            )
        return learnt

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Name what the database lists: all that was issued, with what it says now.

        Raises:
            SourceError: it is locked, gone or damaged.
        """
        query = _LISTED if after is None else _LISTED_AFTER
        known = {"issuer_id": self._issuer_id, "after": after, "most": limit}
        with self._care.guard(now):
            rows: Sequence[Any] = await self._database.engine.ask_all(query, known)
        good = self._unrevoked(now).good
        return [
            (row[1], good if row[0] is None and row[3] is None else self._answer(row, now))
            for row in rows
        ]

    async def count(self, now: datetime) -> int:
        """Say how many the database lists. Raises as ``listed``."""
        with self._care.guard(now):
            rows = await self._database.engine.ask_all(_COUNT, {"issuer_id": self._issuer_id})
        return int(rows[0][0])

    def _answer(self, row: sa.Row[Any] | _Row, now: datetime) -> Known | Unlisted:
        if row.ca_compromised_at is not None and row.status != Status.REVOKED:
            compromised = Revoked(row.ca_compromised_at, CRLReason.CA_COMPROMISE)
            return Known(cert_status=compromised, this_update=now, origin=self._name)
        if row.status is None:
            return self._unrevoked(now).unlisted
        if row.revocation_time is None:
            return self._unrevoked(now).good
        reason = None if row.reason is None else CRLReason(row.reason)
        return Known(
            cert_status=Revoked(row.revocation_time, reason),
            this_update=now,
            origin=self._name,
            single_extensions=self._entry_extensions.of(reason, row.invalidity_date),
        )

    async def _look_up(self, cert_id: CertID) -> Any:
        algorithm, name_hash, key_hash, serial_number = cert_id.key
        # A longer serial number is never listed: it is looked up as no number at all.
        listable = is_listable(serial_number)
        return await self._database.engine.ask(
            _LOOKUP,
            {
                "algorithm": algorithm,
                "name_hash": name_hash,
                "key_hash": key_hash,
                "issuer_id": self._issuer_id,
                "serial_number": serial_number if listable else None,
            },
        )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class _Care:
    """Leaves a failing database alone for a while, and raises the alarm once.

    After a pause one lookup tries; those that come meanwhile fail at once. Of many that fail
    together, one counts. ``is_well``: none has failed since the last that succeeded.
    """

    _FIRST: Final = MAX_DATABASE_BACK_OFF / 16

    def __init__(self, name: str, observer: Observer | None) -> None:
        self._name = name
        self._observer = observer
        self._failure: str | None = None
        self._failed_at: datetime | None = None
        self._failures = 0
        self.is_well = True
        self._is_tried = False
        self._pause = self._FIRST

    @contextmanager
    def guard(self, now: datetime) -> Iterator[None]:
        """Run a lookup; within the pause after a failure, fail at once."""
        if self._failure is not None and (self._is_tried or self._rests(now)):
            raise SourceError(f"{self._name}: {self._failure}")
        failures, tries = self._failures, self._failure is not None
        self._is_tried = self._is_tried or tries
        try:
            yield
        except (SourceError, ConfigError) as error:
            if failures == self._failures:
                self._fail(str(error), now)
            raise SourceError(f"{self._name}: {error}") from error
        finally:
            if tries:
                self._is_tried = False
        if self._failure is not None and failures == self._failures:
            self._recover()
        self.is_well = self._failure is None

    def _rests(self, now: datetime) -> bool:
        """Whether the pause lasts; a clock that was set back ends it."""
        return self._failed_at is not None and timedelta() <= now - self._failed_at < self._pause

    def _fail(self, reason: str, now: datetime) -> None:
        if self._failure is None:
            self._tell(EventKind.DATABASE_FAILED, reason)
        else:
            self._pause = min(2 * self._pause, MAX_DATABASE_BACK_OFF)
        self._failure, self._failed_at, self.is_well = reason, now, False
        self._failures += 1

    def _recover(self) -> None:
        self._tell(EventKind.RECOVERED, f"usable again, after: {self._failure}")
        self._failure, self._failed_at, self._pause = None, None, self._FIRST

    def _tell(self, kind: EventKind, detail: str) -> None:
        tell(SourceEvent(source=self._name, kind=kind, detail=detail), self._observer)
