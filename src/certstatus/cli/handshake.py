"""The certificates that a TLS server shows, taken from one handshake and believed in nothing."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from certstatus.errors import Attempt, MalformedError, UnreachableError
from certstatus.limits import CONNECT_TIME
from certstatus.pkix import Certificate
from certstatus.tls.host import Host

__all__ = ["fetch_chain"]


def fetch_chain(host: Host) -> tuple[Certificate, ...]:
    """Return the certificates that the server sends, its own first.

    The chain is not validated, so that an expired or a private server can be asked about
    too: what counts is that the issuer signed the certificate, which the check asks.

    Raises:
        UnreachableError: there was no handshake.
        MalformedError: the server's certificate is broken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    place, time = (host.name, host.port), CONNECT_TIME.total_seconds()
    try:
        with (
            socket.create_connection(place, timeout=time) as connection,
            context.wrap_socket(connection, server_hostname=host.name) as server,
        ):
            shown = _chain(server)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        attempt = Attempt(str(host), reason)
        raise UnreachableError("no TLS handshake", attempts=(attempt,)) from error
    if not shown:
        raise MalformedError("sends no certificate", where=str(host))
    return tuple(Certificate.from_der(der, str(host)) for der in shown)


def _chain(server: ssl.SSLSocket) -> list[bytes]:
    """Read the whole chain where this Python tells it, else the server's certificate alone."""
    # Public from Python 3.13 on; before, the same method stands on the inner object.
    inner: Any = getattr(server, "_sslobj", None)
    chain = getattr(server, "get_unverified_chain", None)
    if chain is not None:
        return list(chain())
    chain = getattr(inner, "get_unverified_chain", None)
    if chain is not None:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain() or ()]
    alone = server.getpeercert(binary_form=True)
    return [] if alone is None else [alone]
