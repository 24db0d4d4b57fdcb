"""Paths delegated to a server (RFC 3379, RFC 5055): who asks, and how the reply is judged."""

from __future__ import annotations

from certstatus.delegated.asking import (
    Profile,
    Question,
    Wishes,
    make_question,
    read_question,
)
from certstatus.delegated.client import SCVPClient
from certstatus.delegated.client_result import DelegatedResult, PoliciesResult
from certstatus.delegated.judge import judge_reply
from certstatus.delegated.judge_trust import ReplyPolicy, ServerTrust, SignerPath
from certstatus.delegated.judge_val_pol import PoliciesReport, judge_policies
from certstatus.delegated.verdict import DelegatedReply, DelegatedReport, DelegatedVerdict

__all__ = [
    "DelegatedReply",
    "DelegatedReport",
    "DelegatedResult",
    "DelegatedVerdict",
    "PoliciesReport",
    "PoliciesResult",
    "Profile",
    "Question",
    "ReplyPolicy",
    "SCVPClient",
    "ServerTrust",
    "SignerPath",
    "Wishes",
    "judge_policies",
    "judge_reply",
    "make_question",
    "read_question",
]
