"""What the responder answers, and why: the reply, its cause, what it says of each certificate."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from certstatus.errors import CertStatusError
from certstatus.ocsp import CertID, CertStatus, OCSPResponseStatus, encode_error_response
from certstatus.signing import Rung, Signer

__all__ = ["Cause", "Observer", "Refusal", "Reply", "Told", "answered", "refused"]


class Cause(StrEnum):
    """Why a reply is what it is, in one word for logs and metrics."""

    ANSWERED = "answered"

    MALFORMED = "malformed"
    CRITICAL_EXTENSION = "criticalExtension"
    NONCE_LENGTH = "nonceLength"
    NONCE_MISSING = "nonceMissing"
    REQUESTOR_NAME = "requestorName"

    UNSIGNED = "unsigned"

    BAD_SIGNATURE = "badSignature"
    REQUESTOR = "requestor"
    TOO_MANY = "tooManyCertificates"
    ISSUER = "issuer"
    HASH = "hash"
    UNLISTED = "unlisted"
    NO_COMMON_SIGNER = "noCommonSigner"
    SERVICE_LOCATOR = "serviceLocator"
    UPSTREAM_REFUSED = "upstreamRefused"

    SOURCE_UNAVAILABLE = "sourceUnavailable"
    SOURCE_STALE = "sourceStale"
    OVERLOAD = "overload"

    SOURCE_FAILED = "sourceFailed"
    SIGNER_EXPIRES = "signerExpires"
    SIGNER_FAILED = "signerFailed"
    DEFECT = "defect"

    @property
    def response_status(self) -> OCSPResponseStatus:
        """What is sent for it (RFC 6960 §2.3)."""
        return _STATUSES[self]

    @property
    def is_ours(self) -> bool:
        """Whether the responder failed, not the request: a reason for an alarm."""
        return self.response_status in {_TRY_LATER, _INTERNAL_ERROR}


_MALFORMED: Final = OCSPResponseStatus.MALFORMED_REQUEST
_UNAUTHORIZED: Final = OCSPResponseStatus.UNAUTHORIZED
_TRY_LATER: Final = OCSPResponseStatus.TRY_LATER
_INTERNAL_ERROR: Final = OCSPResponseStatus.INTERNAL_ERROR

_STATUSES: Final = {
    Cause.ANSWERED: OCSPResponseStatus.SUCCESSFUL,
    Cause.MALFORMED: _MALFORMED,
    Cause.CRITICAL_EXTENSION: _MALFORMED,
    Cause.NONCE_LENGTH: _MALFORMED,
    # A choice: the request lacks what this responder asks of it, so it is the request that
    # has to change; unauthorized would send the client elsewhere.
    Cause.NONCE_MISSING: _MALFORMED,
    Cause.REQUESTOR_NAME: _MALFORMED,
    Cause.UNSIGNED: OCSPResponseStatus.SIG_REQUIRED,
    Cause.BAD_SIGNATURE: _UNAUTHORIZED,
    Cause.REQUESTOR: _UNAUTHORIZED,
    # A choice: the syntax is right, but nobody may ask so much at once.
    Cause.TOO_MANY: _UNAUTHORIZED,
    Cause.ISSUER: _UNAUTHORIZED,
    Cause.HASH: _UNAUTHORIZED,
    Cause.UNLISTED: _UNAUTHORIZED,
    Cause.NO_COMMON_SIGNER: _UNAUTHORIZED,
    Cause.SERVICE_LOCATOR: _UNAUTHORIZED,
    # A choice: whatever it was that the upstream refused, we can't answer in its place.
    Cause.UPSTREAM_REFUSED: _UNAUTHORIZED,
    Cause.SOURCE_UNAVAILABLE: _TRY_LATER,
    Cause.SOURCE_STALE: _TRY_LATER,
    Cause.OVERLOAD: _TRY_LATER,
    Cause.SOURCE_FAILED: _INTERNAL_ERROR,
    Cause.SIGNER_EXPIRES: _INTERNAL_ERROR,
    Cause.SIGNER_FAILED: _INTERNAL_ERROR,
    Cause.DEFECT: _INTERNAL_ERROR,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What was said of one certificate, by whom, and why: for logs and for ``explain``."""

    cert_id: CertID
    cert_status: CertStatus
    authority: str
    origin: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer, ready to send; times are aware UTC, whole seconds.

    A successful one has all times: ``this_update`` the latest and ``next_update`` the
    earliest of its SingleResponses. ``is_cacheable`` tells that it may be given to whoever
    sends the same request, until ``cache_until`` where that is set; ``is_remembered`` that
    it was signed for an earlier one; ``is_proxied`` that another responder signed it.
    """

    der: bytes = field(repr=False)
    cause: Cause
    detail: str = ""
    told: tuple[Told, ...] = ()
    this_update: datetime | None = None
    next_update: datetime | None = None
    produced_at: datetime | None = None
    signer: Signer | None = None
    rung: Rung | None = None
    is_cacheable: bool = False
    is_remembered: bool = False
    is_proxied: bool = False
    cache_until: datetime | None = None

    @property
    def response_status(self) -> OCSPResponseStatus:
        """The OCSPResponseStatus of ``der``."""
        return self.cause.response_status

    @classmethod
    def refusing(cls, cause: Cause, detail: str) -> Reply:
        """Make an error status: unsigned, five octets, for nobody else (O10)."""
        return cls(der=encode_error_response(cause.response_status), cause=cause, detail=detail)


class Refusal(Exception):  # noqa: N818 - it ends an answer: no reply, and nothing to store
    """An error status that a rule asks for, on its way up to the reply."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail

    @classmethod
    def over(cls, cause: Cause, error: Exception) -> Refusal:
        """Make one of an error of ours, which stays at hand as ``__cause__``."""
        known = isinstance(error, CertStatusError)
        refusal = cls(cause, str(error) if known else f"{type(error).__name__}: {error}")
        refusal.__cause__ = error
        return refusal


Observer: TypeAlias = Callable[[Refusal], None]
"""Hears of what went wrong on our side (source, signer, defect); ``__cause__`` is the error."""


async def answered(answer: Awaitable[Reply], observe: Observer) -> Reply:
    """Wait for a reply. Never raises: what is raised instead becomes a reply.

    The observer hears of it where it is ours; one that fails itself must not cost the client
    its answer.
    """
    try:
        return await answer
    except Refusal as error:
        refusal = error
    except Exception as error:  # noqa: BLE001 - a defect of ours is an answer, too
        refusal = Refusal.over(Cause.DEFECT, error)
    return refused(refusal, observe)


def refused(refusal: Refusal, observe: Observer) -> Reply:
    """Make the reply of a refusal; the observer hears of one that is ours. Never raises."""
    if refusal.cause.is_ours:
        with contextlib.suppress(Exception):
            observe(refusal)
    return Reply.refusing(refusal.cause, refusal.detail)
