"""Declarations of RFC 6960 Appendix B.2 as RFC 9654 Appendix A.1 restates it.

In the order of the module; EXPLICIT tags but for CertStatus (O16 ff., RFC 6960 §4.2.1).
DEFAULT fields are declared OPTIONAL, so that a default written out is read; writers
leave them out. A field declared TLV keeps the exact bytes that were received: what is
signed, and what must be echoed, is never encoded anew.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import (
    TLV,
    BitString,
    Explicit,
    GeneralizedTime,
    IA5String,
    Implicit,
    Null,
    Variant,
    sequence,
)
from certstatus.asn1.x509 import AccessDescription, AlgorithmIdentifier, Extension

# --- OCSPRequest, RFC 6960 §4.1.1 -------------------------------------------------------


@sequence
class Signature:
    """Signature ::= SEQUENCE { signatureAlgorithm, signature, certs [0] OPTIONAL }."""

    signature_algorithm: AlgorithmIdentifier
    signature: BitString
    certs: Annotated[list[TLV] | None, Explicit(0)] = None


@sequence
class OCSPRequest:
    """OCSPRequest ::= SEQUENCE { tbsRequest, optionalSignature [0] OPTIONAL }."""

    tbs_request: TLV
    optional_signature: Annotated[Signature | None, Explicit(0)] = None


@sequence
class CertID:
    """CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }."""

    hash_algorithm: AlgorithmIdentifier
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int


@sequence
class Request:
    """Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] OPTIONAL }."""

    req_cert: TLV
    single_request_extensions: Annotated[list[Extension] | None, Explicit(0)] = None


@sequence
class TBSRequest:
    """TBSRequest ::= SEQUENCE { version [0], requestorName [1], requestList, … [2] }."""

    version: Annotated[int | None, Explicit(0)] = None
    requestor_name: Annotated[Null | TLV | None, Explicit(1)] = None
    request_list: list[Request]
    request_extensions: Annotated[list[Extension] | None, Explicit(2)] = None


# --- OCSPResponse, RFC 6960 §4.2.1 ------------------------------------------------------


@sequence
class ResponseBytes:
    """ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }."""

    response_type: ObjectIdentifier
    response: bytes


@sequence
class OCSPResponse:
    """OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] OPTIONAL }."""

    response_status: TLV
    response_bytes: Annotated[ResponseBytes | None, Explicit(0)] = None


@sequence
class BasicOCSPResponse:
    """BasicOCSPResponse ::= SEQUENCE { tbsResponseData, signatureAlgorithm, … certs [0] }."""

    tbs_response_data: TLV
    signature_algorithm: AlgorithmIdentifier
    signature: BitString
    certs: Annotated[list[TLV] | None, Explicit(0)] = None


@sequence
class RevokedInfo:
    """RevokedInfo ::= SEQUENCE { revocationTime, revocationReason [0] CRLReason OPTIONAL }."""

    revocation_time: GeneralizedTime
    revocation_reason: Annotated[Null | TLV | None, Explicit(0)] = None


CertStatus: TypeAlias = (
    Annotated[Variant[Null, Literal["good"]], Implicit(0)]
    | Annotated[Variant[RevokedInfo, Literal["revoked"]], Implicit(1)]
    | Annotated[Variant[Null, Literal["unknown"]], Implicit(2)]
)


@sequence
class SingleResponse:
    """SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, nextUpdate [0], … [1] }."""

    cert_id: TLV
    cert_status: CertStatus
    this_update: GeneralizedTime
    next_update: Annotated[GeneralizedTime | None, Explicit(0)] = None
    single_extensions: Annotated[list[Extension] | None, Explicit(1)] = None


@sequence
class ResponderID:
    """ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }, wrapped in a SEQUENCE."""

    responder_id: Annotated[TLV, Explicit(1)] | Annotated[bytes, Explicit(2)]


@sequence
class ResponseData:
    """ResponseData ::= SEQUENCE { version [0], responderID, producedAt, responses, … [1] }."""

    version: Annotated[int | None, Explicit(0)] = None
    # ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }
    responder_id: Annotated[TLV, Explicit(1)] | Annotated[bytes, Explicit(2)]
    produced_at: GeneralizedTime
    responses: list[SingleResponse]
    response_extensions: Annotated[list[Extension] | None, Explicit(1)] = None


# --- extension values, RFC 6960 §4.4 ----------------------------------------------------


@sequence
class CrlID:
    """CrlID ::= SEQUENCE { crlUrl [0], crlNum [1], crlTime [2], all OPTIONAL }, §4.4.2."""

    crl_url: Annotated[IA5String | None, Explicit(0)] = None
    crl_num: Annotated[int | None, Explicit(1)] = None
    crl_time: Annotated[GeneralizedTime | None, Explicit(2)] = None


@sequence
class AcceptableResponses:
    """AcceptableResponses ::= SEQUENCE OF OBJECT IDENTIFIER, §4.4.3, wrapped in a SEQUENCE."""

    response_types: list[ObjectIdentifier]


@sequence
class ServiceLocator:
    """ServiceLocator ::= SEQUENCE { issuer Name, locator AuthorityInfoAccessSyntax }, §4.4.6.

    The section's text makes locator OPTIONAL, the modules do not: both are read (O7).
    """

    issuer: TLV
    locator: list[AccessDescription] | None = None


@sequence
class PreferredSignatureAlgorithm:
    """PreferredSignatureAlgorithm ::= SEQUENCE { sigIdentifier, certIdentifier OPTIONAL }."""

    sig_identifier: AlgorithmIdentifier
    cert_identifier: AlgorithmIdentifier | None = None


@sequence
class PreferredSignatureAlgorithms:
    """PreferredSignatureAlgorithms ::= SEQUENCE OF …, §4.4.7.1, wrapped in a SEQUENCE."""

    algorithms: list[PreferredSignatureAlgorithm]
