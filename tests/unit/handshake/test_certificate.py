from __future__ import annotations

import pytest

from certstatus.errors import DecodeError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateMessage,
    CertificateRequest,
    CertificateStatus,
    ExtensionType,
    TLSExtension,
    certificate_request_version,
    certificate_version,
    encode_certificate_message,
    encode_certificate_request,
    parse_certificate_message,
    parse_certificate_request,
)
from certstatus.limits_tls import MAX_TLS_CHAIN
from tests.flights import ASKED, OTHER, PROMISED, STAPLE, entries

TLS11 = 0x0302
MESSAGE = CertificateMessage(entries=entries([STAPLE, OTHER]))
BARE = CertificateMessage(entries=entries())


@pytest.mark.rule("T5")
def test_tls_13_writes_each_certificate_with_its_extensions() -> None:
    body = encode_certificate_message(
        CertificateMessage(entries=(CertificateEntry.stapled(b"leaf", STAPLE),)), version=TLS13
    )

    assert body == bytes.fromhex(
        "00 000016 000004 6c656166 000d 0005 0009 01 000005 30030a0106".replace(" ", "")
    )


@pytest.mark.parametrize(
    ("message", "version"), [(MESSAGE, TLS13), (BARE, TLS13), (BARE, TLS12), (BARE, TLS11)]
)
def test_a_certificate_message_comes_back_as_it_was(
    message: CertificateMessage, version: int
) -> None:
    body = encode_certificate_message(message, version=version)

    assert parse_certificate_message(body, version=version) == message
    assert certificate_version(body) == (TLS13 if version == TLS13 else TLS12)


def test_up_to_tls_12_extensions_and_context_are_left_out() -> None:
    full = CertificateMessage(entries=MESSAGE.entries, certificate_request_context=b"x")

    body = encode_certificate_message(full, version=TLS12)
    assert parse_certificate_message(body, version=TLS12) == BARE


def test_no_certificates_are_a_message_too() -> None:
    none = CertificateMessage(certificate_request_context=b"context")

    body = encode_certificate_message(none, version=TLS13)
    assert parse_certificate_message(body, version=TLS13) == none
    assert certificate_version(body) == TLS13
    assert parse_certificate_message(b"\0\0\0", version=TLS12) == CertificateMessage()
    assert certificate_version(b"\0\0\0") == certificate_version(b"") == TLS12


@pytest.mark.rule("T5")
def test_the_status_of_an_entry_is_its_extension_read() -> None:
    stapled, plain = entries([STAPLE])

    assert stapled.status == CertificateStatus.single(STAPLE)
    assert plain.status is None
    with pytest.raises(DecodeError, match="CertificateStatus"):
        _ = CertificateEntry(cert_data=b"x", extensions=(PROMISED,)).status


def test_an_empty_staple_is_none() -> None:
    assert CertificateEntry.stapled(b"leaf", b"") == CertificateEntry(cert_data=b"leaf")


BROKEN = {
    "nothing": ("", TLS13, "certificate_request_context.length: is cut short"),
    "nothing, old": ("", TLS12, "certificate_list.length: is cut short"),
    "a list that claims more": ("00 000005 000001 61", TLS13, "certificate_list: is cut short"),
    "more behind": ("00 000006 000001 61 0000 00", TLS13, "has 1 octet after its end"),
    "an empty certificate": ("00 000005 000000 0000", TLS13, "cert_data: is empty"),
    "an empty certificate, old": ("000003 000000", TLS12, "cert_data: is empty"),
    "no extensions": ("00 000004 000001 61", TLS13, "extensions.length: is cut short"),
    "an extension that claims more": (
        "00 00000a 000001 61 0004 0005 0001",
        TLS13,
        r"status_request\(5\).extension_data: is cut short",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_certificate_message_names_the_field(name: str) -> None:
    body, version, said = BROKEN[name]

    with pytest.raises(DecodeError, match=said):
        parse_certificate_message(bytes.fromhex(body), version=version)


def test_a_chain_longer_than_the_limit_is_refused() -> None:
    def body(count: int) -> bytes:
        message = CertificateMessage(entries=(CertificateEntry(cert_data=b"x"),) * count)
        return encode_certificate_message(message, version=TLS13)

    assert len(parse_certificate_message(body(MAX_TLS_CHAIN), version=TLS13).entries) == 32
    with pytest.raises(DecodeError, match=f"more than {MAX_TLS_CHAIN} certificates"):
        parse_certificate_message(body(MAX_TLS_CHAIN + 1), version=TLS13)


# --- CertificateRequest -----------------------------------------------------------------------

ALGORITHMS = TLSExtension(ExtensionType.SIGNATURE_ALGORITHMS, bytes.fromhex("00020403"))


@pytest.mark.rule("T6")
def test_a_request_of_tls_13_has_an_empty_status_request() -> None:
    request = CertificateRequest(extensions=(PROMISED, ALGORITHMS))
    body = encode_certificate_request(request, version=TLS13)

    assert body == bytes.fromhex("00 000c 0005 0000 000d 0004 0002 0403")
    assert parse_certificate_request(body, version=TLS13) == request


@pytest.mark.parametrize(("version", "algorithms"), [(TLS12, b"\x04\x03"), (TLS11, b"")])
def test_an_older_request_comes_back_as_it_was(version: int, algorithms: bytes) -> None:
    request = CertificateRequest(
        certificate_types=b"\x01\x40",
        supported_signature_algorithms=algorithms,
        certificate_authorities=(b"\x30\0", b"\x30\0"),
    )

    body = encode_certificate_request(request, version=version)
    assert parse_certificate_request(body, version=version) == request


@pytest.mark.parametrize(
    ("body", "version", "said"),
    [
        ("00 0000", TLS13, "extensions: is empty"),
        ("00 0004 0005 0000 00", TLS13, "has 1 octet after its end"),
        ("05", TLS13, "certificate_request_context: is cut short"),
        ("00 0000 0000", TLS12, "certificate_types: is empty"),
        ("01 01 0000 0002 0000", TLS12, "DistinguishedName: is empty"),
    ],
)
def test_a_broken_request_names_the_field(body: str, version: int, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        parse_certificate_request(bytes.fromhex(body), version=version)


def test_what_has_no_room_can_not_be_written() -> None:
    huge = CertificateEntry(cert_data=b"x", extensions=(ASKED,) * 8_000)

    with pytest.raises(ValueError, match="extensions has"):
        encode_certificate_message(CertificateMessage(entries=(huge,)), version=TLS13)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ("00 0006 0005 0002 0000", TLS13),
        ("02 aabb 0006 0005 0002 0000", TLS13),
        ("00 0006 0005 0002 000000", TLS12),
        ("00 0006 0005 0002 00", TLS12),
        ("00 0000", TLS12),  # a list that must not be empty in TLS 1.3
        ("01 01 0002 0403 0000", TLS12),
        ("", TLS12),
        ("00", TLS12),
        ("0006 0005 0002 0000", TLS12),
    ],
)
def test_a_certificate_request_tells_its_form_by_its_lengths(body: str, version: int) -> None:
    assert certificate_request_version(bytes.fromhex(body)) == version
