"""TLS whose lengths lie, or are as large as lengths can be: named at once, and never believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from certstatus.errors import DecodeError, MalformedError
from certstatus.explain import Kind, explain, explain_capture, is_openssl_msg, recognize
from certstatus.handshake import (
    TLS12,
    TLS13,
    Flight,
    HandshakeMessage,
    Sender,
    parse_certificate_message,
    parse_certificate_request,
    parse_certificate_status,
    parse_certificate_status_request,
    parse_client_hello,
    parse_status_request_v2,
    read_transcript,
    split_handshake,
)
from certstatus.limits_tls import (
    MAX_CAPTURE_PACKETS,
    MAX_HANDSHAKE_MESSAGES,
    MAX_RESPONDER_IDS,
    MAX_TLS_CHAIN,
    MAX_TLS_EXTENSIONS,
    MAX_TLS_RECORDS,
)
from tests.captures import pcapng

SLOWEST = 2.0
LARGEST_16 = 2**16 - 1
LARGEST_24 = 2**24 - 1


@contextmanager
def quickly() -> Iterator[None]:
    started = time.thread_time()
    yield
    assert time.thread_time() - started < SLOWEST


def vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size) + data


def hello(extensions: bytes) -> bytes:
    return b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + vector(2, extensions)


# --- claims without the octets ----------------------------------------------------------------

CLAIMS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "responder_id_list": (parse_certificate_status_request, b"\1\xff\xff"),
    "request_extensions": (parse_certificate_status_request, b"\1\0\0\xff\xff"),
    "ResponderID": (parse_certificate_status_request, b"\1\0\2\xff\xff\0\0"),
    "status_request_v2": (parse_status_request_v2, b"\xff\xff\1"),
    "its request": (parse_status_request_v2, b"\0\3\1\xff\xff"),
    "the response": (parse_certificate_status, b"\1\xff\xff\xff0"),
    "the list of responses": (parse_certificate_status, b"\2\xff\xff\xff\0\0\0"),
    "a slot": (parse_certificate_status, b"\2\0\0\3\xff\xff\xff"),
    "a message": (split_handshake, b"\x16\xff\xff\xff\1"),
    "the extensions": (parse_client_hello, hello(b"")[:-2] + b"\xff\xff"),
    "an extension": (parse_client_hello, hello(b"\0\5\xff\xff")),
    "certificate_list": (lambda data: parse_certificate_message(data, version=TLS12), b"\xff" * 4),
    "cert_data": (
        lambda data: parse_certificate_message(data, version=TLS13),
        b"\0\0\0\3\xff\xff\xff",
    ),
    "authorities": (
        lambda data: parse_certificate_request(data, version=TLS12),
        b"\1\1\0\0\0\2\xff\xff",
    ),
}


@pytest.mark.rule("T1", "T3", "T9")
@pytest.mark.parametrize("name", CLAIMS)
def test_a_length_without_its_octets_is_a_decode_error(name: str) -> None:
    read, data = CLAIMS[name]

    with quickly(), pytest.raises(DecodeError, match="cut short"):
        read(data)


# --- lists as long as they can be -------------------------------------------------------------


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("one", "said"),
    [
        (b"\0\1\5", f"holds more than {MAX_RESPONDER_IDS} entries"),
        (b"\0\2\5\0", f"holds more than {MAX_RESPONDER_IDS} entries"),
        (b"\0\0", "ResponderID: is empty"),
    ],
    ids=range(3),
)
def test_a_list_of_65535_octets_of_junk_is_refused(one: bytes, said: str) -> None:
    listed = one * (LARGEST_16 // len(one))

    with quickly(), pytest.raises(DecodeError, match=said):
        parse_certificate_status_request(b"\1" + vector(2, listed) + b"\0\0")


@pytest.mark.rule("T1")
def test_extensions_of_65535_octets_of_junk_are_refused() -> None:
    for junk in (bytes(LARGEST_16), b"\x30" * LARGEST_16, b"\x30\x80" * (LARGEST_16 // 2)):
        with quickly(), pytest.raises(MalformedError):
            parse_certificate_status_request(b"\1\0\0" + vector(2, junk))


@pytest.mark.rule("T9")
def test_a_list_of_version_2_full_of_unknown_types_is_passed_over() -> None:
    with quickly():
        assert parse_status_request_v2(vector(2, b"\x63\0\0" * (LARGEST_16 // 3))) == ()


@pytest.mark.rule("T9")
def test_millions_of_empty_slots_are_not_counted_to_the_end() -> None:
    slots = b"\0\0\0" * (LARGEST_24 // 3)

    with quickly(), pytest.raises(DecodeError, match=f"more than {MAX_TLS_CHAIN} slots"):
        parse_certificate_status(b"\2" + vector(3, slots))
    most = parse_certificate_status(b"\2" + vector(3, b"\0\0\0" * MAX_TLS_CHAIN))
    assert most.responses == (b"",) * MAX_TLS_CHAIN


def test_a_block_of_extensions_of_65535_octets_is_refused() -> None:
    with quickly(), pytest.raises(DecodeError, match=f"more than {MAX_TLS_EXTENSIONS}"):
        parse_client_hello(hello(b"\0\5\0\0" * (LARGEST_16 // 4)))


def test_a_chain_of_16_megabytes_of_nothing_is_refused() -> None:
    chain = vector(3, b"\0\0\1x" * (LARGEST_24 // 4))

    with quickly(), pytest.raises(DecodeError, match=f"more than {MAX_TLS_CHAIN} certificates"):
        parse_certificate_message(chain, version=TLS12)


def test_a_broken_status_leaves_the_flight_readable() -> None:
    certificate = HandshakeMessage(11, vector(3, vector(3, b"leaf")), Sender.SERVER)
    status = HandshakeMessage(22, b"\2" + vector(3, bytes(3 * 10_000)), Sender.SERVER)

    with quickly():
        assert Flight.read((certificate, status)).staples == (None,)


# --- files without end ------------------------------------------------------------------------


def test_empty_messages_without_end_are_refused() -> None:
    endless = bytes(4 * 2**20)  # HelloRequest, a million times

    with quickly():
        assert recognize(endless) is None
    record = b"\x16\3\3\x40\0" + bytes(2**14)
    with quickly(), pytest.raises(DecodeError, match=f"more than {MAX_HANDSHAKE_MESSAGES}"):
        read_transcript(record * 64)


def test_empty_records_without_end_are_refused() -> None:
    with quickly(), pytest.raises(DecodeError, match=f"more than {MAX_TLS_RECORDS}"):
        read_transcript(b"\x17\3\3\0\0" * (10 * MAX_TLS_RECORDS))


def test_empty_blocks_of_a_capture_without_end_are_refused() -> None:
    block = bytes(4) + (12).to_bytes(4, "little") * 2

    with quickly():
        found = explain_capture(pcapng([]) + block * (5 * MAX_CAPTURE_PACKETS))
    assert f"more than {MAX_CAPTURE_PACKETS} packets" in found.problem


def test_hex_without_end_is_searched_once() -> None:
    head = b"<<< TLS 1.2, Handshake [length 0004], X\n"

    with quickly():
        assert not is_openssl_msg((head + b"    " + b" " * 1_000 + b"x\n") * 2_000)


@pytest.mark.rule("T9")
def test_millions_of_empty_slots_are_not_shown_to_the_end() -> None:
    body = b"\2" + vector(3, b"\0\0\0" * (LARGEST_24 // 3 - 2))
    message = HandshakeMessage(22, body, Sender.SERVER).encode()

    with quickly():
        listed = explain(message, kind=Kind.HANDSHAKE).at("ocsp_response_list")
    assert len(listed.children) == MAX_TLS_CHAIN
    assert f"more than {MAX_TLS_CHAIN} slots" in listed.problem
