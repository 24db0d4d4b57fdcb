"""Declarations of RFC 5652 §12.1 (CMS), RFC 5035 §3, RFC 2634 §5.4 and RFC 5940 §2.

In the order of the modules. DEFAULT fields are declared OPTIONAL, so that a default written
out is read; writers leave them out. A SET OF is declared TLV, and its members are read in
whatever order they stand; a field declared TLV keeps the exact bytes that were received.
"""

from __future__ import annotations

from typing import Annotated

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import TLV, Explicit, Implicit, Null, sequence
from certstatus.asn1.x509 import AlgorithmIdentifier

# --- CMS, RFC 5652 --------------------------------------------------------------------------


@sequence
class EncapsulatedContentInfo:
    """EncapsulatedContentInfo ::= SEQUENCE { eContentType, eContent [0] OCTET STRING OPTIONAL }."""

    e_content_type: ObjectIdentifier
    e_content: Annotated[bytes | None, Explicit(0)] = None


@sequence
class SignedData:
    """SignedData, RFC 5652 §5.1: certificates and crls are SETs under their tags."""

    version: int
    digest_algorithms: TLV
    encap_content_info: EncapsulatedContentInfo
    certificates: Annotated[list[TLV] | None, Implicit(0)] = None
    crls: Annotated[list[TLV] | None, Implicit(1)] = None
    signer_infos: TLV


@sequence
class IssuerAndSerialNumber:
    """IssuerAndSerialNumber ::= SEQUENCE { issuer Name, serialNumber }, RFC 5652 §10.2.4."""

    issuer: TLV
    serial_number: int


@sequence
class SignerInfo:
    """SignerInfo, RFC 5652 §5.3: the attributes are SETs under their tags."""

    version: int
    # SignerIdentifier ::= CHOICE { issuerAndSerialNumber, subjectKeyIdentifier [0] }
    sid: IssuerAndSerialNumber | Annotated[bytes, Implicit(0)]
    digest_algorithm: AlgorithmIdentifier
    signed_attrs: Annotated[list[TLV] | None, Implicit(0)] = None
    signature_algorithm: AlgorithmIdentifier
    signature: bytes
    unsigned_attrs: Annotated[list[TLV] | None, Implicit(1)] = None


@sequence
class Attribute:
    """Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }."""

    attr_type: ObjectIdentifier
    attr_values: TLV


@sequence
class OtherRevocationInfoFormat:
    """OtherRevocationInfoFormat ::= SEQUENCE { otherRevInfoFormat, otherRevInfo ANY }."""

    other_rev_info_format: ObjectIdentifier
    other_rev_info: TLV


# --- which certificate signed, RFC 5035 -----------------------------------------------------


@sequence
class IssuerSerial:
    """IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber }, RFC 5035 §4."""

    issuer: TLV
    serial_number: int


@sequence
class ESSCertID:
    """ESSCertID ::= SEQUENCE { certHash (SHA-1), issuerSerial OPTIONAL }, RFC 2634 §5.4.1."""

    cert_hash: bytes
    issuer_serial: IssuerSerial | None = None


@sequence
class SigningCertificate:
    """SigningCertificate ::= SEQUENCE { certs, policies OPTIONAL }, RFC 2634 §5.4."""

    certs: list[ESSCertID]
    policies: Null | TLV | None = None


@sequence
class ESSCertIDv2:
    """ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT id-sha256, certHash, issuerSerial }."""

    hash_algorithm: AlgorithmIdentifier | None = None
    cert_hash: bytes
    issuer_serial: IssuerSerial | None = None


@sequence
class SigningCertificateV2:
    """SigningCertificateV2 ::= SEQUENCE { certs, policies OPTIONAL }, RFC 5035 §3."""

    certs: list[ESSCertIDv2]
    policies: Null | TLV | None = None


# --- SCVP as revocation information, RFC 5940 -----------------------------------------------


@sequence
class SCVPReqRes:
    """SCVPReqRes ::= SEQUENCE { request [0] ContentInfo OPTIONAL, response ContentInfo }."""

    request: Annotated[Null | TLV | None, Explicit(0)] = None
    response: TLV
