"""Clients that send too much, too slowly, too often, or do not read: each has its bound."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import timedelta

import pytest

from certstatus.limits import (
    IDLE_TIME,
    LINGER_TIME,
    MAX_CONNECTIONS,
    MAX_HEADER_BYTES,
    MAX_LINGER_BYTES,
    MAX_PIPELINED,
    MAX_REQUEST_BYTES,
    MAX_TARGET_BYTES,
    MAX_TURNED_AWAY,
    READ_TIME,
    RECEIVE_BUFFER_BYTES,
    WRITE_TIME,
)
from certstatus.responder.exchange import HTTPReply
from certstatus.server.http import HTTPLimits
from certstatus.server.reading import SLICE
from tests.serving import (
    PLAIN,
    Client,
    Echo,
    Fixed,
    Patient,
    chunked,
    get,
    in_loop,
    post,
    serving,
    until,
)

_CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_SECOND = timedelta(seconds=1)


async def _pour(client: Client, piece: bytes, total: int) -> int:
    """Send a piece over and over, until so much is sent or the server has had enough."""
    sent = 0
    try:
        while sent < total:
            await client.say(piece)
            sent += len(piece)
    except ConnectionError:
        pass
    return sent


# --- size --------------------------------------------------------------------------------------


@pytest.mark.rule("O33")
@in_loop
async def test_a_body_of_just_the_limit_is_read_and_one_octet_more_is_not() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        body = bytes(MAX_REQUEST_BYTES)
        assert (await client.ask(post(body))).body == b"POST / " + body
        assert (await client.ask(chunked(body))).body == b"POST / " + body
        assert (await client.ask(post(body + b"x")[:200])).status == 413
        client = await served.connect()
        assert (await client.ask(chunked(body, b"x"))).status == 413


@pytest.mark.rule("O33")
@in_loop
async def test_a_gigabyte_that_is_announced_is_refused_unread() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n"
        answer = await client.ask(head)
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert answer.headers["cache-control"] == "no-store"
        assert await client.rest() == b""
    assert face.requests == []


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(_CHUNKED, b"10000\r\n" + bytes(0x10000) + b"\r\n", id="chunks"),
        pytest.param(_CHUNKED, b"1\r\nx\r\n" * 10_000, id="tiny chunks"),
        pytest.param(_CHUNKED + b"1;", b"x" * 65_536, id="chunk extension"),
        pytest.param(_CHUNKED + b"0\r\nX-", b"x" * 65_536, id="trailer name"),
        pytest.param(_CHUNKED + b"0\r\n", b"X-A: b\r\n" * 8_192, id="trailers"),
        pytest.param(b"GET /", b"x" * 65_536, id="target"),
        pytest.param(get()[:-2] + b"X-", b"x" * 65_536, id="header name"),
        pytest.param(get()[:-2] + b"X: ", b"x" * 65_536, id="header value"),
        pytest.param(get()[:-2], b"X-A: b\r\n" * 8_192, id="headers"),
        pytest.param(post(b"")[:-2].replace(b": 0", b": 1073741824"), b"", id="length"),
    ],
)
@in_loop
async def test_what_never_ends_costs_no_memory(start: bytes, piece: bytes) -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        tracemalloc.start()
        try:
            await client.say(start)
            await _pour(client, piece or b"\r\n" + bytes(65_536), 64 << 20)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        served.pass_time(LINGER_TIME.total_seconds())
        await until(lambda: served.server.connections == 0)
    assert peak < 8 << 20
    assert face.requests == []


@pytest.mark.parametrize("length", [MAX_TARGET_BYTES, MAX_TARGET_BYTES + 1])
@pytest.mark.parametrize("piece", [100_000, 1_000])
@in_loop
async def test_a_target_of_the_limit_is_read_and_a_longer_one_is_414(
    length: int, piece: int
) -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        request = get("/" + "x" * (length - 1))
        for start in range(0, len(request), piece):
            await client.say(request[start : start + piece])
        expected = 200 if length == MAX_TARGET_BYTES else 414
        assert (await client.answer()).status == expected


@pytest.mark.parametrize("excess", [0, 1])
@in_loop
async def test_headers_of_the_limit_are_read_and_longer_ones_are_431(excess: int) -> None:
    host = len("host") + len("x") + 4
    field = "A: " + "b" * (MAX_HEADER_BYTES - host - 5 + excess)
    async with serving(Echo()) as served:
        client = await served.connect()
        assert (await client.ask(get("/", field))).status == (431 if excess else 200)


@in_loop
async def test_a_head_of_all_limits_may_come_behind_other_requests() -> None:
    """What was read before a head began does not count against it."""
    target, field = "/" + "t" * (MAX_TARGET_BYTES - 1), "A: " + "b" * (MAX_HEADER_BYTES - 100)
    async with serving(Echo()) as served:
        client = await served.connect()
        many = 3 * SLICE // len(get())
        await client.say(get() * many + get(target, field))
        for _ in range(many):
            await client.answer()
        assert (await client.answer()).status == 200


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [b"G", get()[:-1], post(b"body")[:-1], chunked(b"body")[:-1]],
    ids=["first byte", "head", "body", "chunk"],
)
@in_loop
async def test_a_slow_sender_hears_408_and_the_end(part: bytes) -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        await client.say(part)
        await (await served.connect()).ask(get())  # by now the part has been read
        served.pass_time((READ_TIME - _SECOND).total_seconds())
        assert served.server.connections == 2
        served.pass_time(READ_TIME.total_seconds())
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await client.rest() == b""
        assert served.counts.seen == {("http_timeouts", "read"): 1}


@in_loop
async def test_bytes_that_drip_do_not_move_the_deadline() -> None:
    async with serving(Echo(), limits=HTTPLimits(read_time=timedelta(milliseconds=40))) as served:
        client = await served.connect()
        await client.say(b"GET /")
        dripped = 0
        while not client.reader._buffer and dripped < 1_000:  # type: ignore[attr-defined]
            await client.say(b"x")
            await asyncio.sleep(0.002)
            dripped += 1
        assert (await client.answer()).status == 408
        assert dripped < 1_000


@in_loop
async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with serving(Echo()) as served:
        kept, fresh = await served.connect(), await served.connect()
        await kept.ask(get())
        await until(lambda: served.server.connections == 2)
        served.pass_time((IDLE_TIME - _SECOND).total_seconds())
        assert (await kept.ask(get())).status == 200
        served.pass_time(IDLE_TIME.total_seconds())
        assert await kept.rest() == b""
        assert await fresh.rest() == b""
        assert served.counts.seen == {("http_timeouts", "idle"): 2}


@in_loop
async def test_empty_lines_do_not_keep_a_connection_alive() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        await client.say(b"\r\n" * 100)
        await (await served.connect()).ask(get())
        served.pass_time(IDLE_TIME.total_seconds())
        assert await client.rest() == b""


@in_loop
async def test_a_request_that_the_face_works_on_has_no_deadline() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later"))
        await until(lambda: face.waiting == 1)
        served.pass_time(3600)
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "


@in_loop
async def test_a_refused_client_that_goes_on_sending_is_cut_after_a_while() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
        await client.say(b"more")
        assert served.server.connections == 1
        served.pass_time(LINGER_TIME.total_seconds())
        await until(lambda: served.server.connections == 0)


@in_loop
async def test_a_refused_client_is_not_read_for_ever() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        await client.say(post(bytes(MAX_REQUEST_BYTES + 1))[:200])
        assert (await client.answer()).status == 413
        (connection,) = served.server._connections
        pouring = asyncio.create_task(_pour(client, bytes(65_536), 1 << 30))
        await until(lambda: connection._is_paused)
        assert (
            MAX_LINGER_BYTES
            < connection._thrown_away
            <= MAX_LINGER_BYTES + 4 * RECEIVE_BUFFER_BYTES
        )
        served.pass_time(LINGER_TIME.total_seconds())
        assert await pouring < 1 << 26


@in_loop
async def test_the_server_keeps_its_deadlines_by_itself() -> None:
    async with serving(Echo(), limits=HTTPLimits(idle_time=timedelta(milliseconds=20))) as served:
        client = await served.connect()
        assert await client.rest() == b""


# --- clients that do not read ------------------------------------------------------------------


@in_loop
async def test_a_client_that_does_not_read_is_served_no_further_and_then_cut() -> None:
    face = Fixed(HTTPReply(200, PLAIN, bytes(1 << 20)))
    async with serving(face) as served:
        client = await served.connect(limit=1)  # reads nothing ahead
        client.writer.write(get() * 1_000)
        await until(lambda: len(face.requests) > 0)
        for _ in range(20):
            await asyncio.sleep(0.001)
        answered = len(face.requests)
        assert answered < 40  # what the kernel's buffers take, and one more
        served.pass_time((WRITE_TIME - _SECOND).total_seconds())
        assert served.server.connections == 1
        served.pass_time(WRITE_TIME.total_seconds())
        await until(lambda: served.server.connections == 0)
        assert len(face.requests) == answered
        assert served.counts.seen == {("http_timeouts", "write"): 1}


@in_loop
async def test_a_client_that_reads_slowly_gets_everything() -> None:
    face = Fixed(HTTPReply(200, PLAIN, bytes(100_000)))
    async with serving(face) as served:
        client = await served.connect(limit=1)
        asking = asyncio.create_task(client.say(get() * 300))
        client.reader._limit = 2**20  # type: ignore[attr-defined]
        for _ in range(300):
            assert len((await client.answer()).body) == 100_000
        await asking
    assert len(face.requests) == 300


# --- too many ------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [2_000, 20_000], ids=["in one read", "in several"])
@in_loop
async def test_reading_stops_while_enough_requests_wait(many: int) -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        asking = asyncio.create_task(client.say(get("/later") + get("/now") * many))
        await until(lambda: face.waiting == 1)
        for _ in range(20):
            await asyncio.sleep(0.001)
        (connection,) = served.server._connections
        assert MAX_PIPELINED <= len(connection._queue) <= MAX_PIPELINED + SLICE // len(get("/now"))
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "
        for _ in range(many):
            assert (await client.answer()).body == b"GET /now "
        await asking


@in_loop
async def test_the_clock_of_half_a_request_starts_anew_when_reading_does() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + get("/now") * 2 * MAX_PIPELINED + get()[:-1])
        await until(lambda: face.waiting == 1)
        served.pass_time(READ_TIME.total_seconds())  # not the client's fault
        face.leave.set()
        for _ in range(1 + 2 * MAX_PIPELINED):
            assert (await client.answer()).status == 200
        served.pass_time(READ_TIME.total_seconds())
        assert (await client.answer()).status == 408


@in_loop
async def test_past_the_limit_of_connections_a_client_hears_503() -> None:
    limits = HTTPLimits(connections=2, turned_away=1)
    async with serving(Echo(), limits=limits) as served:
        inside = [await served.connect() for _ in range(2)]
        await asyncio.gather(*(client.ask(get()) for client in inside))

        third = await served.connect()
        answer = await third.answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        fourth = await served.connect()
        assert await fourth.rest() == b""  # one has been told already: the next is just cut
        assert served.counts.seen == {("connections_turned_away",): 2}

        await third.close()
        await inside.pop().close()
        await until(lambda: served.server.connections == 1)
        assert (await (await served.connect()).ask(get())).status == 200


def test_a_worker_has_room_for_the_connections_it_promises() -> None:
    """Each takes a descriptor; 4,096 and some is the common soft limit once raised."""
    assert MAX_CONNECTIONS == 4_096
    assert MAX_TURNED_AWAY < MAX_CONNECTIONS
