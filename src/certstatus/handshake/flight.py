"""A handshake as far as it was seen, and what it says of certificate status.

Its law: order and negotiation are judged by ``check_flight``, responses by
``certstatus.verify``; here stands what was sent, rightly or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake.certificate import (
    CertificateMessage,
    CertificateRequest,
    certificate_version,
    parse_certificate_message,
    parse_certificate_request,
)
from certstatus.handshake.certificate_status import parse_certificate_status
from certstatus.handshake.compressed import unpack_certificate
from certstatus.handshake.hello import (
    ClientHello,
    EncryptedExtensions,
    ServerHello,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_server_hello,
)
from certstatus.handshake.message import HandshakeMessage, Sender
from certstatus.handshake.numbers import (
    TLS13,
    CertificateStatusType,
    ExtensionType,
    HandshakeType,
)
from certstatus.handshake.status_request import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
)
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES

__all__ = ["Flight"]

_STATUS_TYPES = (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)


@dataclass(frozen=True, kw_only=True)
class Flight:
    """One handshake, both directions, in order. ``Flight.read`` makes it.

    ``version`` is the version chosen, 0 where no ServerHello was seen. ``client_hello`` and
    ``server_hello`` are the last ones; ``retry`` is the HelloRetryRequest before them.
    Certificates are the first ones that each side sent.
    """

    messages: tuple[HandshakeMessage, ...] = field(repr=False)
    version: int = 0
    client_hello: ClientHello | None = None
    retry: ServerHello | None = None
    server_hello: ServerHello | None = None
    encrypted_extensions: EncryptedExtensions | None = None
    certificate_requests: tuple[CertificateRequest, ...] = ()
    server_certificate: CertificateMessage | None = None
    client_certificate: CertificateMessage | None = None

    @classmethod
    def read(cls, messages: Iterable[HandshakeMessage]) -> Flight:
        """Read the messages of one handshake, as many as there are.

        A broken CertificateStatus is no error here: ``check_flight`` reports it.

        Raises:
            DecodeError: another message is broken.
            MalformedError: there is more than one handshake, or over ``MAX_HANDSHAKE_MESSAGES``.
        """
        listed = tuple(messages)
        if len(listed) > MAX_HANDSHAKE_MESSAGES:
            text = f"has more than {MAX_HANDSHAKE_MESSAGES} messages"
            raise MalformedError(text, where="handshake")
        reading = _Reading()
        for message in listed:
            reading.take(message)
        return reading.flight(listed)

    # --- what was asked -------------------------------------------------------------------

    @property
    def asked(self) -> CertificateStatusRequest | None:
        """The client's status_request; None where there is none, or none that can be read."""
        hello = self.client_hello
        try:
            return None if hello is None else hello.status_request
        except MalformedError:
            return None

    @property
    def asked_v2(self) -> tuple[CertificateStatusRequestItemV2, ...] | None:
        """The client's status_request_v2; None where there is none, or none that can be read."""
        hello = self.client_hello
        try:
            return None if hello is None else hello.status_request_v2
        except MalformedError:
            return None

    @property
    def is_promised(self) -> bool:
        """Whether the ServerHello promises a status, as it does up to TLS 1.2."""
        hello = self.server_hello
        return (
            hello is not None
            and self.version < TLS13
            and any(hello.extension(kind) is not None for kind in _STATUS_TYPES)
        )

    # --- what was sent --------------------------------------------------------------------

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The server's certificates, in DER, its own first."""
        return () if self.server_certificate is None else self.server_certificate.chain

    @property
    def staples(self) -> tuple[bytes | None, ...]:
        """The server's staples, one slot for each certificate of ``chain``.

        What was sent counts, asked for or not, in its place or not; a CertificateStatus that
        can't be read leaves its slots empty.
        """
        if self.version >= TLS13:
            return _entry_staples(self.server_certificate)
        sent: tuple[bytes, ...] = ()
        for body in self.status_bodies(Sender.SERVER):
            try:
                sent = parse_certificate_status(body).responses
            except DecodeError:
                continue
            break
        slots = [one or None for one in sent[: len(self.chain)]]
        return (*slots, *[None] * (len(self.chain) - len(slots)))

    @property
    def client_chain(self) -> tuple[bytes, ...]:
        """The client's certificates, in DER, its own first."""
        return () if self.client_certificate is None else self.client_certificate.chain

    @property
    def client_staples(self) -> tuple[bytes | None, ...]:
        """The client's staples, one slot for each certificate of ``client_chain`` (T6)."""
        return _entry_staples(self.client_certificate)

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier session was resumed, so that no certificate is sent (T8)."""
        server, client = self.server_hello, self.client_hello
        if server is None or self.server_certificate is not None:
            return False
        if self.version >= TLS13:
            return server.extension(ExtensionType.PRE_SHARED_KEY) is not None
        if client is not None and server.session_id and server.session_id == client.session_id:
            return True
        sent = [one.type for one in self.messages if one.sender is Sender.SERVER]
        return HandshakeType.FINISHED in sent and HandshakeType.SERVER_HELLO_DONE not in sent

    def status_bodies(self, sender: Sender) -> Iterator[bytes]:
        """Yield the bodies of the CertificateStatus messages that one side sent."""
        for message in self.messages:
            if message.type == HandshakeType.CERTIFICATE_STATUS and message.sender is sender:
                yield message.body


def _entry_staples(message: CertificateMessage | None) -> tuple[bytes | None, ...]:
    staples: list[bytes | None] = []
    for entry in () if message is None else message.entries:
        try:
            status = entry.status
        except DecodeError:
            status = None
        is_single = status is not None and status.status_type is CertificateStatusType.OCSP
        staples.append(status.responses[0] if status is not None and is_single else None)
    return tuple(staples)


class _Reading:
    """Takes one message after the other, and keeps what a flight has."""

    def __init__(self) -> None:
        self.version = 0
        self.client_hello: ClientHello | None = None
        self.retry: ServerHello | None = None
        self.server_hello: ServerHello | None = None
        self.encrypted_extensions: EncryptedExtensions | None = None
        self.certificate_requests: list[CertificateRequest] = []
        self.certificates: dict[Sender, CertificateMessage] = {}

    def take(self, message: HandshakeMessage) -> None:
        body, is_server = message.body, message.sender is Sender.SERVER
        match message.type, is_server:
            case HandshakeType.CLIENT_HELLO, False:
                self._client_hello(body)
            case HandshakeType.SERVER_HELLO, True:
                self._server_hello(body)
            case HandshakeType.ENCRYPTED_EXTENSIONS, True:
                self.encrypted_extensions = parse_encrypted_extensions(body)
            case HandshakeType.CERTIFICATE_REQUEST, True:
                request = parse_certificate_request(body, version=self.version)
                self.certificate_requests.append(request)
            case HandshakeType.CERTIFICATE, _:
                self._certificate(body, message.sender)
            case HandshakeType.COMPRESSED_CERTIFICATE, _:
                _, unpacked = unpack_certificate(body)
                if unpacked is not None:
                    self._certificate(unpacked, message.sender)
            case _:
                pass

    def _client_hello(self, body: bytes) -> None:
        if self.server_hello is not None or (self.client_hello is not None and self.retry is None):
            raise MalformedError("has a second ClientHello, unasked", where="handshake")
        self.client_hello = parse_client_hello(body)

    def _server_hello(self, body: bytes) -> None:
        hello = parse_server_hello(body)
        if self.server_hello is not None or (hello.is_retry and self.retry is not None):
            raise MalformedError("has a second ServerHello", where="handshake")
        self.version = hello.version
        if hello.is_retry:
            self.retry = hello
        else:
            self.server_hello = hello

    def _certificate(self, body: bytes, sender: Sender) -> None:
        version = self.version or certificate_version(body)
        message = parse_certificate_message(body, version=version)
        self.certificates.setdefault(sender, message)

    def flight(self, messages: tuple[HandshakeMessage, ...]) -> Flight:
        return Flight(
            messages=messages,
            version=self.version,
            client_hello=self.client_hello,
            retry=self.retry,
            server_hello=self.server_hello,
            encrypted_extensions=self.encrypted_extensions,
            certificate_requests=tuple(self.certificate_requests),
            server_certificate=self.certificates.get(Sender.SERVER),
            client_certificate=self.certificates.get(Sender.CLIENT),
        )
