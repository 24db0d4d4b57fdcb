"""Certificate and CertificateRequest, in the form of TLS 1.3 and in the older one.

In TLS 1.3 each certificate has its extensions, and so its own staple (RFC 9846 §4.4.2, T5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from certstatus.handshake.certificate_status import (
    CertificateStatus,
    encode_certificate_status,
    parse_certificate_status,
)
from certstatus.handshake.extension import (
    ExtensionBlock,
    TLSExtension,
    encode_extensions,
    read_extensions,
)
from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import TLS12, TLS13, ExtensionType
from certstatus.limits_tls import MAX_TLS_CHAIN

__all__ = [
    "CertificateEntry",
    "CertificateMessage",
    "CertificateRequest",
    "certificate_request_version",
    "certificate_version",
    "encode_certificate_message",
    "encode_certificate_request",
    "parse_certificate_message",
    "parse_certificate_request",
]

_BLOCK_OCTETS: Final = 65_535


@dataclass(frozen=True, kw_only=True)
class CertificateEntry(ExtensionBlock):
    """One certificate of a chain, in DER; up to TLS 1.2 it has no extensions."""

    cert_data: bytes = field(repr=False)

    @classmethod
    def stapled(
        cls, cert_data: bytes, response: bytes, *, beside: Iterable[TLSExtension] = ()
    ) -> CertificateEntry:
        """Make an entry with a staple, and other extensions ``beside`` it.

        A staple that does not fit is left out whole, and so is an empty one (T7).
        """
        others = tuple(beside)
        entry = cls(cert_data=cert_data, extensions=others)
        taken = sum(len(one.encode()) for one in others)
        if not response or taken + len(response) + _AROUND_STAPLE > _BLOCK_OCTETS:
            return entry
        data = encode_certificate_status(CertificateStatus.single(response))
        staple = TLSExtension(ExtensionType.STATUS_REQUEST, data)
        return cls(cert_data=cert_data, extensions=(staple, *others))

    @property
    def status(self) -> CertificateStatus | None:
        """The staple of this certificate, or None.

        Raises:
            DecodeError: it is broken.
        """
        found = self.extension(ExtensionType.STATUS_REQUEST)
        return None if found is None else parse_certificate_status(found.data)


_AROUND_STAPLE: Final = 8
"""Type and length of the extension, status_type, length of the response."""


@dataclass(frozen=True, kw_only=True)
class CertificateMessage:
    """The message Certificate: its sender's own certificate first."""

    entries: tuple[CertificateEntry, ...] = ()
    certificate_request_context: bytes = b""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates, in DER."""
        return tuple(entry.cert_data for entry in self.entries)


@dataclass(frozen=True, kw_only=True)
class CertificateRequest(ExtensionBlock):
    """How a server asks for a client certificate.

    TLS 1.3 has a context and extensions; the older form has types, algorithms and the
    names of authorities, in DER.
    """

    certificate_request_context: bytes = b""
    certificate_types: bytes = b""
    supported_signature_algorithms: bytes = b""
    certificate_authorities: tuple[bytes, ...] = ()


def certificate_version(body: bytes) -> int:
    """Tell by its lengths alone of which form the body of a Certificate message is.

    TLS 1.3, whose form has a context before the list, or TLS 1.2 for the older one.
    """
    after = 1 + (body[0] if body else 0)
    length = int.from_bytes(body[after : after + 3])
    return TLS13 if len(body) == after + 3 + length and len(body) > after else TLS12


def certificate_request_version(body: bytes) -> int:
    """Tell by its lengths alone of which form the body of a CertificateRequest is."""
    after = 1 + (body[0] if body else 0)
    length = int.from_bytes(body[after : after + 2])
    return TLS13 if length and len(body) == after + 2 + length else TLS12


def parse_certificate_message(body: bytes, *, version: int) -> CertificateMessage:
    """Read the body of a Certificate message of a protocol version.

    Raises:
        DecodeError: a length lies, a certificate is empty, or there are over ``MAX_TLS_CHAIN``.
    """
    reader = Reader(body, "Certificate")
    context = reader.vector(1, "certificate_request_context") if version >= TLS13 else b""
    listed = reader.inside(reader.vector(3, "certificate_list"), "certificate_list")
    reader.end()
    entries: list[CertificateEntry] = []
    while listed.has_more:
        if len(entries) == MAX_TLS_CHAIN:
            raise reader.broken("certificate_list", f"holds more than {MAX_TLS_CHAIN} certificates")
        cert_data = listed.vector(3, "cert_data", least=1)
        extensions = read_extensions(listed) if version >= TLS13 else ()
        entries.append(CertificateEntry(cert_data=cert_data, extensions=extensions))
    return CertificateMessage(entries=tuple(entries), certificate_request_context=context)


def encode_certificate_message(message: CertificateMessage, *, version: int) -> bytes:
    """Write the body of a Certificate message; the older form leaves out what it can't hold."""
    is_new = version >= TLS13
    entries = b"".join(
        vector(3, entry.cert_data, "cert_data")
        + (encode_extensions(entry.extensions) if is_new else b"")
        for entry in message.entries
    )
    context = vector(1, message.certificate_request_context, "certificate_request_context")
    return (context if is_new else b"") + vector(3, entries, "certificate_list")


def parse_certificate_request(body: bytes, *, version: int) -> CertificateRequest:
    """Read the body of a CertificateRequest, as that version has it.

    Raises:
        DecodeError: a length lies, or a vector is empty that must not be.
    """
    reader = Reader(body, "CertificateRequest")
    if version >= TLS13:
        request = CertificateRequest(
            certificate_request_context=reader.vector(1, "certificate_request_context"),
            extensions=read_extensions(reader, least=2),
        )
    else:
        request = CertificateRequest(
            certificate_types=reader.vector(1, "certificate_types", least=1),
            supported_signature_algorithms=(
                reader.vector(2, "supported_signature_algorithms") if version >= TLS12 else b""
            ),
            certificate_authorities=tuple(
                reader.vectors(2, "certificate_authorities", each=2, element="DistinguishedName")
            ),
        )
    reader.end()
    return request


def encode_certificate_request(request: CertificateRequest, *, version: int) -> bytes:
    """Write the body of a CertificateRequest, as that version has it."""
    if version >= TLS13:
        context = vector(1, request.certificate_request_context, "certificate_request_context")
        return context + encode_extensions(request.extensions)
    names = b"".join(vector(2, one, "DistinguishedName") for one in request.certificate_authorities)
    algorithms = vector(2, request.supported_signature_algorithms, "supported_signature_algorithms")
    return b"".join(
        (
            vector(1, request.certificate_types, "certificate_types"),
            algorithms if version >= TLS12 else b"",
            vector(2, names, "certificate_authorities"),
        )
    )
