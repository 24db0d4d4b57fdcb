"""What every store does alike."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certstatus.stores import MemoryStore, ResponseStore, StoredResponse, supersedes
from tests.stored import GOOD, HOUR, NOW, REVOKED, RIVALS, key, stored

KINDS = ("memory",)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> ResponseStore:
    return MemoryStore()


def run(*steps: object) -> list[object]:
    """Run coroutines one after another, in one loop."""

    async def all_() -> list[object]:
        return [await step for step in steps]  # type: ignore[misc]

    return asyncio.run(all_())


def test_an_answer_is_found_under_its_key_alone(store: ResponseStore) -> None:
    taken, found, *others = run(
        store.put([(key(7), stored())]),
        store.get(key(7)),
        store.get(key(8)),
        store.get(key(7, variant=3)),
        store.get(key(7, authority=3)),
    )

    assert taken == 1
    assert found == stored()
    assert others == [None, None, None]


@pytest.mark.rule("O19")
def test_a_late_put_of_an_older_answer_changes_nothing(store: ResponseStore) -> None:
    first, late, found = run(
        store.put([(key(), stored(NOW, REVOKED))]),
        store.put([(key(), stored(NOW - HOUR, GOOD))]),
        store.get(key()),
    )

    assert (first, late) == (1, 0)
    assert found == stored(NOW, REVOKED)


def test_many_are_put_at_once_and_those_taken_are_counted(store: ResponseStore) -> None:
    entries = [(key(number), stored()) for number in range(500)]
    first, second = run(
        store.put(entries), store.put([*entries[:10], (key(3), stored(NOW + HOUR))])
    )

    assert (first, second) == (500, 1)


def test_what_is_removed_is_gone_and_what_was_not_there_is_no_error(store: ResponseStore) -> None:
    *_, first, second = run(
        store.put([(key(1), stored()), (key(2), stored())]),
        store.remove([key(1), key(9)]),
        store.remove([]),
        store.get(key(1)),
        store.get(key(2)),
    )

    assert (first, second) == (None, stored())


def test_what_is_due_is_listed_first_first_for_one_authority(store: ResponseStore) -> None:
    entries = [
        (key(number), stored(fresh_until=NOW + (9 - number) * HOUR)) for number in range(1, 9)
    ]
    _, all_, some, later, others, _, renewed = run(
        store.put([*entries, (key(5, authority=9), stored(fresh_until=NOW))]),
        store.due(key().authority, NOW + 3 * HOUR, 10),
        store.due(key().authority, NOW + 3 * HOUR, 2),
        store.due(key().authority, NOW, 10),
        store.due(key(authority=9).authority, NOW, 10),
        store.put([(key(8), stored(NOW + HOUR))]),
        store.due(key().authority, NOW + 3 * HOUR, 10),
    )

    assert all_ == [key(8), key(7), key(6)]
    assert some == [key(8), key(7)]
    assert later == []
    assert others == [key(5, authority=9)]
    assert renewed == [key(7), key(6)]


def test_closing_twice_is_fine(store: ResponseStore) -> None:
    assert run(store.close(), store.close()) == [None, None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rivals=st.lists(RIVALS, min_size=1, max_size=6))
def test_every_store_keeps_what_the_rule_keeps(
    store: ResponseStore, rivals: list[StoredResponse]
) -> None:
    stays, taken = rivals[0], 1
    for one in rivals[1:]:
        if supersedes(one, stays):
            stays, taken = one, taken + 1

    *counts, found, _ = run(
        *(store.put([(key(), one)]) for one in rivals), store.get(key()), store.remove([key()])
    )

    assert found == stays
    assert sum(counts) == taken  # type: ignore[arg-type]
