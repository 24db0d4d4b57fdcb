"""Rounds of signing in advance: shared by many, lost by none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from certstatus.limits_presign import (
    PRESIGN_LEASE,
    PRESIGN_ROUNDS_KEPT,
)
from certstatus.sources import Claim, Claims, Round, StatusDatabase
from certstatus.sources.database.schema import presign_claims, presign_rounds

CA = bytes(16)
DAY = timedelta(days=1)
SERIALS = list(range(1, 101))
Holder = Callable[[str], Claims]


@pytest.fixture
def holder(database: StatusDatabase) -> Holder:
    return lambda owner: Claims(database, CA, "all", owner=owner)


def joined(claims: Claims) -> Round:
    found = claims.join(life=DAY)
    assert found is not None
    return found


def split(claims: Claims, size: int = 10) -> Claim | None:
    """Split the next range off a hundred serial numbers, as whoever signs them does."""
    while True:
        now = claims.look()
        assert now is not None
        if now.is_split:
            return None
        rest = [one for one in SERIALS if now.split_to is None or one > now.split_to]
        last = rest[:size][-1] if rest else None
        claim = claims.split(now, last, is_end=len(rest) < size)
        if claim is not None or last is None:
            return claim


def taken(claims: Claims, size: int = 10) -> Claim:
    claim = split(claims, size)
    assert claim is not None
    return claim


def expire(database: StatusDatabase) -> None:
    """Let the lease of every claim run out."""
    with database.engine.beside() as connection:
        past = database.engine.time(connection) - PRESIGN_LEASE
        connection.execute(sa.update(presign_claims).values(expires_at=past))


# --- a round --------------------------------------------------------------------------------


def test_there_is_no_round_before_somebody_joins(holder: Holder) -> None:
    assert holder("a").look() is None
    assert joined(holder("a")).number == 1


def test_ranges_follow_each_other_and_cover_all(holder: Holder) -> None:
    claims = holder("a")
    joined(claims)
    ranges = []
    while (claim := split(claims, 30)) is not None:
        ranges.append((claim.after, claim.last))
        assert claims.finish(claim, {"signed": 1})

    assert ranges == [(None, 30), (30, 60), (60, 90), (90, 100)]
    ended = claims.look()
    assert ended is not None
    assert ended.finished_at is not None
    assert ended.counts == {"signed": 4}


def test_a_round_over_nothing_ends_at_once(holder: Holder) -> None:
    claims = holder("a")

    assert claims.split(joined(claims), None, is_end=True) is None
    ended = claims.look()
    assert ended is not None
    assert ended.finished_at is not None


def test_two_take_part_in_one_round(holder: Holder) -> None:
    a, b = holder("a"), holder("b")

    assert joined(a) == joined(b)
    assert (taken(a).last, taken(b).last, taken(a).last) == (10, 20, 30)


def test_of_two_that_split_at_once_one_is_faster(holder: Holder) -> None:
    a, b = holder("a"), holder("b")
    seen = joined(a)

    assert a.split(seen, 10, is_end=False) is not None
    assert b.split(seen, 10, is_end=False) is None


def test_the_round_ends_with_the_last_claim_and_not_with_the_last_range(holder: Holder) -> None:
    a, b = holder("a"), holder("b")
    joined(a)
    first, rest = taken(a, 60), taken(b, 60)

    assert b.finish(rest, {})
    under_way = b.look()
    assert under_way is not None
    assert under_way.is_split
    assert under_way.finished_at is None
    assert a.finish(first, {})
    ended = b.look()
    assert ended is not None
    assert ended.finished_at is not None


def test_what_has_ended_begins_anew_unless_it_may_rest(holder: Holder) -> None:
    claims = holder("a")
    claims.split(joined(claims), None, is_end=True)

    assert claims.join(life=DAY, pause=DAY) is None
    assert joined(claims).number == 2


def test_a_round_that_was_given_up_begins_anew(holder: Holder) -> None:
    a, b = holder("a"), holder("b")
    joined(a)
    old = taken(a)

    again = b.join(life=timedelta())
    assert again is not None
    assert (again.number, again.split_to) == (2, None)
    assert not a.renew(old, None, {"signed": 5})
    assert not a.finish(old, {"signed": 5})
    now = b.look()
    assert now is not None
    assert now.counts == {}


def test_scopes_and_authorities_have_rounds_of_their_own(database: StatusDatabase) -> None:
    joined(Claims(database, CA, "all", owner="a"))

    for other in (
        Claims(database, CA, "due", owner="a"),
        Claims(database, b"x" * 16, "all", owner="a"),
    ):
        assert other.look() is None


def test_rounds_of_signers_that_are_gone_are_forgotten(database: StatusDatabase) -> None:
    gone, recent, other = (
        Claims(database, ca, scope, owner="a")
        for ca, scope in ((CA, "gone"), (CA, "recent"), (b"x" * 16, "gone"))
    )
    for each in (gone, recent, other):
        joined(each)
    taken(gone)
    with database.engine.beside() as connection:
        long_ago = database.engine.time(connection) - PRESIGN_ROUNDS_KEPT - DAY
        was_gone = presign_rounds.c.scope == "gone"
        connection.execute(sa.update(presign_rounds).where(was_gone).values(started_at=long_ago))

    joined(Claims(database, CA, "all", owner="a"))

    assert gone.look() is None
    assert recent.look() is not None
    assert other.look() is not None
    with database.engine.beside() as connection:
        assert not connection.execute(sa.select(presign_claims)).all()


# --- the dead ---------------------------------------------------------------------------------


def test_a_lease_that_runs_is_nobody_elses(holder: Holder) -> None:
    a, b = holder("a"), holder("b")
    round_ = joined(a)
    taken(a)

    assert b.take_over(round_) is None


def test_a_dead_holders_range_is_taken_over_from_where_it_was_renewed(
    database: StatusDatabase, holder: Holder
) -> None:
    a, b = holder("a"), holder("b")
    round_ = joined(a)
    dead = taken(a)
    assert a.renew(dead, 7, {"signed": 7})

    expire(database)
    left = b.take_over(round_)

    assert left is not None
    assert (left.after, left.last) == (7, 10)
    assert b.take_over(round_) is None
    # It only hung: what it signed is in the store, and its claim is another's.
    assert not a.renew(dead, 10, {"signed": 3})
    assert not a.finish(dead, {"signed": 3})
    assert b.finish(left, {"signed": 3})
    now = b.look()
    assert now is not None
    assert now.counts == {"signed": 10}


def test_whoever_is_interrupted_leaves_the_rest_at_once(holder: Holder) -> None:
    a, b = holder("a"), holder("b")
    round_ = joined(a)

    assert a.release(taken(a), 4, {"signed": 4})
    left = b.take_over(round_)
    assert left is not None
    assert (left.after, left.last) == (4, 10)


def test_those_that_take_over_pass_over_each_others_rows(
    books: str, database: StatusDatabase, holder: Holder
) -> None:
    """On PostgreSQL: a row that somebody else is just taking is locked, and not waited for."""
    a, b = holder("a"), holder("b")
    round_ = joined(a)
    first, second = taken(a), taken(a)
    expire(database)

    with database.engine.beside() as other:
        other.execute(
            sa.select(presign_claims).where(presign_claims.c.id == first.id).with_for_update()
        )
        left = b.take_over(round_)
        assert left is not None
        assert left.id == second.id
        assert b.take_over(round_) is None


# --- many at once ---------------------------------------------------------------------------


def test_many_at_once_do_everything_once(database: StatusDatabase) -> None:
    def work(owner: str) -> list[int]:
        claims = Claims(database, CA, "all", owner=owner)
        done: list[int] = []
        if claims.join(life=DAY, pause=DAY) is None:  # the others were done before it came
            return done
        while (claim := split(claims, 7)) is not None:
            mine = range((claim.after or 0) + 1, claim.last + 1)
            done += mine
            assert claims.finish(claim, {"signed": len(mine)})
        return done

    with ThreadPoolExecutor(4) as crew:
        shares = list(crew.map(work, "abcd", timeout=60))

    assert sorted(one for share in shares for one in share) == SERIALS
    ended = Claims(database, CA, "all", owner="e").look()
    assert ended is not None
    assert ended.counts == {"signed": 100}


def test_claims_wait_for_no_change_of_status(books: str, database: StatusDatabase) -> None:
    """On PostgreSQL: an import of an hour does not keep anyone from signing."""
    claims = Claims(database, CA, "all", owner="a")

    with database.engine.change():
        joined(claims)
        assert claims.finish(taken(claims), {})


def test_a_database_of_before_gets_the_tables(path: Path, empty: bytes) -> None:
    path.write_bytes(empty)
    with StatusDatabase(path) as database, database.engine.change() as connection:
        for statement in (
            "DROP TABLE presign_rounds",
            "DROP TABLE presign_claims",
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            connection.exec_driver_sql(statement)

    assert StatusDatabase.migrate(path) == ("0001", "0002")
    with StatusDatabase(path) as database:
        assert joined(Claims(database, CA, "all", owner="a")).number == 1
