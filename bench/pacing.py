"""How long answers take at a steady rate, counted from when each was to be asked.

wrk asks as fast as answers come, and a slow answer hides those that would have been asked
meanwhile. Here questions are due at fixed times, whatever the server does (an open loop); one
that finds all connections busy waits, and its waiting counts.

`python -m bench.pacing PORT REQUESTS RATE SECONDS` prints JSON; the process spins on its core.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.processes import LOAD_CORE, pinned
from bench.wrk import CONNECTIONS, read_requests

__all__ = ["Latency", "measure_latency"]

_ENOUGH: Final = 65_536
_LONGEST: Final = 30.0
"""Seconds after the last question for the last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds until an answer was there; ``late`` is how long questions waited to be asked."""

    rate: float
    answers: int
    median: float
    most_of_99: float
    longest: float
    late: float

    @classmethod
    def of(cls, rate: float, times: list[float], late: list[float]) -> Self:
        """Sum up, from seconds; ``late`` is that of 99 of 100."""
        ordered = sorted(one * 1e3 for one in times)
        waits = sorted(one * 1e3 for one in late)
        return cls(
            rate=rate,
            answers=len(ordered),
            median=ordered[len(ordered) // 2],
            most_of_99=ordered[len(ordered) * 99 // 100],
            longest=ordered[-1],
            late=waits[len(waits) * 99 // 100],
        )


def measure_latency(port: int, requests: Path, rate: float, seconds: float) -> Latency:
    """Ask at a steady rate, from a process on the core of the load."""
    command = [
        sys.executable,
        "-m",
        "bench.pacing",
        str(port),
        str(requests),
        str(rate),
        str(seconds),
    ]
    told = subprocess.run(
        pinned(LOAD_CORE, command),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60 + seconds,
    ).stdout
    return Latency(**json.loads(told))


class _Pace:
    """Connections, each with one question under way or none; times by the monotonic clock."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._requests = requests
        self._poll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[connection.fileno()] = connection
            self._poll.register(connection, select.EPOLLIN)
        self._free = deque(self._connections)
        self._due: dict[int, float] = {}
        self._parts: dict[int, bytes] = {}
        self.times: list[float] = []
        self.late: list[float] = []

    def run(self, rate: float, seconds: float) -> None:
        """Ask ``rate`` questions a second, and take the answers."""
        count = int(rate * seconds)
        began, asked = time.perf_counter(), 0
        last = began + seconds + _LONGEST
        while len(self.times) < count:
            now = time.perf_counter()
            if now > last:
                raise SystemExit(f"{count - len(self.times)} answers did not come")
            while asked < count and self._free and began + asked / rate <= now:
                self._ask(self._requests[asked % len(self._requests)], began + asked / rate)
                asked += 1
            for number, _ in self._poll.poll(0):
                self._take(number)

    def _ask(self, request: bytes, due: float) -> None:
        number = self._free.popleft()
        self._due[number] = due
        self.late.append(time.perf_counter() - due)
        self._connections[number].sendall(request)

    def _take(self, number: int) -> None:
        """Read what came; a whole answer frees its connection."""
        came = self._connections[number].recv(_ENOUGH)
        if not came:
            raise SystemExit("the server closed a connection")
        came = self._parts.pop(number, b"") + came
        if is_whole(came):
            self.times.append(time.perf_counter() - self._due.pop(number))
            self._free.append(number)
        else:
            self._parts[number] = came

    def close(self) -> None:
        """Let go of all connections."""
        self._poll.close()
        for connection in self._connections.values():
            connection.close()


def is_whole(came: bytes) -> bool:
    """Whether these octets are one answer with all of its body.

    Raises:
        SystemExit: it is no answer with HTTP 200.
    """
    head, end, body = came.partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"refused: {head[:60]!r}")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


def _main(port: str, requests: str, rate: str, seconds: str) -> None:
    pace = _Pace(int(port), read_requests(Path(requests)))
    try:
        pace.run(float(rate), float(seconds))
    finally:
        pace.close()
    told: dict[str, Any] = asdict(Latency.of(float(rate), pace.times, pace.late))
    print(json.dumps(told))


if __name__ == "__main__":
    _main(*sys.argv[1:])
