"""A request in pieces: wherever it is cut, it gets the answer that it gets whole.

With the hot lane in front, which takes whole requests alone, and the reader behind it.
"""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from datetime import timedelta
from itertools import pairwise
from urllib.parse import quote

import pytest

from certstatus.ocsp import Extensions, Nonce
from certstatus.server.connection import Connection
from certstatus.server.http import HTTPLimits, Server
from certstatus.server.log import make_logger
from certstatus.testing import FixedClock
from tests.desk import NOW, cert_id, request
from tests.nearby import near_face
from tests.serving import Wire, until

_STORED, _OTHER = request(), request(cert_id(7))
_FIELDS = b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"


def _get(der: bytes, more: bytes = b"") -> bytes:
    return b"GET /" + quote(b64encode(der), safe="").encode() + _FIELDS + more + b"\r\n"


def _post(der: bytes, more: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(der)
    return b"POST /" + _FIELDS + length + more + b"\r\n" + der


def _chunked(der: bytes) -> bytes:
    head = b"POST /" + _FIELDS + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"10\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (der[:16], len(der) - 16, der[16:])


_MESSAGES = {
    "GET": _get(_STORED),
    "POST": _post(_STORED),
    "HEAD": _get(_STORED).replace(b"GET", b"HEAD", 1),
    "chunked": _chunked(_STORED),
    "close": _post(_STORED, b"Connection: close\r\n"),
    "upgrade": _post(_STORED, b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    "HTTP/1.0": _get(_STORED).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "malformed": _post(_STORED[:-1]),
    "three in a row": _get(_STORED) + _post(_OTHER) + _get(_STORED),
    "one of them refused": _get(_STORED) + _get(b"junk") + _post(_STORED),
}


def _server() -> Server:
    face = asyncio.run(near_face(_STORED, _OTHER))
    log = make_logger(io.StringIO(), as_json=True)
    patient = HTTPLimits(read_time=timedelta(hours=1))  # whatever else the machine does
    return Server(face, clock=FixedClock(NOW), log=log, limits=patient)


async def _answer(server: Server, *pieces: bytes) -> tuple[bytes, bool]:
    """Return what a connection writes for these pieces, and whether it closes."""
    await server.start([])
    wire = Wire()
    connection = Connection(server)
    connection.connection_made(wire)
    for piece in pieces:
        connection.data_received(piece)
        await until(lambda: not server.turns.waiting and connection._task is None)
    written, ends = bytes(wire.written), wire.closed or wire.ended
    connection.connection_lost(None)
    server.abort()
    return written, ends


@pytest.mark.rule("O32", "O33")
@pytest.mark.parametrize("name", _MESSAGES)
def test_wherever_a_request_is_cut_the_answer_is_the_same(name: str) -> None:
    message, server = _MESSAGES[name], _server()

    async def check() -> None:
        whole = await _answer(server, message)
        assert whole[0].startswith(b"HTTP/1.1 200 OK\r\n")
        for cut in range(1, len(message)):
            assert await _answer(server, message[:cut], message[cut:]) == whole

    asyncio.run(asyncio.wait_for(check(), 60))


@pytest.mark.parametrize(("name", "stored"), [("GET", 1), ("POST", 1), ("HEAD", 0), ("close", 1)])
def test_whole_and_plain_requests_go_by_the_hot_lane(name: str, stored: int) -> None:
    """So the cuts compare two ways, and not one with itself."""
    server = _server()
    asyncio.run(_answer(server, _MESSAGES[name]))
    assert server.turns.stored == stored


@pytest.mark.parametrize("name", _MESSAGES)
def test_octet_by_octet_the_answer_is_the_same(name: str) -> None:
    message, server = _MESSAGES[name], _server()

    async def check() -> None:
        octets = [message[a:b] for a, b in pairwise(range(len(message) + 1))]
        assert await _answer(server, *octets) == await _answer(server, message)

    asyncio.run(asyncio.wait_for(check(), 60))


def test_a_nonce_comes_back_wherever_its_request_is_cut() -> None:
    """Each such answer is signed anew, so the nonce is what can be compared."""
    nonce = bytes(range(32))
    message = _post(request(extensions=Extensions.of(Nonce(nonce))))
    server = _server()

    async def check() -> None:
        for cut in range(1, len(message) + 1):
            written, ends = await _answer(server, message[:cut], message[cut:])
            assert written.count(nonce) == 1
            assert not ends

    asyncio.run(asyncio.wait_for(check(), 60))
