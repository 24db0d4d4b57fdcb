"""What a server's handshake messages become so that they say something about status.

Its law: pure. A script is shown each message in order, and says what is sent instead; it
knows no socket and no TLS engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, repeat

from certstatus.handshake import (
    TLS13,
    ClientHello,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    Sender,
    TLSExtension,
    encode_certificate_message,
    encode_certificate_request,
    encode_encrypted_extensions,
    encode_server_hello,
    parse_certificate_message,
    parse_certificate_request,
    parse_encrypted_extensions,
    parse_server_hello,
)
from certstatus.tls.wire_manner import Reply, ServerStaples, misbehave

__all__ = ["ServerScript"]


class ServerScript:
    """Adds a reply about status to a server's messages.

    ``certificates`` is the length of its chain. ``is_status_requested``: a CertificateRequest
    of TLS 1.3 asks for the client's staples too, by an empty status_request (T6).
    """

    def __init__(
        self,
        hello: ClientHello,
        staples: ServerStaples,
        *,
        certificates: int,
        is_status_requested: bool = False,
    ) -> None:
        self._hello = hello
        self._staples = staples
        self._certificates = certificates
        self._is_status_requested = is_status_requested
        self._version = 0
        self._reply = Reply()
        self._changes: Mapping[int, Callable[[bytes], bytes]] = {
            HandshakeType.SERVER_HELLO: self._server_hello,
            HandshakeType.ENCRYPTED_EXTENSIONS: self._encrypted_extensions,
            HandshakeType.CERTIFICATE_REQUEST: self._certificate_request,
            HandshakeType.CERTIFICATE: self._certificate,
        }

    def incoming(self, message: HandshakeMessage) -> None:
        """Hear a message of the client: none of them changes the reply."""

    def outgoing(self, message: HandshakeMessage) -> tuple[HandshakeMessage, ...]:
        """Return what is sent instead of a message.

        Raises:
            DecodeError: the client's question has broken framing (T1, T9).
            MalformedError: what stands inside the question is broken.
        """
        change = self._changes.get(message.type)
        sent = message if change is None else replace(message, body=change(message.body))
        if message.type != self._reply.beside:
            return (sent,)
        statuses = (
            HandshakeMessage(HandshakeType.CERTIFICATE_STATUS, body, Sender.SERVER)
            for body in self._reply.statuses
        )
        return (*statuses, sent) if self._reply.is_before else (sent, *statuses)

    def _server_hello(self, body: bytes) -> bytes:
        hello = parse_server_hello(body)
        if hello.is_retry:
            return body
        self._version = hello.version
        self._reply = misbehave(self._hello, self._version, self._staples, self._certificates)
        added = self._reply.server_hello
        return encode_server_hello(replace(hello, extensions=(*hello.extensions, *added)))

    def _encrypted_extensions(self, body: bytes) -> bytes:
        message = parse_encrypted_extensions(body)
        added = (*message.extensions, *self._reply.encrypted_extensions)
        return encode_encrypted_extensions(replace(message, extensions=added))

    def _certificate_request(self, body: bytes) -> bytes:
        """Ask for staples; take out what the engine says of certificate compression.

        The engine lists no method, for we have it switched off, and peers refuse an empty
        list (RFC 8879 §3).
        """
        if self._version < TLS13:
            return body
        request = parse_certificate_request(body, version=self._version)
        kept = [one for one in request.extensions if one.type != ExtensionType.COMPRESS_CERTIFICATE]
        if self._is_status_requested:
            kept.append(TLSExtension(ExtensionType.STATUS_REQUEST))
        return encode_certificate_request(
            replace(request, extensions=tuple(kept)), version=self._version
        )

    def _certificate(self, body: bytes) -> bytes:
        if self._version < TLS13:
            return body
        message = parse_certificate_message(body, version=self._version)
        added = chain(self._reply.entries, repeat(()))
        entries = tuple(
            replace(entry, extensions=(*entry.extensions, *next(added)))
            for entry in message.entries
        )
        return encode_certificate_message(replace(message, entries=entries), version=self._version)
