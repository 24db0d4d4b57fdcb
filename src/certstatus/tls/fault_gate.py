"""Listening sockets, and a bounded number of connections, each in a thread of its own.

Its law: no connection outlives its time, whatever its thread waits for: the gate shuts the
socket, and the thread finds it closed. ``close`` ends every one of them.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self, TypeAlias

from certstatus.errors import ConfigError

__all__ = ["Gate", "SecondHandle"]

_log: Final = logging.getLogger(__name__)

Serve: TypeAlias = Callable[[socket.socket], None]
"""Serves one connection, and may leave it open: the gate closes it."""

_BACKLOG: Final = 64
_LOOK_TIME: Final = 0.5
"""Seconds between two looks for connections whose time is over."""

_END_TIME: Final = 5.0
"""Seconds that closing waits for threads."""


class Gate:
    """Accepts on any number of sockets; past ``max_connections`` a new one is closed at once."""

    def __init__(self, *, max_connections: int, time_limit: timedelta) -> None:
        self._max = max_connections
        self._seconds = time_limit.total_seconds()
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._wake, self._bell = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._loop = threading.Thread(target=self._run, name="certstatus fault", daemon=True)
        self.closing = threading.Event()

    def listen(self, host: str, port: int, serve: Serve) -> int:
        """Listen on an address of this machine; return the port, which 0 leaves to the system.

        Raises:
            ConfigError: the address can't be listened on.
        """
        try:
            bound = _bind(host, port)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ConfigError(
                f"can't listen on {host} port {port}: {reason}",
                key="listen",
                remedy="name an address of this machine and a port that is free",
            ) from error
        self._selector.register(bound, selectors.EVENT_READ, serve)
        found: int = bound.getsockname()[1]
        return found

    def start(self) -> None:
        """Begin to accept."""
        self._loop.start()

    def close(self) -> None:
        """Stop accepting, cut what is open, and wait for its threads. May be called twice."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._bell.send(b"\0")
        if self._loop.is_alive():
            self._loop.join(_END_TIME)
        with self._lock:
            threads, cut = list(self._threads), list(self._open)
        for sock in cut:
            _shut(sock)
        end = time.monotonic() + _END_TIME
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        for key in list(self._selector.get_map().values()) if self._selector.get_map() else ():
            self._selector.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._bell.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- in the gate's own thread -----------------------------------------------------------

    def _run(self) -> None:
        while not self.closing.is_set():
            for key, _ in self._selector.select(_LOOK_TIME):
                if isinstance(key.fileobj, socket.socket) and key.data is not None:
                    self._accept(key.fileobj, key.data)
            self._cut_overdue()

    def _accept(self, listener: socket.socket, serve: Serve) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:  # the client is gone already, or no file is left: the next may come
            self.closing.wait(0.01)
            return
        with self._lock:
            is_full = len(self._open) >= self._max
            if not is_full:
                self._open[sock] = time.monotonic() + self._seconds
        if is_full:
            sock.close()
            return
        thread = threading.Thread(target=self._serve, args=(sock, serve), daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _cut_overdue(self) -> None:
        now = time.monotonic()
        with self._lock:
            overdue = [sock for sock, end in self._open.items() if end <= now]
        for sock in overdue:
            _shut(sock)

    # --- in the connection's thread ---------------------------------------------------------

    def _serve(self, sock: socket.socket, serve: Serve) -> None:
        try:
            with sock, contextlib.suppress(OSError):
                sock.settimeout(self._seconds)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                serve(sock)
        except Exception:  # noqa: BLE001 - one connection must not end the host
            _log.exception("a connection ended by a defect of certstatus; please report it")
        finally:
            with self._lock:
                self._open.pop(sock, None)
                self._threads.discard(threading.current_thread())


class SecondHandle(socket.socket):
    """A second handle on a connected socket, which stays open until both are closed.

    ``begun`` is what was read from the first one, and is read here again. With a ``pause``
    it sends byte by byte, and waits so long before each; when ``closing`` is set, that ends
    with an OSError.
    """

    def __init__(
        self,
        sock: socket.socket,
        begun: bytes = b"",
        *,
        pause: timedelta | None = None,
        closing: threading.Event,
    ) -> None:
        super().__init__(fileno=sock.dup().detach())
        self.settimeout(sock.gettimeout())
        self._begun = begun
        self._pause = None if pause is None else pause.total_seconds()
        self._closing = closing

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what was read before, then what comes."""
        if not self._begun:
            return super().recv(size, flags)
        data, self._begun = self._begun[:size], self._begun[size:]
        return data

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        """Send some of the data; the first byte where it drips."""
        if self._pause is None:
            return super().send(data, flags)
        if self._closing.wait(self._pause):
            raise ConnectionAbortedError("the host ends")
        return super().send(data[:1], flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Send all of the data."""
        view = memoryview(data)
        while view:
            view = view[self.send(bytes(view), flags) :]


def _bind(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, where = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _shut(sock: socket.socket) -> None:
    """End a connection in both directions; its own thread closes it."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
