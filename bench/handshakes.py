"""What stapling costs a handshake, and what attaching costs a context.

Both sides are contexts of the stdlib that shake hands in memory, in one thread: no network
hides what the callbacks take. The kinds of handshake take turns within each round.
"""

from __future__ import annotations

import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, cast

from certstatus.staple import Stapler
from certstatus.testing import TinyCA
from certstatus.tls import require_status, staple
from certstatus.tls.libssl import libssl
from certstatus.tls.selftest import prove
from tests.shaking import Shelf, client_context, server_context, shake_hands

__all__ = ["Attaching", "Handshakes", "measure_attaching", "measure_handshakes"]

ROUNDS: Final = 7
A_ROUND: Final = 150
VERSIONS: Final = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}

CA: Final = TinyCA("Bench CA")
LEAF: Final = CA.issue_server("leaf.example")


@dataclass(frozen=True)
class Handshakes:
    """Handshakes a second of both sides together, by kind."""

    version: str
    plain: float
    """The server staples, and the client does not ask."""
    stapled: float
    """It asks, and looks at nothing."""
    judged: float
    """It asks, and judges what came."""


@dataclass(frozen=True)
class Attaching:
    """One call, in microseconds."""

    what: str
    microseconds: float


def measure_handshakes() -> list[Handshakes]:
    """Measure each version."""
    with tempfile.TemporaryDirectory() as folder:
        server = _stapling_server(Path(folder))
        return [_handshakes(server, name, version) for name, version in VERSIONS.items()]


def measure_attaching() -> list[Attaching]:
    """Measure the self-test, and what each further context costs."""
    with tempfile.TemporaryDirectory() as folder:
        context = server_context(LEAF, [CA.certificate], Path(folder))
    shelf = _shelf()
    client = client_context(CA.certificate)
    return [
        Attaching("the self-test, once in a process", _microseconds(prove.__wrapped__)),
        Attaching("staple(context)", _microseconds(lambda: staple(context, shelf))),
        Attaching("require_status(context)", _microseconds(lambda: require_status(client))),
    ]


def _shelf() -> Stapler:
    """Return what holds the staple; a stapler's look-up is a dictionary's, as this one's is."""
    shelf = Shelf()
    shelf.put(CA, LEAF.certificate)
    return cast("Stapler", shelf)


def _stapling_server(folder: Path) -> ssl.SSLContext:
    context = server_context(LEAF, [CA.certificate], folder)
    staple(context, _shelf())
    return context


def _handshakes(server: ssl.SSLContext, name: str, version: ssl.TLSVersion) -> Handshakes:
    plain, asking, judging = (client_context(CA.certificate, version) for _ in range(3))
    libssl().request_status(libssl().context_pointer(asking))
    require_status(judging)
    rates: dict[ssl.SSLContext, list[float]] = {plain: [], asking: [], judging: []}
    for _ in range(ROUNDS):
        for client, seen in rates.items():
            started = time.process_time()
            for _ in range(A_ROUND):
                shake_hands(server, client)
            seen.append(A_ROUND / (time.process_time() - started))
    return Handshakes(name, *(median(seen) for seen in rates.values()))


def _microseconds(work: Callable[[], object]) -> float:
    took = []
    for _ in range(50):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return median(took) * 1e6
