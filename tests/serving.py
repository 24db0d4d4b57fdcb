"""A server in the test's own event loop, faces to serve, and a client that says bytes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from certstatus.clock import Clock
from certstatus.meter import Levels
from certstatus.responder.exchange import Headers, HTTPFace, HTTPReply, HTTPRequest
from certstatus.server.http import HTTPLimits, Listener, Server
from certstatus.server.listen import bind_tcp
from certstatus.server.log import make_logger
from certstatus.testing import FixedClock

PLAIN: Headers = ((b"Content-Type", b"text/plain"),)


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in an event loop of the kind that production uses."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


# --- faces ---------------------------------------------------------------------------------


class Echo:
    """Says at once what it was asked; remembers every request."""

    def __init__(self) -> None:
        self.requests: list[HTTPRequest] = []

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Take GET and POST."""
        return None if method in {b"GET", b"POST"} else HTTPReply(405, PLAIN, b"method")

    def reply(self, request: HTTPRequest, now: object) -> HTTPReply:
        """Say method, target and body."""
        self.requests.append(request)
        return HTTPReply(200, PLAIN, b" ".join([request.method, request.target, request.body]))

    def refuse(self, request: HTTPRequest, now: object) -> HTTPReply | None:
        """Leave it to ``reply``."""
        return None

    def put_off(self, request: HTTPRequest) -> HTTPReply:
        """Say that there is no time."""
        return HTTPReply(200, PLAIN, b"later")


class Patient(Echo):
    """Waits for leave to answer; ``/now`` it answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.leave = asyncio.Event()
        self.waiting = 0
        self.cancelled = 0

    def reply(  # type: ignore[override]  # HTTPFace allows both, Echo promises one
        self, request: HTTPRequest, now: object
    ) -> HTTPReply | Coroutine[Any, Any, HTTPReply]:
        """Answer ``/now`` at once, the rest when leave is given."""
        if request.target == b"/now":
            return super().reply(request, now)
        return self._later(request, now)

    async def _later(self, request: HTTPRequest, now: object) -> HTTPReply:
        self.waiting += 1
        try:
            await self.leave.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return super().reply(request, now)


class Fixed(Echo):
    """Always gives the same reply."""

    def __init__(self, reply: HTTPReply) -> None:
        super().__init__()
        self.fixed = reply

    def reply(self, request: HTTPRequest, now: object) -> HTTPReply:
        """Give it."""
        self.requests.append(request)
        return self.fixed


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.methods: list[bytes] = []  # of the requests that were answered
        self.ended = self.closed = False

    def write(self, data: Any) -> None:
        assert not self.ended
        assert not self.closed
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Nothing reads here."""

    def resume_reading(self) -> None:
        """Nothing reads here."""


# --- both ends -------------------------------------------------------------------------------


class Counts:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, ...]] = Counter()
        self.levels: dict[str, Levels] = {}

    def count(self, name: str, /, **labels: str) -> None:
        """Remember a count."""
        self.seen[(name, *labels.values())] += 1

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Remember that there was one."""
        self.seen[(name, *labels.values())] += 1

    def gauge(self, name: str, read: Levels, /) -> None:
        """Remember how to read it."""
        self.levels[name] = read


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it came over the wire; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, has_body: bool = True) -> Answer:
        """Read a reply; with ``has_body`` as many bytes of body as Content-Length says."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        start, *fields = head.decode("ascii").split("\r\n")[:-2]
        version, status, _ = start.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in fields)}
        assert len(headers) == len(fields)
        length = int(headers.get("content-length", "0")) if has_body else 0
        return Answer(int(status), headers, await self.reader.readexactly(length))

    async def ask(self, data: bytes) -> Answer:
        """Send bytes and read a reply."""
        await self.say(data)
        return await self.answer()

    async def rest(self) -> bytes:
        """Read until the server ends its side."""
        return await self.reader.read()

    def reset(self) -> None:
        """Go away by a TCP reset, which unlike an end in good order forgoes the answer."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Go away."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass(slots=True)
class Served:
    """A running server and what it has said to log and meter."""

    server: Server
    port: int
    written: io.StringIO
    counts: Counts
    clients: list[Client] = field(default_factory=list)

    async def connect(self, limit: int = 2**16) -> Client:
        """Open a connection; ``limit`` is the client's own buffer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        client = Client(reader, writer)
        self.clients.append(client)
        return client

    def pass_time(self, seconds: float) -> None:
        """Let the server find that so much time has gone by."""
        self.server.sweep(self.server.time() + seconds)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.written.getvalue().splitlines()]


@contextlib.asynccontextmanager
async def serving(
    face: HTTPFace,
    *,
    limits: HTTPLimits | None = None,
    clock: Clock | None = None,
    listeners: Sequence[Listener] = (),
) -> AsyncIterator[Served]:
    """Serve a face on a free port of loopback; what the face waits for is cut at the end."""
    written, counts = io.StringIO(), Counts()
    server = Server(
        face,
        clock=clock or FixedClock(),
        log=make_logger(written, as_json=True),
        limits=limits,
        meter=counts,
        listeners=listeners,
    )
    sockets = bind_tcp("127.0.0.1", 0)
    served = Served(server, sockets[0].getsockname()[1], written, counts)
    await server.start(sockets)
    try:
        yield served
    finally:
        for client in served.clients:
            await client.close()
        server.abort()


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something holds; the test's own time-out bounds it."""
    while not condition():  # noqa: ASYNC110 (what is waited for knows nothing of this test)
        await asyncio.sleep(0.001)


def get(target: str = "/", *fields: str) -> bytes:
    """Write a GET."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def post(body: bytes, *fields: str) -> bytes:
    """Write a POST with its Content-Length."""
    head = ["POST / HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    """Write a POST in chunks."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"%b%b0\r\n%b\r\n" % (head, body, trailer)
