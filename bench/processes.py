"""What a server costs: the processor time and the memory of all its processes, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["LOAD_CORE", "SERVER_CORE", "cpu_seconds", "everywhere", "family", "pinned", "rss_anon"]

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
SERVER_CORE: Final = _CORES[0]
LOAD_CORE: Final = _CORES[-1]


def pinned(core: int, command: list[str]) -> list[str]:
    """Return a command that stays on one core."""
    return ["taskset", "--cpu-list", str(core), *command]


def everywhere(command: list[str]) -> list[str]:
    """Return a command that may run on two cores, of which the load has one where there are two."""
    return ["taskset", "--cpu-list", ",".join(map(str, _CORES[:2])), *command]


def family(pid: int) -> set[int]:
    """Return a process and all who come from it, as far as they live."""
    parents = {int(one.name): _parent(one) for one in _PROC.iterdir() if one.name.isdigit()}
    found, new = {pid}, {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _parent(process: Path) -> int | None:
    fields = _stat(process)
    return int(fields[1]) if fields else None


def _stat(process: Path) -> list[str]:
    """Return the fields of /proc/PID/stat after the name; the first is the state."""
    try:
        return (process / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return []


def cpu_seconds(pid: int) -> float:
    """Return what a process and all who come from it have used: in user mode and in the kernel.

    A child that ended counts where its parent has waited for it.
    """
    fields = (_stat(_PROC / str(one)) for one in family(pid))
    return sum(sum(map(int, one[11:15])) for one in fields if one) / _TICKS


def rss_anon(pid: int) -> float:
    """Return the largest RssAnon of a family, in megabytes.

    That is memory of the process itself; pages of a mapped file (LMDB) are the system's
    cache, which it may take back at any moment.
    """
    return max(_rss_anon(one) for one in family(pid)) / 1e3


def _rss_anon(pid: int) -> float:
    lines = (_PROC / str(pid) / "status").read_text("utf-8").splitlines()
    return next(_kilobytes(lines))


def _kilobytes(lines: list[str]) -> Iterator[float]:
    for line in lines:
        if line.startswith("RssAnon:"):
            yield int(line.split()[1]) * 1.024
