"""Who signs which part in advance: any number of processes and nodes share a round of work.

A round goes once over the serial numbers of one authority. Whoever is free splits the next
range off and holds it for the length of a lease, which it renews while it works; a range
whose holder died is taken over when its lease is over, from where it was last renewed. On
PostgreSQL those that wait for nothing pass over each other's rows (FOR UPDATE SKIP LOCKED).
Leases run by the database's clock, so that nodes need not agree on the time.

These tables take no turn with changes of status, and leave nothing in the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from certstatus.limits_presign import (
    PRESIGN_LEASE,
    PRESIGN_ROUNDS_KEPT,
)
from certstatus.sources.database.schema import presign_claims, presign_rounds
from certstatus.sources.database.store import StatusDatabase

__all__ = ["Claim", "Claims", "Round"]

_R: Final = presign_rounds.c
_C: Final = presign_claims.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round as it stands; times are aware UTC.

    ``split_to`` is the last serial number that was given out, None before the first;
    ``is_split`` says that there are no more. ``counts`` are what its holders have reported.
    """

    number: int
    started_at: datetime
    split_to: int | None
    is_split: bool
    finished_at: datetime | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Serial numbers above ``after``, None for the first, up to ``last``: one holder's to sign."""

    id: int
    round: int
    after: int | None
    last: int


