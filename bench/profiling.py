"""Where the time of each lane goes: `python -m bench.profiling cached|live|verify`.

A worker is loaded by wrk while Python's profiler runs in it, by processor time. A profiled function takes longer
than one that is not, small ones most of all: the shares say where to look, and no more.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.population import FIRST, Asked, Population
from bench.processes import family
from bench.servers import ours
from bench.wrk import load
from certstatus.testing import Forge, TinyCA
from certstatus.verify import verify_response

__all__ = ["main"]

_SECONDS: Final = 4
_LINES: Final = 30
_CERTIFICATES: Final = 20_000
_TIMES: Final = 3_000
_SERVE: Final = Path(__file__).with_name("profiled_serve.py")


def main(lane: str) -> None:
    """Profile a lane, and print its functions by their own time."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile"
        _LANES[lane](out)
        stats = pstats.Stats(str(out))
    stats.strip_dirs().sort_stats("tottime").print_stats(_LINES)


def _cached(out: Path) -> None:
    _serve(out, Asked(certificates=_CERTIFICATES, method="POST"), is_stored=True)


def _live(out: Path) -> None:
    _serve(out, Asked(certificates=_CERTIFICATES, method="POST", has_nonce=True), is_stored=False)


def _serve(out: Path, asked: Asked, *, is_stored: bool) -> None:
    people = Population.settle()
    source = f'index = "{people.index(_CERTIFICATES)}"'
    requests = people.asked(asked)
    with ours(
        people.folder,
        source,
        people.question(FIRST),
        store=people.store(_CERTIFICATES) if is_stored else None,
        launch=("-P", str(_SERVE), str(out)),
    ) as server:
        for worker in family(server.pid) - {server.pid}:
            os.kill(worker, signal.SIGUSR1)
        tally = load(server.url, requests, _SECONDS)
    print(f"{tally.answers:,} answers in {tally.seconds:.1f} s\n")


def _verify(out: Path) -> None:
    """Judge a response by a delegate, nothing of it known before."""
    ca = TinyCA("Bench CA")
    leaf = ca.issue_server().certificate
    response = Forge.honest(ca, leaf.serial_number, ca.issue_responder()).der
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def judge() -> None:
        for _ in range(_TIMES):
            report = verify_response(
                response, issuer=ca.certificate, serial_number=leaf.serial_number, now=now
            )
            assert report.verified is not None

    profile = cProfile.Profile(time.process_time)
    profile.runcall(judge)
    profile.dump_stats(out)
    print(f"{_TIMES:,} responses judged\n")


_LANES: Final[Mapping[str, Callable[[Path], None]]] = {
    "cached": _cached,
    "live": _live,
    "verify": _verify,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
