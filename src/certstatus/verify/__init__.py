"""Judgment: response, request and time make a report of every check."""

from __future__ import annotations

from certstatus.verify.again import judge_again
from certstatus.verify.handing_on import hand_on
from certstatus.verify.judge import verify_response
from certstatus.verify.known import NOTHING_KNOWN, KnownSignatures
from certstatus.verify.policy import DEFAULT_POLICY, DelegateStatus, NoncePolicy, VerifyPolicy
from certstatus.verify.question import DelegateStatusLookup
from certstatus.verify.report import (
    Check,
    Finding,
    Outcome,
    Report,
    Verdict,
    VerifiedResponse,
)

__all__ = [
    "DEFAULT_POLICY",
    "NOTHING_KNOWN",
    "Check",
    "DelegateStatus",
    "DelegateStatusLookup",
    "Finding",
    "KnownSignatures",
    "NoncePolicy",
    "Outcome",
    "Report",
    "Verdict",
    "VerifiedResponse",
    "VerifyPolicy",
    "hand_on",
    "judge_again",
    "verify_response",
]