class Claims:
    """The rounds of one authority and one scope, as one holder sees them.

    Whoever locks both locks the round first and its claims then.

    ``authority`` is which CA, in 16 octets; ``scope`` tells rounds apart that sign different
    things. ``owner`` names the holder, and is its own in each process of each node. Every
    method raises SourceError where the database can't do it now.
    """

    def __init__(
        self,
        database: StatusDatabase,
        authority: bytes,
        scope: str,
        *,
        owner: str,
        lease: timedelta = PRESIGN_LEASE,
    ) -> None:
        self._engine = database.engine
        self._authority = authority
        self._scope = scope
        self._owner = owner
        self.lease = lease

    # --- rounds -----------------------------------------------------------------------------

    def join(self, *, life: timedelta, pause: timedelta = timedelta()) -> Round | None:
        """Take part in the round under way, or begin one.

        One that began ``life`` ago, or earlier, was given up: another begins. None: the last
        one ended less than ``pause`` ago, and nothing is to be done.
        """
        with self._transaction() as (connection, now):
            row = self._row(connection, lock=True)
            if row is None:
                self._make_room(connection, now)
                row = self._row(connection, lock=True)
                assert row is not None
            is_under_way = row.number and row.finished_at is None
            if is_under_way and now - row.started_at < life:
                return _round(row)
            if row.finished_at is not None and timedelta() <= now - row.finished_at < pause:
                return None
            self._begin(connection, row.number + 1, now)
            return _round(self._row(connection, lock=False))

    def _make_room(self, connection: sa.Connection, now: datetime) -> None:
        """Add the row on which everyone of this scope takes turns, unless somebody just did."""
        values = {
            "authority": self._authority,
            "scope": self._scope,
            "number": 0,
            "started_at": now,
            "is_split": True,
            "counts": {},
        }
        # Only an engine's own INSERT can pass over a row that is there.
        if connection.dialect.name == "postgresql":
            passing = postgresql.insert(presign_rounds).on_conflict_do_nothing()
            connection.execute(passing, values)
        else:
            connection.execute(sqlite.insert(presign_rounds).on_conflict_do_nothing(), values)

    def _begin(self, connection: sa.Connection, number: int, now: datetime) -> None:
        connection.execute(sa.delete(presign_claims).where(self._is_ours(presign_claims)))
        self._forget_others(connection, now)
        connection.execute(
            sa.update(presign_rounds)
            .where(self._is_ours(presign_rounds))
            .values(
                number=number,
                started_at=now,
                split_to=None,
                is_split=False,
                finished_at=None,
                counts={},
            )
        )

    def _forget_others(self, connection: sa.Connection, now: datetime) -> None:
        """Forget rounds of long ago, of signers and forms that are no more."""
        is_old = sa.and_(
            _R.authority == self._authority,
            _R.scope != self._scope,
            _R.started_at < now - PRESIGN_ROUNDS_KEPT,
        )
        old = sa.select(_R.scope).where(is_old)
        connection.execute(
            sa.delete(presign_claims).where(_C.authority == self._authority, _C.scope.in_(old))
        )
        connection.execute(sa.delete(presign_rounds).where(is_old))

    def look(self) -> Round | None:
        """Return the newest round as it stands; None: there never was one."""
        found = self._engine.read(lambda connection: self._row(connection, lock=False))
        return None if found is None or not found.number else _round(found)

    # --- claims -----------------------------------------------------------------------------

    def split(self, of: Round, last: int | None, *, is_end: bool) -> Claim | None:
        """Claim what follows ``of.split_to``, up to ``last``; ``is_end``: there is no more.

        None where somebody else was faster, or ``last`` is None: there was nothing at all.
        """
        with self._transaction() as (connection, now):
            row = self._row(connection, lock=True)
            if row is None or (row.number, row.split_to, row.is_split) != (
                of.number,
                of.split_to,
                False,
            ):
                return None
            moved = {"is_split": is_end} if last is None else {"is_split": is_end, "split_to": last}
            connection.execute(
                sa.update(presign_rounds).where(self._is_ours(presign_rounds)).values(moved)
            )
            if last is None:
                self._end_if_done(connection, of.number, now)
                return None
            added = connection.execute(
                sa.insert(presign_claims).values(
                    authority=self._authority,
                    scope=self._scope,
                    round=of.number,
                    after=of.split_to,
                    last=last,
                    owner=self._owner,
                    expires_at=now + self.lease,
                )
            )
            assert added.inserted_primary_key is not None
            (number,) = added.inserted_primary_key
            return Claim(id=number, round=of.number, after=of.split_to, last=last)

    def take_over(self, of: Round) -> Claim | None:
        """Claim a range of a round whose holder let its lease run out; None: there is none."""
        with self._transaction() as (connection, now):
            found = connection.execute(
                sa.select(presign_claims)
                .where(self._is_ours(presign_claims), _C.round == of.number, _C.expires_at <= now)
                .order_by(_C.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).one_or_none()
            if found is None:
                return None
            connection.execute(
                sa.update(presign_claims)
                .where(_C.id == found.id)
                .values(owner=self._owner, expires_at=now + self.lease)
            )
            return Claim(id=found.id, round=found.round, after=found.after, last=found.last)

    def renew(self, claim: Claim, done_to: int | None, counts: Mapping[str, int]) -> bool:
        """Hold a claim for another lease; what is done, up to ``done_to``, is not done again.

        ``counts`` are added to the round's. False: somebody else has the claim now.
        """
        return self._go_on(claim, done_to, counts, self.lease)

    def release(self, claim: Claim, done_to: int | None, counts: Mapping[str, int]) -> bool:
        """Leave the rest of a claim to the others, at once; otherwise as ``renew``."""
        return self._go_on(claim, done_to, counts, timedelta())

    def _go_on(
        self, claim: Claim, done_to: int | None, counts: Mapping[str, int], lease: timedelta
    ) -> bool:
        with self._transaction() as (connection, now):
            row = self._row(connection, lock=True)
            values: dict[str, Any] = {"expires_at": now + lease}
            if done_to is not None:
                values["after"] = done_to
            changed = connection.execute(
                sa.update(presign_claims).where(self._holds(claim)).values(values)
            )
            if changed.rowcount:
                self._add(connection, row, counts)
            return bool(changed.rowcount)

    def finish(self, claim: Claim, counts: Mapping[str, int]) -> bool:
        """Give a claim up as done; with the last one of a round that is given out, it ends.

        False: somebody else has the claim now.
        """
        with self._transaction() as (connection, now):
            row = self._row(connection, lock=True)
            gone = connection.execute(sa.delete(presign_claims).where(self._holds(claim)))
            if gone.rowcount:
                self._add(connection, row, counts)
                self._end_if_done(connection, claim.round, now)
            return bool(gone.rowcount)

    # --- rows -------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[tuple[sa.Connection, datetime]]:
        with self._engine.beside() as connection:
            yield connection, self._engine.time(connection)

    def _is_ours(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.authority == self._authority, table.c.scope == self._scope)

    def _holds(self, claim: Claim) -> sa.ColumnElement[bool]:
        return sa.and_(_C.id == claim.id, _C.owner == self._owner)

    def _row(self, connection: sa.Connection, *, lock: bool) -> sa.Row[Any] | None:
        query = sa.select(presign_rounds).where(self._is_ours(presign_rounds))
        return connection.execute(query.with_for_update() if lock else query).one_or_none()

    def _add(
        self, connection: sa.Connection, row: sa.Row[Any] | None, counts: Mapping[str, int]
    ) -> None:
        assert row is not None  # whoever holds a claim has joined a round
        names = sorted({*row.counts, *counts})
        total = {name: row.counts.get(name, 0) + counts.get(name, 0) for name in names}
        connection.execute(
            sa.update(presign_rounds).where(self._is_ours(presign_rounds)).values(counts=total)
        )

    def _end_if_done(self, connection: sa.Connection, number: int, now: datetime) -> None:
        held = sa.select(sa.func.count()).where(self._is_ours(presign_claims), _C.round == number)
        if not connection.execute(held).scalar():
            connection.execute(
                sa.update(presign_rounds)
                .where(self._is_ours(presign_rounds), _R.number == number, _R.is_split)
                .values(finished_at=now)
            )


def _round(row: sa.Row[Any] | None) -> Round:
    assert row is not None
    return Round(
        number=row.number,
        started_at=row.started_at,
        split_to=row.split_to,
        is_split=row.is_split,
        finished_at=row.finished_at,
        counts=dict(row.counts),
    )
