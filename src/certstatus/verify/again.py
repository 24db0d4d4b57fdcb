"""A report judged anew at a later time: signatures and words stand, the times are looked at again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from certstatus.verify.delegation import is_valid_at
from certstatus.verify.freshness import check_freshness, is_timely
from certstatus.verify.policy import VerifyPolicy
from certstatus.verify.report import (
    Outcome,
    Report,
    Telling,
    VerifiedResponse,
    believed,
    seal,
    telling,
)

__all__ = ["judge_again"]

_FIRST: Final = "thisUpdate"
_VALIDITY: Final = "responder's validity"


def judge_again(report: Report, *, now: datetime, policy: VerifyPolicy) -> Report | None:
    """Say what ``verify_response`` would say of the same octets ``now``.

    For who is shown the same response again, and asks the same of it: the same certificate,
    issuer and request, under the same policy, whose ``delegate_status`` answers as before.

    Args:
        report: what ``verify_response`` made of it earlier.
        now: aware UTC.
        policy: the one that it was judged by.

    Returns:
        None where it was not believed, or is no longer: then judge it whole.
    """
    proof, tell = report.verified, telling(report)
    if proof is not None and tell is not None:
        return _believe_again(report, proof, tell, now, policy)
    if proof is None or not _is_signer_valid(report, now, policy):
        return None
    times = check_freshness(proof.data, proof.single, now, policy)
    if Outcome.FAIL in [check.outcome for check in times]:
        return None
    start = [check.name for check in report.checks].index(_FIRST)
    checks = (*report.checks[:start], *times, *report.checks[start + len(times) :])
    assert report.response is not None
    verified = seal(report.response, proof.single, proof.signer, now)
    return Report(
        verdict=report.verdict,
        checks=checks,
        findings=report.findings,
        response=report.response,
        single=report.single,
        verified=verified,
        pending=report.pending,
    )


def _believe_again(
    report: Report, proof: VerifiedResponse, tell: Telling, now: datetime, policy: VerifyPolicy
) -> Report | None:
    """Look at the times of a usual answer, by a delegate; their words are told when they are read."""
    is_valid = is_valid_at(proof.signer, now, policy.skew)
    if not is_valid or not is_timely(proof.data, proof.single, now, policy):
        return None
    verified = seal(proof.response, proof.single, proof.signer, now)
    return believed(report.verdict, verified, report.findings, tell)


def _is_signer_valid(report: Report, now: datetime, policy: VerifyPolicy) -> bool:
    """O25: asked of whoever is not the issuer itself, whose validity is for path validation."""
    assert report.verified is not None
    is_asked = any(check.name == _VALIDITY for check in report.checks)
    return not is_asked or is_valid_at(report.verified.signer, now, policy.skew)
