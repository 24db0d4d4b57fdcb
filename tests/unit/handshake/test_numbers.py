from __future__ import annotations

import pytest

from certstatus.handshake import (
    AlertDescription,
    CertificateStatusType,
    ExtensionType,
    HandshakeType,
    version_text,
)
from certstatus.handshake.numbers import number_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (AlertDescription.UNEXPECTED_MESSAGE, "unexpected_message(10)"),
        (AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response(113)"),
        (AlertDescription.UNSUPPORTED_EXTENSION, "unsupported_extension(110)"),
        (ExtensionType.STATUS_REQUEST_V2, "status_request_v2(17)"),
        (HandshakeType.CERTIFICATE_STATUS, "certificate_status(22)"),
        (CertificateStatusType.OCSP_MULTI, "ocsp_multi(2)"),
    ],
)
def test_a_number_is_written_with_its_name(number: object, text: str) -> None:
    assert str(number) == text


def test_a_number_of_no_name_says_so() -> None:
    assert number_text(5, ExtensionType) == "status_request(5)"
    assert number_text(0x0A0A, ExtensionType) == "unknown(2570)"


def test_versions_are_named_where_they_are_known() -> None:
    assert [version_text(one) for one in (0x0301, 0x0303, 0x0304, 0x7F1C)] == [
        *("TLS 1.0", "TLS 1.2", "TLS 1.3"),
        "0x7f1c",
    ]


def test_messages_have_the_names_of_their_structures() -> None:
    assert HandshakeType.CERTIFICATE_STATUS.struct == "CertificateStatus"
    assert HandshakeType.CLIENT_HELLO.struct == "ClientHello"
