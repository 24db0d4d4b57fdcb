"""Every OCSP extension with a typed value (RFC 6960 §4.4, RFC 9654, RFC 5280 §5.3).

A value class knows its OID, where it may stand, how to read and how to write itself.
Unknown extensions are kept verbatim as ``Extension``. To add one: write its class, and
name it in ``_TYPES``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol, TypeVar

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import ocsp as asn1
from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1_x509
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import (
    GeneralizedTime,
    IA5String,
    Null,
    decode,
    decode_sequence_of,
    decode_time,
    encode,
    encode_enumerated,
    encode_sequence_of,
    generalized_time,
    read_tlv,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.ocsp.nonce import Nonce
from certstatus.pkix import AccessDescription, AlgorithmIdentifier, CRLReason, GeneralName, Name
from certstatus.pkix.crl_entry import decode_date, decode_reason
from certstatus.pkix.name import decode_general_names, encode_general_names

__all__ = [
    "NO_EXTENSIONS",
    "AcceptableResponses",
    "ArchiveCutoff",
    "CertificateIssuer",
    "CrlID",
    "ExtendedRevoke",
    "Extension",
    "Extensions",
    "InvalidityDate",
    "NoCheck",
    "PreferredSignatureAlgorithm",
    "PreferredSignatureAlgorithms",
    "ReasonCode",
    "ServiceLocator",
    "SignedCertificateTimestampList",
]

_NULL: Final = b"\x05\x00"


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension as it stands: ``value`` is the contents of extnValue."""

    oid: ObjectIdentifier
    value: bytes
    critical: bool = False

    def declared(self) -> asn1_x509.Extension:
        """Return the value to encode; a false critical flag is left out, as DER asks."""
        return asn1_x509.Extension(
            extn_id=self.oid, critical=True if self.critical else None, extn_value=self.value
        )

    def __str__(self) -> str:
        return oids.name_of(self.oid)


@dataclass(frozen=True, slots=True)
class CrlID:
    """The CRL that an answer rests on (RFC 6960 §4.4.2, O26)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_CRL

    crl_url: str | None = None
    crl_num: int | None = None
    crl_time: datetime | None = None

    @classmethod
    def decode(cls, value: bytes, where: str) -> CrlID:
        """Read the value. Raises MalformedError."""
        declared = decode(asn1.CrlID, value, where)
        url, time = declared.crl_url, declared.crl_time
        return cls(
            None if url is None else url.as_str(),
            declared.crl_num,
            None if time is None else decode_time(time, f"{where}.crlTime"),
        )

    def encode(self) -> bytes:
        """Write the value."""
        return encode(
            asn1.CrlID(
                crl_url=None if self.crl_url is None else IA5String(self.crl_url),
                crl_num=self.crl_num,
                crl_time=None if self.crl_time is None else generalized_time(self.crl_time),
            )
        )


@dataclass(frozen=True, slots=True)
class AcceptableResponses:
    """The response types that a requestor understands (RFC 6960 §4.4.3, O6)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_RESPONSE

    response_types: tuple[ObjectIdentifier, ...]

    @classmethod
    def decode(cls, value: bytes, where: str) -> AcceptableResponses:
        """Read the value. Raises MalformedError."""
        return cls(tuple(decode_sequence_of(asn1.AcceptableResponses, value, where).response_types))

    def encode(self) -> bytes:
        """Write the value."""
        return encode_sequence_of([encode(oid) for oid in self.response_types])


