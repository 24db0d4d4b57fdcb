from __future__ import annotations

import pytest

from certstatus.limits_hot import MAX_PLAIN_HEAD_BYTES, MAX_PLAIN_HEADS
from certstatus.responder import OCSPFace, Responder
from certstatus.responder.heads import Plain, PlainHeads
from tests.desk import authority

FACE = OCSPFace(Responder([authority()]))
TYPE = "Content-Type: application/ocsp-request"


def heads() -> PlainHeads:
    return PlainHeads(FACE.admit, b"/M")


def tail(*fields: str, version: str = "1") -> bytes:
    return "\r\n".join((version, *fields, "", "")).encode("latin-1")


def head(*fields: str, start: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join((start, *fields)).encode("latin-1")


PLAIN = {
    "curl": ("Host: a", "User-Agent: curl/8", "Accept: */*"),
    "windows": ("Connection: Keep-Alive", "Accept: */*", "User-Agent: Microsoft-CryptoAPI/10.0", "Host: a"),
    "behind a proxy": ("Host: a", "X-Forwarded-For: 192.0.2.1", "X-Request-ID: 1"),
    "no value": ("Host: a", "User-Agent:"),
    "blanks around": ("Host:   a \t", "Accept:\t*/*"),
}  # fmt: skip

ODD = {
    "several options": ("Host: a", "Connection: keep-alive, x"),
    "no host": ("Accept: */*",),
    "two hosts": ("Host: a", "Host: a"),
    "two lengths": ("Host: a", "Content-Length: 4", "Content-Length: 4"),
    "no length": ("Host: a", "Content-Length: +4"),
    "length and chunks": ("Host: a", "Content-Length: 4", "Transfer-Encoding: chunked"),
    "expectation": ("Host: a", "Expect: 100-continue"),
    "condition": ("Host: a", "If-None-Match: *"),
    "via": ("Host: a", "Via: 1.1 certstatus-0123456789abcdef"),
    "upgrade": ("Host: a", "Upgrade: h2c"),
    "folded": ("Host: a", " b"),
    "blank before the colon": ("Host : a",),
    "no colon": ("Host: a", "x"),
    "high octet": ("Host: a", "User-Agent: \x80"),
    "control": ("Host: a", "User-Agent: a\x00b"),
    "bare line feed": ("Host: a\nConnection: close",),
    "unknown field": ("Host: a", "Frobnicate: 1"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_what_clients_write_is_plain(kind: str) -> None:
    known = heads()

    for _ in range(2):
        assert known.after_get(tail(*PLAIN[kind])) == Plain(0, is_last=False)
        posted = known.of_post(head(*PLAIN[kind], TYPE, "Content-Length: 70"))
        assert posted == Plain(70, is_last=False)


LAST = {
    "close": (("Host: a", "Connection: close"), "1"),
    "Close": (("Host: a", "connection: Close"), "1"),
    "HTTP/1.0": (("Host: a",), "0"),
    "HTTP/1.0 without host": ((), "0"),
    "HTTP/1.0 that closes": (("Connection: close",), "0"),
}


@pytest.mark.parametrize("kind", LAST)
def test_who_wants_no_more_than_one_answer_is_known(kind: str) -> None:
    fields, version = LAST[kind]
    known = heads()

    for _ in range(2):
        assert known.after_get(tail(*fields, version=version)) == Plain(0, is_last=True)
        start = f"POST / HTTP/1.{version}"
        posted = known.of_post(head(*fields, TYPE, "Content-Length: 70", start=start))
        assert posted == Plain(70, is_last=True)


@pytest.mark.parametrize("kind", ODD)
def test_what_a_parser_should_read_is_not(kind: str) -> None:
    known = heads()

    for _ in range(2):
        assert known.after_get(tail(*ODD[kind])) is None
        assert known.of_post(head(*ODD[kind], TYPE, "Content-Length: 70")) is None


@pytest.mark.parametrize(
    "odd",
    [tail("Host: a", version="2"), tail("Connection: keep-alive", version="0"), tail("Host: a")[:-2], tail("Host: a") + b"x", b"", tail("Host: a") * 2],
)  # fmt: skip
def test_a_get_ends_with_its_head(odd: bytes) -> None:
    assert heads().after_get(odd) is None


@pytest.mark.parametrize(
    "odd",
    [
        head("Host: a", TYPE),
        head("Host: a", TYPE, "Content-Length: 0"),
        head("Host: a", "Content-Length: 70"),
        head("Host: a", TYPE, "Content-Length: 70", start="POST /x HTTP/1.1"),
        head("Host: a", TYPE, "Content-Length: 70", start="POST / HTTP/1.2"),
        head("Connection: keep-alive", TYPE, "Content-Length: 7", start="POST / HTTP/1.0"),
        head("Host: a", TYPE, "Content-Length: 70", start="PUT / HTTP/1.1"),
        head("Host: a", TYPE, "Content-Length: 9999999"),
    ],
)
def test_a_post_tells_how_long_it_is_and_is_admitted(odd: bytes) -> None:
    assert heads().of_post(odd) is None


def test_a_get_may_have_no_body() -> None:
    assert heads().after_get(tail("Host: a", "Content-Length: 4")) is None


def test_the_head_of_a_post_is_no_end_of_a_get() -> None:
    known = heads()
    posted = head("Host: a", TYPE, "Content-Length: 70")

    assert known.of_post(posted) is not None
    assert known.after_get(posted) is None


def test_long_heads_are_not_learnt() -> None:
    known = heads()
    long = "User-Agent: " + "x" * MAX_PLAIN_HEAD_BYTES

    assert known.after_get(tail("Host: a", long)) is None
    assert known.of_post(head("Host: a", TYPE, "Content-Length: 70", long)) is None
    assert not known._tails
    assert not known._heads


def test_no_more_heads_are_known_than_may_be() -> None:
    known = heads()
    for number in range(MAX_PLAIN_HEADS + 10):
        known.after_get(tail("Host: a", f"X-Request-ID: {number}"))
        known.of_post(head("Host: a", TYPE, f"Content-Length: {number + 1}"))

    assert len(known._tails) == len(known._heads) == 10
