"""Any message explained, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from certstatus.cms import parse_content_info
from certstatus.errors import MalformedError
from certstatus.explain.capture import explain_capture
from certstatus.explain.certificate import explain_certificate
from certstatus.explain.crl import explain_crl
from certstatus.explain.field import Field
from certstatus.explain.recognize import Kind, recognize
from certstatus.explain.request import explain_request
from certstatus.explain.response import explain_response
from certstatus.explain.scvp_policy import explain_val_pol_request, explain_val_pol_response
from certstatus.explain.scvp_request import explain_cv_request
from certstatus.explain.scvp_response import explain_cv_response
from certstatus.explain.signed_message import explain_content_info
from certstatus.explain.tls_extension import explain_extension
from certstatus.explain.tls_flight import explain_handshake, explain_records
from certstatus.ocsp import parse_request, parse_response
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import (
    parse_cv_request,
    parse_cv_response,
    parse_val_pol_request,
    parse_val_pol_response,
)

__all__ = ["explain"]


def explain(
    der: bytes,
    *,
    kind: Kind | None = None,
    entries: int | None = None,
    where: str = "the message",
) -> Field:
    """Explain one message of any kind that we know; ``kind`` None: recognise it.

    ``entries`` bounds the entries shown of a CRL, None shows all; ``where`` is what an
    error calls a message of no kind that we know.

    Raises:
        MalformedError: it is no such message; ``where`` names the field that breaks it.
    """
    kind = kind or recognize(der)
    if kind is Kind.REQUEST:
        return explain_request(parse_request(der))
    if kind is Kind.RESPONSE:
        return explain_response(parse_response(der))
    if kind is Kind.CERTIFICATE:
        return explain_certificate(Certificate.from_der(der))
    if kind is Kind.CRL:
        return explain_crl(CertificateList.from_der(der), entries=entries)
    if kind is Kind.CONTENT_INFO:
        return explain_content_info(parse_content_info(der), entries=entries)
    teller = None if kind is None else _BESIDE.get(kind)
    if teller is not None:
        return teller(der)
    raise MalformedError("is no OCSP, SCVP, CMS or TLS message, certificate or CRL", where=where)


_BESIDE: Final[dict[Kind, Callable[[bytes], Field]]] = {
    Kind.CAPTURE: explain_capture,
    Kind.RECORDS: explain_records,
    Kind.HANDSHAKE: explain_handshake,
    Kind.EXTENSION: explain_extension,
    Kind.CV_REQUEST: lambda der: explain_cv_request(parse_cv_request(der)),
    Kind.CV_RESPONSE: lambda der: explain_cv_response(parse_cv_response(der)),
    Kind.VAL_POL_REQUEST: lambda der: explain_val_pol_request(parse_val_pol_request(der)),
    Kind.VAL_POL_RESPONSE: lambda der: explain_val_pol_response(parse_val_pol_response(der)),
}