@dataclass(frozen=True, slots=True)
class ArchiveCutoff:
    """Since when status is kept after a certificate's expiry (RFC 6960 §4.4.4, O27)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_ARCHIVE_CUTOFF

    archive_cutoff: datetime

    @classmethod
    def decode(cls, value: bytes, where: str) -> ArchiveCutoff:
        """Read the value. Raises MalformedError."""
        return cls(decode_time(decode(GeneralizedTime, value, where), where))

    def encode(self) -> bytes:
        """Write the value."""
        return encode(generalized_time(self.archive_cutoff))


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """The CRL entry extension reasonCode (RFC 5280 §5.3.1, O28)."""

    oid: ClassVar = oids.ID_CE_CRL_REASONS

    reason: CRLReason

    @classmethod
    def decode(cls, value: bytes, where: str) -> ReasonCode:
        """Read the value. Raises MalformedError."""
        return cls(decode_reason(value, where))

    def encode(self) -> bytes:
        """Write the value."""
        return encode(encode_enumerated(self.reason))


@dataclass(frozen=True, slots=True)
class InvalidityDate:
    """The CRL entry extension invalidityDate: since when the key is suspect (O28)."""

    oid: ClassVar = oids.ID_CE_INVALIDITY_DATE

    invalidity_date: datetime

    @classmethod
    def decode(cls, value: bytes, where: str) -> InvalidityDate:
        """Read the value. Raises MalformedError."""
        return cls(decode_date(value, where))

    def encode(self) -> bytes:
        """Write the value."""
        return encode(generalized_time(self.invalidity_date))


@dataclass(frozen=True, slots=True)
class CertificateIssuer:
    """The CRL entry extension certificateIssuer (RFC 5280 §5.3.3, O28)."""

    oid: ClassVar = oids.ID_CE_CERTIFICATE_ISSUER

    names: tuple[GeneralName, ...]

    @classmethod
    def decode(cls, value: bytes, where: str) -> CertificateIssuer:
        """Read the value. Raises MalformedError."""
        return cls(decode_general_names(value, where))

    def encode(self) -> bytes:
        """Write the value."""
        return encode_general_names(self.names)


@dataclass(frozen=True, slots=True)
class ServiceLocator:
    """Where to forward a request to: issuer and AIA of the certificate (RFC 6960 §4.4.6, O7).

    An absent locator is read as an empty one; an empty one is written out.
    """

    oid: ClassVar = oids.ID_PKIX_OCSP_SERVICE_LOCATOR

    issuer: Name
    locator: tuple[AccessDescription, ...] = ()

    @classmethod
    def decode(cls, value: bytes, where: str) -> ServiceLocator:
        """Read the value. Raises MalformedError."""
        declared = decode(asn1.ServiceLocator, value, where)
        issuer = Name.from_der(encode(declared.issuer), f"{where}.issuer")
        locator = declared.locator or ()
        return cls(issuer, tuple(AccessDescription.from_declared(one, where) for one in locator))

    def encode(self) -> bytes:
        """Write the value; the locator stands always, as the modules have it (O7)."""
        return encode(
            asn1.ServiceLocator(
                issuer=read_tlv(self.issuer.der, "ServiceLocator.issuer"),
                locator=[description.declared() for description in self.locator],
            )
        )


@dataclass(frozen=True, slots=True)
class PreferredSignatureAlgorithm:
    """One wish: how to sign, and the key that the signer's certificate may hold (O30)."""

    sig_identifier: AlgorithmIdentifier
    cert_identifier: AlgorithmIdentifier | None = None


@dataclass(frozen=True, slots=True)
class PreferredSignatureAlgorithms:
    """The signature algorithms that a requestor accepts, best first (RFC 6960 §4.4.7, O30)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_PREF_SIG_ALGS

    algorithms: tuple[PreferredSignatureAlgorithm, ...]

    @classmethod
    def decode(cls, value: bytes, where: str) -> PreferredSignatureAlgorithms:
        """Read the value. Raises MalformedError."""
        declared = decode_sequence_of(asn1.PreferredSignatureAlgorithms, value, where)
        return cls(
            tuple(
                PreferredSignatureAlgorithm(
                    AlgorithmIdentifier.from_declared(one.sig_identifier),
                    None
                    if one.cert_identifier is None
                    else AlgorithmIdentifier.from_declared(one.cert_identifier),
                )
                for one in declared.algorithms
            )
        )

    def encode(self) -> bytes:
        """Write the value."""
        return encode_sequence_of([encode(_declared_preference(one)) for one in self.algorithms])


def _declared_preference(one: PreferredSignatureAlgorithm) -> asn1.PreferredSignatureAlgorithm:
    key = one.cert_identifier
    return asn1.PreferredSignatureAlgorithm(
        sig_identifier=one.sig_identifier.declared(),
        cert_identifier=None if key is None else key.declared(),
    )


@dataclass(frozen=True, slots=True)
class ExtendedRevoke:
    """The responder says revoked of certificates that were never issued (RFC 6960 §4.4.8, O13)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_EXTENDED_REVOKE

    @classmethod
    def decode(cls, value: bytes, where: str) -> ExtendedRevoke:
        """Read the value. Raises MalformedError."""
        decode(Null, value, where)
        return cls()

    def encode(self) -> bytes:
        """Write the value."""
        return _NULL


@dataclass(frozen=True, slots=True)
class NoCheck:
    """In a responder's certificate: don't ask for its status (RFC 6960 §4.2.2.2.1, O24)."""

    oid: ClassVar = oids.ID_PKIX_OCSP_NOCHECK

    @classmethod
    def decode(cls, value: bytes, where: str) -> NoCheck:
        """Read the value. Raises MalformedError."""
        decode(Null, value, where)
        return cls()

    def encode(self) -> bytes:
        """Write the value."""
        return _NULL


@dataclass(frozen=True, slots=True)
class SignedCertificateTimestampList:
    """Certificate transparency's timestamps, in a singleExtension (RFC 6962 §3.3).

    ``serialized`` is the TLS-encoded list, whose length prefix is checked; each member is
    an SCT, kept as it is.
    """

    oid: ClassVar = oids.ID_CT_SCTS_IN_OCSP

    serialized: tuple[bytes, ...]

    @classmethod
    def decode(cls, value: bytes, where: str) -> SignedCertificateTimestampList:
        """Read the value. Raises MalformedError."""
        body, rest = _take(decode(bytes, value, where), where)
        if rest or not body:
            raise MalformedError("has a wrong length", where=where)
        members = []
        while body:
            member, body = _take(body, where)
            members.append(member)
        return cls(tuple(members))

    def encode(self) -> bytes:
        """Write the value."""
        body = b"".join(len(one).to_bytes(2) + one for one in self.serialized)
        return encode(len(body).to_bytes(2) + body)


