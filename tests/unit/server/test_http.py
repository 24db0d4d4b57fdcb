"""HTTP as honest clients speak it: RFC 9112 messages, connections, and their end."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certstatus import limits
from certstatus.responder.exchange import Headers, HTTPReply, HTTPRequest
from certstatus.server.http import HTTPLimits
from certstatus.server.listen import bind_tcp, bind_unix
from certstatus.testing import FixedClock
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

# --- requests --------------------------------------------------------------------------------


@in_loop
async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        first = await client.ask(get("/one"))
        second = await client.ask(post(b"two"))
        assert (first.body, second.body) == (b"GET /one ", b"POST / two")
        assert "connection" not in first.headers
        assert served.server.connections == 1


@pytest.mark.rule("O32")
@in_loop
async def test_the_target_reaches_the_face_as_it_was_sent() -> None:
    face = Echo()
    targets = ["//MEIw//a+b==", "/a%2Bb%2F%252B", "/%", "http://host//x", "*", "/?a=b//#c", "/./.."]
    async with serving(face) as served:
        client = await served.connect()
        for target in targets:
            await client.ask(get(target))
    assert [request.target.decode() for request in face.requests] == targets


@in_loop
async def test_header_names_come_in_lower_case_and_values_without_outer_blanks() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        await client.ask(get("/", 'If-None-Match:  \t"a" \t', "X-Empty:", "x-next: 1"))
    assert face.requests[0].headers == (
        (b"host", b"x"),
        (b"if-none-match", b'"a"'),
        (b"x-empty", b""),
        (b"x-next", b"1"),
    )


@in_loop
async def test_a_request_may_come_byte_by_byte() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        for byte in post(b"body", "X-Long: value"):
            await client.say(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"POST / body"
    assert face.requests[0].headers[-1] == (b"x-long", b"value")


@in_loop
async def test_empty_lines_before_a_request_are_skipped() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        assert (await client.ask(b"\r\n\r\n" + get("/a"))).body == b"GET /a "


@in_loop
async def test_a_chunked_body_comes_whole_and_its_trailer_is_dropped() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(chunked(b"one", b"two" * 100, trailer=b"X-Late: 1\r\n"))
        assert (await client.answer()).body == b"POST / one" + b"two" * 100
        assert (await client.ask(get("/next"))).status == 200
    assert b"x-late" not in dict(face.requests[0].headers)


@in_loop
async def test_pipelined_requests_are_answered_in_their_order() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + get("/now") + post(b"x") + get("/now"))
        await until(lambda: face.waiting == 1)
        face.leave.set()
        bodies = [(await client.answer()).body for _ in range(4)]
    assert bodies == [b"GET /later ", b"GET /now ", b"POST / x", b"GET /now "]


@in_loop
async def test_nothing_overtakes_a_request_that_waits() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + get("/now"))
        other = await served.connect()
        await other.ask(get("/now"))  # by now the first connection's bytes have been read, too
        assert [request.target for request in face.requests] == [b"/now"]
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "


# --- HTTP/1.0 --------------------------------------------------------------------------------


@in_loop
async def test_an_http_1_0_client_gets_its_answer_and_the_end() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        answer = await client.ask(b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
        assert (answer.body, answer.headers["connection"]) == (b"POST /x hi", "close")
        assert await client.rest() == b""


@in_loop
async def test_an_http_1_0_client_may_ask_to_keep_the_connection() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        for _ in range(2):
            answer = await client.ask(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert answer.headers["connection"] == "keep-alive"


@in_loop
async def test_a_client_that_says_close_is_answered_and_left() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        answer = await client.ask(get("/", "Connection: close") + get("/not-read"))
        assert answer.headers["connection"] == "close"
        assert await client.rest() == b""


# --- 100-continue and Upgrade ------------------------------------------------------------------


@in_loop
async def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        head, body = post(b"body", "Expect: 100-Continue").split(b"\r\n\r\n")
        await client.say(head + b"\r\n\r\n")
        assert (await client.answer()).status == 100
        assert (await client.ask(body)).body == b"POST / body"


@in_loop
async def test_100_continue_is_not_sent_where_the_body_is_there_already() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + post(b"body", "Expect: 100-continue")[:-1])
        await until(lambda: face.waiting == 1)
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "
        assert (await client.ask(b"y" + get("/now"))).body == b"POST / body"


@in_loop
async def test_100_continue_waits_for_earlier_answers() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        head, body = post(b"body", "Expect: 100-continue").split(b"\r\n\r\n")
        await client.say(get("/later") + head + b"\r\n\r\n")
        await until(lambda: face.waiting == 1)
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "
        assert (await client.answer()).status == 100
        assert (await client.ask(body)).body == b"POST / body"


@in_loop
async def test_another_expectation_is_refused() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        assert (await client.ask(post(b"", "Expect: miracles"))).status == 417


@pytest.mark.parametrize(
    "request_",
    [
        post(b"body", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"),
        chunked(b"bo", b"dy").replace(
            b"Host: x", b"Host: x\r\nConnection: upgrade\r\nUpgrade: h2c"
        ),
        get("/", "Connection: Upgrade", "Upgrade: websocket"),
    ],
    ids=["length", "chunked", "no body"],
)
@in_loop
async def test_an_upgrade_is_ignored_and_the_connection_goes_on(request_: bytes) -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        await client.say(request_ + request_)
        answers = [await client.answer(), await client.answer()]
        assert {answer.status for answer in answers} == {200}
        if request_.startswith(b"POST"):
            assert [answer.body for answer in answers] == [b"POST / body"] * 2
        assert (await client.ask(get("/after"))).body == b"GET /after "


@in_loop
async def test_an_upgraded_body_may_come_in_pieces() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        for byte in post(b"body", "Connection: Upgrade", "Upgrade: h2c"):
            await client.say(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"POST / body"


# --- replies ---------------------------------------------------------------------------------


@pytest.mark.rule("L12")
@in_loop
async def test_date_and_content_length_are_written_by_the_server() -> None:
    clock = FixedClock(datetime(2026, 11, 21, 12, 0, 0, 900_000, tzinfo=UTC))
    async with serving(Fixed(HTTPReply(200, PLAIN, b"12345")), clock=clock) as served:
        client = await served.connect()
        first = await client.ask(get())
        clock.advance(timedelta(milliseconds=200))
        second = await client.ask(get())
        clock.advance(timedelta(hours=-1))
        third = await client.ask(get())
    assert first.headers["content-length"] == "5"
    assert [answer.headers["date"] for answer in (first, second, third)] == [
        "Sat, 21 Nov 2026 12:00:00 GMT",
        "Sat, 21 Nov 2026 12:00:01 GMT",
        "Sat, 21 Nov 2026 11:00:01 GMT",
    ]


@in_loop
async def test_head_is_answered_as_get_without_the_body() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/x").replace(b"GET", b"HEAD"))
        answer = await client.answer(has_body=False)
        assert (answer.status, answer.headers["content-length"]) == (200, "7")
        assert (await client.ask(get("/y"))).body == b"GET /y "
    assert face.requests[0].method == b"GET"


@pytest.mark.rule("L12")
@pytest.mark.parametrize("status", [204, 304])
@in_loop
async def test_a_304_has_neither_body_nor_length(status: int) -> None:
    async with serving(Fixed(HTTPReply(status, ((b"ETag", b'"a"'),), b"never sent"))) as served:
        client = await served.connect()
        for _ in range(2):
            answer = await client.ask(get())
            assert (answer.status, answer.headers["etag"]) == (status, '"a"')
            assert "content-length" not in answer.headers


@in_loop
async def test_a_status_without_a_name_can_be_sent() -> None:
    async with serving(Fixed(HTTPReply(299))) as served:
        assert (await (await served.connect()).ask(get())).status == 299


@in_loop
async def test_the_face_may_be_replaced_between_two_requests() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        await client.ask(get())
        served.server.face = Fixed(HTTPReply(200, PLAIN, b"new"))
        assert (await client.ask(get())).body == b"new"


@in_loop
async def test_each_answer_is_heard_of_with_method_reply_and_address() -> None:
    heard: list[tuple[bytes, int, str]] = []
    async with serving(
        Echo(),
        listeners=[lambda method, reply, _ns, peer: heard.append((method, reply.status, peer))],
    ) as served:
        client = await served.connect()
        await client.say(get().replace(b"GET", b"HEAD") + b"nonsense\r\n\r\n")
        await client.rest()
    assert heard == [(b"HEAD", 200, "127.0.0.1"), (b"", 400, "127.0.0.1")]


# --- refusals --------------------------------------------------------------------------------


class Strict(Echo):
    """Takes one media type, as a responder does."""

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Refuse the others."""
        is_ocsp = dict(headers).get(b"content-type") == b"application/ocsp-request"
        return None if method == b"GET" or is_ocsp else HTTPReply(415, PLAIN, b"type")


