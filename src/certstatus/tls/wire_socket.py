"""A socket with an end: a deadline for all of a task, and a bound on what the peer may send."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits_tls import WIRE_CLOSE_TIME

__all__ = ["BoundedSocket"]

_DRAIN_BYTES: Final = 65_536


class BoundedSocket:
    """What a TLS engine reads and writes, between ``start`` and its end.

    A peer that sends an octet now and then holds no one: the time-out counts from ``start``,
    over all reads and writes together, and so does the limit on bytes.

    While ``is_hearing_out``, a peer that closes does not end a write: what it said before
    is still to be read, and in a handshake that is the alert which tells why.

    One that ``lingers`` and has sent something waits a little for its peer to close first.
    A server does: were the client's last bytes still unread, TCP would reset the
    connection, and the client might never see what was sent to it last.
    """

    def __init__(self, sock: socket.socket, *, lingers: bool = False) -> None:
        self._sock = sock
        self._lingers = lingers
        self._end = 0.0
        self._seconds = 0.0
        self._left: int | None = None
        self._is_hearing_out = False
        self._has_sent = False

    def start(
        self, seconds: float, *, limit: int | None = None, is_hearing_out: bool = False
    ) -> None:
        """Begin a task that has so many seconds, and may read so many bytes."""
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._left = limit
        self._is_hearing_out = is_hearing_out

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
        self._has_sent = True
        return self._sock.send(data)

    def sendall(self, data: bytes) -> None:
        """Write the data. Raises OSError, and TimeoutError where the time is over."""
        self._wait_no_longer()
        self._has_sent = True
        try:
            self._sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            if not self._is_hearing_out:
                raise
            self._is_hearing_out = False  # once: who writes on and on must hear of it

    def close(self) -> None:
        """Close the socket. May be called twice."""
        if self._lingers and self._has_sent:
            self._has_sent = False
            with suppress(OSError):
                self._wait_for_the_end()
        self._sock.close()

    def _wait_for_the_end(self) -> None:
        """Send nothing more, and throw away what comes, until the peer closes too."""
        self._sock.shutdown(socket.SHUT_WR)
        end = time.monotonic() + WIRE_CLOSE_TIME.total_seconds()
        while (left := end - time.monotonic()) > 0:
            self._sock.settimeout(left)
            if not self._sock.recv(_DRAIN_BYTES):
                return

    def _wait_no_longer(self) -> None:
        """Give the next call on the socket what is left of the time."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no end within {self._seconds:g} s")
        self._sock.settimeout(left)
