"""SignedData: DER or BER to frozen values, without judgment, and back (RFC 5652 §5).

Parsing proves nothing; ``cms/judgment.py`` says whether a signature holds. Certificates,
revocation information and attributes are the octets that were received, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import Departure, cms, oids
from certstatus.asn1.ber import read_lenient
from certstatus.asn1.doorway import TLV, decode, encode, encode_set_of, read_tlv
from certstatus.asn1.walk import members_of
from certstatus.cms.attribute import Attribute, set_members
from certstatus.cms.content import (
    ContentInfo,
    Protection,
    encode_content_info,
    parse_content_info,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.limits_scvp import (
    MAX_CMS_CERTIFICATES,
    MAX_CMS_REVOCATION_INFOS,
    MAX_SIGNER_INFO_BYTES,
    MAX_SIGNER_INFOS,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, Name
from certstatus.pkix.cached import cached_property

__all__ = [
    "IssuerAndSerialNumber",
    "SignedData",
    "SignerIdentifier",
    "SignerInfo",
    "SubjectKeyIdentifier",
    "encode_signed_data",
    "parse_signed_data",
]

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_CERTIFICATES: Final = 0xA0
_CRLS: Final = 0xA1
_WHERE: Final = "SignedData"


@dataclass(frozen=True, slots=True)
class IssuerAndSerialNumber:
    """A certificate by its issuer's name and its serial number (RFC 5652 §10.2.4)."""

    issuer: Name
    serial_number: int

    def names(self, certificate: Certificate) -> bool:
        """Whether it is this certificate."""
        same_number = certificate.serial_number == self.serial_number
        return same_number and certificate.issuer.matches(self.issuer)

    def __str__(self) -> str:
        return f"serial {self.serial_number:#x} of {self.issuer}"


@dataclass(frozen=True, slots=True)
class SubjectKeyIdentifier:
    """A certificate by the value of its subjectKeyIdentifier extension."""

    key_identifier: bytes

    def names(self, certificate: Certificate) -> bool:
        """Whether it is this certificate, or another one of the same key."""
        return certificate.subject_key_identifier == self.key_identifier

    def __str__(self) -> str:
        return f"key identifier {self.key_identifier.hex()}"


SignerIdentifier: TypeAlias = IssuerAndSerialNumber | SubjectKeyIdentifier


@dataclass(frozen=True, kw_only=True)
class SignerInfo:
    """Who signed, how, and what beside the content (RFC 5652 §5.3); attributes as received."""

    version: int
    sid: SignerIdentifier
    digest_algorithm: AlgorithmIdentifier
    signed_attrs: tuple[Attribute, ...] | None
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    unsigned_attrs: tuple[Attribute, ...] | None = None

    @property
    def signed_octets(self) -> bytes:
        """What the signature is over: signedAttrs as a SET OF in DER's order (RFC 5652 §5.4)."""
        return encode_set_of(attribute.der for attribute in self.signed_attrs or ())

    @property
    def is_sorted(self) -> bool:
        """Whether the attributes stand in DER's order."""
        order = [attribute.der for attribute in self.signed_attrs or ()]
        return order == sorted(order)

    def attributes(self, attr_type: ObjectIdentifier) -> tuple[Attribute, ...]:
        """Return the signed attributes of a type; an honest signer writes one at most."""
        return tuple(one for one in self.signed_attrs or () if one.attr_type == attr_type)


@dataclass(frozen=True, kw_only=True)
class SignedData:
    """A SignedData (RFC 5652 §5.1).

    ``content_type`` and ``content`` are eContentType and the octets of eContent, None where
    it is absent. ``certificates`` and ``revocation_infos`` are the DER of each choice.
    ``der`` is the whole ContentInfo as received.
    """

    version: int
    content_type: ObjectIdentifier
    content: bytes | None = field(repr=False)
    digest_algorithms: tuple[AlgorithmIdentifier, ...]
    certificates: tuple[bytes, ...] = field(repr=False)
    revocation_infos: tuple[bytes, ...] = field(repr=False)
    signer_infos: tuple[SignerInfo, ...]
    der: bytes = field(repr=False)
    departures: tuple[Departure, ...] = ()

    @cached_property
    def readable_certificates(self) -> tuple[Certificate, ...]:
        """The enclosed certificates that can be read, in order; other choices are passed over."""
        found = (_certificate(der) for der in self.certificates)
        return tuple(one for one in found if one is not None)


def _certificate(der: bytes) -> Certificate | None:
    try:
        return Certificate.from_der(der)
    except MalformedError:
        return None


# --- reading --------------------------------------------------------------------------------


def parse_signed_data(data: bytes | ContentInfo) -> SignedData:
    """Read a ContentInfo that holds SignedData, in DER or BER.

    Raises:
        MalformedError: it holds none, breaks its grammar, or is past a limit.
    """
    info = parse_content_info(data) if isinstance(data, bytes) else data
    if info.protection is not Protection.SIGNED:
        text = f"is {oids.name_of(info.content_type)}, not {oids.name_of(oids.ID_SIGNED_DATA)}"
        raise MalformedError(text, where="ContentInfo.contentType")
    return read_lenient(info.content, partial(_read, info), _WHERE)


