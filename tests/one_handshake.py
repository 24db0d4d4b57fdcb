"""A TLS server that shakes hands once."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

from certstatus.testing import Issued


@contextmanager
def tls_server(folder: Path, *chain: Issued) -> Iterator[int]:
    """Shake hands once, and yield the port."""
    (folder / "chain.pem").write_bytes(b"".join(one.certificate_pem for one in chain))
    (folder / "server.key").write_bytes(chain[0].key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "server.key")
    with create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as shaken:
                shaken.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