@pytest.mark.rule("O33")
@in_loop
async def test_what_the_face_does_not_admit_is_refused_before_its_body_is_read() -> None:
    face = Strict()
    async with serving(face) as served:
        client = await served.connect()
        head, _ = post(b"body").split(b"\r\n\r\n")
        answer = await client.ask(head + b"\r\n\r\n")
        assert (answer.status, answer.headers["connection"]) == (415, "close")
        await client.say(b"body")
        assert await client.rest() == b""
    assert face.requests == []


@in_loop
async def test_a_refusal_without_a_body_to_read_keeps_the_connection() -> None:
    async with serving(Echo()) as served:
        client = await served.connect()
        assert (await client.ask(get().replace(b"GET", b"DELETE"))).status == 405
        assert (await client.ask(get())).status == 200


@in_loop
async def test_a_refused_client_that_expects_100_hears_the_refusal_instead() -> None:
    async with serving(Strict()) as served:
        client = await served.connect()
        head, _ = post(b"body", "Expect: 100-continue").split(b"\r\n\r\n")
        assert (await client.ask(head + b"\r\n\r\n")).status == 415


@in_loop
async def test_a_refusal_behind_a_waiting_request_comes_in_its_turn() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + b"nonsense\r\n\r\n")
        await until(lambda: face.waiting == 1)
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "
        assert (await client.answer()).status == 400
        assert await client.rest() == b""


