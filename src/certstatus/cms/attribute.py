"""Attributes of a signer, and the four that SCVP's signatures need (RFC 5652 §11, RFC 5035 §3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import cms, oids
from certstatus.asn1.doorway import (
    TLV,
    GeneralizedTime,
    UTCTime,
    decode,
    decode_time,
    encode,
    encode_sequence_of,
    encode_set_of,
    generalized_time,
    read_tlv,
)
from certstatus.asn1.walk import members_of
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.pkix import AlgorithmIdentifier, Certificate, GeneralName, HashAlgorithm
from certstatus.pkix.name import decode_general_names, encode_general_names

__all__ = [
    "Attribute",
    "CertificateReference",
    "encode_content_type",
    "encode_message_digest",
    "encode_signing_certificate",
    "encode_signing_time",
    "parse_content_type",
    "parse_message_digest",
    "parse_signing_certificate",
    "parse_signing_time",
]

_SET: Final = b"\x31"
_UTC_TIME: Final = b"\x17"


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """An attribute: its type, the DER of each value, and its own octets as received."""

    attr_type: ObjectIdentifier
    attr_values: tuple[bytes, ...]
    der: bytes = field(repr=False)

    @classmethod
    def from_tlv(cls, element: TLV, where: str) -> Attribute:
        """Read an element.

        Raises:
            MalformedError: it is no Attribute, or has more than ``MAX_EXTENSIONS`` values.
        """
        der = encode(element)
        declared = decode(cms.Attribute, der, where)
        values = set_members(declared.attr_values, MAX_EXTENSIONS, f"{where}.attrValues")
        return cls(attr_type=declared.attr_type, attr_values=tuple(values), der=der)

    @classmethod
    def of(cls, attr_type: ObjectIdentifier, value: bytes) -> Attribute:
        """Make an attribute of one value, given as DER."""
        der = encode_sequence_of([encode(attr_type), encode_set_of([value])])
        return cls(attr_type=attr_type, attr_values=(value,), der=der)

    @property
    def value(self) -> bytes:
        """The one value.

        Raises:
            MalformedError: there are none or several.
        """
        if len(self.attr_values) != 1:
            text = f"has {len(self.attr_values)} values, not one"
            raise MalformedError(text, where=oids.name_of(self.attr_type))
        return self.attr_values[0]


def set_members(element: TLV, limit: int, where: str) -> list[bytes]:
    """Return the DER of a SET's members, in whatever order they stand.

    Raises:
        MalformedError: it is no SET, or has more than ``limit`` members.
    """
    if element.tag_bytes != _SET:
        raise MalformedError("is no SET", where=where)
    return members_of(encode(element), limit, where)


# --- content-type, message-digest, signing-time: RFC 5652 §11 -------------------------------


def encode_content_type(content_type: ObjectIdentifier) -> Attribute:
    """Make content-type, which repeats eContentType among what is signed."""
    return Attribute.of(oids.ID_CONTENT_TYPE, encode(content_type))


def parse_content_type(attribute: Attribute) -> ObjectIdentifier:
    """Read content-type. Raises MalformedError."""
    return decode(ObjectIdentifier, attribute.value, "id-contentType")


def encode_message_digest(digest: bytes) -> Attribute:
    """Make message-digest of the digest of the content."""
    return Attribute.of(oids.ID_MESSAGE_DIGEST, encode(digest))


def parse_message_digest(attribute: Attribute) -> bytes:
    """Read message-digest. Raises MalformedError."""
    return decode(bytes, attribute.value, "id-messageDigest")


_UTC_TIME_YEARS: Final = range(1950, 2050)


def encode_signing_time(moment: datetime) -> Attribute:
    """Make signing-time: UTCTime through 2049, GeneralizedTime after that (RFC 5652 §11.3)."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    is_utc_time = whole.year in _UTC_TIME_YEARS
    value = encode(UTCTime(whole)) if is_utc_time else encode(generalized_time(whole))
    return Attribute.of(oids.ID_SIGNING_TIME, value)


