"""Whatever bytes come, in whatever pieces: no exception, well-formed replies, and the next client served."""

from __future__ import annotations

import asyncio
import io
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from certstatus.server.connection import Connection
from certstatus.server.http import Server
from certstatus.server.log import make_logger
from certstatus.testing import FixedClock
from tests.serving import Echo, Wire, chunked, get, in_loop, post, serving, until

_REPLY = re.compile(
    rb"HTTP/1\.1 (100 Continue|(\d{3}) [^\r\n]+\r\nDate: [^\r\n]+ GMT"
    rb"(\r\n[A-Za-z-]+: [^\r\n]*)*\r\nContent-Length: (?P<length>\d+)(\r\nConnection: [a-z-]+)?)\r\n\r\n"
)

_SEEDS = [
    get("/MEIw//a+b%3D"),
    get("/", "Connection: Upgrade", "Upgrade: h2c"),
    post(b"body", "Content-Type: application/ocsp-request"),
    post(b"body", "Expect: 100-continue"),
    post(b"body", "Connection: Upgrade", "Upgrade: h2c"),
    chunked(b"one", b"two", trailer=b"X: y\r\n"),
    b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


async def _receive(pieces: list[bytes]) -> tuple[Wire, Echo, io.StringIO]:
    """Let a connection receive pieces until it is closed, then end."""
    face, log = Echo(), io.StringIO()
    wire = Wire()
    server = Server(
        face,
        clock=FixedClock(),
        log=make_logger(log, as_json=True),
        listeners=[lambda method, _reply, _ns, _peer: wire.methods.append(method)],
    )
    await server.start([])
    connection = Connection(server)
    connection.connection_made(wire)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
            await until(lambda: not server.turns.waiting)
    if not wire.closed:
        connection.eof_received()
    connection.connection_lost(None)
    assert server.connections == 0
    server.abort()
    return wire, face, log


def _statuses(wire: Wire) -> list[int]:
    """Read all replies; one to a HEAD has no body."""
    statuses: list[int] = []
    written = bytes(wire.written)
    while written:
        head = _REPLY.match(written)
        assert head is not None, written
        written = written[head.end() :]
        if head["length"] is None:
            continue
        length = 0 if wire.methods[len(statuses)] == b"HEAD" else int(head["length"])
        statuses.append(int(head[2]))
        assert len(written) >= length
        written = written[length:]
    assert len(statuses) == len(wire.methods)
    return statuses


@st.composite
def _broken_requests(draw: st.DrawFn) -> list[bytes]:
    """Some requests in a row, a few octets changed, in pieces."""
    stream = bytearray(b"".join(draw(st.lists(st.sampled_from(_SEEDS), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(stream) - 1))
        match draw(st.sampled_from(["change", "drop", "insert"])):
            case "change":
                stream[place] = draw(st.integers(0, 255))
            case "drop" if len(stream) > 1:
                del stream[place]
            case _:
                stream[place:place] = draw(st.binary(min_size=1, max_size=3))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    return [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@settings(max_examples=1_000)
@given(_broken_requests())
@example(list(_SEEDS))
@example([b"".join(_SEEDS)])
def test_a_broken_request_gets_a_whole_reply_or_the_end(pieces: list[bytes]) -> None:
    wire, face, log = asyncio.run(_receive(pieces))
    assert set(_statuses(wire)) <= {200, 400, 405, 417, 501, 505}
    assert log.getvalue() == ""
    assert all(request.method in {b"GET", b"POST"} for request in face.requests)


@settings(max_examples=500)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_random_bytes_get_one_refusal_at_the_most(pieces: list[bytes]) -> None:
    wire, face, log = asyncio.run(_receive(pieces))
    assert _statuses(wire) in ([], [400], [505])
    assert face.requests == []
    assert log.getvalue() == ""


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_SEEDS[:6]), min_size=1, max_size=4), st.data())
def test_the_cuts_between_reads_change_nothing(requests: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    _, whole, _ = asyncio.run(_receive([stream]))
    _, cut, _ = asyncio.run(_receive(pieces))
    assert whole.requests == cut.requests
    assert len(whole.requests) == len(requests)


@in_loop
async def test_after_garbage_on_the_wire_the_next_client_is_served() -> None:
    async with serving(Echo()) as served:
        for garbage in (b"\0" * 1_000, b"\xff" * 100_000, b"GET " * 50_000, bytes(range(256)) * 9):
            client = await served.connect()
            assert (await client.ask(garbage)).status == 400
            next_client = await served.connect()
            assert (await next_client.ask(get("/fine"))).body == b"GET /fine "
        assert served.events == []
