"""Declarations of RFC 5280 Appendix A, RFC 4055, RFC 7633: what OCSP needs of X.509.

In the order of the RFC's ASN.1 modules. DEFAULT fields are declared OPTIONAL, so that a
default written out is read; writers leave them out.
A field declared TLV keeps the exact bytes that were received.
"""

from __future__ import annotations

from typing import Annotated

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import (
    TLV,
    BitString,
    Explicit,
    GeneralizedTime,
    Implicit,
    Null,
    UTCTime,
    sequence,
)


@sequence
class AlgorithmIdentifier:
    """AlgorithmIdentifier ::= SEQUENCE { algorithm, parameters ANY OPTIONAL }."""

    algorithm: ObjectIdentifier
    # An optional CHOICE with the open arm last: the module has no optional TLV.
    parameters: Null | TLV | None = None


@sequence
class Extension:
    """Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }."""

    extn_id: ObjectIdentifier
    critical: bool | None = None
    extn_value: bytes


@sequence
class Extensions:
    """Extensions ::= SEQUENCE OF Extension, wrapped in a SEQUENCE of one."""

    extensions: list[Extension]


@sequence
class SubjectPublicKeyInfo:
    """SubjectPublicKeyInfo ::= SEQUENCE { algorithm, subjectPublicKey BIT STRING }."""

    algorithm: AlgorithmIdentifier
    subject_public_key: BitString


@sequence
class Validity:
    """Validity ::= SEQUENCE { notBefore Time, notAfter Time }."""

    not_before: UTCTime | GeneralizedTime
    not_after: UTCTime | GeneralizedTime


@sequence
class TBSCertificate:
    """TBSCertificate, RFC 5280 §4.1."""

    version: Annotated[int | None, Explicit(0)] = None
    serial_number: int
    signature: AlgorithmIdentifier
    issuer: TLV
    validity: TLV
    subject: TLV
    subject_public_key_info: TLV
    issuer_unique_id: Annotated[BitString | None, Implicit(1)] = None
    subject_unique_id: Annotated[BitString | None, Implicit(2)] = None
    extensions: Annotated[list[Extension] | None, Explicit(3)] = None


@sequence
class Certificate:
    """Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }."""

    tbs_certificate: TLV
    signature_algorithm: AlgorithmIdentifier
    signature_value: BitString


@sequence
class TBSCertList:
    """TBSCertList, RFC 5280 §5.1; the entries stay unread."""

    version: int | None = None
    signature: AlgorithmIdentifier
    issuer: TLV
    this_update: UTCTime | GeneralizedTime
    next_update: UTCTime | GeneralizedTime | None = None
    revoked_certificates: list[TLV] | None = None
    crl_extensions: Annotated[list[Extension] | None, Explicit(0)] = None


@sequence
class CertificateList:
    """CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }."""

    tbs_cert_list: TLV
    signature_algorithm: AlgorithmIdentifier
    signature_value: BitString


@sequence
class RevokedCertificate:
    """The member of revokedCertificates, RFC 5280 §5.1."""

    user_certificate: int
    revocation_date: UTCTime | GeneralizedTime
    crl_entry_extensions: list[Extension] | None = None


@sequence
class RDNSequence:
    """Name ::= SEQUENCE OF RelativeDistinguishedName, wrapped; each a SET, read by its tag."""

    names: list[TLV]


@sequence
class AttributeTypeAndValue:
    """AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }."""

    attribute_type: ObjectIdentifier
    value: TLV


@sequence
class RelativeDistinguishedName:
    """RelativeDistinguishedName's members; its SET is read as a SEQUENCE, in whatever order."""

    attributes: list[AttributeTypeAndValue]


@sequence
class OtherName:
    """OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }."""

    type_id: ObjectIdentifier
    value: Annotated[TLV, Explicit(0)]


@sequence
class GeneralNames:
    """GeneralNames ::= SEQUENCE OF GeneralName, wrapped in a SEQUENCE of one."""

    names: list[TLV]


@sequence
class IssuingDistributionPoint:
    """IssuingDistributionPoint, RFC 5280 §5.2.5."""

    distribution_point: Annotated[Null | TLV | None, Explicit(0)] = None
    only_contains_user_certs: Annotated[bool | None, Implicit(1)] = None
    only_contains_ca_certs: Annotated[bool | None, Implicit(2)] = None
    only_some_reasons: Annotated[BitString | None, Implicit(3)] = None
    indirect_crl: Annotated[bool | None, Implicit(4)] = None
    only_contains_attribute_certs: Annotated[bool | None, Implicit(5)] = None


@sequence
class AccessDescription:
    """AccessDescription ::= SEQUENCE { accessMethod, accessLocation GeneralName }."""

    access_method: ObjectIdentifier
    access_location: TLV


@sequence
class AuthorityInfoAccessSyntax:
    """AuthorityInfoAccessSyntax ::= SEQUENCE OF AccessDescription, wrapped in a SEQUENCE."""

    descriptions: list[AccessDescription]


@sequence
class DistributionPoint:
    """DistributionPoint, RFC 5280 §4.2.1.13; its name's arms are read by their tags."""

    distribution_point: Annotated[Null | TLV | None, Explicit(0)] = None
    reasons: Annotated[BitString | None, Implicit(1)] = None
    crl_issuer: Annotated[list[TLV] | None, Implicit(2)] = None


@sequence
class CRLDistributionPoints:
    """CRLDistributionPoints ::= SEQUENCE OF DistributionPoint, wrapped in a SEQUENCE."""

    points: list[DistributionPoint]


@sequence
class BasicConstraints:
    """BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint OPTIONAL }."""

    ca: bool | None = None
    path_len_constraint: int | None = None


@sequence
class ExtKeyUsageSyntax:
    """ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId, wrapped in a SEQUENCE of one."""

    purposes: list[ObjectIdentifier]


@sequence
class AuthorityKeyIdentifier:
    """AuthorityKeyIdentifier, RFC 5280 §4.2.1.1; every field is optional."""

    key_identifier: Annotated[bytes | None, Implicit(0)] = None
    authority_cert_issuer: Annotated[list[TLV] | None, Implicit(1)] = None
    authority_cert_serial_number: Annotated[int | None, Implicit(2)] = None


@sequence
class PolicyInformation:
    """PolicyInformation ::= SEQUENCE { policyIdentifier, policyQualifiers OPTIONAL }."""

    policy_identifier: ObjectIdentifier
    policy_qualifiers: Null | TLV | None = None


@sequence
class CertificatePolicies:
    """CertificatePolicies ::= SEQUENCE OF PolicyInformation, wrapped in a SEQUENCE of one."""

    policies: list[PolicyInformation]


@sequence
class Features:
    """Features ::= SEQUENCE OF INTEGER (RFC 7633 §6), wrapped in a SEQUENCE of one."""

    features: list[int]


@sequence
class RSASSAPSSParams:
    """RSASSA-PSS-params, RFC 4055 §3.1; every field has a default."""

    hash_algorithm: Annotated[AlgorithmIdentifier | None, Explicit(0)] = None
    mask_gen_algorithm: Annotated[AlgorithmIdentifier | None, Explicit(1)] = None
    salt_length: Annotated[int | None, Explicit(2)] = None
    trailer_field: Annotated[int | None, Explicit(3)] = None
