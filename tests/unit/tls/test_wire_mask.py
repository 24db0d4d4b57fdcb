from __future__ import annotations

from typing import Final

import pytest

from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateMessage,
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    Sender,
    ServerHello,
    TLSExtension,
    encode_certificate_message,
    encode_certificate_request,
    encode_client_hello,
    encode_encrypted_extensions,
    encode_server_hello,
)
from certstatus.tls.wire_mask import without_status

OTHER: Final = TLSExtension(ExtensionType.SERVER_NAME, b"kept")
STATUS: Final = tuple(
    TLSExtension(kind, b"not to be read")
    for kind in (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)
)


def body_of(kind: HandshakeType, extensions: tuple[TLSExtension, ...]) -> bytes:
    """Write a message of TLS 1.3 with these extensions."""
    match kind:
        case HandshakeType.CLIENT_HELLO:
            hello = ClientHello(cipher_suites=(0x1301,), extensions=extensions)
            return encode_client_hello(hello)
        case HandshakeType.SERVER_HELLO:
            return encode_server_hello(ServerHello(extensions=extensions))
        case HandshakeType.ENCRYPTED_EXTENSIONS:
            return encode_encrypted_extensions(EncryptedExtensions(extensions=extensions))
        case HandshakeType.CERTIFICATE_REQUEST:
            request = CertificateRequest(extensions=extensions)
            return encode_certificate_request(request, version=TLS13)
        case _:
            entry = CertificateEntry(cert_data=b"certificate", extensions=extensions)
            message = CertificateMessage(entries=(entry, entry))
            return encode_certificate_message(message, version=TLS13)


@pytest.mark.parametrize(
    "kind",
    [
        HandshakeType.CLIENT_HELLO,
        HandshakeType.SERVER_HELLO,
        HandshakeType.ENCRYPTED_EXTENSIONS,
        HandshakeType.CERTIFICATE_REQUEST,
        HandshakeType.CERTIFICATE,
    ],
)
def test_status_is_taken_out_and_the_rest_is_kept(kind: HandshakeType) -> None:
    sent = HandshakeMessage(kind, body_of(kind, (STATUS[0], OTHER, *STATUS)), Sender.SERVER)

    assert without_status(sent, TLS13).body == body_of(kind, (OTHER,))


@pytest.mark.parametrize("kind", HandshakeType)
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_what_cannot_be_read_is_left_to_the_engine(kind: HandshakeType, version: int) -> None:
    sent = HandshakeMessage(kind, b"\x01", Sender.SERVER)

    assert without_status(sent, version) == sent


@pytest.mark.parametrize("kind", [HandshakeType.CERTIFICATE, HandshakeType.CERTIFICATE_REQUEST])
def test_certificates_of_tls_1_2_have_no_extensions_to_take_out(kind: HandshakeType) -> None:
    sent = HandshakeMessage(kind, body_of(kind, STATUS), Sender.SERVER)

    assert without_status(sent, TLS12) == sent


def test_a_hello_retry_request_is_left_as_it_is() -> None:
    """tlslite-ng hashes it as it would write it."""
    random = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    retry = encode_server_hello(ServerHello(random=random, extensions=STATUS))
    sent = HandshakeMessage(HandshakeType.SERVER_HELLO, retry, Sender.SERVER)

    assert without_status(sent, TLS13) == sent
