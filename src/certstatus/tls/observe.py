"""One handshake as a client, watched: every message of both sides, whatever they say.

Its law: nothing is judged here, and nothing but a broken connection ends a handshake. What
OpenSSL thinks of the chain is told and not obeyed. The session carries no data.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from certstatus.errors import CertStatusError, MalformedError, UnreachableError
from certstatus.handshake import (
    CertificateStatusRequest,
    Flight,
    HandshakeMessage,
    Sender,
    read_transcript,
)
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES, MAX_PROBED_BYTES, PROBE_TIME
from certstatus.ocsp import encode_responder_id
from certstatus.pkix import Certificate
from certstatus.tls.host import Host, Streams, connection, os_reason, unreachable
from certstatus.tls.libssl import LibSSL
from certstatus.tls.selftest import prove
from certstatus.tls.starttls import StartTLS, Upgrade

__all__ = ["USUAL_REQUEST", "Observation", "Observer", "Trust"]

USUAL_REQUEST: Final = CertificateStatusRequest()
"""No responder is named, and nothing else is asked: 01 00 00 00 00 (T1)."""

_READ_OCTETS: Final = 16_384
_HANDSHAKE: Final = 22
_ANY_SERVER: Final = "DEFAULT:@SECLEVEL=1"
"""Weaker than Debian's level: what old servers staple is worth knowing, too."""
_LEGACY_SERVER_CONNECT: Final = 0x4
_NO_RX_CERTIFICATE_COMPRESSION: Final = 1 << 33
"""From OpenSSL 3.2 on; what is compressed by brotli or zstd could not be shown."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What OpenSSL says of the chain for this name: ``problem`` is its word, None where it holds.

    ``path`` is the path that it looked at, in DER, from the server's certificate upwards.
    """

    problem: str | None
    path: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One handshake, as far as it went.

    ``offered`` is the one version that the client offered; ``is_v2`` whether it asked by
    status_request_v2, too. ``failure`` says why the handshake came to no end; ``flight`` is
    what was seen until then, None where nothing was, or nothing that can be read. ``trust``
    is None where no chain was judged.
    """

    offered: int
    is_v2: bool = False
    flight: Flight | None = None
    failure: CertStatusError | None = None
    cipher: str | None = None
    trust: Trust | None = None
    elapsed: timedelta = timedelta(0)

    @property
    def is_complete(self) -> bool:
        """Whether the handshake came to its end."""
        return self.failure is None


class Observer:
    """Shakes hands with servers, asks each for its status, and takes down what is said.

    Made once for many hosts: reading the system's trusted certificates takes its time. To
    be used within one event loop. ``anchors`` are trusted instead of the system's.

    Raises:
        PlatformError: this interpreter's libssl can't be reached, or works otherwise than
            its self-test expects.
    """

    def __init__(
        self,
        *,
        request: CertificateStatusRequest | None = USUAL_REQUEST,
        anchors: Sequence[Certificate] = (),
    ) -> None:
        self._library: LibSSL = prove()
        self._request = request
        self._anchors = b"".join(one.der for one in anchors)
        self._contexts: dict[int, _Context] = {}

    async def observe(
        self,
        host: Host,
        addresses: Sequence[str],
        *,
        version: int,
        server_name: str,
        starttls: StartTLS | None = None,
        time_limit: timedelta = PROBE_TIME,
    ) -> Observation:
        """Shake hands once; what goes wrong is told in the observation.

        Args:
            host: for the words, and for its port.
            addresses: of the host, as ``look_up`` tells them.
            version: the one that is offered, 0x0303 or 0x0304.
            server_name: for SNI, and for whom the chain must hold.
            starttls: the protocol in which to ask for TLS first.
            time_limit: for all of it.
        """
        started = time.monotonic()
        watched = _Watched(self._context(version))
        failure: CertStatusError | None = None
        try:
            async with asyncio.timeout(time_limit.total_seconds()):
                async with connection(host, addresses) as streams:
                    if starttls is not None:
                        await _upgrade(streams, Upgrade(starttls, server_name))
                    await watched.shake_hands(streams, server_name)
        except CertStatusError as error:
            failure = error
        except (OSError, ValueError) as error:
            failure = unreachable(host, _reason(error))
        return watched.told(version, failure, timedelta(seconds=time.monotonic() - started))

    def _context(self, version: int) -> _Context:
        if version not in self._contexts:
            made = _Context(self._library, version, self._request, self._anchors)
            self._contexts[version] = made
        return self._contexts[version]


class _Context:
    """An ``SSLContext`` for one version, that asks for a status and hands on each message."""

    def __init__(
        self,
        library: LibSSL,
        version: int,
        request: CertificateStatusRequest | None,
        anchors: bytes,
    ) -> None:
        self.library = library
        self._request = request
        self._heard: WeakKeyDictionary[ssl.SSLObject, list[HandshakeMessage]] = WeakKeyDictionary()
        self.started: int = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.minimum_version = self.context.maximum_version = ssl.TLSVersion(version)
        self.context.set_ciphers(_ANY_SERVER)
        self.context.options |= _LEGACY_SERVER_CONNECT | _NO_RX_CERTIFICATE_COMPRESSION
        if anchors:
            self.context.load_verify_locations(cadata=anchors)
        else:
            self.context.load_default_certs()
        # Not in the stubs of the stdlib, but in its own debugging code since Python 3.8.
        setattr(self.context, "_msg_callback", self._hear)  # noqa: B010
        pointer = library.context_pointer(self.context)
        library.judge_only(pointer)
        if request is not None:
            library.request_status(pointer)
        self._callback = library.set_start_callback(pointer, self._start)

    def connect(self, server_name: str) -> Connecting:
        """Begin a connection in memory."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context.wrap_bio(incoming, outgoing, server_hostname=server_name)
        heard: list[HandshakeMessage] = []
        self._heard[client] = heard
        return Connecting(client, incoming, outgoing, heard)

    def _start(self, pointer: int) -> None:
        """Take the ``SSL *`` of what begins right now, and shape its request."""
        self.started = pointer
        if self._request is not None:
            asked = self._request.request
            ids = tuple(encode_responder_id(one) for one in asked.responder_id_list)
            self.library.set_request(pointer, ids, asked.request_extensions.encode())

    def _hear(
        self, client: Any, direction: str, _version: int, content: int, _kind: int, data: bytes
    ) -> None:
        heard = self._heard.get(client)
        if content == _HANDSHAKE and heard is not None and len(heard) < MAX_HANDSHAKE_MESSAGES:
            sender = Sender.SERVER if direction == "read" else Sender.CLIENT
            heard.append(HandshakeMessage.parse(data, sender))


