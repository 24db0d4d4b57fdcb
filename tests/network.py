"""A network on loopback between clients and a server, which may go silent or be cut."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, Self

__all__ = ["Network"]

_PATIENCE: Final = 20.0
_CHUNK: Final = 65_536


class _State(Enum):
    OPEN = "open"
    SILENT = "silent"
    CUT = "cut"
    GONE = "gone"


class Network:
    """Passes connections on to a port; ``with`` makes it, and ends every connection.

    While it is ``silent``, connections stand, new ones are accepted, and nothing arrives until
    it is over; then all arrives. While it is ``cut``, every connection is reset at once.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._state = _State.OPEN
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._become(_State.GONE)
        # A thread that waits in accept hears of nothing but a connection.
        socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE).close()
        self._reset_all()
        for thread in self._threads:
            thread.join(_PATIENCE)
            assert not thread.is_alive()
        self._listener.close()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let nothing through meanwhile."""
        self._become(_State.SILENT)
        try:
            yield
        finally:
            self._become(_State.OPEN)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Reset every connection, and each new one, meanwhile."""
        self._become(_State.CUT)
        self._reset_all()
        try:
            yield
        finally:
            self._become(_State.OPEN)

    def _become(self, state: _State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _reset_all(self) -> None:
        with self._changed:
            sockets = tuple(self._sockets)
        for one in sockets:
            _reset(one)

    # --- the threads --------------------------------------------------------------------

    def _start(self, work: object, *args: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=args, daemon=True)
        with self._changed:
            self._threads.append(thread)
        thread.start()

    def _passes(self) -> bool:
        """Wait until something may pass, or never will."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not _State.SILENT)
            return self._state is _State.OPEN

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with self._changed:
                self._sockets.add(client)
                if self._state is _State.GONE:
                    break
            self._start(self._join, client)
        self._forget(client)

    def _join(self, client: socket.socket) -> None:
        if not self._passes():
            _reset(client)
            self._forget(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._to), timeout=_PATIENCE)
        except OSError:
            _reset(client)
            self._forget(client)
            return
        server.settimeout(None)
        with self._changed:
            self._sockets.add(server)
        back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
        back.start()
        self._copy(client, server)
        back.join(_PATIENCE)
        for one in (client, server):
            self._forget(one)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if not self._passes():
                    break
                sink.sendall(data)
        for one in (source, sink):
            _end(one)

    def _forget(self, one: socket.socket) -> None:
        with self._changed:
            self._sockets.discard(one)
        one.close()


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _reset(one: socket.socket) -> None:
    """Have it closed by a reset, and wake who waits for it."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    _end(one)
