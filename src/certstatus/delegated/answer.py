"""What a service answers: the octets, and what there is to say of them in logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from certstatus.scvp import CVStatusCode, ReplyStatus, ResponseStatus

__all__ = ["AnswerFacts", "MessageKind", "SCVPAnswer"]


class MessageKind(StrEnum):
    """What was asked."""

    CV = "cv-request"
    """A CVRequest: about certificates."""
    VP = "vp-request"
    """A ValPolRequest: about the server's policies."""
    UNKNOWN = "unknown"
    """It could not be made out."""


@dataclass(frozen=True, kw_only=True)
class AnswerFacts:
    """How it went. ``reason`` is why it is an error; ``requestor`` who was authenticated.

    ``paths`` is how many certification paths were tried for it.
    """

    kind: MessageKind
    status: CVStatusCode
    reason: str | None = None
    is_protected: bool = False
    requestor: str | None = None
    is_cached: bool = False
    reply_statuses: tuple[ReplyStatus, ...] = ()
    paths: int = 0

    @property
    def is_authenticated(self) -> bool:
        """Whether the request's signer is known and trusted."""
        return self.requestor is not None

    @property
    def is_policy_response(self) -> bool:
        """Whether the answer is a ValPolResponse; every error is a CVResponse."""
        return self.kind is MessageKind.VP and ResponseStatus(self.status).is_success


@dataclass(frozen=True, kw_only=True)
class SCVPAnswer:
    """A whole ContentInfo, and its facts."""

    content_info: bytes = field(repr=False)
    facts: AnswerFacts

    @property
    def media_type(self) -> str:
        """The media type of the answer (RFC 5055 appendix A; S24)."""
        kind = "vp" if self.facts.is_policy_response else "cv"
        return f"application/scvp-{kind}-response"
