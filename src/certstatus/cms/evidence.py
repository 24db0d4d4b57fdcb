"""Evidence kept in CMS: certificates, CRLs, OCSP responses and SCVP replies (RFC 5940; X4).

A SignedData carries them in ``certificates`` and ``crls``; with a signer, or in the
degenerate form without one. Reading proves nothing: each piece is judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import cms, oids
from certstatus.asn1.doorway import decode, encode, encode_tlv, explicit
from certstatus.asn1.walk import element_at
from certstatus.cms.content import ContentInfo, Protection, parse_content_info
from certstatus.cms.signed_data import SignedData, encode_signed_data, parse_signed_data
from certstatus.errors import MalformedError
from certstatus.ocsp import OCSPResponse, OCSPResponseStatus, parse_response
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import CVResponse, CVStatusCode, FullRequest, parse_cv_response

__all__ = [
    "OtherRevocationInfo",
    "SCVPExchange",
    "SavedEvidence",
    "encode_evidence",
    "parse_evidence",
]

_SEQUENCE: Final = 0x30
_OTHER: Final = 0xA1
"""RevocationInfoChoice: other [1] IMPLICIT OtherRevocationInfoFormat."""
_WHERE: Final = "SignedData.crls"
_RESPONSE: Final = "SCVPReqRes.response"


@dataclass(frozen=True, slots=True)
class OtherRevocationInfo:
    """Revocation information of a format that we don't know: kept, and written again."""

    info_format: ObjectIdentifier
    info: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SCVPExchange:
    """A reply of an SCVP server, and the request that it answers: whole ContentInfos, in DER.

    ``request`` may be None where the reply holds the whole request (RFC 5940 §2.2).
    """

    response: bytes = field(repr=False)
    request: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class SavedEvidence:
    """What is kept to prove later what was known of certificates."""

    certificates: tuple[Certificate, ...] = ()
    crls: tuple[CertificateList, ...] = ()
    ocsp_responses: tuple[OCSPResponse, ...] = ()
    exchanges: tuple[SCVPExchange, ...] = ()
    others: tuple[OtherRevocationInfo, ...] = ()

    def revocation_infos(self) -> tuple[bytes, ...]:
        """Return the DER of each RevocationInfoChoice.

        Raises:
            MalformedError: an OCSP response is not successful, or an SCVP reply is not
                signed, not okay, or without its request (X4).
        """
        for response in self.ocsp_responses:
            _check_successful(response)
        for exchange in self.exchanges:
            _check_exchange(exchange)
        return (
            *(crl.der for crl in self.crls),
            *(_other(oids.ID_RI_OCSP_RESPONSE, one.der) for one in self.ocsp_responses),
            *(_other(oids.ID_RI_SCVP, _encode_exchange(one)) for one in self.exchanges),
            *(_other(one.info_format, one.info) for one in self.others),
        )


def encode_evidence(evidence: SavedEvidence) -> bytes:
    """Write evidence as a SignedData without content and without a signer, in DER.

    Raises:
        MalformedError: as ``SavedEvidence.revocation_infos``.
    """
    return encode_signed_data(
        oids.ID_DATA,
        None,
        certificates=[certificate.der for certificate in evidence.certificates],
        revocation_infos=evidence.revocation_infos(),
    )


def parse_evidence(data: bytes | SignedData) -> SavedEvidence:
    """Read what a SignedData encloses, whether it has a signer or not; order is not kept.

    Raises:
        MalformedError: it is no SignedData, or a piece of it is broken or breaks X4.
    """
    signed_data = data if isinstance(data, SignedData) else parse_signed_data(data)
    crls, responses, exchanges, others = [], [], [], []
    for der in signed_data.revocation_infos:
        if der[0] != _OTHER:
            crls.append(CertificateList.from_der(der))
            continue
        other = _parse_other(der)
        if other.info_format == oids.ID_RI_OCSP_RESPONSE:
            responses.append(_check_successful(parse_response(other.info)))
        elif other.info_format == oids.ID_RI_SCVP:
            exchanges.append(_parse_exchange(other.info))
        else:
            others.append(other)
    where = "SignedData.certificates"
    return SavedEvidence(
        certificates=tuple(Certificate.from_der(der, where) for der in signed_data.certificates),
        crls=tuple(crls),
        ocsp_responses=tuple(responses),
        exchanges=tuple(exchanges),
        others=tuple(others),
    )


def _other(info_format: ObjectIdentifier, info: bytes) -> bytes:
    return encode_tlv(_OTHER, encode(info_format) + info)


def _parse_other(der: bytes) -> OtherRevocationInfo:
    element = element_at(der, 0, len(der), _WHERE)
    sequence = encode_tlv(_SEQUENCE, der[element.contents : element.end])
    declared = decode(cms.OtherRevocationInfoFormat, sequence, _WHERE)
    return OtherRevocationInfo(declared.other_rev_info_format, encode(declared.other_rev_info))


def _check_successful(response: OCSPResponse) -> OCSPResponse:
    status = response.response_status
    if status is not OCSPResponseStatus.SUCCESSFUL:
        text = f"an OCSP response that says {status.label} is no evidence"
        raise MalformedError(text, where=_WHERE, rule="X4")
    return response


# --- SCVP, RFC 5940 §2.2 --------------------------------------------------------------------


def _encode_exchange(exchange: SCVPExchange) -> bytes:
    request = b"" if exchange.request is None else explicit(0, exchange.request)
    return encode_tlv(_SEQUENCE, request + exchange.response)


def _parse_exchange(der: bytes) -> SCVPExchange:
    declared = decode(cms.SCVPReqRes, der, "SCVPReqRes")
    request = None if declared.request is None else encode(declared.request)
    return _check_exchange(SCVPExchange(response=encode(declared.response), request=request))


def _check_exchange(exchange: SCVPExchange) -> SCVPExchange:
    """Hold an exchange to RFC 5940 §2.2: signed, okay, and bound to a request that is there."""
    reply = _signed_reply(parse_content_info(exchange.response))
    status = reply.response_status
    if status.status_code != CVStatusCode.OKAY:
        text = f"has the status {status.status_code}, not okay"
        raise MalformedError(text, where=_RESPONSE, rule="X4")
    if exchange.request is not None:
        parse_content_info(exchange.request)
    elif not isinstance(reply.request_ref, FullRequest):
        text = "does not hold the whole request, which is not beside it either"
        raise MalformedError(text, where=_RESPONSE, rule="X4")
    return exchange


def _signed_reply(info: ContentInfo) -> CVResponse:
    """Return the CVResponse inside a signed reply."""
    if info.protection is not Protection.SIGNED:
        raise MalformedError("is not signed", where=_RESPONSE, rule="X4")
    reply = parse_signed_data(info)
    is_reply = reply.content_type == oids.ID_CT_SCVP_CERT_VAL_RESPONSE
    if reply.content is None or not reply.signer_infos or not is_reply:
        raise MalformedError("is no signed CVResponse", where=_RESPONSE, rule="X4")
    return parse_cv_response(reply.content)
