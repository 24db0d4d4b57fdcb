"""The host of faults in this process, and a client that asks for one as its table says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from certstatus.errors import UnreachableError
from certstatus.handshake import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    Flight,
    OCSPStatusRequest,
)
from certstatus.tls.fault import FAULTS, Asks, Fault
from certstatus.tls.fault_host import FaultHost
from certstatus.tls.wire import connect

DELAY: Final = timedelta(seconds=1)
"""How long the tests' slow faults would wait; nobody waits for them to the end."""

QUESTION: Final = CertificateStatusRequest()
MULTI: Final = CertificateStatusRequestItemV2(CertificateStatusType.OCSP_MULTI, OCSPStatusRequest())


@contextmanager
def running(**settings: Any) -> Iterator[FaultHost]:
    """Run a host on loopback and free ports."""
    with FaultHost(**{"delay": DELAY, **settings}) as host:
        yield host


def versions_of(fault: Fault) -> tuple[int, ...]:
    """Return the versions of TLS in which a fault shows."""
    return fault.versions if fault.shows_in_tls else ()


def in_tls() -> Iterator[tuple[str, int]]:
    """Yield every fault that shows in TLS, in each version."""
    for name, fault in FAULTS.items():
        for version in versions_of(fault):
            yield name, version


def questions(fault: Fault, version: int) -> dict[str, Any]:
    """Return how a client must ask in order to see a fault."""
    needs = fault.needs_in(version)
    is_multi = needs in {Asks.V2, Asks.MULTI_ALONE}
    return {
        "status_request": None if needs is Asks.NOTHING else QUESTION,
        "status_request_v2": (MULTI,) if is_multi else None,
    }


def shake_hands(
    host: FaultHost, fault: Fault, version: int, timeout: timedelta = timedelta(seconds=20)
) -> tuple[Flight, UnreachableError | None]:
    """Shake hands as the fault wants it; return what was sent, and what ended it early."""
    sock = socket.create_connection(("127.0.0.1", host.port), timeout.total_seconds())
    ended: UnreachableError | None = None
    flight: object
    try:
        connection = connect(
            sock,
            server_name=host.listing.server_name(fault.name),
            versions=(version,),
            timeout=timeout,
            **questions(fault, version),
        )
    except UnreachableError as error:
        flight, ended = error.flight, error
    else:
        flight = connection.flight
        connection.close()
    assert isinstance(flight, Flight)
    return flight, ended