def parse_signing_time(attribute: Attribute) -> datetime:
    """Read signing-time, aware UTC. Raises MalformedError."""
    where = "id-signingTime"
    if attribute.value[:1] == _UTC_TIME:
        return decode_time(decode(UTCTime, attribute.value, where), where)
    return decode_time(decode(GeneralizedTime, attribute.value, where), where)


# --- which certificate signed: RFC 5035 §3, RFC 2634 §5.4 -----------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReference:
    """An ESSCertID or ESSCertIDv2: a certificate by its hash, and by issuer and serial number."""

    cert_hash: bytes
    hash_algorithm: AlgorithmIdentifier
    issuer: tuple[GeneralName, ...] = ()
    serial_number: int | None = None

    @classmethod
    def of(cls, certificate: Certificate) -> CertificateReference:
        """Refer to a certificate by SHA-256, the default of RFC 5035 §4."""
        return cls(
            cert_hash=certificate.fingerprint,
            hash_algorithm=AlgorithmIdentifier(oids.ID_SHA256),
            issuer=(GeneralName.directory_name(certificate.issuer),),
            serial_number=certificate.serial_number,
        )

    def problem_with(self, certificate: Certificate) -> str | None:
        """Say why it does not refer to this certificate; None: it does."""
        known = HashAlgorithm.from_oid(self.hash_algorithm.oid)
        if known is None:
            return f"refers to a certificate by {self.hash_algorithm}, which is not supported"
        if known.digest(certificate.der) != self.cert_hash:
            return f"refers to another certificate than {certificate}"
        if self.serial_number is None:
            return None
        names = (name.name for name in self.issuer)
        is_issuer = any(name is not None and name.matches(certificate.issuer) for name in names)
        if self.serial_number != certificate.serial_number or not is_issuer:
            return f"has the hash of {certificate}, and another issuer and serial number"
        return None


def encode_signing_certificate(certificate: Certificate) -> Attribute:
    """Make signing-certificate-v2 with the signer's certificate alone (S2)."""
    reference = CertificateReference.of(certificate)
    declared = cms.SigningCertificateV2(
        certs=[
            cms.ESSCertIDv2(
                cert_hash=reference.cert_hash,
                issuer_serial=cms.IssuerSerial(
                    issuer=read_tlv(encode_general_names(reference.issuer), "issuer"),
                    serial_number=certificate.serial_number,
                ),
            )
        ]
    )
    return Attribute.of(oids.ID_AA_SIGNING_CERTIFICATE_V2, encode(declared))


def parse_signing_certificate(attribute: Attribute) -> CertificateReference:
    """Read the first entry of signing-certificate or signing-certificate-v2: the signer's.

    Raises:
        MalformedError: it is neither, or is empty.
    """
    where = oids.name_of(attribute.attr_type)
    if attribute.attr_type == oids.ID_AA_SIGNING_CERTIFICATE:
        for first in decode(cms.SigningCertificate, attribute.value, where).certs:
            return _reference(first, AlgorithmIdentifier(oids.ID_SHA1), where)
    else:
        for entry in decode(cms.SigningCertificateV2, attribute.value, where).certs:
            declared = entry.hash_algorithm
            default = AlgorithmIdentifier(oids.ID_SHA256)
            named = default if declared is None else AlgorithmIdentifier.from_declared(declared)
            return _reference(entry, named, where)
    raise MalformedError("refers to no certificate", where=where)


def _reference(
    entry: cms.ESSCertID | cms.ESSCertIDv2, hash_algorithm: AlgorithmIdentifier, where: str
) -> CertificateReference:
    named = entry.issuer_serial
    if named is None:
        return CertificateReference(cert_hash=entry.cert_hash, hash_algorithm=hash_algorithm)
    return CertificateReference(
        cert_hash=entry.cert_hash,
        hash_algorithm=hash_algorithm,
        issuer=decode_general_names(encode(named.issuer), f"{where}.issuerSerial.issuer"),
        serial_number=named.serial_number,
    )
