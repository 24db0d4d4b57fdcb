"""TLS handshakes written by hand: honest ones, and any that tests want otherwise.

Certificates are octets here, not certificates: nothing in ``certstatus.handshake`` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateMessage,
    CertificateRequest,
    CertificateStatus,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ClientHello,
    EncryptedExtensions,
    ExtensionType,
    Flight,
    HandshakeMessage,
    HandshakeType,
    Sender,
    ServerHello,
    TLSExtension,
    check_flight,
    encode_certificate_message,
    encode_certificate_request,
    encode_certificate_status,
    encode_certificate_status_request,
    encode_client_hello,
    encode_encrypted_extensions,
    encode_server_hello,
    encode_status_request_v2,
)
from certstatus.verify import Check, Outcome

CHAIN: Final = (b"leaf", b"issuing CA")
STAPLE: Final = bytes.fromhex("30030a0106")
OTHER: Final = bytes.fromhex("30030a0103")

OCSP, MULTI = CertificateStatusType.OCSP, CertificateStatusType.OCSP_MULTI
STATUS, STATUS_V2 = ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2

ASKED: Final = TLSExtension(STATUS, encode_certificate_status_request(CertificateStatusRequest()))
ASKED_V2: Final = TLSExtension(
    STATUS_V2,
    encode_status_request_v2([CertificateStatusRequestItemV2(kind) for kind in (MULTI, OCSP)]),
)
PROMISED: Final = TLSExtension(STATUS)
PROMISED_V2: Final = TLSExtension(STATUS_V2)
OFFERS_TLS13: Final = TLSExtension(ExtensionType.SUPPORTED_VERSIONS, bytes.fromhex("0403040303"))
CHOSE_TLS13: Final = TLSExtension(ExtensionType.SUPPORTED_VERSIONS, bytes.fromhex("0304"))
RETRY_RANDOM: Final = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)


# --- one message ------------------------------------------------------------------------------


def of_client(kind: int, body: bytes = b"") -> HandshakeMessage:
    return HandshakeMessage(kind, body, Sender.CLIENT)


def of_server(kind: int, body: bytes = b"") -> HandshakeMessage:
    return HandshakeMessage(kind, body, Sender.SERVER)


def client_hello(*extensions: TLSExtension, session_id: bytes = b"") -> HandshakeMessage:
    hello = ClientHello(cipher_suites=(0x1301,), session_id=session_id, extensions=extensions)
    return of_client(HandshakeType.CLIENT_HELLO, encode_client_hello(hello))


def server_hello(
    *extensions: TLSExtension, random: bytes = bytes(32), session_id: bytes = b""
) -> HandshakeMessage:
    hello = ServerHello(
        cipher_suite=0x1301, random=random, session_id=session_id, extensions=extensions
    )
    return of_server(HandshakeType.SERVER_HELLO, encode_server_hello(hello))


def encrypted_extensions(*extensions: TLSExtension) -> HandshakeMessage:
    body = encode_encrypted_extensions(EncryptedExtensions(extensions=extensions))
    return of_server(HandshakeType.ENCRYPTED_EXTENSIONS, body)


def certificate_status(*responses: bytes, kind: CertificateStatusType = OCSP) -> HandshakeMessage:
    body = encode_certificate_status(CertificateStatus(kind, responses))
    return of_server(HandshakeType.CERTIFICATE_STATUS, body)


def certificate_request(*extensions: TLSExtension) -> HandshakeMessage:
    request = CertificateRequest(extensions=extensions)
    body = encode_certificate_request(request, version=TLS13)
    return of_server(HandshakeType.CERTIFICATE_REQUEST, body)


def entries(
    staples: Sequence[bytes | None] = (), chain: Sequence[bytes] = CHAIN
) -> tuple[CertificateEntry, ...]:
    """Pair certificates with staples; the last ones may have none."""
    slots = [*staples, *[None] * (len(chain) - len(staples))]
    return tuple(
        CertificateEntry.stapled(cert, staple or b"")
        for cert, staple in zip(chain, slots, strict=True)
    )


def certificate(
    listed: Iterable[CertificateEntry] = entries(),
    *,
    version: int = TLS12,
    sender: Sender = Sender.SERVER,
) -> HandshakeMessage:
    message = CertificateMessage(entries=tuple(listed))
    body = encode_certificate_message(message, version=version)
    return HandshakeMessage(HandshakeType.CERTIFICATE, body, sender)


KEY_EXCHANGE: Final = of_server(HandshakeType.SERVER_KEY_EXCHANGE, b"key")
HELLO_DONE: Final = of_server(HandshakeType.SERVER_HELLO_DONE)


# --- whole flights ----------------------------------------------------------------------------


def tls12(
    *after_certificate: HandshakeMessage,
    asked: Sequence[TLSExtension] = (ASKED,),
    promised: Sequence[TLSExtension] = (PROMISED,),
) -> Flight:
    """A handshake of TLS 1.2 with these messages after the server's Certificate."""
    return Flight.read(
        (
            client_hello(*asked),
            server_hello(*promised),
            certificate(),
            *after_certificate,
            KEY_EXCHANGE,
            HELLO_DONE,
        )
    )


def tls13(
    listed: Iterable[CertificateEntry],
    *,
    asked: Sequence[TLSExtension] = (ASKED,),
    chosen: Sequence[TLSExtension] = (CHOSE_TLS13,),
    encrypted: Sequence[TLSExtension] = (),
    before: Sequence[HandshakeMessage] = (),
    after: Sequence[HandshakeMessage] = (),
) -> Flight:
    """A handshake of TLS 1.3 with these entries, and messages around the Certificate."""
    return Flight.read(
        (
            client_hello(OFFERS_TLS13, *asked),
            server_hello(*chosen),
            encrypted_extensions(*encrypted),
            *before,
            certificate(listed, version=TLS13),
            *after,
        )
    )


# --- what was found ---------------------------------------------------------------------------


def failures(flight: Flight) -> list[tuple[str, str]]:
    """Return rule and alert of every check that failed."""
    return [(one.rule, one.facts["alert"]) for one in failed_checks(flight)]


def failed_checks(flight: Flight) -> list[Check]:
    return [one for one in check_flight(flight) if one.outcome is Outcome.FAIL]


def check(flight: Flight, rule: str, name: str) -> Check:
    """Return the one check of that rule and name."""
    (found,) = (one for one in check_flight(flight) if (one.rule, one.name) == (rule, name))
    return found
