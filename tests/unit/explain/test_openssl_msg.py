from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.explain import explain, is_openssl_msg, parse_openssl_msg
from certstatus.handshake import read_transcript
from tests.flights import STAPLE, certificate_status, tls12

FLIGHT = tls12(certificate_status(STAPLE))


def shown(data: bytes, *, arrow: str = "<<<", kind: str = "Handshake", end: str = "\n") -> str:
    lines = [data[at : at + 16].hex(" ") for at in range(0, len(data), 16)]
    head = f"{arrow} TLS 1.2, {kind} [length {len(data):04x}], Something"
    return end.join((head, *(f"    {line}" for line in lines), ""))


MESSAGES = tuple(message.encode() for message in FLIGHT.messages)
TEXT = "CONNECTED(00000003)\n" + "".join(map(shown, MESSAGES)) + "---\nServer certificate\n"


def test_the_messages_come_out_in_records() -> None:
    assert is_openssl_msg(TEXT.encode())
    assert read_transcript(parse_openssl_msg(TEXT.encode())).messages == MESSAGES


def test_alerts_come_out_too_and_record_headers_do_not() -> None:
    header = shown(b"\x16\x03\x03\0\x05", kind="RecordHeader")
    text = header + TEXT + shown(b"\2\x71", arrow=">>>", kind="Alert")

    found = explain(parse_openssl_msg(text.encode()))
    assert found.at("Alert").text == "fatal, bad_certificate_status_response (113)"
    assert found.at("CertificateStatus").at("OCSPResponse").problem == ""


def test_lines_may_end_as_on_windows_or_not_at_all() -> None:
    for text in (shown(MESSAGES[0], end="\r\n"), shown(MESSAGES[0]).rstrip("\n")):
        assert read_transcript(parse_openssl_msg(text.encode())).messages == MESSAGES[:1]


def test_a_message_longer_than_a_record_is_cut_over_several() -> None:
    long = b"\x0b" + (40_000).to_bytes(3) + bytes(40_000)

    assert read_transcript(parse_openssl_msg(shown(long).encode())).messages == (long,)


@pytest.mark.parametrize("text", [b"", b"<<< TLS 1.2, Handshake", b">>> hello", b"<<<\n    00"])
def test_other_text_is_none(text: bytes) -> None:
    assert not is_openssl_msg(text)


def test_hex_that_is_too_short_is_malformed() -> None:
    text = shown(MESSAGES[0]).replace("[length 0", "[length 1", 1)

    with pytest.raises(MalformedError, match="octets of hex"):
        parse_openssl_msg(text.encode())