@dataclass(frozen=True)
class Connecting:
    """A connection in memory, and what was heard of it."""

    client: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    heard: list[HandshakeMessage]


class _Watched:
    """One handshake under way."""

    def __init__(self, context: _Context) -> None:
        self._context = context
        self._connecting: Connecting | None = None
        self._received = bytearray()
        self._pointer = 0

    async def shake_hands(self, streams: Streams, server_name: str) -> None:
        """Carry octets between the network and OpenSSL until both have finished.

        Raises:
            UnreachableError: the server sends too much, or goes away.
            OSError: the connection breaks, or OpenSSL ends the handshake (``SSLError``).
        """
        reader, writer = streams
        here = self._connecting = self._context.connect(server_name)
        is_done = False
        while not is_done:
            try:
                is_done = self._step(here)
            finally:
                writer.write(here.outgoing.read())  # also the alert that says why it ends
            await writer.drain()
            if not is_done:
                self._take(await reader.read(_READ_OCTETS))
        with contextlib.suppress(ssl.SSLError):
            here.client.unwrap()  # says goodbye, and waits for no answer
        writer.write(here.outgoing.read())

    def _step(self, here: Connecting) -> bool:
        try:
            here.client.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._pointer = self._pointer or self._context.started
        return True

    def _take(self, data: bytes) -> None:
        if not data:
            raise ConnectionResetError(0, "the server closed the connection")
        assert self._connecting is not None
        self._received += data
        if len(self._received) > MAX_PROBED_BYTES:
            raise ConnectionAbortedError(0, f"it sends more than {MAX_PROBED_BYTES} octets")
        if len(self._connecting.heard) == MAX_HANDSHAKE_MESSAGES:
            raise ConnectionAbortedError(0, f"it sends more than {MAX_HANDSHAKE_MESSAGES} messages")
        self._connecting.incoming.write(data)

    def told(
        self, version: int, failure: CertStatusError | None, elapsed: timedelta
    ) -> Observation:
        """Sum up what was seen."""
        here = self._connecting
        if here is None:
            return Observation(offered=version, failure=failure, elapsed=elapsed)
        flight = None
        try:
            flight = self._flight(here.heard, is_cut=failure is not None)
        except MalformedError as error:
            failure = error
        cipher = here.client.cipher()
        return Observation(
            offered=version,
            flight=flight,
            failure=failure,
            cipher=None if cipher is None else cipher[0],
            trust=self._trust(flight),
            elapsed=elapsed,
        )

    def _flight(self, heard: Sequence[HandshakeMessage], *, is_cut: bool) -> Flight:
        """Read what was heard, and what OpenSSL refused unread because it was misplaced."""
        flight = Flight.read(heard)
        if is_cut:
            count = sum(one.sender is Sender.SERVER for one in heard)
            with contextlib.suppress(MalformedError):
                sent = read_transcript(bytes(self._received)).messages[count:]
                unheard = [HandshakeMessage.parse(one, Sender.SERVER) for one in sent]
                flight = Flight.read([*heard, *unheard])
        return flight

    def _trust(self, flight: Flight | None) -> Trust | None:
        if flight is None or not flight.chain or not self._pointer:
            return None
        library = self._context.library
        return Trust(
            problem=library.verify_problem(self._pointer),
            path=tuple(library.judged_chain(self._pointer)),
        )


async def _upgrade(streams: Streams, upgrade: Upgrade) -> None:
    """Talk in plain text until TLS may begin."""
    reader, writer = streams
    said = upgrade.advance()
    while not upgrade.is_done:
        writer.write(said)
        await writer.drain()
        received = await reader.read(_READ_OCTETS)
        if not received:
            raise UnreachableError(f"STARTTLS {upgrade.protocol}: the server closed the connection")
        said = upgrade.advance(received)


def _reason(error: OSError | ValueError) -> str:
    """Put into words what ended a handshake."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return os_reason(error) if isinstance(error, OSError) else str(error)
