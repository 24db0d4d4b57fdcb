"""Declarations of RFC 5055 §8, in the order of its module; its tags are IMPLICIT.

DEFAULT fields are declared OPTIONAL, so that a default written out is read; writers leave
them out (S5). A tag on a CHOICE is EXPLICIT all the same: requestorName and responderName
of a CVRequest, requestRef of a CVResponse. A CHOICE whose arms have tags of their own is
declared TLV and read by its tag; so is what is read in a step of its own, to name the
field that breaks it, and what keeps its exact bytes. An IMPLICIT tag on a Certificate,
CertificateList, OCSPResponse, AttributeCertificate or CVRequest stands in the place of its
SEQUENCE tag, which readers put back (``doorway.retag``).
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
    sequence,
)
from certstatus.asn1.x509 import AlgorithmIdentifier, Extension

# --- CVRequest, RFC 5055 §3 -------------------------------------------------------------


@sequence
class CVRequest:
    """CVRequest ::= SEQUENCE { cvRequestVersion DEFAULT 1, query, … requestorText [7] }."""

    cv_request_version: int | None = None
    query: TLV
    requestor_ref: Annotated[list[TLV] | None, Implicit(0)] = None
    request_nonce: Annotated[bytes | None, Implicit(1)] = None
    requestor_name: Annotated[Null | TLV | None, Explicit(2)] = None
    responder_name: Annotated[Null | TLV | None, Explicit(3)] = None
    request_extensions: Annotated[list[Extension] | None, Implicit(4)] = None
    signature_alg: Annotated[AlgorithmIdentifier | None, Implicit(5)] = None
    hash_alg: Annotated[ObjectIdentifier | None, Implicit(6)] = None
    requestor_text: Annotated[str | None, Implicit(7)] = None


@sequence
class ResponseFlags:
    """ResponseFlags, §3.2.5: FALSE is the default of the first, TRUE of the others."""

    full_request_in_response: Annotated[bool | None, Implicit(0)] = None
    response_validation_pol_by_ref: Annotated[bool | None, Implicit(1)] = None
    protect_response: Annotated[bool | None, Implicit(2)] = None
    cached_response: Annotated[bool | None, Implicit(3)] = None


@sequence
class Query:
    """Query ::= SEQUENCE { queriedCerts CertReferences, checks, wantBack [1], … [7] }; no [0].

    CertReferences ::= CHOICE { pkcRefs [0] SEQUENCE OF PKCReference, acRefs [1] SEQUENCE OF
    ACReference }, with PKCReference ::= CHOICE { cert [0], pkcRef [1] } and ACReference ::=
    CHOICE { attrCert [2], acRef [3] }.
    """

    queried_certs: TLV
    checks: list[ObjectIdentifier]
    want_back: Annotated[list[ObjectIdentifier] | None, Implicit(1)] = None
    validation_policy: TLV
    response_flags: ResponseFlags | None = None
    server_context_info: Annotated[bytes | None, Implicit(2)] = None
    validation_time: Annotated[GeneralizedTime | None, Implicit(3)] = None
    intermediate_certs: Annotated[list[TLV] | None, Implicit(4)] = None
    rev_infos: Annotated[list[TLV] | None, Implicit(5)] = None
    produced_at: Annotated[GeneralizedTime | None, Implicit(6)] = None
    query_extensions: Annotated[list[Extension] | None, Implicit(7)] = None


@sequence
class Members:
    """SEQUENCE OF whatever, wrapped in a SEQUENCE of one: what is read member by member."""

    members: list[TLV]


@sequence
class SCVPIssuerSerial:
    """SCVPIssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber }."""

    issuer: list[TLV]
    serial_number: int


@sequence
class SCVPCertID:
    """SCVPCertID ::= SEQUENCE { certHash, issuerSerial, hashAlgorithm DEFAULT sha-1 }."""

    cert_hash: bytes
    issuer_serial: SCVPIssuerSerial
    hash_algorithm: AlgorithmIdentifier | None = None


@sequence
class ValidationPolRef:
    """ValidationPolRef ::= SEQUENCE { valPolId, valPolParams ANY OPTIONAL }."""

    val_pol_id: ObjectIdentifier
    val_pol_params: Null | TLV | None = None


@sequence
class ValidationAlg:
    """ValidationAlg ::= SEQUENCE { valAlgId, parameters ANY OPTIONAL }."""

    val_alg_id: ObjectIdentifier
    parameters: Null | TLV | None = None


@sequence
class ValidationPolicy:
    """ValidationPolicy ::= SEQUENCE { validationPolRef, … specifiedKeyUsages [8] }, §3.2.4."""

    validation_pol_ref: ValidationPolRef
    validation_alg: Annotated[ValidationAlg | None, Implicit(0)] = None
    user_policy_set: Annotated[list[ObjectIdentifier] | None, Implicit(1)] = None
    inhibit_policy_mapping: Annotated[bool | None, Implicit(2)] = None
    require_explicit_policy: Annotated[bool | None, Implicit(3)] = None
    inhibit_any_policy: Annotated[bool | None, Implicit(4)] = None
    trust_anchors: Annotated[list[TLV] | None, Implicit(5)] = None
    key_usages: Annotated[list[BitString] | None, Implicit(6)] = None
    extended_key_usages: Annotated[list[ObjectIdentifier] | None, Implicit(7)] = None
    specified_key_usages: Annotated[list[ObjectIdentifier] | None, Implicit(8)] = None


@sequence
class NameValidationAlgParms:
    """NameValidationAlgParms ::= SEQUENCE { nameCompAlgId, validationNames }, §3.2.4.2.3."""

    name_comp_alg_id: ObjectIdentifier
    validation_names: list[TLV]


@sequence
class OtherRevInfo:
    """OtherRevInfo ::= SEQUENCE { riType, riValue ANY }, the arm [3] of RevocationInfo.

    The others are crl [0], delta-crl [1] and ocsp [2].
    """

    ri_type: ObjectIdentifier
    ri_value: TLV


# --- CVResponse, RFC 5055 §4 ------------------------------------------------------------


@sequence
class CVResponse:
    """CVResponse ::= SEQUENCE { cvResponseVersion, … requestorText [8] }.

    respValidationPolicy is a ValidationPolicy, read by its members; requestRef a CHOICE of
    requestHash [0] HashValue and fullRequest [1] CVRequest.
    """

    cv_response_version: int
    server_configuration_id: int
    produced_at: GeneralizedTime
    response_status: TLV
    resp_validation_policy: Annotated[list[TLV] | None, Implicit(0)] = None
    request_ref: Annotated[Null | TLV | None, Explicit(1)] = None
    requestor_ref: Annotated[list[TLV] | None, Implicit(2)] = None
    requestor_name: Annotated[list[TLV] | None, Implicit(3)] = None
    reply_objects: Annotated[list[TLV] | None, Implicit(4)] = None
    resp_nonce: Annotated[bytes | None, Implicit(5)] = None
    server_context_info: Annotated[bytes | None, Implicit(6)] = None
    cv_response_extensions: Annotated[list[Extension] | None, Implicit(7)] = None
    requestor_text: Annotated[str | None, Implicit(8)] = None


@sequence
class ResponseStatus:
    """ResponseStatus ::= SEQUENCE { statusCode DEFAULT okay, errorMessage OPTIONAL }, §4.4.

    Without statusCode: ``doorway.take_enumerated`` takes it out, ``put_member`` puts it in.
    """

    error_message: str | None = None


@sequence
class HashValue:
    """HashValue ::= SEQUENCE { algorithm DEFAULT sha-1, value }, §4.6.1."""

    algorithm: AlgorithmIdentifier | None = None
    value: bytes


@sequence
class ReplyCheck:
    """ReplyCheck ::= SEQUENCE { check, status INTEGER DEFAULT 0 }, §4.9.4."""

    check: ObjectIdentifier
    status: int | None = None


@sequence
class ReplyWantBack:
    """ReplyWantBack ::= SEQUENCE { wb, value OCTET STRING }, §4.9.5."""

    wb: ObjectIdentifier
    value: bytes


@sequence
class CertReply:
    """CertReply ::= SEQUENCE { cert, replyStatus DEFAULT success, … certReplyExtensions [2] }.

    Without replyStatus, the second member, as in ResponseStatus. cert is a CHOICE, untagged,
    of PKCReference and ACReference.
    """

    cert: TLV
    reply_val_time: GeneralizedTime
    reply_checks: list[ReplyCheck]
    reply_want_backs: list[ReplyWantBack]
    validation_errors: Annotated[list[ObjectIdentifier] | None, Implicit(0)] = None
    next_update: Annotated[GeneralizedTime | None, Implicit(1)] = None
    cert_reply_extensions: Annotated[list[Extension] | None, Implicit(2)] = None


@sequence
class RevInfoWantBack:
    """RevInfoWantBack ::= SEQUENCE { revocationInfo, extraCerts CertBundle OPTIONAL }."""

    revocation_info: list[TLV]
    extra_certs: list[TLV] | None = None


# --- policies, RFC 5055 §5 and §6 -------------------------------------------------------


@sequence
class ValPolRequest:
    """ValPolRequest ::= SEQUENCE { vpRequestVersion DEFAULT 1, requestNonce }."""

    vp_request_version: int | None = None
    request_nonce: bytes


@sequence
class KeyAgreePublicKey:
    """KeyAgreePublicKey ::= SEQUENCE { algorithm, publicKey, macAlgorithm, kDF OPTIONAL }."""

    algorithm: AlgorithmIdentifier
    public_key: BitString
    mac_algorithm: AlgorithmIdentifier
    kdf: AlgorithmIdentifier | None = None


@sequence
class ValPolResponse:
    """ValPolResponse, §6: no tags, told apart by order and type alone."""

    vp_response_version: int
    max_cv_request_version: int
    max_vp_request_version: int
    server_configuration_id: int
    this_update: GeneralizedTime
    next_update: GeneralizedTime | None = None
    supported_checks: list[ObjectIdentifier]
    supported_want_backs: list[ObjectIdentifier]
    validation_policies: list[ObjectIdentifier]
    validation_algs: list[ObjectIdentifier]
    auth_policies: list[ObjectIdentifier]
    response_types: TLV
    default_policy_values: TLV
    revocation_info_types: BitString
    signature_generation: list[AlgorithmIdentifier]
    signature_verification: list[AlgorithmIdentifier]
    hash_algorithms: list[ObjectIdentifier]
    server_public_keys: list[KeyAgreePublicKey] | None = None
    clock_skew: int | None = None
    request_nonce: bytes | None = None
