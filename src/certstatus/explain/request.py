"""An OCSPRequest in words, field by field (RFC 6960 §4.1)."""

from __future__ import annotations

from certstatus.explain.certificate import certs_field
from certstatus.explain.element import (
    cert_id_field,
    signature_algorithm_field,
    signature_field,
    version_field,
)
from certstatus.explain.extension import extensions_field
from certstatus.explain.field import Field, absent, count_text, departure_texts
from certstatus.ocsp import OCSPRequest, Request, Signature

__all__ = ["explain_request"]

_SECTION = "RFC 6960 §4.1.1"


def explain_request(request: OCSPRequest) -> Field:
    """Explain a request: every field by its name, with its meaning and section."""
    signed = "unsigned" if request.optional_signature is None else "signed"
    return Field(
        "OCSPRequest",
        f"{signed}, {len(request.der)} octets",
        f"asks for the status of {count_text(len(request.request_list), 'certificate')}",
        _SECTION,
        children=(_tbs_request(request), _optional_signature(request)),
        der=request.der,
        departures=departure_texts(request.departures),
    )


def _tbs_request(request: OCSPRequest) -> Field:
    return Field(
        "tbsRequest",
        None,
        "the request itself: what a signature covers",
        _SECTION,
        children=(
            version_field("TBSRequest.version", request.departures, _SECTION),
            _requestor_name(request),
            Field(
                "requestList",
                count_text(len(request.request_list), "request"),
                "",
                _SECTION,
                children=tuple(_request(one) for one in request.request_list),
            ),
            extensions_field(
                "requestExtensions",
                request.request_extensions,
                "nothing further is asked for, no nonce: an answer made beforehand will do",
                _SECTION,
            ),
        ),
        der=request.tbs_request,
    )


def _requestor_name(request: OCSPRequest) -> Field:
    name, meaning = request.requestor_name, "who asks"
    if name is None:
        return absent("requestorName", "the requestor does not name itself", _SECTION)
    if request.optional_signature is None:
        meaning = "who asks; without a signature, anyone may say so"
    return Field("requestorName", str(name), meaning, _SECTION, der=name.encode())


def _request(request: Request) -> Field:
    return Field(
        "Request",
        None,
        "",
        _SECTION,
        children=(
            cert_id_field("reqCert", request.req_cert, "the certificate asked for", _SECTION),
            extensions_field(
                "singleRequestExtensions",
                request.single_request_extensions,
                "nothing further is asked for this certificate",
                _SECTION,
            ),
        ),
    )


def _optional_signature(request: OCSPRequest) -> Field:
    signature = request.optional_signature
    if signature is None:
        return absent("optionalSignature", "unsigned: anyone may have asked", _SECTION)
    departures: tuple[str, ...] = ()
    if request.requestor_name is None:
        departures = ("stands without requestorName, which a signed request carries (O4)",)
    return Field(
        "optionalSignature",
        None,
        "the requestor's signature over tbsRequest",
        "RFC 6960 §4.1.2",
        children=_signature(signature),
        departures=departures,
    )


def _signature(signature: Signature) -> tuple[Field, ...]:
    return (
        signature_algorithm_field("signatureAlgorithm", signature.signature_algorithm, _SECTION),
        signature_field("signature", signature.signature, "over the DER of tbsRequest", _SECTION),
        certs_field(
            signature.certs,
            present="certificates to verify the signature with",
            missing="the responder must have the requestor's certificate already",
            section=_SECTION,
        ),
    )
