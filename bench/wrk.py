"""Load by wrk: requests from a file, and how many answers came."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, Final

from bench.processes import LOAD_CORE, pinned

__all__ = [
    "CONNECTIONS",
    "Tally",
    "load",
    "loading",
    "read_requests",
    "read_tally",
    "write_requests",
]

CONNECTIONS: Final = 32
_LENGTH_DIGITS: Final = 6

_LUA: Final = """
local asked, place = {}, 0

function init(args)
    if not args[1] then return end
    local file = assert(io.open(args[1], "rb"))
    while true do
        local length = file:read(6)
        if not length then break end
        asked[#asked + 1] = file:read(tonumber(length))
    end
    file:close()
    place = tonumber(args[2])
end

function wrk.resolve(host, service)
    wrk.addrs = wrk.lookup(host, service)  -- and no connection to try them
end

function ask_next()
    place = place % #asked + 1
    return asked[place]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\\n{"answers": %d, "microseconds": %d, "refused": %d, "broken": %d}\\n',
        summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
"""
_FROM_FILE: Final = "request = ask_next\n"
"""Without it wrk asks for its URL again and again, and no Lua stands in its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one run of wrk saw. ``own_seconds`` is the processor time of wrk itself."""

    answers: int
    seconds: float
    refused: int
    broken: int
    own_seconds: float = 0.0


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """Write HTTP requests, each after its length in six digits."""
    with file.open("wb") as lines:
        for one in requests:
            lines.write(b"%0*d" % (_LENGTH_DIGITS, len(one)) + one)


def read_requests(file: Path) -> list[bytes]:
    """Read what ``write_requests`` wrote."""
    found, data, place = [], file.read_bytes(), 0
    while place < len(data):
        end = place + _LENGTH_DIGITS + int(data[place : place + _LENGTH_DIGITS])
        found.append(data[place + _LENGTH_DIGITS : end])
        place = end
    return found


def load(
    url: str, requests: Path | None, seconds: int, *, start: int = 0, close: bool = False
) -> Tally:
    """Load a URL by one thread on a core of its own, 32 connections at once.

    ``requests`` are asked one after another, from ``start`` on; without them, the URL. Only
    then ``close`` ends each connection after its answer; else the requests say it themselves.
    """
    before = _children_seconds()
    with _command(url, requests, seconds, start=start, close=close) as command:
        told = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60 + seconds
        ).stdout
    return read_tally(told, _children_seconds() - before)


@contextmanager
def loading(url: str, requests: Path, seconds: int, connections: int) -> Iterator[None]:
    """Load a URL beside what is done in this block, and end with it."""
    with (
        _command(url, requests, seconds, connections=connections) as command,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _command(
    url: str,
    requests: Path | None,
    seconds: int,
    *,
    connections: int = CONNECTIONS,
    start: int = 0,
    close: bool = False,
) -> Iterator[list[str]]:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA + (_FROM_FILE if requests else ""))
        script.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url]
        command += ["-H", "Connection: close"] if close else []
        command += ["--", str(requests), str(start)] if requests else []
        yield pinned(LOAD_CORE, command)


def _children_seconds() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_tally(told: str, own_seconds: float = 0.0) -> Tally:
    """Read the last line of what wrk told."""
    fields: dict[str, Any] = json.loads(told.rstrip().rpartition("\n")[2])
    return Tally(
        answers=fields["answers"],
        seconds=fields["microseconds"] / 1e6,
        refused=fields["refused"],
        broken=fields["broken"],
        own_seconds=own_seconds,
    )
