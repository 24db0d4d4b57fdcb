"""Any message of SCVP explained, by the content type that stands around it (RFC 5055 §3 to §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.explain.field import Field
from certstatus.explain.scvp_policy import explain_val_pol_request, explain_val_pol_response
from certstatus.explain.scvp_request import explain_cv_request
from certstatus.explain.scvp_response import explain_cv_response
from certstatus.scvp import (
    parse_cv_request,
    parse_cv_response,
    parse_val_pol_request,
    parse_val_pol_response,
)

__all__ = ["explain_scvp"]


def explain_scvp(content_type: ObjectIdentifier, content: bytes) -> Field | None:
    """Explain the content of a ContentInfo or SignedData; None where it is none of SCVP's.

    Raises:
        MalformedError: it is not the message that its type says.
    """
    teller = _TELLERS.get(content_type)
    return None if teller is None else teller(content)


_TELLERS: Final[dict[ObjectIdentifier, Callable[[bytes], Field]]] = {
    oids.ID_CT_SCVP_CERT_VAL_REQUEST: lambda der: explain_cv_request(parse_cv_request(der)),
    oids.ID_CT_SCVP_CERT_VAL_RESPONSE: lambda der: explain_cv_response(parse_cv_response(der)),
    oids.ID_CT_SCVP_VAL_POL_REQUEST: lambda der: explain_val_pol_request(
        parse_val_pol_request(der)
    ),
    oids.ID_CT_SCVP_VAL_POL_RESPONSE: lambda der: explain_val_pol_response(
        parse_val_pol_response(der)
    ),
}
