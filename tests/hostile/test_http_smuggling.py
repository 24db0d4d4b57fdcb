"""Requests that two readers could take apart in two ways are refused, and nothing after them is read."""

from __future__ import annotations

import pytest

from tests.serving import Echo, in_loop, serving

_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


def _post(*fields: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"POST / HTTP/" + version, b"Host: x", *fields, b"", b""])


_AMBIGUOUS = {
    "length and chunked": _post(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunked and length": _post(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n",
    "two lengths": _post(b"Content-Length: 0", b"Content-Length: 33"),
    "two equal lengths": _post(b"Content-Length: 0", b"Content-Length: 0"),
    "list of lengths": _post(b"Content-Length: 0, 33"),
    "signed length": _post(b"Content-Length: +0"),
    "negative length": _post(b"Content-Length: -1"),
    "hexadecimal length": _post(b"Content-Length: 0x0"),
    "length with a tail": _post(b"Content-Length: 0a"),
    "length with a blank inside": _post(b"Content-Length: 0 0"),
    "empty length": _post(b"Content-Length: "),
    "endless length": _post(b"Content-Length: 99999999999999999999"),
    "length in other digits": _post("Content-Length: ٣".encode()),
    "blank before the colon": _post(b"Content-Length : 0"),
    "folded field": _post(b"Content-Length: 0", b" 33"),
    "field without a name": _post(b": x"),
    "NUL in a value": _post(b"X: a\0b"),
    "CR in a value": _post(b"X: a\rContent-Length: 33"),
    "bare LF": b"POST / HTTP/1.1\nHost: x\nContent-Length: 0\n\n",
    "bare LF after a field": b"POST / HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n",
    "chunked last but one": _post(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "chunked twice": _post(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "chunked in two fields": _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")
    + b"0\r\n\r\n",
    "chunked behind a vertical tab": _post(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "chunked in HTTP/1.0": _post(b"Transfer-Encoding: chunked", version=b"1.0") + b"0\r\n\r\n",
    "negative chunk": _post(b"Transfer-Encoding: chunked") + b"-1\r\nx\r\n0\r\n\r\n",
    "chunk size with a prefix": _post(b"Transfer-Encoding: chunked") + b"0x1\r\nx\r\n0\r\n\r\n",
    "endless chunk size": _post(b"Transfer-Encoding: chunked") + b"f" * 17 + b"\r\nx\r\n0\r\n\r\n",
    "bare LF after a chunk size": _post(b"Transfer-Encoding: chunked") + b"1\nx\r\n0\r\n\r\n",
    "chunk longer than it says": _post(b"Transfer-Encoding: chunked") + b"1\r\nxy\r\n0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "blank in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "octets above ASCII in the target": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "method in small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank before the method": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("message", _AMBIGUOUS.values(), ids=_AMBIGUOUS.keys())
@in_loop
async def test_what_can_be_read_in_two_ways_is_400_and_the_end(message: bytes) -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        answer = await client.ask(message + _HIDDEN)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.headers["cache-control"] == "no-store"
        assert await client.rest() == b""
        assert (await (await served.connect()).ask(_HIDDEN)).status == 200
    assert [request.target for request in face.requests] == [b"/hidden"]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (_post(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
        (_post(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n", 501),
        (_post(b"Transfer-Encoding: identity"), 501),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
    ],
)
@in_loop
async def test_what_is_not_spoken_here_is_refused_by_name(message: bytes, status: int) -> None:
    face = Echo()
    async with serving(face) as served:
        client = await served.connect()
        assert (await client.ask(message + _HIDDEN)).status == status
        assert await client.rest() == b""
    assert face.requests == []
