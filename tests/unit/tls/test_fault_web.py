from __future__ import annotations

import contextlib
from http import HTTPStatus
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import MAX_HEADER_BYTES, MAX_REQUEST_BYTES, MAX_TARGET_BYTES
from certstatus.tls.fault_web import Refused, WebReply, WebRequest, read_request


def read(data: bytes, at_once: int = 16_384) -> WebRequest | None:
    source = BytesIO(data)
    return read_request(lambda size: source.read(min(size, at_once)))


def refused(data: bytes) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        read(data)
    return caught.value.reply.status, caught.value.reply.body.decode()


@pytest.mark.parametrize("at_once", [1, 7, 16_384])
def test_a_request_is_read_whole_however_it_comes(at_once: int) -> None:
    data = b"POST /expired HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nAccept: x\r\nAccept:  y \r\n\r\nbodyrest"

    assert read(data, at_once) == WebRequest(
        method="POST",
        target="/expired",
        headers={"host": "a", "content-length": "4", "accept": "x, y"},
        body=b"body",
    )


def test_a_client_that_says_nothing_asks_nothing() -> None:
    assert read(b"") is None
    assert read(b"\r\n\r\n") is None


def test_an_empty_line_before_the_request_is_passed_over() -> None:
    request = read(b"\r\nGET / HTTP/1.0\r\n\r\n")

    assert request is not None
    assert request.method == "GET"


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET / HTTP/2.0\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nA: b\r\n", 400, "within its head"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "field is broken"),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400, "field is broken"),
        (b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400, "no number"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, "twice"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", 400, "within its body"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411, "Content-Length"),
    ],
)
def test_a_broken_request_is_refused_by_name(data: bytes, status: int, reason: str) -> None:
    found, text = refused(data)

    assert found == status
    assert reason in text


def test_sizes_are_bounded() -> None:
    def head(**parts: str) -> bytes:
        target, field = parts.get("target", "/"), parts.get("field", "0")
        return f"POST {target} HTTP/1.1\r\nContent-Length: {field}\r\n\r\n".encode()

    assert refused(head(field=str(MAX_REQUEST_BYTES + 1)))[0] == 413
    assert read(head(field=str(MAX_REQUEST_BYTES)) + bytes(MAX_REQUEST_BYTES)) is not None
    assert refused(head(target="/" * (MAX_TARGET_BYTES + 1)))[0] == 414
    assert read(head(target="/" * MAX_TARGET_BYTES)) is not None
    assert refused(b"GET / HTTP/1.1\r\nA: " + b"b" * MAX_HEADER_BYTES)[0] == 431


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    for start in (b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: "):
        with contextlib.suppress(Refused):
            request = read(start + data)
            assert request is None or request.method


def test_a_reply_has_a_length_and_ends_the_connection() -> None:
    reply = WebReply(status=HTTPStatus.NOT_FOUND, body=b"no\n", headers=(("Allow", "GET"),))
    head, _, body = reply.encode().partition(b"\r\n\r\n")

    assert head.split(b"\r\n") == [
        b"HTTP/1.1 404 Not Found",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: 3",
        b"Cache-Control: no-store",
        b"Connection: close",
        b"Allow: GET",
    ]
    assert body == b"no\n"
    assert reply.encode(has_body=False) == head + b"\r\n\r\n"
