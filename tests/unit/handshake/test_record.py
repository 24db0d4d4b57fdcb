from __future__ import annotations

import re

import pytest

from certstatus.errors import DecodeError
from certstatus.handshake import Record, parse_records, read_records, read_transcript
from certstatus.handshake.record import is_records
from certstatus.limits_tls import MAX_HANDSHAKE_BYTES
from tests.flights import certificate, client_hello, server_hello

HELLO = client_hello().encode()
SERVER = server_hello().encode()
CERTIFICATE = certificate().encode()
CHANGE = bytes.fromhex("14 0303 0001 01")
ALERT = bytes.fromhex("15 0303 0002 02 71")


def record(fragment: bytes, kind: int = 22) -> bytes:
    return bytes((kind, 3, 3)) + len(fragment).to_bytes(2) + fragment


def test_records_are_cut_apart() -> None:
    data = record(HELLO) + CHANGE

    assert parse_records(data) == (Record(22, 0x0303, HELLO), Record(20, 0x0303, b"\1"))
    assert parse_records(b"") == ()


def test_messages_may_share_a_record_or_be_cut_over_several() -> None:
    together = SERVER + CERTIFICATE

    assert read_records(record(together)) == (SERVER, CERTIFICATE)
    pieces = b"".join(record(together[at : at + 7]) for at in range(0, len(together), 7))
    assert read_records(pieces) == (SERVER, CERTIFICATE)


def test_what_follows_change_cipher_spec_is_encrypted() -> None:
    secret = bytes.fromhex("00000000 00000000") + b"finished, encrypted"
    found = read_transcript(
        record(HELLO) + CHANGE + record(secret) + record(b"data", 23) + record(b"\1\2", 21)
    )

    assert found.messages == (HELLO,)
    assert found.encrypted == 3
    assert found.alerts == ()
    assert found.rest == ""


def test_a_hello_after_change_cipher_spec_is_plain_as_tls_13_has_it() -> None:
    data = record(HELLO) + CHANGE + record(HELLO) + record(b"finished", 23)

    assert read_transcript(data).messages == (HELLO, HELLO)
    assert read_transcript(data).encrypted == 1


def test_an_alert_in_plain_is_read() -> None:
    assert read_transcript(record(HELLO) + ALERT).alerts == ((2, 113),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (record(HELLO)[:3], "header: is cut short"),
        (record(HELLO)[:-1], "fragment: is cut short"),
        (record(HELLO[:-1]), r"client_hello\(1\) is cut short"),
        (record(HELLO[:2]), r"client_hello\(1\) is cut short"),
    ],
)
def test_a_capture_that_ends_early_says_what_is_missing(data: bytes, said: str) -> None:
    found = read_transcript(record(SERVER) + data)

    assert found.messages == (SERVER,)
    assert re.search(said, found.rest)
    with pytest.raises(DecodeError, match=said):
        read_records(record(SERVER) + data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GET / HTTP/1.1\r\n", "is no TLS record at octet 0"),
        (record(HELLO) + b"\x16\x02\x03\0\0", f"is no TLS record at octet {len(HELLO) + 5}"),
        (b"\x16\x03\x03\xff\xff", "length: is 65535, more than 18432"),
    ],
)
def test_what_is_no_record_is_a_decode_error(data: bytes, said: str) -> None:
    for read in (parse_records, read_records, read_transcript):
        with pytest.raises(DecodeError, match=said):
            read(data)


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (record(HELLO), True),
        (CHANGE, True),
        (b"\x16\x03\x03\0", False),
        (b"\x30\x03\x0a\x01\x06", False),
        (b"\x19\x03\x03\0\0", False),
        (b"\x16\x03\x05\0\0", False),
    ],
)
def test_a_record_is_told_by_its_head(data: bytes, is_one: bool) -> None:
    assert is_records(data) is is_one


def test_more_than_the_limit_of_handshake_is_refused() -> None:
    piece = record(bytes(2**14))
    count = MAX_HANDSHAKE_BYTES // 2**14

    with pytest.raises(DecodeError, match=f"over {MAX_HANDSHAKE_BYTES} octets"):
        read_transcript(piece * (count + 1))
