"""Clients that do harm: `python -m bench.attackers KIND PORT SECONDS` does it for so long.

It prints a line when the harm is in full swing, and counts the seconds from then. They read nothing and go without an end in good order, so that one process does as much harm
as it can.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

__all__ = ["SLOW_CLIENTS"]

SLOW_CLIENTS: Final = 4_000
"""Just under what a worker lets in, so that there is room for the others."""

_SPARE: Final = 96
_POURING: Final = 64
_HEAD: Final = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
_PIECE: Final = bytes(65_536)
_CHUNKS: Final = b"1\r\nx\r\n" * 10_000
_RESET: Final = struct.pack("ii", 1, 0)


def _connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection


def _begin(seconds: float) -> float:
    """Say that it begins; return when it is to end."""
    print("begun", flush=True)
    return time.monotonic() + seconds


def _drip(port: int, seconds: float) -> None:
    """Hold thousands of connections, each of which sends an octet every half a second."""
    _keep_sending(port, seconds, SLOW_CLIENTS, b"GET /", b"A", pause=0.5)


def _pour(port: int, seconds: float) -> None:
    """Announce a gigabyte on many connections, and send it whatever the answer is."""
    _keep_sending(port, seconds, _POURING, _HEAD + b"Content-Length: 1000000000\r\n\r\n", _PIECE)


def _chunks(port: int, seconds: float) -> None:
    """Send bodies in the smallest chunks, up to the largest length and on."""
    _keep_sending(port, seconds, _POURING, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", _CHUNKS)


def _keep_sending(
    port: int, seconds: float, many: int, head: bytes, piece: bytes, *, pause: float = 0.0
) -> None:
    """Send pieces on many connections in turn; one that is cut is made anew."""
    until, next_round = None, 0.0
    crowd: dict[int, socket.socket] = {}
    for turn in count():
        place = turn % many
        if turn == many:
            until = _begin(seconds)
        if place == 0:
            time.sleep(max(0.0, next_round - time.monotonic()))
            next_round = time.monotonic() + pause
        if until is not None and time.monotonic() > until:
            return
        try:
            if place not in crowd:
                crowd[place] = _connect(port)
                crowd[place].send(head)
            crowd[place].send(piece)
        except BlockingIOError:
            time.sleep(0.0001)  # it is read slowly; nobody gains by asking at once again
        except ConnectionError:
            if place in crowd:
                crowd.pop(place).close()


def _broken(port: int, seconds: float) -> None:
    """Send what is no HTTP, each time over a connection of its own."""
    _one_by_one(port, seconds, b"GET / HTTP/9.9\r\n\r\n")


def _connections(port: int, seconds: float) -> None:
    """Connect, say nothing, and go."""
    _one_by_one(port, seconds, b"")


def _one_by_one(port: int, seconds: float, said: bytes) -> None:
    waiting: deque[socket.socket] = deque()
    until = _begin(seconds)
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            waiting.append(_connect(port))
            waiting[-1].send(said)
        if len(waiting) > _POURING:
            waiting.popleft().close()


_KINDS: Final[Mapping[str, Callable[[int, float], None]]] = {
    "drip": _drip,
    "pour": _pour,
    "chunks": _chunks,
    "broken": _broken,
    "connections": _connections,
}


def _main(kind: str, port: str, seconds: str) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(SLOW_CLIENTS + _SPARE, most), most))
    _KINDS[kind](int(port), float(seconds))


if __name__ == "__main__":
    _main(*sys.argv[1:])
