"""What a response holds, as frozen values (RFC 6960 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.departure import Departure
from certstatus.ocsp.certid import CertID
from certstatus.ocsp.extensions import NO_EXTENSIONS, Extensions
from certstatus.ocsp.nonce import Nonce
from certstatus.ocsp.status import CertStatus, OCSPResponseStatus
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm, Name

__all__ = [
    "BasicOCSPResponse",
    "ByKey",
    "ByName",
    "OCSPResponse",
    "ResponderID",
    "ResponseData",
    "SingleResponse",
]


@dataclass(frozen=True, slots=True)
class ByName:
    """ResponderID byName: the subject of the responder's certificate (O16)."""

    name: Name

    def names(self, certificate: Certificate) -> bool:
        """Whether this is that certificate's subject."""
        return self.name.matches(certificate.subject)

    def __str__(self) -> str:
        return f"byName: {self.name}"


@dataclass(frozen=True, slots=True)
class ByKey:
    """ResponderID byKey: SHA-1 of the responder's key, whatever else is hashed how (O17)."""

    key_hash: bytes

    @classmethod
    def of(cls, certificate: Certificate) -> ByKey:
        """Name the responder with this certificate."""
        return cls(certificate.key_hash(HashAlgorithm.SHA1))

    def names(self, certificate: Certificate) -> bool:
        """Whether this is the hash of that certificate's key."""
        return self.key_hash == certificate.key_hash(HashAlgorithm.SHA1)

    def __str__(self) -> str:
        return f"byKey: {self.key_hash.hex()}"


ResponderID = ByName | ByKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleResponse:
    """The answer about one certificate (RFC 6960 §4.2.1); times are aware UTC."""

    cert_id: CertID
    cert_status: CertStatus
    this_update: datetime
    next_update: datetime | None = None
    single_extensions: Extensions = NO_EXTENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseData:
    """What a responder signs; ``produced_at`` is aware UTC."""

    responder_id: ResponderID
    produced_at: datetime
    responses: tuple[SingleResponse, ...]
    response_extensions: Extensions = NO_EXTENSIONS

    @property
    def nonce(self) -> Nonce | None:
        """The nonce of the response, or None."""
        extensions = self.response_extensions
        return extensions.get(Nonce, "responseExtensions.nonce") if extensions.members else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicOCSPResponse:
    """Data, signature and certificates; ``tbs_der`` are the signed bytes as received (O21).

    ``certs`` are DER, unread: one that is broken spoils nothing.
    """

    tbs_response_data: ResponseData
    tbs_der: bytes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    certs: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OCSPResponse:
    """A response as it was read.

    ``basic`` is None for an error status, and for a ``response_type`` that is not
    id-pkix-ocsp-basic. ``departures`` tells what the peer wrote otherwise than DER or a
    SHOULD asks.
    """

    response_status: OCSPResponseStatus
    response_type: ObjectIdentifier | None = None
    basic: BasicOCSPResponse | None = None
    der: bytes = field(repr=False)
    departures: tuple[Departure, ...] = ()
