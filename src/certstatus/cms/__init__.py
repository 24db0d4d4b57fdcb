"""Signed messages (RFC 5652): made, judged, and evidence kept in them (RFC 5940)."""

from __future__ import annotations

from certstatus.cms.attribute import Attribute, CertificateReference, parse_signing_certificate
from certstatus.cms.content import (
    ContentInfo,
    Protection,
    encode_content_info,
    parse_content_info,
)
from certstatus.cms.evidence import (
    OtherRevocationInfo,
    SavedEvidence,
    SCVPExchange,
    encode_evidence,
    parse_evidence,
)
from certstatus.cms.judgment import verify_signed_data
from certstatus.cms.making import asign_content, sign_content
from certstatus.cms.report import SignatureReport, VerifiedContent
from certstatus.cms.signed_data import (
    IssuerAndSerialNumber,
    SignedData,
    SignerIdentifier,
    SignerInfo,
    SubjectKeyIdentifier,
    encode_signed_data,
    parse_signed_data,
)

__all__ = [
    "Attribute",
    "CertificateReference",
    "ContentInfo",
    "IssuerAndSerialNumber",
    "OtherRevocationInfo",
    "Protection",
    "SCVPExchange",
    "SavedEvidence",
    "SignatureReport",
    "SignedData",
    "SignerIdentifier",
    "SignerInfo",
    "SubjectKeyIdentifier",
    "VerifiedContent",
    "asign_content",
    "encode_content_info",
    "encode_evidence",
    "encode_signed_data",
    "parse_content_info",
    "parse_evidence",
    "parse_signed_data",
    "parse_signing_certificate",
    "sign_content",
    "verify_signed_data",
]
