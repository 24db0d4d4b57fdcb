"""tlslite-ng's TLS, with every handshake message shown to a script on its way.

Its law: tlslite-ng never sees a word of certificate status; scripts see all of it.
Three methods are overridden: the one that all reading goes through, and the two that all
writing goes through. A fourth, ``_serverTLS13Handshake``, is for a defect of tlslite-ng.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake import (
    AlertDescription,
    ContentType,
    HandshakeMessage,
    HandshakeType,
    Sender,
)
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES
from certstatus.tls.wire_credentials import Credentials
from certstatus.tls.wire_mask import without_status
from certstatus.tls.wire_socket import BoundedSocket
from certstatus.tls.wire_tlslite import HandshakeSettings, Parser, TLSConnection, TLSLocalAlert

__all__ = ["Engine", "Script"]


class Script(Protocol):
    """What a side does with handshake messages."""

    def incoming(self, message: HandshakeMessage) -> None:
        """Hear a message of the peer."""

    def outgoing(self, message: HandshakeMessage) -> tuple[HandshakeMessage, ...]:
        """Return what is sent instead of a message."""


class _Verbatim:
    """A handshake message as tlslite-ng sends it: a content type, and octets to write."""

    contentType: Final = int(ContentType.HANDSHAKE)  # noqa: N815 - tlslite-ng's name

    def __init__(self, message: HandshakeMessage) -> None:
        self._octets = bytearray(message.encode())

    def write(self) -> bytearray:
        return bytearray(self._octets)


class _Shown:
    """A message that is hashed as it was sent, and read as tlslite-ng may see it.

    tlslite-ng takes ``bytes`` for the hash, and calls the methods of its Parser to read.
    """

    def __init__(self, message: HandshakeMessage, version: tuple[int, int]) -> None:
        shown = without_status(message, int.from_bytes(version))
        self.bytes = bytearray(message.encode())
        self._parser = Parser(bytearray(shown.encode()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


class Engine(TLSConnection):  # type: ignore[misc]
    """One connection. ``messages`` are those of its handshake, as they were on the wire."""

    def __init__(self, sock: BoundedSocket, own: Sender) -> None:
        super().__init__(sock)
        self.messages: list[HandshakeMessage] = []
        self._own = own
        self._peer = Sender.SERVER if own is Sender.CLIENT else Sender.CLIENT
        self._script: Script | None = None
        self._is_in_handshake = True
        self._held: tuple[Any, HandshakeMessage] | None = None

    # --- the two handshakes -----------------------------------------------------------------

    def receive_client_hello(self) -> HandshakeMessage:
        """Read the ClientHello, so that the server's certificate can be chosen by it.

        tlslite-ng wants the certificate before it reads. The hello is held for it.
        """
        self._client = False
        self.version = (3, 3)  # of the record with the alert, should the hello be broken
        for _ in self._getMsg(ContentType.HANDSHAKE, HandshakeType.CLIENT_HELLO):
            pass
        if self._held is None:
            self.refuse(AlertDescription.PROTOCOL_VERSION)
            raise DecodeError("is in the form of SSL 2.0", where="ClientHello")
        return self.messages[0]

    def handshake_as_server(
        self,
        script: Script,
        credentials: Credentials,
        *,
        versions: tuple[int, ...],
        is_mutual: bool,
    ) -> None:
        """Go on from ``receive_client_hello`` to the end; ``is_mutual`` asks for a certificate."""
        chain, key = credentials.for_engine
        self._script = script
        self.handshakeServer(
            certChain=chain, privateKey=key, reqCert=is_mutual, settings=_settings(versions)
        )
        self._is_in_handshake = False

    def handshake_as_client(
        self,
        script: Script,
        credentials: Credentials | None,
        *,
        versions: tuple[int, ...],
        server_name: str | None,
    ) -> None:
        """Shake hands as a client; the server's certificate is not judged."""
        chain, key = (None, None) if credentials is None else credentials.for_engine
        self._script = script
        self.handshakeClientCert(
            certChain=chain, privateKey=key, serverName=server_name, settings=_settings(versions)
        )
        self._is_in_handshake = False

    def refuse(self, alert: int) -> None:
        """Send a fatal alert, and close."""
        with suppress(TLSLocalAlert, OSError):
            for _ in self._sendError(alert):
                pass

    # --- where messages pass ------------------------------------------------------------------

    def _getNextRecord(self) -> Iterator[Any]:  # noqa: N802
        """Show the script what comes in, and tlslite-ng what is left of it without status.

        Up to TLS 1.2 a client takes a CertificateStatus out, wherever it stands: tlslite-ng
        would end the handshake with unexpected_message, also where RFC 6066 §8 has it. It
        counts for the Finished like every message.
        """
        if self._held is not None and self._script is not None:
            (header, message), self._held = self._held, None
            yield header, _Shown(message, self.version)
            return
        while True:
            result: Any = None
            for result in super()._getNextRecord():
                if result not in _WAITING:
                    break
                yield result
            header, parser = result
            if header.type != ContentType.HANDSHAKE or header.ssl2 or not self._is_in_handshake:
                break
            message = self._note(HandshakeMessage.parse(bytes(parser.bytes), self._peer))
            if self._script is None:
                self._held = header, message
            else:
                self._script.incoming(message)
            result = header, _Shown(message, self.version)
            if not self._takes_out(message):
                break
            self._handshake_hash.update(parser.bytes)
        yield result

    def _sendMsg(  # noqa: N802
        self,
        msg: Any,
        randomizeFirstBlock: bool = True,  # noqa: N803
        update_hashes: bool = True,
    ) -> Iterator[Any]:
        """Let the script change what goes out; a queue that is flushed was changed before."""
        for part in self._changed(msg) if update_hashes else (msg,):
            yield from super()._sendMsg(part, randomizeFirstBlock, update_hashes)

    def _queue_message(self, msg: Any) -> None:
        """Let the script change what goes out in one record with other messages."""
        for part in self._changed(msg):
            super()._queue_message(part)

    def _changed(self, msg: Any) -> Iterable[Any]:
        if msg.contentType != ContentType.HANDSHAKE or not self._is_in_handshake:
            return (msg,)
        message = HandshakeMessage.parse(bytes(msg.write()), self._own)
        sent = (message,) if self._script is None else self._script.outgoing(message)
        return [_Verbatim(self._note(one)) for one in sent]

    def _takes_out(self, message: HandshakeMessage) -> bool:
        is_status = message.type == HandshakeType.CERTIFICATE_STATUS
        return is_status and self._own is Sender.CLIENT and self.version <= (3, 3)

    def _note(self, message: HandshakeMessage) -> HandshakeMessage:
        if len(self.messages) == MAX_HANDSHAKE_MESSAGES:
            text = f"has more than {MAX_HANDSHAKE_MESSAGES} messages"
            raise MalformedError(text, where="handshake")
        self.messages.append(message)
        return message

    def _serverTLS13Handshake(self, *arguments: Any) -> Iterator[Any]:  # noqa: N802
        """Give an empty list where a server speaks no ALPN.

        tlslite-ng 0.8.2 looks the client's protocols up in None there, which is a TypeError.
        """
        *before, protocols, is_mutual = arguments
        yield from super()._serverTLS13Handshake(*before, protocols or [], is_mutual)


_WAITING: Final = (0, 1)
"""What tlslite-ng's generators yield where a socket would block; ours never does."""


def _settings(versions: tuple[int, ...]) -> Any:
    """Make the settings of a handshake that offers some protocol versions.

    No compressed certificates: those are packed before a script sees them. No heartbeat.
    """
    settings = HandshakeSettings()
    offered = sorted((divmod(version, 256) for version in versions), reverse=True)
    settings.versions = offered
    settings.minVersion, settings.maxVersion = offered[-1], offered[0]
    settings.certificate_compression_send = []
    settings.certificate_compression_receive = []
    settings.use_heartbeat_extension = False
    settings.usePaddingExtension = False  # it counts octets before the script adds some
    settings.eccCurves = ["x25519", "secp256r1", "secp384r1", "secp521r1"]
    settings.keyShares = ["x25519"]
    return settings
