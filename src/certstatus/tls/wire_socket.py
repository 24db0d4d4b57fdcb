"""A socket with an end: a deadline for all of a task, and a bound on what the peer may send."""

from __future__ import annotations

import socket
import time

from certstatus.errors import MalformedError

__all__ = ["BoundedSocket"]


class BoundedSocket:
    """What a TLS engine reads and writes, between ``start`` and its end.

    A peer that sends an octet now and then holds no one: the time-out counts from ``start``,
    over all reads and writes together. Bytes count from ``start`` too.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._end = 0.0
        self._seconds = 0.0
        self._left: int | None = None

    def start(self, seconds: float, *, limit: int | None = None) -> None:
        """Begin a task that has so many seconds, and may read so many bytes."""
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._left = limit

    def recv(self, size: int) -> bytes:
        """Read what is there.

        Raises:
            OSError: the connection is broken.
            TimeoutError: the time is over.
            MalformedError: the peer has sent more than the limit.
        """
        self._wait_no_longer()
        data = self._sock.recv(size)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise MalformedError("is longer than any that we read", where="handshake")
        return data

    def send(self, data: bytes) -> int:
        """Write some of the data. Raises OSError, and TimeoutError where the time is over."""
        self._wait_no_longer()
        return self._sock.send(data)

    def sendall(self, data: bytes) -> None:
        """Write the data. Raises OSError, and TimeoutError where the time is over."""
        self._wait_no_longer()
        self._sock.sendall(data)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _wait_no_longer(self) -> None:
        """Give the next call on the socket what is left of the time."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no end within {self._seconds:g} s")
        self._sock.settimeout(left)
