"""Paths delegated to a server (RFC 3379, RFC 5055): who asks and judges, and who answers."""

from __future__ import annotations

from certstatus.delegated.answer import AnswerFacts, MessageKind, SCVPAnswer
from certstatus.delegated.asking import (
    Profile,
    Question,
    Wishes,
    make_question,
    read_question,
)
from certstatus.delegated.client import SCVPClient
from certstatus.delegated.client_result import DelegatedResult, PoliciesResult
from certstatus.delegated.configuration import (
    ConfigurationNumbers,
    ConfigurationState,
    CountedConfigurations,
)
from certstatus.delegated.judge import judge_reply
from certstatus.delegated.judge_trust import ReplyPolicy, ServerTrust, SignerPath
from certstatus.delegated.judge_val_pol import PoliciesReport, judge_policies
from certstatus.delegated.service import SCVPService
from certstatus.delegated.settings import (
    PolicyInput,
    Requestors,
    SCVPPolicy,
    SCVPSettings,
    ServiceLimits,
)
from certstatus.delegated.verdict import DelegatedReply, DelegatedReport, DelegatedVerdict

__all__ = [
    "AnswerFacts",
    "ConfigurationNumbers",
    "ConfigurationState",
    "CountedConfigurations",
    "DelegatedReply",
    "DelegatedReport",
    "DelegatedResult",
    "DelegatedVerdict",
    "MessageKind",
    "PoliciesReport",
    "PoliciesResult",
    "PolicyInput",
    "Profile",
    "Question",
    "ReplyPolicy",
    "Requestors",
    "SCVPAnswer",
    "SCVPClient",
    "SCVPPolicy",
    "SCVPService",
    "SCVPSettings",
    "ServerTrust",
    "ServiceLimits",
    "SignerPath",
    "Wishes",
    "judge_policies",
    "judge_reply",
    "make_question",
    "read_question",
]