def _read(info: ContentInfo, der: bytes) -> SignedData:
    _check_counts(der)
    declared = decode(cms.SignedData, der, _WHERE)
    where = f"{_WHERE}.digestAlgorithms"
    algorithms = set_members(declared.digest_algorithms, MAX_SIGNER_INFOS, where)
    where = f"{_WHERE}.signerInfos"
    signers = set_members(declared.signer_infos, MAX_SIGNER_INFOS, where)
    departures = info.departures
    if der is not info.content and not departures:
        departures = (Departure(_WHERE, "is BER, not DER"),)
    encapsulated = declared.encap_content_info
    return SignedData(
        version=declared.version,
        content_type=encapsulated.e_content_type,
        content=encapsulated.e_content,
        digest_algorithms=tuple(AlgorithmIdentifier.from_der(one, where) for one in algorithms),
        certificates=tuple(map(encode, declared.certificates or ())),
        revocation_infos=tuple(map(encode, declared.crls or ())),
        signer_infos=tuple(_signer_info(one, where) for one in signers),
        der=info.der,
        departures=departures,
    )


_MOST_FIELDS: Final = 6
_LIMITS: Final = {
    _CERTIFICATES: ("certificates", MAX_CMS_CERTIFICATES),
    _CRLS: ("crls", MAX_CMS_REVOCATION_INFOS),
}


def _check_counts(der: bytes) -> None:
    """Count what stands in the two long lists, before anything is made of it."""
    for member in members_of(der, _MOST_FIELDS, _WHERE):
        if member[0] in _LIMITS:
            name, limit = _LIMITS[member[0]]
            members_of(member, limit, f"{_WHERE}.{name}")


def _signer_info(der: bytes, where: str) -> SignerInfo:
    if len(der) > MAX_SIGNER_INFO_BYTES:
        raise MalformedError(f"is larger than {MAX_SIGNER_INFO_BYTES} bytes", where=where)
    declared = decode(cms.SignerInfo, der, where)
    return SignerInfo(
        version=declared.version,
        sid=_signer_identifier(declared.sid, f"{where}.sid"),
        digest_algorithm=AlgorithmIdentifier.from_declared(declared.digest_algorithm),
        signed_attrs=_attributes(declared.signed_attrs, f"{where}.signedAttrs"),
        signature_algorithm=AlgorithmIdentifier.from_declared(declared.signature_algorithm),
        signature=declared.signature,
        unsigned_attrs=_attributes(declared.unsigned_attrs, f"{where}.unsignedAttrs"),
    )


def _signer_identifier(declared: cms.IssuerAndSerialNumber | bytes, where: str) -> SignerIdentifier:
    if isinstance(declared, bytes):
        return SubjectKeyIdentifier(declared)
    issuer = Name.from_der(encode(declared.issuer), f"{where}.issuer")
    return IssuerAndSerialNumber(issuer, declared.serial_number)


def _attributes(elements: Sequence[TLV] | None, where: str) -> tuple[Attribute, ...] | None:
    if elements is None:
        return None
    if len(elements) > MAX_EXTENSIONS:
        raise MalformedError(f"has more than {MAX_EXTENSIONS} members", where=where)
    return tuple(Attribute.from_tlv(element, where) for element in elements)


# --- writing --------------------------------------------------------------------------------


def encode_signed_data(
    content_type: ObjectIdentifier,
    content: bytes | None,
    *,
    certificates: Iterable[bytes] = (),
    revocation_infos: Iterable[bytes] = (),
    signer_info: SignerInfo | None = None,
) -> bytes:
    """Write the ContentInfo of a SignedData, in DER; each certificate and each info once.

    Without ``signer_info`` it is of the degenerate form that carries evidence alone.
    """
    certs, infos = sorted(set(certificates)), sorted(set(revocation_infos))
    algorithms = () if signer_info is None else (encode(signer_info.digest_algorithm.declared()),)
    signers = () if signer_info is None else (_encode_signer_info(signer_info),)
    declared = cms.SignedData(
        version=_version(content_type, infos),
        digest_algorithms=read_tlv(encode_set_of(algorithms), _WHERE),
        encap_content_info=cms.EncapsulatedContentInfo(
            e_content_type=content_type, e_content=content
        ),
        certificates=[read_tlv(der, _WHERE) for der in certs] or None,
        crls=[read_tlv(der, _WHERE) for der in infos] or None,
        signer_infos=read_tlv(encode_set_of(signers), _WHERE),
    )
    return encode_content_info(oids.ID_SIGNED_DATA, encode(declared))


def _version(content_type: ObjectIdentifier, infos: Sequence[bytes]) -> int:
    """Choose the version as RFC 5652 §5.1 does; certificates are of X.509 always."""
    if any(der[0] != _SEQUENCE for der in infos):
        return 5
    return 1 if content_type == oids.ID_DATA else 3


def _encode_signer_info(info: SignerInfo) -> bytes:
    attributes = sorted(attribute.der for attribute in info.signed_attrs or ())
    declared = cms.SignerInfo(
        version=info.version,
        sid=_declared_identifier(info.sid),
        digest_algorithm=info.digest_algorithm.declared(),
        signed_attrs=[read_tlv(der, "signedAttrs") for der in attributes] or None,
        signature_algorithm=info.signature_algorithm.declared(),
        signature=info.signature,
    )
    return encode(declared)


def _declared_identifier(sid: SignerIdentifier) -> cms.IssuerAndSerialNumber | bytes:
    if isinstance(sid, SubjectKeyIdentifier):
        return sid.key_identifier
    issuer = read_tlv(sid.issuer.der, "sid.issuer")
    return cms.IssuerAndSerialNumber(issuer=issuer, serial_number=sid.serial_number)
