from __future__ import annotations

import asyncio

from certstatus.limits import MAX_STORED_IN_MEMORY
from certstatus.stores import MemoryStore, StoredResponse
from tests.stored import HOUR, NOW, key, stored


def held(store: MemoryStore, *serials: int) -> list[StoredResponse | None]:
    return [asyncio.run(store.get(key(one))) for one in serials]


def test_what_nobody_asked_for_longest_goes_first() -> None:
    store = MemoryStore(2)
    asyncio.run(store.put([(key(1), stored()), (key(2), stored())]))
    asyncio.run(store.get(key(1)))
    asyncio.run(store.put([(key(3), stored())]))

    assert len(store) == 2
    assert held(store, 1, 2, 3) == [stored(), None, stored()]
    assert MemoryStore()._size == MAX_STORED_IN_MEMORY


def test_an_answer_that_replaces_another_takes_no_place_of_a_third() -> None:
    store = MemoryStore(2)
    asyncio.run(store.put([(key(1), stored()), (key(2), stored())]))

    assert asyncio.run(store.put([(key(2), stored(NOW + HOUR))])) == 1
    assert held(store, 1, 2) == [stored(), stored(NOW + HOUR)]
