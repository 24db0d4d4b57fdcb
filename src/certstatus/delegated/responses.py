"""A CVResponse around its replies, or around an error (RFC 5055 §4; S13, S14, S19).

Pure. What binds a response to its request (hash or whole, nonce, names, text) is copied
wherever the request could be read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from certstatus.delegated.policies import Agreed
from certstatus.delegated.policy_response import HASHES
from certstatus.delegated.refusal import Refusal
from certstatus.pkix import Certificate, GeneralName, HashAlgorithm
from certstatus.scvp import (
    CertReply,
    CVRequest,
    CVResponse,
    CVStatusCode,
    FullRequest,
    RequestReference,
    ResponseStatus,
    request_hash,
)

__all__ = ["error_response", "success_response"]

_OUR_FAULT: Final = "the server failed; it is no matter of the request"


def success_response(
    request: CVRequest,
    octets: bytes,
    replies: tuple[CertReply, ...],
    agreed: Agreed,
    *,
    configuration_id: int,
    now: datetime,
    requestor: Certificate | None,
    context: bytes | None,
    skips_items: bool,
) -> CVResponse:
    """Make a success; ``octets`` are the request as received, ``now`` is aware UTC.

    ``requestor`` is who was authenticated, ``context`` what to ask for more paths with.
    """
    code = CVStatusCode.SKIP_UNRECOGNIZED_ITEMS if skips_items else CVStatusCode.OKAY
    by_reference = request.query.response_flags.response_validation_pol_by_ref
    return CVResponse(
        server_configuration_id=configuration_id,
        produced_at=now,
        response_status=ResponseStatus(code),
        resp_validation_policy=agreed.told(by_reference=by_reference),
        request_ref=_request_ref(request, octets),
        requestor_ref=request.requestor_ref,
        requestor_name=_requestor_name(request, requestor),
        reply_objects=replies,
        resp_nonce=request.request_nonce,
        server_context_info=context,
        requestor_text=request.requestor_text,
    )


def error_response(
    request: CVRequest | None,
    octets: bytes,
    refusal: Refusal,
    *,
    configuration_id: int,
    now: datetime,
) -> CVResponse:
    """Make an error; ``request`` is None where it could not be read. ``now`` is aware UTC.

    What went wrong on our side is for our own log, and not told.
    """
    is_ours = refusal.code is CVStatusCode.INTERNAL_ERROR
    status = ResponseStatus(refusal.code, _OUR_FAULT if is_ours else refusal.reason)
    if request is None:
        return CVResponse(
            server_configuration_id=configuration_id, produced_at=now, response_status=status
        )
    return CVResponse(
        server_configuration_id=configuration_id,
        produced_at=now,
        response_status=status,
        request_ref=_hash_of(request, octets),
        requestor_ref=request.requestor_ref,
        resp_nonce=request.request_nonce,
        requestor_text=request.requestor_text,
    )


def _request_ref(request: CVRequest, octets: bytes) -> RequestReference:
    if request.query.response_flags.full_request_in_response:
        return FullRequest(request.der)
    return _hash_of(request, octets)


def _hash_of(request: CVRequest, octets: bytes) -> RequestReference:
    """Hash what was received, as asked for where we can, else by our default (S5, S14)."""
    asked = None if request.hash_alg is None else HashAlgorithm.from_oid(request.hash_alg)
    return request_hash(octets, asked if asked in HASHES else HASHES[0])


def _requestor_name(request: CVRequest, requestor: Certificate | None) -> tuple[GeneralName, ...]:
    """Name who asked, where that is known and not only said (RFC 5055 §4.8)."""
    if requestor is None:
        return ()
    subject = GeneralName.directory_name(requestor.subject)
    asserted = () if request.requestor_name is None else (request.requestor_name,)
    return tuple(dict.fromkeys((subject, *asserted)))
