"""An LDAP server that answers by script, right or wrong; in the test's own process."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from certstatus.asn1.doorway import encode_tlv

Talk = Callable[[socket.socket, bytes], None]
"""Answers a search, of which the octets are given."""


def message(number: int, *elements: bytes) -> bytes:
    """Make an LDAPMessage."""
    return encode_tlv(0x30, encode_tlv(0x02, bytes((number,))) + b"".join(elements))


def entry(attribute: str, *values: bytes, number: int = 1) -> bytes:
    """Make a SearchResultEntry with one attribute."""
    of_values = encode_tlv(0x31, b"".join(encode_tlv(0x04, one) for one in values))
    described = encode_tlv(0x30, encode_tlv(0x04, attribute.encode()) + of_values)
    body = encode_tlv(0x04, b"cn=x") + encode_tlv(0x30, described)
    return message(number, encode_tlv(0x64, body))


def done(code: int = 0, *, number: int = 1) -> bytes:
    """Make a SearchResultDone."""
    text = encode_tlv(0x04, b"")
    return message(number, encode_tlv(0x65, encode_tlv(0x0A, bytes((code,))) + text + text))


def saying(*parts: bytes) -> Talk:
    """Send these."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"".join(parts))

    return talk


def in_pieces(data: bytes, size: int) -> Talk:
    """Send this, some octets at a time."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            connection.sendall(data[at : at + size])

    return talk


def without_end(pieces: Iterable[bytes]) -> Talk:
    """Send these until the client goes away."""

    def talk(connection: socket.socket, _: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return talk


class ScriptedDirectory:
    """Runs in a thread until the ``with`` ends; set ``talk`` to say what it answers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.talk: Talk = saying(done(32))
        self.asked: list[bytes] = []
        self.over = threading.Event()
        """Set in the end: a talk that waits must wait for this."""
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def url(self, dn: str = "cn=x", attribute: str = "certificateRevocationList") -> str:
        """Name an entry."""
        scheme = "ldap" if self._tls is None else "ldaps"
        host = "127.0.0.1" if self._tls is None else "localhost"
        return f"{scheme}://{host}:{self.port}/{dn}?{attribute}"

    def silence(self, _: socket.socket, __: bytes) -> None:
        """Say nothing, and keep the connection. A ``Talk``."""
        self.over.wait(20)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        talks: list[threading.Thread] = []
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                break
            talks.append(threading.Thread(target=self._converse, args=(connection,)))
            talks[-1].start()
        for talk in talks:
            talk.join()

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            search = connection.recv(65_536)
            self.asked.append(search)
            self.talk(connection, search)
        except OSError:
            pass
        finally:
            connection.close()