def _take(data: bytes, where: str) -> tuple[bytes, bytes]:
    """Split off one TLS vector with a 16-bit length."""
    size = int.from_bytes(data[:2])
    if len(data) < 2 + size or not size:
        raise MalformedError("has a wrong length", where=where)
    return data[2 : 2 + size], data[2 + size :]


class ExtensionValue(Protocol):
    """What every typed value can do."""

    oid: ClassVar[ObjectIdentifier]

    @classmethod
    def decode(cls, value: bytes, where: str) -> ExtensionValue:
        """Read the value. Raises MalformedError."""
        ...

    def encode(self) -> bytes:
        """Write the value."""
        ...


V = TypeVar("V", bound=ExtensionValue)

_TYPES: Final[dict[ObjectIdentifier, type[ExtensionValue]]] = {
    kind.oid: kind
    for kind in (
        Nonce,
        CrlID,
        AcceptableResponses,
        ArchiveCutoff,
        ReasonCode,
        InvalidityDate,
        CertificateIssuer,
        ServiceLocator,
        PreferredSignatureAlgorithms,
        ExtendedRevoke,
        NoCheck,
        SignedCertificateTimestampList,
    )
}


@dataclass(frozen=True, slots=True)
class Extensions:
    """A list of extensions, in the order in which they stand."""

    members: tuple[Extension, ...] = ()

    @classmethod
    def of(cls, *values: ExtensionValue | Extension) -> Extensions:
        """Make a list of typed values and verbatim extensions; none is critical by itself."""
        return cls(
            tuple(
                value if isinstance(value, Extension) else Extension(value.oid, value.encode())
                for value in values
            )
        )

    @classmethod
    def from_declared(
        cls, declared: list[asn1_x509.Extension] | None, where: str, departures: list[Departure]
    ) -> Extensions:
        """Take over what was decoded; values of known types are read and must hold.

        Raises:
            MalformedError: too many, one stands twice, or a known one's value is broken.
        """
        if declared is None:
            return NO_EXTENSIONS
        if not declared:
            departures.append(Departure(where, "is empty; it should be absent"))
        if len(declared) > MAX_EXTENSIONS:
            raise MalformedError(f"holds more than {MAX_EXTENSIONS} extensions", where=where)
        members = tuple(_member(one, where, departures) for one in declared)
        if len({member.oid for member in members}) != len(members):
            raise MalformedError("holds an extension twice (RFC 5280 §4.2)", where=where)
        return cls(members)

    @classmethod
    def from_der(cls, der: bytes, where: str) -> Extensions:
        """Read a list that stands alone, as in a TLS client's request (RFC 6066 §8, T1).

        Raises:
            MalformedError: as ``from_declared``, and where it is empty: Extensions is
                SIZE (1..MAX), so a list of none is no list.
        """
        declared = decode_sequence_of(asn1_x509.Extensions, der, where).extensions
        if not declared:
            raise MalformedError("is an empty SEQUENCE; it should be absent", where=where)
        return cls.from_declared(declared, where, [])

    def encode(self) -> bytes:
        """Write a list that stands alone; one of none is no octets at all."""
        return encode_sequence_of([encode(one.declared()) for one in self]) if self else b""

    def get(self, kind: type[V], where: str = "extension") -> V | None:
        """Return the typed value of that kind, or None. Raises MalformedError."""
        for member in self.members:
            if member.oid == kind.oid:
                # The class's own decode returns its own type.
                return kind.decode(member.value, where)  # type: ignore[return-value]
        return None

    def typed(self, extension: Extension) -> ExtensionValue | None:
        """Return the typed value of a member, or None where we don't know its type."""
        kind = _TYPES.get(extension.oid)
        return None if kind is None else kind.decode(extension.value, str(extension))

    def has(self, kind: type[ExtensionValue]) -> bool:
        """Whether one of that kind stands here."""
        return any(member.oid == kind.oid for member in self.members)

    def unknown_critical(self, known: Iterable[ObjectIdentifier]) -> tuple[ObjectIdentifier, ...]:
        """List the OIDs of critical extensions that are not in ``known`` (O3)."""
        known = frozenset(known)
        return tuple(
            member.oid for member in self.members if member.critical and member.oid not in known
        )

    def declared(self) -> list[asn1_x509.Extension] | None:
        """Return the value to encode; an empty list is absent."""
        return [member.declared() for member in self.members] or None

    def __iter__(self) -> Iterator[Extension]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


NO_EXTENSIONS: Final = Extensions()


def _member(declared: asn1_x509.Extension, where: str, departures: list[Departure]) -> Extension:
    extension = Extension(declared.extn_id, declared.extn_value, bool(declared.critical))
    place = f"{where}.{extension}"
    if declared.critical is False:
        departures.append(Departure(place, "writes the default critical FALSE out"))
    kind = _TYPES.get(extension.oid)
    value = None if kind is None else kind.decode(extension.value, place)
    if isinstance(value, Nonce) and value.is_bare:
        departures.append(Departure(place, "stands bare, without an OCTET STRING of its own"))
    return extension
