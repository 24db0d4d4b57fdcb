"""Handshakes of two ssl contexts in memory, and a shelf of staples that stand still."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certstatus.pkix import Certificate
from certstatus.staple import Staple
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.verify import verify_response

__all__ = ["Shelf", "client_context", "load", "pem", "server_context", "shake_hands"]

NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Shelf:
    """Holds what a test puts there; notes who was added, and fetches nothing."""

    staples: dict[bytes, Staple] = field(default_factory=dict)
    added: list[tuple[Certificate, tuple[Certificate, ...], tuple[str, ...]]] = field(
        default_factory=list
    )
    fed: threading.Event = field(default_factory=threading.Event)
    waited: list[timedelta | None] = field(default_factory=list)

    def put(self, ca: TinyCA, certificate: Certificate, der: bytes | None = None) -> Staple:
        """Lay down an honest staple, or the one given."""
        der = der or Forge.honest(ca, certificate.serial_number).but(now=NOW).der
        report = verify_response(
            der, issuer=ca.certificate, certificate=certificate, now=datetime.now(UTC)
        )
        verified = report.require()
        staple = Staple(der=der, verified=verified, responder_id=verified.data.responder_id)
        self.staples[certificate.fingerprint] = staple
        return staple

    def staple(self, fingerprint: bytes) -> Staple | None:
        """Return what lies there."""
        return self.staples.get(fingerprint)

    def add(
        self,
        certificate: Certificate,
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
        urls: Sequence[str] = (),
    ) -> None:
        """Note it."""
        self.added.append((certificate, tuple(chain), tuple(urls)))
        self.fed.set()

    def wait_ready(self, timeout: timedelta | None = None) -> bool:
        """Note it."""
        self.waited.append(timeout)
        return True


def pem(certificate: Certificate) -> bytes:
    """Write a certificate as PEM."""
    return certificate.parsed.public_bytes(Encoding.PEM)


def load(
    context: ssl.SSLContext, issued: Issued, above: Iterable[Certificate], directory: Path
) -> None:
    """Give a context a certificate, its key and what stands above it."""
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(pem(one) for one in (issued.certificate, *above)))
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context.load_cert_chain(chain, key)


def server_context(issued: Issued, above: Iterable[Certificate], directory: Path) -> ssl.SSLContext:
    """Make a server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, issued, above, directory)
    return context


def client_context(
    anchor: Certificate, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    """Make a client's context that trusts one CA and speaks one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem(anchor).decode("ascii"))
    context.minimum_version = context.maximum_version = version
    return context


def shake_hands(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    *,
    server_name: str | None = "leaf.example",
    session: ssl.SSLSession | None = None,
) -> ssl.SSLObject:
    """Shake hands in memory, exchange an octet, and return the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=server_name, session=session)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    open_ = [near, far]
    for _ in range(10):
        for side in tuple(open_):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_.remove(side)
    assert not open_
    far.write(b"!")  # and what goes before it: the tickets of TLS 1.3
    assert near.read(1) == b"!"
    return near
