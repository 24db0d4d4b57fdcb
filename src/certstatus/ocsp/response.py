"""OCSPResponse: DER to frozen values and back, without judgment (RFC 6960 §4.2).

Nothing here says that a response is to be believed: that is ``certstatus.verify``.
"""

from __future__ import annotations

from typing import Final

from certstatus.asn1 import ocsp as asn1
from certstatus.asn1 import oids
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import (
    TLV,
    BitString,
    Null,
    Variant,
    decode,
    decode_enumerated,
    decode_sequence_of,
    decode_time,
    encode,
    encode_enumerated,
    explicit,
    generalized_time,
    read_tlv,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_RESPONSE_BYTES, MAX_RESPONSES
from certstatus.ocsp.certid import CertID
from certstatus.ocsp.extensions import Extensions
from certstatus.ocsp.plain_response import read_plain
from certstatus.ocsp.request import check_bit_string, check_certs, check_version
from certstatus.ocsp.response_values import (
    BasicOCSPResponse,
    ByKey,
    ByName,
    OCSPResponse,
    ResponderID,
    ResponseData,
    SingleResponse,
)
from certstatus.ocsp.status import CertStatus, Good, OCSPResponseStatus, Revoked, Unknown
from certstatus.pkix import AlgorithmIdentifier, CRLReason, Name

__all__ = [
    "BasicOCSPResponse",
    "ByKey",
    "ByName",
    "OCSPResponse",
    "ResponderID",
    "ResponseData",
    "SingleResponse",
    "encode_error_response",
    "encode_responder_id",
    "encode_response",
    "encode_response_data",
    "parse_responder_id",
    "parse_response",
]


def parse_response(der: bytes) -> OCSPResponse:
    """Read an OCSPResponse.

    Raises:
        MalformedError: it is not the DER of a response, has bytes after its end, is larger
            than ``MAX_RESPONSE_BYTES``, or its basic part is broken.
    """
    if len(der) > MAX_RESPONSE_BYTES:
        raise MalformedError(f"is larger than {MAX_RESPONSE_BYTES} bytes", where="OCSPResponse")
    return read_plain(der) or _by_declaration(der)


def _by_declaration(der: bytes) -> OCSPResponse:
    departures: list[Departure] = []
    declared = decode(asn1.OCSPResponse, der, "OCSPResponse")
    number = decode_enumerated(declared.response_status, "OCSPResponse.responseStatus")
    status = OCSPResponseStatus.from_number(number)
    content = declared.response_bytes
    if status is not OCSPResponseStatus.SUCCESSFUL:
        if content is not None:
            text = f"stand beside {status.label}; nothing in them counts (O10)"
            departures.append(Departure("OCSPResponse.responseBytes", text))
        return OCSPResponse(response_status=status, der=der, departures=tuple(departures))
    if content is None:
        raise MalformedError(
            "are absent from a successful response", where="OCSPResponse.responseBytes"
        )
    is_basic = content.response_type == oids.ID_PKIX_OCSP_BASIC
    basic = _basic(content.response, departures) if is_basic else None
    return OCSPResponse(
        response_status=status,
        response_type=content.response_type,
        basic=basic,
        der=der,
        departures=tuple(departures),
    )


def _basic(der: bytes, departures: list[Departure]) -> BasicOCSPResponse:
    declared = decode(asn1.BasicOCSPResponse, der, "BasicOCSPResponse")
    tbs_der = encode(declared.tbs_response_data)
    return BasicOCSPResponse(
        tbs_response_data=_response_data(tbs_der, departures),
        tbs_der=tbs_der,
        signature_algorithm=AlgorithmIdentifier.from_declared(declared.signature_algorithm),
        signature=check_bit_string(declared.signature, "BasicOCSPResponse.signature"),
        certs=check_certs(declared.certs, "BasicOCSPResponse.certs", departures),
    )


def _response_data(der: bytes, departures: list[Departure]) -> ResponseData:
    declared = decode(asn1.ResponseData, der, "ResponseData")
    check_version(declared.version, "ResponseData.version", departures)
    if not 0 < len(declared.responses) <= MAX_RESPONSES:
        raise MalformedError(
            f"holds {len(declared.responses)} answers, not 1 to {MAX_RESPONSES}",
            where="ResponseData.responses",
        )
    return ResponseData(
        responder_id=_responder_id(declared.responder_id, "ResponseData.responderID"),
        produced_at=decode_time(declared.produced_at, "ResponseData.producedAt"),
        responses=tuple(_single_response(one, departures) for one in declared.responses),
        response_extensions=Extensions.from_declared(
            declared.response_extensions, "responseExtensions", departures
        ),
    )


def parse_responder_id(der: bytes, where: str = "ResponderID") -> ResponderID:
    """Read a ResponderID that stands alone, as in a TLS client's list (RFC 6066 §8, T1).

    Raises:
        MalformedError: it is not the DER of one, or has bytes after its end.
    """
    return _responder_id(decode_sequence_of(asn1.ResponderID, der, where).responder_id, where)


def encode_responder_id(responder_id: ResponderID) -> bytes:
    """Write a ResponderID that stands alone."""
    if isinstance(responder_id, ByKey):
        return explicit(2, encode(responder_id.key_hash))
    return explicit(1, responder_id.name.der)


def _responder_id(declared: TLV | bytes, where: str) -> ResponderID:
    if isinstance(declared, bytes):
        if len(declared) != 20:
            raise MalformedError("byKey is not a SHA-1 hash", where=where, rule="O17")
        return ByKey(declared)
    return ByName(Name.from_der(encode(declared), where))


def _single_response(declared: asn1.SingleResponse, departures: list[Departure]) -> SingleResponse:
    next_update = declared.next_update
    cert_id = CertID.from_tlv(declared.cert_id, "SingleResponse.certID")
    departures += cert_id.departures("SingleResponse.certID")
    return SingleResponse(
        cert_id=cert_id,
        cert_status=_cert_status(declared.cert_status),
        this_update=decode_time(declared.this_update, "SingleResponse.thisUpdate"),
        next_update=(
            None if next_update is None else decode_time(next_update, "SingleResponse.nextUpdate")
        ),
        single_extensions=Extensions.from_declared(
            declared.single_extensions, "singleExtensions", departures
        ),
    )


def _cert_status(declared: asn1.CertStatus) -> CertStatus:
    value = declared.value
    if not isinstance(value, asn1.RevokedInfo):
        return _GOOD if declared.tag == "good" else _UNKNOWN
    where = "RevokedInfo.revocationReason"
    reason = value.revocation_reason
    if reason is not None and not isinstance(reason, TLV):
        raise MalformedError("is not an ENUMERATED", where=where)
    return Revoked(
        decode_time(value.revocation_time, "RevokedInfo.revocationTime"),
        None if reason is None else CRLReason.from_number(decode_enumerated(reason, where), where),
    )


_GOOD: Final = Good()
_UNKNOWN: Final = Unknown()


def encode_response_data(data: ResponseData) -> bytes:
    """Write a ResponseData: what the signature covers. A CertID that was received is echoed."""
    responder_id = data.responder_id
    return encode(
        asn1.ResponseData(
            responder_id=(
                responder_id.key_hash
                if isinstance(responder_id, ByKey)
                else read_tlv(responder_id.name.der, "responderID")
            ),
            produced_at=generalized_time(data.produced_at),
            responses=[_declared_single_response(one) for one in data.responses],
            response_extensions=data.response_extensions.declared(),
        )
    )


def _declared_single_response(one: SingleResponse) -> asn1.SingleResponse:
    next_update = one.next_update
    return asn1.SingleResponse(
        cert_id=one.cert_id.declared(),
        cert_status=_declared_status(one.cert_status),
        this_update=generalized_time(one.this_update),
        next_update=None if next_update is None else generalized_time(next_update),
        single_extensions=one.single_extensions.declared(),
    )


def _declared_status(status: CertStatus) -> asn1.CertStatus:
    if not isinstance(status, Revoked):
        return Variant(Null(), "good" if isinstance(status, Good) else "unknown")
    reason = status.reason
    return Variant(
        asn1.RevokedInfo(
            revocation_time=generalized_time(status.revocation_time),
            revocation_reason=None if reason is None else encode_enumerated(reason),
        ),
        "revoked",
    )


def encode_response(
    tbs_der: bytes,
    signature_algorithm: AlgorithmIdentifier,
    signature: bytes,
    certs: tuple[bytes, ...] = (),
) -> bytes:
    """Write a successful OCSPResponse around signed ResponseData.

    ``certs`` are DER; none are absent, not empty (O18).
    """
    basic = asn1.BasicOCSPResponse(
        tbs_response_data=read_tlv(tbs_der, "tbsResponseData"),
        signature_algorithm=signature_algorithm.declared(),
        signature=BitString(signature, 0),
        certs=[read_tlv(der, "certs") for der in certs] or None,
    )
    return encode(
        asn1.OCSPResponse(
            response_status=encode_enumerated(OCSPResponseStatus.SUCCESSFUL),
            response_bytes=asn1.ResponseBytes(
                response_type=oids.ID_PKIX_OCSP_BASIC, response=encode(basic)
            ),
        )
    )


def encode_error_response(status: OCSPResponseStatus) -> bytes:
    """Write an unsigned error status: exactly five octets (O10).

    Raises:
        ValueError: ``status`` is successful.
    """
    if status is OCSPResponseStatus.SUCCESSFUL:
        raise ValueError("a successful response is signed: use encode_response")
    return bytes((0x30, 0x03, 0x0A, 0x01, status))
