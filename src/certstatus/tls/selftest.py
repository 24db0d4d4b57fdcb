"""Proof, once in a process, that staples go through this interpreter's libssl and back.

Two contexts of the stdlib shake hands in memory, over each version of TLS that is allowed
here; the server's callback staples, the client's reads it. Only then are other contexts
touched. It takes some milliseconds.
"""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from certstatus.errors import PlatformError
from certstatus.tls.libssl import LibSSL, libssl, status_callback

__all__ = ["prove"]

_NAME: Final = "certstatus.invalid"
_VERSIONS: Final = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
_EVP_PKEY_EC: Final = 408
_MAX_FLIGHTS: Final = 8
_ABSENT: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE"}
)


@functools.cache
def prove() -> LibSSL:
    """Return the binding to libssl, once it is proven to work.

    Raises:
        PlatformError: it can't be reached, or does not do what it should.
    """
    library = libssl()
    server = _throwaway_server()
    allowed = [version for version in _VERSIONS if _round_trip(library, server, version)]
    if not allowed:
        raise PlatformError(f"{ssl.OPENSSL_VERSION} allows neither TLS 1.2 nor TLS 1.3 here")
    return library


@dataclass(frozen=True)
class _Server:
    """A certificate, its key and its staple, all DER."""

    certificate: bytes
    key: bytes
    response: bytes


def _throwaway_server() -> _Server:
    """Make a server for handshakes that never leave the process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    # From libssl 3.6 on, a server sends only a response about the very certificate.
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            certificate, certificate, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, now, None, None, None
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.DER
    plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return _Server(
        certificate.public_bytes(encoding),
        key.private_bytes(encoding, *plain),
        response.public_bytes(encoding),
    )


def _round_trip(library: LibSSL, server: _Server, version: ssl.TLSVersion) -> bool:
    """Staple and read it back over one version; False where it is not allowed here."""
    far, near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    near.check_hostname = False
    near.verify_mode = ssl.CERT_NONE
    near.minimum_version = near.maximum_version = version
    far_pointer, near_pointer = library.context_pointer(far), library.context_pointer(near)
    _load(library, far_pointer, server)
    seen: list[tuple[tuple[bytes | None, ...], bytes | None, int]] = []

    def answer(connection: int) -> bool:
        library.staple(connection, server.response)
        return False

    def read(connection: int) -> bool:
        owner = library.SSL_get_ex_data(connection, 0)
        seen.append((library.stapled(connection), library.peer_certificate(connection), owner))
        return True

    callbacks = status_callback(answer), status_callback(read)
    library.set_status_callback(far_pointer, callbacks[0])
    library.set_status_callback(near_pointer, callbacks[1])
    library.request_status(near_pointer)
    try:
        connection = _shake_hands(far, near)
    except ssl.SSLError as error:
        if error.reason in _ABSENT:
            return False
        raise PlatformError(f"the self-test of stapling failed: {error}") from error
    inner = getattr(connection, "_sslobj", None)
    if getattr(inner, "owner", None) is not connection:
        raise PlatformError("this interpreter's ssl module does not tell whose connection it is")
    if seen != [((server.response,), server.certificate, id(inner))]:
        raise PlatformError(f"{ssl.OPENSSL_VERSION} does not bring a staple to its reader")
    return True


def _load(library: LibSSL, context: int, server: _Server) -> None:
    der, key = server.certificate, server.key
    if not (
        library.SSL_CTX_use_certificate_ASN1(context, len(der), der)
        and library.SSL_CTX_use_PrivateKey_ASN1(_EVP_PKEY_EC, context, key, len(key))
    ):
        raise PlatformError(f"{ssl.OPENSSL_VERSION} takes no certificate")
    if [one for _, one, _ in library.certificates(context)] != [der]:
        raise PlatformError(f"{ssl.OPENSSL_VERSION} does not tell a context's certificates")


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Shake hands in memory, and return the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=_NAME)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    open_ = [near, far]
    for _ in range(_MAX_FLIGHTS):
        for side in tuple(open_):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_.remove(side)
        if not open_:
            return near
    raise PlatformError("the self-test of stapling came to no end")
