"""A request out of its ContentInfo, and out of the signature around it (RFC 5055 §3; S1, S2).

Pure. The octets of a message are kept as they were received, and those are hashed (S5); what
a peer wrote in BER is read as if it were DER.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.ber import read_lenient
from certstatus.cms import (
    ContentInfo,
    Protection,
    SignatureReport,
    parse_content_info,
    verify_signed_data,
)
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.settings import Requestors
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_SCVP_BER_BYTES
from certstatus.scvp import (
    CVRequest,
    CVStatusCode,
    ValPolRequest,
    cv_request_version,
    parse_cv_request,
    parse_val_pol_request,
    val_pol_request_version,
)
from certstatus.signing import Purpose

__all__ = ["REQUESTS", "Received", "read_cv_request", "read_val_pol_request", "received"]

T = TypeVar("T")

REQUESTS: Final = (oids.ID_CT_SCVP_CERT_VAL_REQUEST, oids.ID_CT_SCVP_VAL_POL_REQUEST)
_VERSION: Final = 1

# What is wrong with the message itself, whoever signed it; all else makes it unauthenticated.
_BROKEN: Final = {CVStatusCode.UNABLE_TO_DECODE, CVStatusCode.BAD_STRUCTURE}


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message and its type; ``content`` are the octets that were received.

    ``signature`` is what judging the signature found, None for a message without one.
    """

    content_type: ObjectIdentifier
    content: bytes = field(repr=False)
    signature: SignatureReport | None = None


def received(octets: bytes, requestors: Requestors, now: datetime) -> Received:
    """Take a request out of what protects it; ``now`` is aware UTC.

    Raises:
        Refusal: it is no ContentInfo, not of SCVP, under a MAC, or its SignedData is broken.
    """
    try:
        info = parse_content_info(octets)
    except MalformedError as error:
        raise Refusal(CVStatusCode.UNABLE_TO_DECODE, str(error)) from error
    if info.protection is Protection.NONE:
        found = Received(content_type=info.content_type, content=info.content)
    else:
        found = _protected(info, requestors, now)
    if found.content_type not in REQUESTS:
        kind = oids.name_of(found.content_type)
        raise Refusal(CVStatusCode.BAD_STRUCTURE, f"{kind} is no request of SCVP")
    return found


def _protected(info: ContentInfo, requestors: Requestors, now: datetime) -> Received:
    if info.protection is Protection.AUTHENTICATED:
        raise Refusal(CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC, "MACs are not supported")
    report = verify_signed_data(
        info,
        now=now,
        purpose=Purpose.SCVP_CLIENT,
        content_types=REQUESTS,
        trusted=requestors.trusted,
        accepted_purposes=requestors.accepted_purposes,
    )
    data = report.signed_data
    if report.status_code in _BROKEN or data is None or data.content is None:
        reasons = "; ".join(one.reason for one in report.failures)
        raise Refusal(report.status_code or CVStatusCode.BAD_STRUCTURE, reasons)
    return Received(content_type=data.content_type, content=data.content, signature=report)


def read_cv_request(message: Received) -> CVRequest:
    """Read a CVRequest.

    Raises:
        Refusal: its version is not 1 (S19), or it is none.
    """

    def read(der: bytes) -> CVRequest:
        _check_version(cv_request_version(der))
        return parse_cv_request(der)

    return _read(message, read)


def read_val_pol_request(message: Received) -> ValPolRequest:
    """Read a ValPolRequest. Raises Refusal as ``read_cv_request`` does."""

    def read(der: bytes) -> ValPolRequest:
        _check_version(val_pol_request_version(der))
        return parse_val_pol_request(der)

    return _read(message, read)


def _read(message: Received, read: Callable[[bytes], T]) -> T:
    """Read DER, or what BER comes to; a large message must be DER, which takes less work."""
    content = message.content
    try:
        if len(content) > MAX_SCVP_BER_BYTES:
            return read(content)
        return read_lenient(content, read, oids.name_of(message.content_type))
    except MalformedError as error:
        raise Refusal(CVStatusCode.BAD_STRUCTURE, str(error)) from error


def _check_version(version: int) -> None:
    if version != _VERSION:
        raise Refusal(CVStatusCode.UNSUPPORTED_VERSION, f"version {version} is not {_VERSION}")
