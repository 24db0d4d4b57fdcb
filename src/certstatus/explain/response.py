"""An OCSPResponse in words, field by field (RFC 6960 §4.2)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from certstatus.asn1 import Departure, oids
from certstatus.explain.certificate import certs_field
from certstatus.explain.element import (
    cert_id_field,
    responder_id_field,
    signature_algorithm_field,
    signature_field,
    version_field,
)
from certstatus.explain.extension import extensions_field, reason_meaning
from certstatus.explain.field import (
    Field,
    absent,
    count_text,
    departure_texts,
    oid_text,
    span_text,
)
from certstatus.ocsp import (
    NEVER_ISSUED,
    BasicOCSPResponse,
    ExtendedRevoke,
    Good,
    OCSPResponse,
    OCSPResponseStatus,
    ResponseData,
    Revoked,
    SingleResponse,
)
from certstatus.pkix import CRLReason

__all__ = ["explain_response"]

_SECTION: Final = "RFC 6960 §4.2.1"

_STATUSES: Final = {
    OCSPResponseStatus.SUCCESSFUL: "the request was in order, and the answer follows",
    OCSPResponseStatus.MALFORMED_REQUEST: "the responder could not read the request",
    OCSPResponseStatus.INTERNAL_ERROR: "the responder is at fault; ask again or elsewhere",
    OCSPResponseStatus.TRY_LATER: "the responder can't answer just now; ask again later",
    OCSPResponseStatus.SIG_REQUIRED: "the responder answers signed requests alone",
    OCSPResponseStatus.UNAUTHORIZED: (
        "the responder does not answer for this certificate, or not to this requestor"
    ),
}


def explain_response(response: OCSPResponse) -> Field:
    """Explain a response: every field by its name, with its meaning and section.

    Nothing here says that the response is to be believed.
    """
    status = response.response_status
    return Field(
        "OCSPResponse",
        f"{status.label}, {len(response.der)} octets",
        _summary(response),
        _SECTION,
        children=(
            Field(
                "responseStatus",
                f"{status.label} ({int(status)})",
                _STATUSES[status],
                "RFC 6960 §2.3" if status else _SECTION,
            ),
            _response_bytes(response),
        ),
        der=response.der,
        departures=departure_texts(response.departures),
    )


def _summary(response: OCSPResponse) -> str:
    if response.basic is None:
        return "says nothing of any certificate"
    responses = response.basic.tbs_response_data.responses
    if len(responses) == 1:
        return f"says {responses[0].cert_status}; not verified here"
    counted = Counter(_status_word(one) for one in responses)
    told = ", ".join(f"{count} {word}" for word, count in counted.items())
    return f"answers about {len(responses)} certificates: {told}; not verified here"


def _status_word(single: SingleResponse) -> str:
    status = single.cert_status
    if isinstance(status, Revoked):
        return "revoked"
    return "good" if isinstance(status, Good) else "unknown"


def _response_bytes(response: OCSPResponse) -> Field:
    if response.response_type is None:
        meaning = "an error status carries no answer, and no signature"
        return absent("responseBytes", meaning, _SECTION)
    basic, kind = response.basic, response.response_type
    return Field(
        "responseBytes",
        None,
        "the answer, and what kind it is of",
        _SECTION,
        children=(
            Field(
                "responseType",
                oid_text(kind),
                "the basic response, which all must understand"
                if kind == oids.ID_PKIX_OCSP_BASIC
                else "not the basic response, so certstatus can't read on",
                _SECTION,
            ),
            Field("response", None, "of a kind unknown to certstatus", _SECTION)
            if basic is None
            else _basic_response(basic, response.departures),
        ),
    )


def _basic_response(basic: BasicOCSPResponse, departures: tuple[Departure, ...]) -> Field:
    return Field(
        "response",
        "BasicOCSPResponse",
        "",
        _SECTION,
        children=(
            _response_data(basic.tbs_response_data, basic.tbs_der, departures),
            signature_algorithm_field("signatureAlgorithm", basic.signature_algorithm, _SECTION),
            signature_field(
                "signature", basic.signature, "over the DER of tbsResponseData", _SECTION
            ),
            certs_field(
                basic.certs,
                present="certificates to verify the signature with",
                missing="the CA itself signed, or the client knows the responder",
                section=_SECTION,
            ),
        ),
    )


def _response_data(data: ResponseData, der: bytes, departures: tuple[Departure, ...]) -> Field:
    return Field(
        "tbsResponseData",
        None,
        "what the responder signs",
        _SECTION,
        children=(
            version_field("ResponseData.version", departures, _SECTION),
            responder_id_field(
                "responderID",
                data.responder_id,
                "who signed; it must be the certificate that the signature verifies with",
                "RFC 6960 §4.2.2.3",
            ),
            Field("producedAt", data.produced_at, "when the responder signed", "RFC 6960 §2.4"),
            Field(
                "responses",
                count_text(len(data.responses), "answer"),
                "",
                _SECTION,
                children=tuple(_single_response(one, data) for one in data.responses),
            ),
            extensions_field(
                "responseExtensions",
                data.response_extensions,
                "no nonce: the answer may have been made beforehand, for all who ask",
                _SECTION,
            ),
        ),
        der=der,
    )


def _single_response(single: SingleResponse, data: ResponseData) -> Field:
    return Field(
        "SingleResponse",
        str(single.cert_status),
        "",
        _SECTION,
        children=(
            cert_id_field("certID", single.cert_id, "the certificate answered for", _SECTION),
            _cert_status(single, data),
            Field(
                "thisUpdate",
                single.this_update,
                "the latest time at which this was known to be so",
                "RFC 6960 §2.4",
                departures=_too_late(single, data),
            ),
            _next_update(single),
            extensions_field(
                "singleExtensions",
                single.single_extensions,
                "nothing further is said of this certificate",
                _SECTION,
            ),
        ),
    )


def _too_late(single: SingleResponse, data: ResponseData) -> tuple[str, ...]:
    return ("is later than producedAt",) if single.this_update > data.produced_at else ()


def _next_update(single: SingleResponse) -> Field:
    end = single.next_update
    if end is None:
        meaning = "newer data is always available; many clients refuse that (RFC 9919 §5)"
        return absent("nextUpdate", meaning, "RFC 6960 §4.2.2.1")
    length = end - single.this_update
    departures: tuple[str, ...] = ()
    if end < single.this_update:
        departures = ("is earlier than thisUpdate",)
    meaning = f"newer data by then; the answer lives {span_text(length)}"
    return Field("nextUpdate", end, meaning, "RFC 6960 §4.2.2.1", departures=departures)


def _cert_status(single: SingleResponse, data: ResponseData) -> Field:
    status, section = single.cert_status, "RFC 6960 §2.2"
    if isinstance(status, Good):
        meaning = "not revoked, as far as the responder knows; no proof that it was ever issued"
        return Field("certStatus", "good", meaning, section)
    if isinstance(status, Revoked):
        return Field(
            "certStatus",
            "revoked",
            _revoked_meaning(status, data),
            section,
            children=(
                Field("revocationTime", status.revocation_time, "since when", _SECTION),
                _revocation_reason(status.reason),
            ),
        )
    meaning = "the responder does not know this certificate; ask another"
    return Field("certStatus", "unknown", meaning, section)


def _revoked_meaning(status: Revoked, data: ResponseData) -> str:
    if status == NEVER_ISSUED and data.response_extensions.has(ExtendedRevoke):
        return "revoked because it was never issued (extended-revoke)"
    if status.reason is CRLReason.CERTIFICATE_HOLD:
        return "not to be trusted while the hold lasts"
    return "no longer to be trusted"


def _revocation_reason(reason: CRLReason | None) -> Field:
    if reason is None:
        return absent("revocationReason", "no reason given", _SECTION)
    value = f"{reason.label} ({int(reason)})"
    return Field("revocationReason", value, reason_meaning(reason), "RFC 5280 §5.3.1")
