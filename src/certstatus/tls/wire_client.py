"""What a client's handshake messages become so that they ask for a status, and give one.

Its law: pure. A script is shown each message in order, and says what is sent instead; it
knows no socket and no TLS engine.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, repeat

from certstatus.handshake import (
    TLS13,
    CertificateEntry,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    TLSExtension,
    encode_certificate_message,
    encode_certificate_status_request,
    encode_client_hello,
    encode_status_request_v2,
    parse_certificate_message,
    parse_certificate_request,
    parse_client_hello,
    parse_server_hello,
)

__all__ = ["ClientScript"]


class ClientScript:
    """Adds questions to a client's ClientHello, and staples to its own Certificate.

    Args:
        status_request: what stands in the extension, or None to leave it out (T1).
        status_request_v2: the entries, best first, or None to leave it out (T9).
        staples: a response for each of the client's certificates, ``b""`` where there is
            none. They are sent in TLS 1.3 where the server asks for them (T6).

    Raises:
        ValueError: a question does not fit into an extension.
    """

    def __init__(
        self,
        *,
        status_request: CertificateStatusRequest | None = None,
        status_request_v2: tuple[CertificateStatusRequestItemV2, ...] | None = None,
        staples: tuple[bytes, ...] = (),
    ) -> None:
        questions: list[TLSExtension] = []
        if status_request is not None:
            data = encode_certificate_status_request(status_request)
            questions.append(TLSExtension(ExtensionType.STATUS_REQUEST, data))
        if status_request_v2 is not None:
            data = encode_status_request_v2(status_request_v2)
            questions.append(TLSExtension(ExtensionType.STATUS_REQUEST_V2, data))
        self._questions = tuple(questions)
        self._staples = staples
        self._version = 0
        self._is_status_requested = False

    def incoming(self, message: HandshakeMessage) -> None:
        """Hear a message of the server.

        Raises:
            DecodeError: a ServerHello or CertificateRequest is broken.
        """
        if message.type == HandshakeType.SERVER_HELLO:
            self._version = parse_server_hello(message.body).version
        if message.type == HandshakeType.CERTIFICATE_REQUEST and self._version >= TLS13:
            request = parse_certificate_request(message.body, version=self._version)
            asked = request.extension(ExtensionType.STATUS_REQUEST)
            self._is_status_requested = asked is not None

    def outgoing(self, message: HandshakeMessage) -> tuple[HandshakeMessage, ...]:
        """Return what is sent instead of a message."""
        if message.type == HandshakeType.CLIENT_HELLO:
            return (replace(message, body=self._asking(message.body)),)
        if message.type == HandshakeType.CERTIFICATE and self._is_status_requested:
            return (replace(message, body=self._stapled(message.body)),)
        return (message,)

    def _asking(self, body: bytes) -> bytes:
        hello = parse_client_hello(body)
        return encode_client_hello(replace(hello, extensions=(*hello.extensions, *self._questions)))

    def _stapled(self, body: bytes) -> bytes:
        message = parse_certificate_message(body, version=self._version)
        staples = chain(self._staples, repeat(b""))
        entries = tuple(
            CertificateEntry.stapled(entry.cert_data, next(staples), beside=entry.extensions)
            for entry in message.entries
        )
        return encode_certificate_message(replace(message, entries=entries), version=self._version)
