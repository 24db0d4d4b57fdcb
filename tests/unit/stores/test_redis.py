"""A Redis store, on a real server: its script, its ends, its faults."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certstatus.clock import SystemClock
from certstatus.errors import ConfigError, StoreError
from certstatus.limits import MAX_STORE_CONNECTIONS, STORE_REPLY_TIME
from certstatus.stores import (
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKeeper,
    supersedes,
)
from certstatus.stores.redis import RedisStore
from tests.conftest import find_command
from tests.redis_server import RedisServer, running_redis
from tests.serving import in_loop
from tests.stored import GOOD, HOUR, NOW, REVOKED, key, stored

PREFIX = b"certstatus:1:"


@pytest.fixture(scope="module")
def own() -> Iterator[RedisServer]:
    """Run a server that a test may kill."""
    with running_redis(find_command) as server:
        yield server


# --- the script --------------------------------------------------------------------------------

TIMES = st.integers(0, 2**40).map(lambda seconds: NOW + timedelta(seconds=seconds % 2**33))
ANY = st.builds(
    functools.partial(StoredResponse, der=b"an answer", next_update=NOW + 1000 * HOUR),
    this_update=TIMES,
    produced_at=TIMES,
    meaning=st.binary(min_size=32, max_size=32),
    fresh_until=TIMES,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[StoredResponse, StoredResponse]:
    """Two answers that differ in one field or in all of them."""
    old, other = draw(ANY), draw(ANY)
    same = draw(st.sets(st.sampled_from(["this_update", "produced_at", "meaning", "fresh_until"])))
    kept = {name: getattr(old, name) for name in same}
    fields = {
        name: getattr(other, name)
        for name in ("this_update", "produced_at", "meaning", "fresh_until")
    }
    return old, StoredResponse(der=b"another", next_update=old.next_update, **fields | kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(pair=pairs())
def test_the_script_decides_as_the_rule_does(
    redis_server: RedisServer, pair: tuple[StoredResponse, StoredResponse]
) -> None:
    old, new = pair

    @in_loop
    async def check() -> None:
        store = RedisStore(f"redis://127.0.0.1:{redis_server.port}/999")
        await store.remove([key()])
        taken = await store.put([(key(), old), (key(), new)])
        assert taken == 1 + supersedes(new, old)
        assert await store.get(key()) == (new if supersedes(new, old) else old)
        await store.close()

    check()


@in_loop
async def test_what_another_version_wrote_is_replaced(redis_server: RedisServer) -> None:
    url = redis_server.url
    name = PREFIX + key().encode()
    store = RedisStore(url)
    for strange in (b"CSR\x01" + b"\xff" * 100, b"short", b"\xff" * 60):
        redis_server.client(url).set(name, strange)
        assert await store.put([(key(), stored())]) == 1
        assert await store.get(key()) == stored()
    await store.close()


# --- how long it stays -------------------------------------------------------------------------


@in_loop
async def test_an_entry_ends_at_its_next_update(redis_server: RedisServer) -> None:
    url, now = redis_server.url, SystemClock().now().replace(microsecond=0)
    ends = now + timedelta(seconds=1000)
    store, plain = RedisStore(url), redis_server.client(url)
    await store.put([(key(), stored(now, next_update=ends))])

    left = plain.pttl(PREFIX + key().encode())
    assert 990_000 < left <= 1_000_000
    await store.put([(key(1), stored(now - 100 * HOUR))])
    assert await store.get(key(1)) is None
    assert await store.due(key().authority, now, 9) == []
    await store.close()


@in_loop
async def test_what_has_ended_leaves_the_list_of_what_is_due(redis_server: RedisServer) -> None:
    url = redis_server.url
    store, plain = RedisStore(url), redis_server.client(url)
    await store.put([(key(number), stored()) for number in range(6)])
    for number in range(6):  # as Redis does it by itself
        plain.delete(PREFIX + key(number).encode())
    await store.put([(key(number), stored(NOW + 50 * HOUR)) for number in range(10, 13)])

    assert plain.zcard(b"certstatus:1:due:" + key().authority) == 3
    await store.close()


@in_loop
async def test_a_broken_entry_is_none_is_told_of_and_taken_out(redis_server: RedisServer) -> None:
    url = redis_server.url
    events: list[StoreEvent] = []
    store, plain = RedisStore(url, observe=events.append), redis_server.client(url)
    await store.put([(key(1), stored(NOW, REVOKED)), (key(2), stored(NOW, GOOD))])
    entry = plain.get(PREFIX + key(2).encode())
    assert isinstance(entry, bytes)
    plain.set(PREFIX + key(1).encode(), entry)  # another certificate's

    assert await store.get(key(1)) is None
    assert await store.get(key(2)) == stored(NOW, GOOD)
    assert [event.kind for event in events] == [StoreEventKind.ENTRY_BROKEN]
    assert not plain.exists(PREFIX + key(1).encode())
    await store.close()


# --- faults ------------------------------------------------------------------------------------


@in_loop
async def test_a_server_that_was_killed_is_an_error_and_one_that_is_back_is_used(
    own: RedisServer,
) -> None:
    store = RedisStore(own.url)
    assert await store.put([(key(), stored())]) == 1
    own.kill()
    for _ in range(2):
        with pytest.raises(StoreError, match=f"redis://127.0.0.1:{own.port}/"):
            await store.get(key())
        with pytest.raises(StoreError):
            await store.put([(key(), stored())])
    own.start()

    assert await store.get(key()) is None, "it came back empty, and knows no script"
    assert await store.put([(key(), stored())]) == 1
    assert await store.get(key()) == stored()
    await store.close()


@in_loop
async def test_a_server_that_hangs_holds_up_nobody_and_mixes_up_nothing(own: RedisServer) -> None:
    """Reads that were given up must not leave their replies to those that come after."""
    events: list[StoreEvent] = []
    limit = timedelta(milliseconds=30)
    store = RedisStore(own.url)
    await store.put([(key(number), stored(NOW + number * HOUR)) for number in range(40)])
    keeper = StoreKeeper(store, observe=events.append, read_time=limit, clock=lambda: 0.0)
    with own.frozen():
        began = time.monotonic()
        found = await asyncio.gather(*(keeper.get(key(number)) for number in range(20)))
        assert found == [None] * 20
        assert time.monotonic() - began < 2
        assert [event.kind for event in events] == [StoreEventKind.FAILED]

    found = await asyncio.gather(*(store.get(key(number)) for number in range(40)))
    assert found == [stored(NOW + number * HOUR) for number in range(40)]
    await store.close()


def _hurried() -> float:
    """A clock that runs fast, so that pauses are short."""
    return 50 * time.monotonic()


def test_rounds_of_silence_and_death_mix_up_nothing(
    own: RedisServer, request: pytest.FixtureRequest
) -> None:
    """The server is stopped, or killed, at any moment while many ask and put."""
    rounds = request.config.getoption("--rounds")

    @in_loop
    async def check() -> None:
        store = RedisStore(own.url)
        answers = {number: stored(NOW + number * HOUR) for number in range(30)}
        keeper = StoreKeeper(store, read_time=timedelta(milliseconds=20), clock=_hurried)
        for turn in range(rounds):
            for number, answer in answers.items():
                keeper.offer(key(number), answer)
            asked = [asyncio.ensure_future(keeper.get(key(number))) for number in answers]
            await asyncio.sleep(0.001 * turn % 0.005)
            if turn % 2:
                own.kill()
                own.start()
            else:
                with own.frozen():
                    await asyncio.sleep(0.03)
            for number, found in zip(answers, await asyncio.gather(*asked), strict=True):
                assert found in {None, answers[number]}
            await keeper.settle()
        while [await keeper.get(key(number)) for number in answers] != list(answers.values()):
            for number, answer in answers.items():
                keeper.offer(key(number), answer)
            await asyncio.sleep(0.02)
        await keeper.close()

    check()


@in_loop
async def test_a_full_server_takes_nothing_and_is_read_on() -> None:
    with running_redis(find_command, "--maxmemory", "2mb") as server:
        store = RedisStore(server.url)
        await store.put([(key(1), stored())])
        with pytest.raises(StoreError, match=r"maxmemory|OOM"):
            await store.put([(key(n), stored(der=bytes(5000))) for n in range(2, 2000)])
        assert await store.get(key(1)) == stored()
        await store.close()


@in_loop
async def test_a_reply_that_does_not_come_is_waited_for_so_long(own: RedisServer) -> None:
    store = RedisStore(own.url)
    await store.put([(key(), stored())])
    with own.frozen():
        began = time.monotonic()
        with pytest.raises(StoreError, match="Timeout reading"):
            await store.get(key())
        assert abs(time.monotonic() - began - STORE_REPLY_TIME.total_seconds()) < 1
    assert await store.get(key()) == stored()
    await store.close()


@in_loop
async def test_more_ask_at_once_than_there_are_connections(redis_server: RedisServer) -> None:
    url = redis_server.url
    store, plain = RedisStore(url), redis_server.client(url)
    await store.put([(key(), stored())])
    found = await asyncio.gather(*(store.get(key()) for _ in range(4 * MAX_STORE_CONNECTIONS)))

    assert found == [stored()] * len(found)
    mine = [one for one in plain.client_list() if one["db"] == url.rpartition("/")[2]]
    assert len(mine) <= MAX_STORE_CONNECTIONS + 1
    await store.close()


# --- addresses and passwords -------------------------------------------------------------------


@in_loop
async def test_a_password_is_used_and_never_told(tmp_path: Path) -> None:
    with running_redis(find_command, "--requirepass", "geheim") as server:
        place = f"127.0.0.1:{server.port}/0"
        for store in (
            RedisStore(f"redis://:geheim@{place}"),
            RedisStore(f"redis://{place}?password=geheim"),
            RedisStore(f"redis://{place}", password="geheim"),
        ):
            assert await store.put([(key(), stored())]) in {0, 1}
            assert store.name == f"redis://{place}"
            await store.close()
        refused = RedisStore(f"redis://:falsch@{place}")
        with pytest.raises(StoreError) as caught:
            await refused.get(key())
        assert "falsch" not in str(caught.value)
        await refused.close()


@in_loop
async def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    with running_redis(find_command, "--unixsocket", str(socket)):
        store = RedisStore(f"unix://{socket}?db=3")
        assert await store.put([(key(), stored())]) == 1
        assert store.name == f"unix://{socket}"
        await store.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:port/0", "redis://127.0.0.1:6379/0?db=many"])
def test_an_address_that_is_none_is_a_setting_that_is_wrong(url: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.url"):
        RedisStore(url)