# --- defects ---------------------------------------------------------------------------------


class Broken(Echo):
    """Raises, in the way that the target says."""

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Raise at ``/admit``."""
        if target == b"/admit":
            raise ValueError("broken in admit")
        return None

    def reply(self, request: HTTPRequest, now: object) -> HTTPReply:
        """Raise now, or later."""
        if request.target == b"/now":
            raise ValueError("broken now")
        if request.target == b"/later":
            return self._later()  # type: ignore[return-value]  # HTTPFace allows both
        return super().reply(request, now)

    async def _later(self) -> HTTPReply:
        await asyncio.sleep(0)
        raise ValueError("broken later")


@pytest.mark.rule("L13")
@pytest.mark.parametrize("target", ["/admit", "/now", "/later"])
@in_loop
async def test_an_exception_in_the_face_is_a_500_and_the_server_lives(target: str) -> None:
    async with serving(Broken()) as served:
        client = await served.connect()
        answer = await client.ask(get(target))
        assert (answer.status, answer.body) == (500, b"internal error\n")
        assert answer.headers["cache-control"] == "no-store"
        assert (await client.ask(get("/fine"))).status == 200
        assert served.counts.seen == {("exceptions",): 1}
        (event,) = served.events
    assert "ValueError: broken" in event["exception"]
    assert "Traceback" in event["exception"]


@in_loop
async def test_a_face_that_cancels_itself_costs_its_client_alone() -> None:
    class Quitter(Echo):
        async def reply(self, request: HTTPRequest, now: object) -> HTTPReply:  # type: ignore[override]
            raise asyncio.CancelledError

    async with serving(Quitter()) as served:
        client = await served.connect()
        await client.say(get())
        assert await client.rest() == b""
        await until(lambda: served.server.connections == 0)


# --- clients that leave ----------------------------------------------------------------------


@in_loop
async def test_work_for_a_client_that_resets_is_cancelled() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later"))
        await until(lambda: face.waiting == 1)
        client.reset()
        await until(lambda: face.cancelled == 1)
        assert served.server.connections == 0


@in_loop
async def test_a_client_that_has_ended_its_side_still_gets_its_answers() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later") + get("/now"))
        client.writer.write_eof()
        await until(lambda: face.waiting == 1)
        await asyncio.sleep(0)
        face.leave.set()
        assert (await client.answer()).body == b"GET /later "
        assert (await client.answer()).body == b"GET /now "
        assert await client.rest() == b""


@in_loop
async def test_half_a_request_and_an_end_is_dropped() -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get()[:20])
        client.writer.write_eof()
        assert await client.rest() == b""
    assert face.requests == []


# --- drain -----------------------------------------------------------------------------------


@in_loop
async def test_drain_answers_what_is_under_way_and_closes_what_is_idle() -> None:
    face = Patient()
    async with serving(face) as served:
        idle, fresh, busy, reading = [await served.connect() for _ in range(4)]
        await idle.ask(get("/now"))
        await busy.say(get("/later") + get("/now"))
        await reading.say(get("/now")[:-2])
        await until(lambda: served.server.connections == 4 and face.waiting == 1)

        draining = asyncio.create_task(served.server.drain(limits.DRAIN_TIME))
        assert await idle.rest() == b""
        assert await fresh.rest() == b""
        await reading.say(b"\r\n" + get("/too-late"))
        face.leave.set()

        last = await reading.answer()
        assert (last.body, last.headers["connection"]) == (b"GET /now ", "close")
        first, second = await busy.answer(), await busy.answer()
        assert (first.body, second.body) == (b"GET /later ", b"GET /now ")
        assert "connection" not in first.headers
        assert second.headers["connection"] == "close"
        for client in (busy, reading):
            await client.close()
        assert await draining == 0
        assert b"/too-late" not in {request.target for request in face.requests}
        assert served.events == []
        with pytest.raises(OSError, match="Connect"):
            await served.connect()


@in_loop
async def test_drain_cuts_what_is_not_done_in_time() -> None:
    face = Patient()
    async with serving(face) as served:
        client = await served.connect()
        await client.say(get("/later"))
        await until(lambda: face.waiting == 1)
        assert await served.server.drain(timedelta(milliseconds=10)) == 1
        assert face.cancelled == 1
        assert served.server.connections == 0


@in_loop
async def test_drain_under_load_loses_no_answer_and_ends() -> None:
    """Every request that was read is answered; after its last answer each client sees the end."""
    face = Echo()

    async def keep_asking(client: Client) -> int:
        answered = 0
        try:
            while True:
                await client.say(get(f"/{answered}"))
                answer = await client.answer()
                answered += 1
                if answer.headers.get("connection") == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it was idle, and its next request came too late
        await client.close()
        return answered

    async with serving(face) as served:
        clients = [await served.connect() for _ in range(20)]
        asking = [asyncio.create_task(keep_asking(client)) for client in clients]
        await until(lambda: len(face.requests) > 200)
        await served.server.drain(timedelta(seconds=20))
        assert sum(await asyncio.gather(*asking)) == len(face.requests)


# --- where it listens --------------------------------------------------------------------------


@in_loop
async def test_it_serves_ipv6_and_unix_sockets() -> None:
    async with serving(Echo()) as served:
        with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has 107 bytes
            path = Path(folder) / "http"
            (six,) = bind_tcp("::1", 0)
            await served.server.start([six, bind_unix(path)])
            port = six.getsockname()[1]
            assert f"[::1]:{port}" in served.server.addresses
            assert str(path) in served.server.addresses
            for connecting in (
                asyncio.open_connection("::1", port),
                asyncio.open_unix_connection(path),
            ):
                client = Client(*await connecting)
                served.clients.append(client)
                assert (await client.ask(get("/x"))).body == b"GET /x "


@in_loop
async def test_two_servers_may_share_a_port() -> None:
    first, second = Echo(), Echo()
    async with serving(first) as one, serving(second) as two:
        (reserved,) = bind_tcp("127.0.0.1", 0, reuse_port=True)
        port = reserved.getsockname()[1]
        for served in (one, two):
            await served.server.start(bind_tcp("127.0.0.1", port, reuse_port=True))
            served.port = port
        reserved.close()
        while not (first.requests and second.requests):  # the kernel spreads by a hash
            client = await one.connect()
            await client.ask(get())


def test_the_limits_are_those_of_the_package() -> None:

    assert HTTPLimits() == HTTPLimits(
        target=limits.MAX_TARGET_BYTES,
        header=limits.MAX_HEADER_BYTES,
        body=limits.MAX_REQUEST_BYTES,
        connections=limits.MAX_CONNECTIONS,
        turned_away=limits.MAX_TURNED_AWAY,
        pipelined=limits.MAX_PIPELINED,
        idle_time=limits.IDLE_TIME,
        read_time=limits.READ_TIME,
        write_time=limits.WRITE_TIME,
        linger_time=limits.LINGER_TIME,
    )


@in_loop
async def test_the_kernel_keeps_a_burst_until_it_is_accepted() -> None:
    async with serving(Echo()) as served:
        burst = []
        for _ in range(limits.LISTEN_BACKLOG // 4):  # more than the default of 100
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", served.port))
            burst.append(each)
        # Nothing is accepted yet, for this loop has not turned: the kernel has them all.
        states = {each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] for each in burst}
        assert states == {1}  # TCP_ESTABLISHED
        await until(lambda: served.server.connections == len(burst))
        for each in burst:
            each.close()
