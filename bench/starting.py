"""How long a command takes to say how it is used."""

from __future__ import annotations

import subprocess
import sys
import time
from resource import RUSAGE_CHILDREN, getrusage
from typing import Final

from bench.spread import Spread

__all__ = ["measure_help"]

_RUNS: Final = 11


def measure_help() -> tuple[Spread, Spread]:
    """Return the seconds of ``certstatus --help``: by the clock, and of processor time."""
    command = [sys.executable, "-m", "certstatus", "--help"]
    clock, cpu = [], []
    for _ in range(_RUNS):
        before, started = getrusage(RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        clock.append(time.perf_counter() - started)
        after = getrusage(RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Spread.of(clock), Spread.of(cpu)
