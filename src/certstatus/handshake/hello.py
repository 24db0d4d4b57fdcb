"""ClientHello, ServerHello and EncryptedExtensions, as far as certificate status needs them.

Everything that a hello holds is kept and written back; only some extensions are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from certstatus.errors import MalformedError
from certstatus.handshake.extension import (
    ExtensionBlock,
    TLSExtension,
    encode_extensions,
    read_extensions,
)
from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import TLS12, CertificateStatusType, ExtensionType
from certstatus.handshake.status_request import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    parse_certificate_status_request,
    parse_status_request_v2,
)

__all__ = [
    "ClientHello",
    "EncryptedExtensions",
    "ServerHello",
    "encode_client_hello",
    "encode_encrypted_extensions",
    "encode_server_hello",
    "parse_client_hello",
    "parse_encrypted_extensions",
    "parse_server_hello",
]

_RETRY_RANDOM: Final = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)
"""The random of a ServerHello that is a HelloRetryRequest (RFC 9846 §4.1.3)."""

_RANDOM_OCTETS: Final = 32
_HOST_NAME: Final = 0


@dataclass(frozen=True, kw_only=True)
class ClientHello(ExtensionBlock):
    """What a client offers (RFC 9846 §4.1.2, RFC 5246 §7.4.1.2).

    The properties that read an extension raise DecodeError or MalformedError where it is
    broken, so that a server can still answer what asks for no status.
    """

    legacy_version: int = TLS12
    random: bytes = field(default=bytes(_RANDOM_OCTETS), repr=False)
    session_id: bytes = field(default=b"", repr=False)
    cipher_suites: tuple[int, ...] = ()
    compression_methods: bytes = b"\0"

    @property
    def status_request(self) -> CertificateStatusRequest | None:
        """The extension status_request; None where absent, or for a status other than OCSP (T1)."""
        found = self.extension(ExtensionType.STATUS_REQUEST)
        if found is None or (found.data and found.data[0] != CertificateStatusType.OCSP):
            return None
        return parse_certificate_status_request(found.data)

    @property
    def status_request_v2(self) -> tuple[CertificateStatusRequestItemV2, ...] | None:
        """The extension status_request_v2, best entry first; None where absent (T9)."""
        found = self.extension(ExtensionType.STATUS_REQUEST_V2)
        return None if found is None else parse_status_request_v2(found.data)

    @property
    def server_name(self) -> str | None:
        """The host_name of the extension server_name (RFC 6066 §3), or None."""
        found = self.extension(ExtensionType.SERVER_NAME)
        return None if found is None else _host_name(found.data)

    @property
    def supported_versions(self) -> tuple[int, ...]:
        """The versions offered, best first; legacy_version alone where the extension is absent."""
        found = self.extension(ExtensionType.SUPPORTED_VERSIONS)
        if found is None:
            return (self.legacy_version,)
        reader = Reader(found.data, "supported_versions")
        versions = reader.vector(1, "versions", least=2)
        reader.end()
        return _pairs(versions, reader, "versions")


@dataclass(frozen=True, kw_only=True)
class ServerHello(ExtensionBlock):
    """What a server chooses (RFC 9846 §4.1.3, RFC 5246 §7.4.1.3)."""

    legacy_version: int = TLS12
    random: bytes = field(default=bytes(_RANDOM_OCTETS), repr=False)
    session_id: bytes = field(default=b"", repr=False)
    cipher_suite: int = 0
    compression_method: int = 0

    @property
    def version(self) -> int:
        """The version chosen: the extension supported_versions, else legacy_version.

        Raises:
            DecodeError: the extension does not hold one version.
        """
        found = self.extension(ExtensionType.SUPPORTED_VERSIONS)
        if found is None:
            return self.legacy_version
        reader = Reader(found.data, "supported_versions")
        version = reader.number(2, "selected_version")
        reader.end()
        return version

    @property
    def is_retry(self) -> bool:
        """Whether it is a HelloRetryRequest: the client must say hello once more."""
        return self.random == _RETRY_RANDOM


@dataclass(frozen=True, kw_only=True)
class EncryptedExtensions(ExtensionBlock):
    """What a TLS 1.3 server answers beside its ServerHello (RFC 9846 §4.3.1)."""


def parse_client_hello(body: bytes) -> ClientHello:
    """Read the body of a ClientHello. Raises DecodeError where a length lies."""
    reader = Reader(body, "ClientHello")
    version = reader.number(2, "legacy_version")
    random = reader.octets(_RANDOM_OCTETS, "random")
    session_id = reader.vector(1, "legacy_session_id")
    suites = reader.vector(2, "cipher_suites", least=2)
    compression = reader.vector(1, "legacy_compression_methods", least=1)
    extensions = _optional_extensions(reader)
    return ClientHello(
        legacy_version=version,
        random=random,
        session_id=session_id,
        cipher_suites=_pairs(suites, reader, "cipher_suites"),
        compression_methods=compression,
        extensions=extensions,
    )


def encode_client_hello(hello: ClientHello) -> bytes:
    """Write the body of a ClientHello. Raises ValueError where a vector is too long."""
    suites = b"".join(suite.to_bytes(2) for suite in hello.cipher_suites)
    return b"".join(
        (
            hello.legacy_version.to_bytes(2),
            hello.random,
            vector(1, hello.session_id, "legacy_session_id"),
            vector(2, suites, "cipher_suites"),
            vector(1, hello.compression_methods, "legacy_compression_methods"),
            encode_extensions(hello.extensions),
        )
    )


def parse_server_hello(body: bytes) -> ServerHello:
    """Read the body of a ServerHello, or HelloRetryRequest. Raises DecodeError."""
    reader = Reader(body, "ServerHello")
    return ServerHello(
        legacy_version=reader.number(2, "legacy_version"),
        random=reader.octets(_RANDOM_OCTETS, "random"),
        session_id=reader.vector(1, "legacy_session_id_echo"),
        cipher_suite=reader.number(2, "cipher_suite"),
        compression_method=reader.number(1, "legacy_compression_method"),
        extensions=_optional_extensions(reader),
    )


def encode_server_hello(hello: ServerHello) -> bytes:
    """Write the body of a ServerHello; no extensions are no block, as up to TLS 1.2."""
    return b"".join(
        (
            hello.legacy_version.to_bytes(2),
            hello.random,
            vector(1, hello.session_id, "legacy_session_id_echo"),
            hello.cipher_suite.to_bytes(2),
            hello.compression_method.to_bytes(1),
            encode_extensions(hello.extensions) if hello.extensions else b"",
        )
    )


def parse_encrypted_extensions(body: bytes) -> EncryptedExtensions:
    """Read the body of an EncryptedExtensions. Raises DecodeError."""
    reader = Reader(body, "EncryptedExtensions")
    extensions = read_extensions(reader)
    reader.end()
    return EncryptedExtensions(extensions=extensions)


def encode_encrypted_extensions(message: EncryptedExtensions) -> bytes:
    """Write the body of an EncryptedExtensions."""
    return encode_extensions(message.extensions)


def _optional_extensions(reader: Reader) -> tuple[TLSExtension, ...]:
    """Read the block that ends a hello; an old hello has none at all."""
    extensions = read_extensions(reader) if reader.has_more else ()
    reader.end()
    return extensions


def _pairs(data: bytes, reader: Reader, name: str) -> tuple[int, ...]:
    if len(data) % 2:
        raise reader.broken(name, f"has {len(data)} octets, an odd number")
    return tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))


def _host_name(data: bytes) -> str | None:
    reader = Reader(data, "server_name")
    if not reader.has_more:  # as a server acknowledges it
        return None
    names = reader.inside(reader.vector(2, "server_name_list", least=1), "server_name_list")
    reader.end()
    found = None
    while names.has_more:
        kind = names.number(1, "name_type")
        name = names.vector(2, "HostName", least=1)
        if kind == _HOST_NAME and found is None:
            found = name
    return None if found is None else _ascii(found)


def _ascii(name: bytes) -> str:
    try:
        return name.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("is not ASCII", where="server_name.HostName") from error
