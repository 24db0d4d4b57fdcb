"""Bind the answer to this very request (RFC 9654 §2.1, RFC 9919 §5; N3, N4, L10)."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from certstatus.ocsp import OCSPRequest, ResponseData
from certstatus.verify.policy import NoncePolicy
from certstatus.verify.report import Check

__all__: list[str] = []

_NAME: Final = "nonce"
_NOT_SENT: Final = Check.skipped("N3", _NAME, "was not sent")


def check_nonce(data: ResponseData, request: OCSPRequest | None, policy: NoncePolicy) -> Check:
    """Compare the nonces; which of the four combinations is refused is the policy's word."""
    if policy is NoncePolicy.OFF:
        return Check.skipped("N3", _NAME, "not looked at, by policy")
    sent = None if request is None else request.nonce
    received = data.nonce
    if sent is None:
        return _check_unsent(
            policy, was_received=received is not None, has_request=request is not None
        )
    if received is None:
        return _check_missing(policy)
    if not compare_digest(sent.octets, received.octets):
        return Check.failed("N3", _NAME, "differs from the request's: an answer to another request")
    return Check.passed("N3", _NAME, f"{len(sent.octets)} octets, as sent")


def _check_unsent(policy: NoncePolicy, *, was_received: bool, has_request: bool) -> Check:
    if policy is NoncePolicy.REQUIRED:
        what = "the request has none" if has_request else "the request was not given"
        return Check.failed("N4", _NAME, f"required, and {what}")
    if was_received:
        return Check.skipped(
            "L10", _NAME, "was not sent; the one received is ignored (RFC 9919 §5)"
        )
    return _NOT_SENT


def _check_missing(policy: NoncePolicy) -> Check:
    if policy is NoncePolicy.REQUIRED:
        return Check.failed("N4", _NAME, "was sent, and is missing from the response")
    return Check.skipped("L10", _NAME, "was sent, and not returned; time decides (RFC 9919 §5)")
