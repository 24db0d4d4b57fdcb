"""A store that fails costs no answer, little time, and one word in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from certstatus.errors import StoreError
from certstatus.limits import (
    MAX_OFFERED,
    MAX_STORE_PAUSE,
    STORE_BATCH,
    STORE_PAUSE,
    STORE_READ_TIME,
    STORE_WRITE_TIME,
)
from certstatus.stores import (
    MemoryStore,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKeeper,
    StoreKey,
)
from tests.serving import Counts, in_loop
from tests.stored import HOUR, NOW, key, stored

FAILED, RECOVERED = StoreEventKind.FAILED, StoreEventKind.RECOVERED


class Moody(MemoryStore):
    """A store that does before each call what it is told to."""

    is_at_hand = False

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], Awaitable[None]] | None = None
        self.batches: list[int] = []
        self.asked = 0

    async def get(self, key: StoreKey) -> StoredResponse | None:
        self.asked += 1
        if self.before is not None:
            await self.before()
        return await super().get(key)

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        self.batches.append(len(entries))
        if self.before is not None:
            await self.before()
        return await super().put(entries)


class Scene:
    """A keeper, its store, its clock, and all that it told."""

    def __init__(self, **more: Any) -> None:
        self.store = Moody()
        self.told: list[StoreEvent] = []
        self.counts = Counts()
        self.now = 0.0
        self.keeper = StoreKeeper(
            self.store,
            observe=self.told.append,
            meter=self.counts,
            clock=lambda: self.now,
            **more,
        )

    @property
    def kinds(self) -> list[StoreEventKind]:
        return [event.kind for event in self.told]

    def count(self, name: str, outcome: str) -> int:
        return self.counts.seen[(name, outcome)]


async def fail() -> None:
    raise StoreError("the store is gone")


async def hang() -> None:
    await asyncio.sleep(60)


async def break_() -> None:
    raise KeyError("a defect")


SHORT = {"read_time": timedelta(milliseconds=20), "write_time": timedelta(milliseconds=20)}


@in_loop
async def test_what_is_offered_is_found_soon() -> None:
    scene = Scene()
    async with scene.keeper as keeper:
        keeper.offer(key(1), stored())
        await keeper.settle()

        assert await keeper.get(key(1)) == stored()
        assert await keeper.get(key(2)) is None

    assert scene.told == []
    assert scene.count("store_lookups", "found") == scene.count("store_lookups", "missed") == 1
    assert scene.count("store_writes", "taken") == 1


@pytest.mark.parametrize("mood", [fail, hang, break_])
def test_a_store_that_fails_is_a_miss_told_once_and_left_alone(
    mood: Callable[[], Awaitable[None]],
) -> None:
    @in_loop
    async def check() -> None:
        scene = Scene(**SHORT)
        scene.store.before = mood
        for _ in range(5):
            assert await scene.keeper.get(key()) is None

        assert scene.kinds == [FAILED]
        assert scene.store.asked == 1
        assert scene.count("store_lookups", "failed") == 1
        assert scene.count("store_lookups", "resting") == 4

    check()


@in_loop
async def test_the_pause_doubles_up_to_its_limit_and_one_success_ends_it() -> None:
    scene = Scene()
    scene.store.before = fail
    pauses = []
    for _ in range(12):
        assert await scene.keeper.get(key()) is None
        before = scene.now
        while scene.keeper._reading.is_resting:
            scene.now += STORE_PAUSE.total_seconds()
        pauses.append(timedelta(seconds=scene.now - before))
    scene.store.before = None

    assert await scene.keeper.get(key()) is None
    assert pauses[:3] == [STORE_PAUSE, 2 * STORE_PAUSE, 4 * STORE_PAUSE]
    assert max(pauses) == MAX_STORE_PAUSE
    assert scene.kinds == [FAILED, RECOVERED]
    scene.store.before = fail
    await scene.keeper.get(key())
    assert scene.kinds == [FAILED, RECOVERED, FAILED]


@in_loop
async def test_an_answer_waits_no_longer_than_the_limit() -> None:
    scene = Scene()
    scene.store.before = hang
    began = time.monotonic()
    assert await scene.keeper.get(key()) is None
    took = time.monotonic() - began

    assert abs(took - STORE_READ_TIME.total_seconds()) < 1
    assert "no answer within 0.1 s" in scene.told[0].detail
    assert scene.keeper._write_seconds == STORE_WRITE_TIME.total_seconds()


@in_loop
async def test_a_store_that_takes_nothing_is_still_read() -> None:
    scene = Scene()
    await scene.store.put([(key(), stored())])
    scene.store.before = fail
    scene.keeper.offer(key(1), stored())
    await scene.keeper.settle()
    scene.keeper.offer(key(2), stored())
    scene.store.before = None

    assert await scene.keeper.get(key()) == stored()
    assert [event.detail for event in scene.told] == ["writing: the store is gone"]
    assert scene.count("store_writes", "failed") == 1
    assert scene.count("store_writes", "dropped") == 1
    scene.now += STORE_PAUSE.total_seconds()
    scene.keeper.offer(key(3), stored())
    await scene.keeper.settle()
    assert await scene.keeper.get(key(3)) == stored()
    assert scene.kinds == [FAILED, RECOVERED]


@in_loop
async def test_what_comes_while_it_writes_goes_in_batches_of_the_newest() -> None:
    scene = Scene()
    for number in range(STORE_BATCH + 1):
        scene.keeper.offer(key(number), stored())
    for hours in range(3):
        scene.keeper.offer(key(0), stored(NOW + hours * HOUR))
    await scene.keeper.settle()

    assert scene.store.batches == [STORE_BATCH, 1]
    assert await scene.keeper.get(key(0)) == stored(NOW + 2 * HOUR)


@in_loop
async def test_no_more_wait_to_be_written_than_the_limit() -> None:
    scene = Scene()
    for number in range(MAX_OFFERED + 5):
        scene.keeper.offer(key(number), stored())
    scene.keeper.offer(key(0), stored(NOW + HOUR))
    await scene.keeper.settle()

    assert sum(scene.store.batches) == MAX_OFFERED
    assert scene.count("store_writes", "dropped") == 5
    assert await scene.keeper.get(key(0)) == stored(NOW + HOUR)


@in_loop
async def test_closing_writes_what_was_offered_and_waits_for_no_store_that_hangs() -> None:
    scene = Scene(**SHORT)
    scene.keeper.offer(key(1), stored())
    await scene.keeper.close()
    assert scene.store.batches == [1]

    scene.store.before = hang
    scene.keeper.offer(key(2), stored())
    await scene.keeper.close()
    assert scene.kinds[0] is FAILED


@in_loop
async def test_warming_up_tells_of_a_store_that_is_not_there() -> None:
    scene = Scene()
    await scene.keeper.warm_up()
    assert scene.told == []
    scene.store.before = fail
    await scene.keeper.warm_up()

    assert scene.kinds == [FAILED]
    assert await scene.keeper.get(key()) is None
    assert scene.store.asked == 2


@in_loop
async def test_an_older_answer_that_is_offered_is_counted_and_changes_nothing() -> None:
    scene = Scene()
    await scene.store.put([(key(), stored(NOW + HOUR))])
    scene.keeper.offer(key(), stored())
    await scene.keeper.settle()

    assert scene.count("store_writes", "older") == 1
    assert await scene.keeper.get(key()) == stored(NOW + HOUR)


async def stubborn() -> None:
    """Wait on when it is cancelled, as a client has been seen to do."""
    for _ in range(3):
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            continue
    raise StoreError("nobody hears this any more")


@in_loop
async def test_a_store_that_does_not_let_itself_be_cancelled_is_left_behind() -> None:
    scene = Scene(**SHORT)
    scene.store.before = stubborn
    began = time.monotonic()
    assert await scene.keeper.get(key()) is None

    assert time.monotonic() - began < 0.2
    assert scene.kinds == [FAILED]
    (left,) = scene.keeper._abandoned
    await asyncio.wait({left})
    await asyncio.sleep(0)
    assert not scene.keeper._abandoned


@in_loop
async def test_a_store_at_hand_is_looked_into_at_once_and_may_fail_as_well() -> None:
    scene = Scene()
    scene.store.is_at_hand = True
    await scene.store.put([(key(), stored())])
    before = len(asyncio.all_tasks())

    assert await scene.keeper.get(key()) == stored()
    assert len(asyncio.all_tasks()) == before
    scene.store.before = fail
    assert await scene.keeper.get(key()) is None
    assert scene.kinds == [FAILED]


# --- at hand -------------------------------------------------------------------------------


class Near(Moody):
    """A store that lies in memory which processes share."""

    version = 7

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        return encoded_key


def test_what_is_at_hand_is_handed_on_unless_the_store_rests() -> None:
    async def look() -> None:
        near = Near()
        keeper = StoreKeeper(near)
        assert (keeper.version, keeper.at_hand(b"key")) == (7, b"key")

        async def fail() -> None:
            raise StoreError("gone")

        near.before = fail
        assert await keeper.get(key()) is None
        assert keeper.at_hand(b"key") is None
        await keeper.close()

    asyncio.run(look())


def test_of_a_store_far_away_nothing_is_at_hand() -> None:
    scene = Scene()

    assert scene.keeper.at_hand(key().encode()) is None
    assert scene.keeper.version == 0
