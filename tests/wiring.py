"""Our own TLS client and server, joined back to back, or each put before another's program."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from certstatus.errors import UnreachableError
from certstatus.handshake import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ClientHello,
    Flight,
)
from certstatus.ocsp import CertID, CertStatus, Good, Revoked
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.testing import Forge, TinyCA
from certstatus.tls.wire import Credentials, Manner, ServerStaples, WireConnection, accept, connect

NOW: Final = datetime.now(UTC).replace(microsecond=0)
PATIENCE: Final = timedelta(seconds=10)

ROOT: Final = TinyCA("Root CA", not_before=NOW - timedelta(days=30))
INTERMEDIATE: Final = TinyCA("Issuing CA", not_before=NOW - timedelta(days=20), parent=ROOT)
SERVER: Final = INTERMEDIATE.issue_server("localhost", not_before=NOW - timedelta(days=10))
CLIENT: Final = INTERMEDIATE.issue("client", not_before=NOW - timedelta(days=10))

CHAIN: Final = (SERVER.certificate, INTERMEDIATE.certificate)
SERVING: Final = Credentials(chain=CHAIN, key=SERVER.key)
CALLING: Final = Credentials(chain=(CLIENT.certificate, INTERMEDIATE.certificate), key=CLIENT.key)

GOOD: Final = Good()


def staple_of(ca: TinyCA, certificate: Certificate, cert_status: CertStatus = GOOD) -> bytes:
    """Answer good now, or otherwise, by SHA-1, which all clients understand."""
    cert_id = CertID.of(ca.certificate, certificate.serial_number, HashAlgorithm.SHA1)
    return Forge.honest(ca, 0).but(cert_ids=(cert_id,), now=NOW, cert_status=cert_status).der


REVOKED: Final = Revoked(NOW - timedelta(days=1))
STAPLES: Final = (
    staple_of(INTERMEDIATE, SERVER.certificate),
    staple_of(ROOT, INTERMEDIATE.certificate),
)
CLIENT_STAPLE: Final = staple_of(INTERMEDIATE, CLIENT.certificate)

ASKED: Final = CertificateStatusRequest()
MULTI: Final = CertificateStatusRequestItemV2(CertificateStatusType.OCSP_MULTI)
SINGLE: Final = CertificateStatusRequestItemV2(CertificateStatusType.OCSP)

Choose = Callable[[ClientHello], tuple[Credentials, ServerStaples]]
End = WireConnection | UnreachableError


def serving(
    *responses: bytes, manner: Manner = Manner.HONEST, credentials: Credentials = SERVING
) -> Choose:
    """Show the same to every client."""
    staples = ServerStaples(responses=responses, manner=manner)
    return lambda _: (credentials, staples)


@dataclass(frozen=True)
class Pair:
    """How a handshake ended for each side: with a connection, or with an error."""

    client: End
    server: End

    @property
    def flight(self) -> Flight:
        """The handshake, as the server saw it."""
        return flight_of(self.server)


def flight_of(end: End) -> Flight:
    """Return what a side saw of the handshake, however it ended."""
    assert isinstance(end.flight, Flight)
    return end.flight


def shake_hands(choose: Choose, *, accepting: dict[str, Any] | None = None, **wishes: Any) -> Pair:
    """Join both sides; wishes are for the client, and those ``accepting`` for the server."""
    usual: dict[str, Any] = {
        "server_name": "localhost",
        "status_request": ASKED,
        "timeout": PATIENCE,
    }
    left, right = socket.socketpair()
    with left, right, ThreadPoolExecutor(1) as other:
        serving = other.submit(accept, left, choose, **{"timeout": PATIENCE} | (accepting or {}))
        client = _end(lambda: connect(right, **usual | wishes))
        server = _end(serving.result)
        for end in (client, server):
            if isinstance(end, WireConnection):
                end.close()
    return Pair(client, server)


def _end(make: Callable[[], WireConnection]) -> End:
    try:
        return make()
    except UnreachableError as error:
        return error


@contextmanager
def listening(choose: Choose, **wishes: Any) -> Iterator[tuple[int, Future[End]]]:
    """Serve one client on a port of the loopback: a line of text, and goodbye."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(PATIENCE.total_seconds())
        worker = stack.enter_context(ThreadPoolExecutor(1))
        yield listener.getsockname()[1], worker.submit(_serve_one, listener, choose, wishes)


def _serve_one(listener: socket.socket, choose: Choose, wishes: dict[str, Any]) -> End:
    sock, _ = listener.accept()
    end = _end(lambda: accept(sock, choose, timeout=PATIENCE, **wishes))
    if isinstance(end, WireConnection):
        with end:
            end.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
    return end


def write_files(directory: Path) -> Path:
    """Lay down certificates, keys and staples for another's program; return the directory."""
    pems = {
        "root.pem": ROOT.issued.certificate_pem,
        "ca.pem": INTERMEDIATE.issued.certificate_pem,
        "server.pem": SERVER.certificate_pem,
        "chain.pem": SERVER.certificate_pem + INTERMEDIATE.issued.certificate_pem,
        "key.pem": SERVER.key_pem(),
        "client.pem": CLIENT.certificate_pem + INTERMEDIATE.issued.certificate_pem,
        "client-key.pem": CLIENT.key_pem(),
        "staple-0.der": STAPLES[0],
        "staple-1.der": STAPLES[1],
    }
    for name, contents in pems.items():
        (directory / name).write_bytes(contents)
    return directory
