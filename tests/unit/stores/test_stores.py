"""What every store does alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certstatus.stores import MemoryStore, ResponseStore, StoredResponse, supersedes
from certstatus.stores.lmdb import LMDBStore
from certstatus.stores.redis import RedisStore
from tests.stored import GOOD, HOUR, NOW, REVOKED, RIVALS, key, stored

KINDS = ("memory", "lmdb", "redis")
Make = Callable[[], ResponseStore]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make a store of that kind anew, over the same data: one belongs to one event loop."""
    kind: str = request.param
    if kind == "redis":
        url = request.getfixturevalue("redis_server").url
        return lambda: RedisStore(url)
    if kind == "lmdb":
        return lambda: LMDBStore(tmp_path / "store")
    memory = MemoryStore()
    return lambda: memory


def run(make: Make, *steps: Callable[[ResponseStore], Awaitable[object]]) -> list[object]:
    """Do one step after another with a store, in one loop, and close it."""

    async def all_() -> list[object]:
        store = make()
        try:
            return [await step(store) for step in steps]
        finally:
            await store.close()

    return asyncio.run(all_())


def test_an_answer_is_found_under_its_key_alone(make: Make) -> None:
    taken, found, *others = run(
        make,
        lambda store: store.put([(key(7), stored())]),
        lambda store: store.get(key(7)),
        lambda store: store.get(key(8)),
        lambda store: store.get(key(7, variant=3)),
        lambda store: store.get(key(7, authority=3)),
    )

    assert taken == 1
    assert found == stored()
    assert others == [None, None, None]


@pytest.mark.rule("O19")
def test_a_late_put_of_an_older_answer_changes_nothing(make: Make) -> None:
    first, late, found = run(
        make,
        lambda store: store.put([(key(), stored(NOW, REVOKED))]),
        lambda store: store.put([(key(), stored(NOW - HOUR, GOOD))]),
        lambda store: store.get(key()),
    )

    assert (first, late) == (1, 0)
    assert found == stored(NOW, REVOKED)


def test_many_are_put_at_once_and_those_taken_are_counted(make: Make) -> None:
    entries = [(key(number), stored()) for number in range(500)]
    first, second = run(
        make,
        lambda store: store.put(entries),
        lambda store: store.put([*entries[:10], (key(3), stored(NOW + HOUR))]),
    )

    assert (first, second) == (500, 1)


def test_what_is_removed_is_gone_and_what_was_not_there_is_no_error(make: Make) -> None:
    *_, first, second = run(
        make,
        lambda store: store.put([(key(1), stored()), (key(2), stored())]),
        lambda store: store.remove([key(1), key(9)]),
        lambda store: store.remove([]),
        lambda store: store.get(key(1)),
        lambda store: store.get(key(2)),
    )

    assert (first, second) == (None, stored())


def test_what_is_due_is_listed_first_first_for_one_authority(make: Make) -> None:
    entries = [
        (key(number), stored(fresh_until=NOW + (9 - number) * HOUR)) for number in range(1, 9)
    ]
    _, all_, some, later, others, _, renewed = run(
        make,
        lambda store: store.put([*entries, (key(5, authority=9), stored(fresh_until=NOW))]),
        lambda store: store.due(key().authority, NOW + 3 * HOUR, 10),
        lambda store: store.due(key().authority, NOW + 3 * HOUR, 2),
        lambda store: store.due(key().authority, NOW, 10),
        lambda store: store.due(key(authority=9).authority, NOW, 10),
        lambda store: store.put([(key(8), stored(NOW + HOUR))]),
        lambda store: store.due(key().authority, NOW + 3 * HOUR, 10),
    )

    assert all_ == [key(8), key(7), key(6)]
    assert some == [key(8), key(7)]
    assert later == []
    assert others == [key(5, authority=9)]
    assert renewed == [key(7), key(6)]


def test_closing_twice_is_fine(make: Make) -> None:
    assert run(make, lambda store: store.close(), lambda store: store.close()) == [None, None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rivals=st.lists(RIVALS, min_size=1, max_size=6))
def test_every_store_keeps_what_the_rule_keeps(make: Make, rivals: list[StoredResponse]) -> None:
    stays, taken = rivals[0], 1
    for one in rivals[1:]:
        if supersedes(one, stays):
            stays, taken = one, taken + 1

    *counts, found, _ = run(
        make,
        *(partial(_put, one) for one in rivals),
        lambda store: store.get(key()),
        lambda store: store.remove([key()]),
    )

    assert found == stays
    assert sum(counts) == taken  # type: ignore[arg-type]


async def _put(response: StoredResponse, store: ResponseStore) -> int:
    return await store.put([(key(), response)])
