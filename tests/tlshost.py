"""A TLS host on loopback that staples whatever it is told to, and a host that only talks."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Self

from certstatus.errors import CertStatusError
from certstatus.handshake import TLS12, TLS13, ClientHello
from certstatus.testing import Issued
from certstatus.tls.host import Host
from certstatus.tls.wire import Credentials, ServerStaples, accept
from tests.stapling import StaplingPKI

_PATIENCE = timedelta(seconds=10)
Serve = Callable[[socket.socket], None]


class Listener:
    """Accepts connections until the ``with`` ends, and serves each in a thread of its own."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)

    @property
    def host(self) -> Host:
        """Where it listens."""
        return Host("127.0.0.1", self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept, as close alone does not
        self._accepting.join()
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(_PATIENCE.total_seconds())
            thread = threading.Thread(target=self._one, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, CertStatusError), connection:
            self._serve(connection)


class TLSHost(Listener):
    """Shows one certificate, and staples as told; ``hellos`` are what its clients said."""

    def __init__(
        self,
        pki: StaplingPKI,
        staples: ServerStaples | Iterable[bytes] = (),
        *,
        issued: Issued | None = None,
        chain: Iterable[Issued] | None = None,
        versions: tuple[int, ...] = (TLS12, TLS13),
        preamble: Serve | None = None,
    ) -> None:
        super().__init__(self._shake_hands)
        server = issued or pki.server
        above = (pki.ca.issued,) if chain is None else tuple(chain)
        self._credentials = Credentials(
            chain=(server.certificate, *(one.certificate for one in above)), key=server.key
        )
        self._staples = (
            staples
            if isinstance(staples, ServerStaples)
            else ServerStaples(responses=tuple(staples))
        )
        self._versions = versions
        self._preamble = preamble
        self.hellos: list[ClientHello] = []

    def _shake_hands(self, connection: socket.socket) -> None:
        if self._preamble is not None:
            self._preamble(connection)
        with accept(connection, self._choose, versions=self._versions, timeout=_PATIENCE) as done:
            done.read()

    def _choose(self, hello: ClientHello) -> tuple[Credentials, ServerStaples]:
        self.hellos.append(hello)
        return self._credentials, self._staples
