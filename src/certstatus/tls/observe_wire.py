"""One handshake through our own engine: it asks by status_request_v2, and reads past oddities.

OpenSSL can't do the one (RFC 6961), and ends a handshake over the other before it shows
what was wrong. It needs the extra ``tls``. No chain is verified here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from datetime import timedelta

from certstatus.errors import Attempt, CertStatusError, UnreachableError
from certstatus.handshake import (
    TLS12,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    Flight,
)
from certstatus.limits_tls import PROBE_TIME
from certstatus.tls import wire
from certstatus.tls.host import Host, os_reason, unreachable
from certstatus.tls.observe import USUAL_REQUEST, Observation
from certstatus.tls.starttls import StartTLS, Upgrade

__all__ = ["observe_by_wire"]

_READ_OCTETS = 16_384


async def observe_by_wire(
    host: Host,
    addresses: Sequence[str],
    *,
    server_name: str,
    version: int = TLS12,
    is_v2: bool = False,
    request: CertificateStatusRequest = USUAL_REQUEST,
    starttls: StartTLS | None = None,
    time_limit: timedelta = PROBE_TIME,
) -> Observation:
    """Shake hands once; as ``Observer.observe``.

    ``is_v2``: ask by status_request_v2, too, for the chain and, failing that, for the
    server's own certificate.
    """
    return await asyncio.to_thread(
        _observe,
        host,
        addresses,
        server_name=server_name,
        version=version,
        is_v2=is_v2,
        request=request,
        starttls=starttls,
        time_limit=time_limit,
    )


def _observe(
    host: Host,
    addresses: Sequence[str],
    *,
    server_name: str,
    version: int,
    is_v2: bool,
    request: CertificateStatusRequest,
    starttls: StartTLS | None,
    time_limit: timedelta,
) -> Observation:
    started = time.monotonic()
    flight: Flight | None = None
    failure: CertStatusError | None = None
    try:
        sock = _connected(host, addresses, time_limit)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(sock.close)
            if starttls is not None:
                _upgrade(sock, Upgrade(starttls, server_name), started, time_limit)
            on_failure.pop_all()
        left = time_limit - timedelta(seconds=time.monotonic() - started)
        with wire.connect(
            sock,
            server_name=None if Host(server_name).is_address else server_name,
            versions=(version,),
            status_request=request,
            status_request_v2=_v2(request) if is_v2 else None,
            timeout=max(left, timedelta(milliseconds=1)),
        ) as connection:
            flight = connection.flight
    except UnreachableError as error:
        failure = error
        flight = error.flight if isinstance(error.flight, Flight) else None
    except CertStatusError as error:
        failure = error
    except OSError as error:
        failure = unreachable(host, os_reason(error))
    elapsed = timedelta(seconds=time.monotonic() - started)
    return Observation(
        offered=version, is_v2=is_v2, flight=flight, failure=failure, elapsed=elapsed
    )


def _connected(host: Host, addresses: Sequence[str], time_limit: timedelta) -> socket.socket:
    attempts = []
    for address in addresses:
        try:
            return socket.create_connection((address, host.port), time_limit.total_seconds())
        except OSError as error:
            attempts.append(Attempt(str(Host(address, host.port)), os_reason(error)))
    raise UnreachableError("no connection", attempts=attempts)


def _upgrade(sock: socket.socket, upgrade: Upgrade, started: float, time_limit: timedelta) -> None:
    said = upgrade.advance()
    while not upgrade.is_done:
        left = time_limit.total_seconds() - (time.monotonic() - started)
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        sock.sendall(said)
        received = sock.recv(_READ_OCTETS)
        if not received:
            raise UnreachableError(f"STARTTLS {upgrade.protocol}: the server closed the connection")
        said = upgrade.advance(received)


def _v2(request: CertificateStatusRequest) -> tuple[CertificateStatusRequestItemV2, ...]:
    kinds = (CertificateStatusType.OCSP_MULTI, CertificateStatusType.OCSP)
    return tuple(CertificateStatusRequestItemV2(kind, request.request) for kind in kinds)
