"""A relay on loopback between a client and a server, which notes every octet of one connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PATIENCE = 20


@dataclass
class Relay:
    """``talk`` is what was said, in turn: ``client`` or ``server``, and the octets."""

    port: int
    talk: list[tuple[str, bytes]] = field(default_factory=list)

    def said(self, who: str) -> bytes:
        """Return all that one side said."""
        return b"".join(data for speaker, data in self.talk if speaker == who)


@contextmanager
def relay(to: int) -> Iterator[Relay]:
    """Listen on a free port, and pass one connection on to the port ``to``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_PATIENCE)
        noted = Relay(listener.getsockname()[1])
        thread = threading.Thread(target=_pass_on, args=(listener, to, noted))
        thread.start()
        try:
            yield noted
        finally:
            thread.join(2 * _PATIENCE)
    assert not thread.is_alive()


def _pass_on(listener: socket.socket, to: int, noted: Relay) -> None:
    client, _ = listener.accept()
    with client, socket.create_connection(("127.0.0.1", to), timeout=_PATIENCE) as server:
        back = threading.Thread(target=_copy, args=("server", server, client, noted))
        back.start()
        _copy("client", client, server, noted)
        back.join(_PATIENCE)


def _copy(who: str, source: socket.socket, sink: socket.socket, noted: Relay) -> None:
    try:
        while data := source.recv(65_536):
            noted.talk.append((who, data))
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
