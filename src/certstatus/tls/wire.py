"""A TLS client and server that say and see all there is about certificate status.

What OpenSSL's API can't: the responder_id_list and request_extensions of a question, both
ways; status_request_v2 (RFC 6961); a staple for every certificate of the chain, of servers
and of clients; and, for testing clients, each wrong way that ``Manner`` names. It is built
on tlslite-ng, which is Python alone: right for probes, tests and the host of faults, too
slow for web traffic, and not constant in time, so with keys made for the purpose.

Nothing here judges a response, and nothing trusts a certificate: ``flight`` holds what was
sent, for ``check_flight`` and ``judge_peer``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from certstatus.errors import (
    Attempt,
    CertStatusError,
    DecodeError,
    MalformedError,
    UnreachableError,
)
from certstatus.handshake import (
    TLS12,
    TLS13,
    AlertDescription,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    ClientHello,
    Flight,
    Sender,
    parse_client_hello,
)
from certstatus.handshake.numbers import number_text
from certstatus.limits_tls import MAX_WIRE_BYTES, WIRE_CLOSE_TIME, WIRE_TIME
from certstatus.tls.wire_client import ClientScript
from certstatus.tls.wire_credentials import Credentials
from certstatus.tls.wire_engine import Engine
from certstatus.tls.wire_manner import Manner, ServerStaples
from certstatus.tls.wire_server import ServerScript
from certstatus.tls.wire_socket import BoundedSocket
from certstatus.tls.wire_tlslite import (
    TLSAbruptCloseError,
    TLSLocalAlert,
    TLSRemoteAlert,
    is_valid_hostname,
)

__all__ = [
    "Choose",
    "Credentials",
    "Manner",
    "ServerStaples",
    "WireConnection",
    "accept",
    "connect",
]

Choose = Callable[[ClientHello], tuple[Credentials, ServerStaples]]
"""What a server shows to a client, and staples, by its ClientHello."""

_VERSIONS: Final = (TLS12, TLS13)


class WireConnection:
    """A connection whose handshake is done. ``flight`` is that handshake, decrypted."""

    def __init__(
        self, engine: Engine, sock: BoundedSocket, flight: Flight, timeout: timedelta, peer: str
    ) -> None:
        self.flight = flight
        self._engine = engine
        self._sock = sock
        self._seconds = timeout.total_seconds()
        self._peer = peer

    @property
    def version(self) -> int:
        """The protocol version: 0x0303 or 0x0304."""
        return self.flight.version

    def read(self, most: int = 16_384) -> bytes:
        """Return what has come, at most so many octets; ``b""`` where the peer has ended.

        Raises:
            UnreachableError: nothing came in time, or the connection broke.
        """
        self._sock.start(self._seconds)
        with _translating(self._engine, self._peer, "reading from"):
            return bytes(self._engine.read(max=most, min=1))

    def write(self, data: bytes) -> None:
        """Send all of the data.

        Raises:
            UnreachableError: the peer did not take it in time, or the connection broke.
        """
        self._sock.start(self._seconds)
        with _translating(self._engine, self._peer, "writing to"):
            self._engine.write(data)

    def close(self) -> None:
        """Say that nothing more comes, and close the socket. May be called twice."""
        self._sock.start(WIRE_CLOSE_TIME.total_seconds())
        try:
            with suppress(OSError, TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert):
                self._engine.close()
        finally:
            self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def accept(
    sock: socket.socket,
    choose: Choose,
    *,
    versions: tuple[int, ...] = _VERSIONS,
    request_client_status: bool = False,
    timeout: timedelta = WIRE_TIME,
) -> WireConnection:
    """Shake hands as a server on a connected socket, which is ours from here on.

    Args:
        sock: connected; it is closed with the connection, and on failure.
        choose: what to show to a client, and to staple, by its ClientHello. Where it raises,
            the client gets the error's own alert, and the error goes on.
        versions: the protocol versions spoken, of TLS 1.2 and TLS 1.3.
        request_client_status: ask for a client certificate, and in TLS 1.3 for its staples
            (T6). The certificate is not judged, and may be missing.
        timeout: for the whole handshake, and for each read and write after it.

    Raises:
        DecodeError: the client broke TLS's framing.
        MalformedError: its question about status holds broken DER, or it sent too much.
        UnreachableError: the handshake failed; ``flight`` is what was seen of it, and
            ``alert`` the number of the alert that the client sent, if it did.
        SignerError: the credentials chosen can't be used.
        ValueError: versions are none, or others than these.
    """
    bounded = BoundedSocket(sock, lingers=True)
    engine = Engine(bounded, Sender.SERVER)
    peer = "the client"
    with _closing_on_failure(bounded):
        _insist_on(versions)
        _start(bounded, timeout)
        with _translating(engine, peer, _HANDSHAKE):
            message = engine.receive_client_hello()
        with _refusing(engine):
            hello = _read_hello(message.body, versions)
            credentials, staples = choose(hello)
            credentials.for_engine  # noqa: B018 - raises here, where the client is told
        script = ServerScript(
            hello,
            staples,
            certificates=len(credentials.chain),
            is_status_requested=request_client_status,
        )
        with _translating(engine, peer, _HANDSHAKE):
            engine.handshake_as_server(
                script, credentials, versions=versions, is_mutual=request_client_status
            )
        return WireConnection(engine, bounded, Flight.read(engine.messages), timeout, peer)


def connect(
    sock: socket.socket,
    *,
    server_name: str | None,
    versions: tuple[int, ...] = _VERSIONS,
    status_request: CertificateStatusRequest | None,
    status_request_v2: tuple[CertificateStatusRequestItemV2, ...] | None = None,
    credentials: Credentials | None = None,
    client_staples: tuple[bytes, ...] = (),
    timeout: timedelta = WIRE_TIME,
) -> WireConnection:
    """Shake hands as a client on a connected socket, which is ours from here on.

    The server is not judged: neither its certificate, nor what it says of status, wherever
    and however it does. A CertificateStatus message in TLS 1.3 alone ends the handshake,
    with unexpected_message.

    Args:
        sock: connected; it is closed with the connection, and on failure.
        server_name: the DNS name sent in the ClientHello, or None to send none.
        versions: the protocol versions spoken, of TLS 1.2 and TLS 1.3.
        status_request: the question (T1), or None to ask none.
        status_request_v2: the question of RFC 6961 (T9), best entry first, or None.
        credentials: shown where the server asks for a client certificate.
        client_staples: a response for each certificate of ``credentials``, ``b""`` where
            there is none; sent in TLS 1.3 where the server asks for them (T6).
        timeout: for the whole handshake, and for each read and write after it.

    Raises:
        DecodeError: the server broke TLS's framing.
        MalformedError: the server sent too much.
        UnreachableError: the handshake failed; ``flight`` is what was seen of it, and
            ``alert`` the number of the alert that the server sent, if it did.
        SignerError: the credentials can't be used.
        ValueError: versions are none, or others than these; server_name is no DNS name; or
            the question is too long.
    """
    bounded = BoundedSocket(sock)
    engine = Engine(bounded, Sender.CLIENT)
    peer = server_name or "the server"
    with _closing_on_failure(bounded):
        _insist_on(versions)
        if server_name is not None and not (server_name and is_valid_hostname(server_name)):
            raise ValueError(f"server_name must be a DNS name, not {server_name!r}")
        script = ClientScript(
            status_request=status_request,
            status_request_v2=status_request_v2,
            staples=client_staples,
        )
        if credentials is not None:
            credentials.for_engine  # noqa: B018 - raises here, before anything is sent
        _start(bounded, timeout)
        with _translating(engine, peer, _HANDSHAKE):
            engine.handshake_as_client(
                script, credentials, versions=versions, server_name=server_name
            )
        return WireConnection(engine, bounded, Flight.read(engine.messages), timeout, peer)


def _start(sock: BoundedSocket, timeout: timedelta) -> None:
    sock.start(timeout.total_seconds(), limit=MAX_WIRE_BYTES, is_hearing_out=True)


def _insist_on(versions: tuple[int, ...]) -> None:
    if not versions or not set(versions) <= set(_VERSIONS):
        raise ValueError("versions are one or both of TLS12 (0x0303) and TLS13 (0x0304)")


def _read_hello(body: bytes, versions: tuple[int, ...]) -> ClientHello:
    """Read a ClientHello with all of it that will be acted on."""
    hello = parse_client_hello(body)
    hello.status_request  # noqa: B018 - raises where it is broken (T1)
    if TLS13 not in versions or TLS13 not in hello.supported_versions:
        hello.status_request_v2  # noqa: B018 - TLS 1.3 does not look at it (T9)
    return hello


# --- failures --------------------------------------------------------------------------------

_HANDSHAKE: Final = "the TLS handshake with"


@contextmanager
def _closing_on_failure(sock: BoundedSocket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


@contextmanager
def _refusing(engine: Engine) -> Iterator[None]:
    """Tell the client why the server can't go on."""
    try:
        yield
    except DecodeError:
        engine.refuse(AlertDescription.DECODE_ERROR)
        raise
    except MalformedError:
        engine.refuse(AlertDescription.ILLEGAL_PARAMETER)
        raise
    except CertStatusError as error:
        engine.refuse(error.tls_alert)
        raise
    except Exception:
        engine.refuse(AlertDescription.INTERNAL_ERROR)
        raise


@contextmanager
def _translating(engine: Engine, peer: str, task: str) -> Iterator[None]:
    """Turn whatever the engine raises into an error of ours.

    It is Python fed with a peer's bytes: what can come out of it is not enumerable.
    """
    try:
        yield
    except CertStatusError:
        raise
    except Exception as error:
        flight = Flight.read(engine.messages)  # where it finds broken framing, that is why
        raise UnreachableError(
            f"{task} {peer} failed",
            attempts=[Attempt(f"tls:{peer}", _reason(error))],
            flight=flight,
            alert=error.description if isinstance(error, TLSRemoteAlert) else None,
        ) from error


def _reason(error: Exception) -> str:
    match error:
        case TLSRemoteAlert():
            return f"the peer sent the alert {number_text(error.description, AlertDescription)}"
        case TLSLocalAlert():
            alert = number_text(error.description, AlertDescription)
            return f"ended with the alert {alert}" + (f": {error.message}" if error.message else "")
        case TLSAbruptCloseError():
            return "the peer closed the connection"
        case OSError():
            return str(error) or type(error).__name__
        case _:
            return f"the TLS engine failed: {type(error).__name__}: {error}"
