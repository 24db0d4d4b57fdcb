"""What is said of one certificate: the source's answer under the authority's policy. Pure.

Law: the source says what it knows; only here is it decided what that means (O12 to O14,
O28, L6, B4, B5, C10).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certstatus.ocsp import (
    NEVER_ISSUED,
    NO_EXTENSIONS,
    CertStatus,
    Extensions,
    Good,
    ReasonCode,
    Revoked,
    Unknown,
)
from certstatus.pkix import CRLReason
from certstatus.responder.authority import Authority, UnlistedMode
from certstatus.responder.reply import Cause, Refusal
from certstatus.signing import Profile
from certstatus.sources import Answer, Known, NotOurs, Unlisted

__all__ = ["BR_REASONS", "Statement", "compromised", "state"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A status with what it rests on.

    ``known_at`` is the latest time at which it was known to be right; ``known_until`` when
    the source will know more, None where it knows at any time. Both are aware UTC.
    ``is_listed`` tells that the source has a record of the serial number itself.
    """

    cert_status: CertStatus
    known_at: datetime
    known_until: datetime | None = None
    single_extensions: Extensions = NO_EXTENSIONS
    origin: str
    why: str
    is_never_issued: bool = False
    is_definite: bool = True
    is_listed: bool = False

    @property
    def said(self) -> tuple[object, ...]:
        """What an answer is written from; in one second, equal ones are written alike."""
        return (
            self.cert_status,
            self.known_at,
            self.known_until,
            self.single_extensions,
            self.is_never_issued,
        )

    @property
    def meaning(self) -> tuple[Hashable, ...]:
        """What must be equal for a signed answer to be given again."""
        return (self.cert_status, self.known_until, self.single_extensions, self.is_never_issued)


def state(answer: Answer, authority: Authority) -> Statement:
    """Say what an answer of the authority's source means.

    Raises:
        Refusal: the source has no records of the issuer, or of the serial number where the
            policy is then not to answer (L6).
    """
    if isinstance(answer, NotOurs):
        raise Refusal(Cause.ISSUER, f"{answer.origin} has no records of {authority.name}")
    if isinstance(answer, Unlisted):
        statement = _unlisted(answer, authority)
    else:
        statement = Statement(
            cert_status=_allowed(answer.cert_status, authority.policy.profile),
            known_at=answer.this_update,
            known_until=answer.next_update,
            single_extensions=_extensions(answer, authority.policy.profile),
            origin=answer.origin,
            why=f"{answer.origin} lists it",
            is_listed=True,
        )
    since = authority.compromised_since
    if since is None or _is_revoked_before(statement.cert_status, since):
        return statement
    return compromised(since, known_at=answer.this_update, is_listed=statement.is_listed)


# --- unlisted ------------------------------------------------------------------------------

_MEANINGS: Final[dict[UnlistedMode, CertStatus]] = {
    UnlistedMode.UNKNOWN: Unknown(),
    UnlistedMode.GOOD: Good(),
    UnlistedMode.EXTENDED_REVOKE: NEVER_ISSUED,
}


def _unlisted(answer: Unlisted, authority: Authority) -> Statement:
    policy = authority.policy
    mode = policy.unlisted_mode
    if mode is UnlistedMode.EXTENDED_REVOKE and not answer.lists_issued:
        # A source that lists only what is revoked would make every good one revoked (C10).
        mode = policy.no_records_mode
    if not answer.is_covered and mode is not UnlistedMode.UNAUTHORIZED:
        mode = policy.no_records_mode
    if mode is UnlistedMode.UNAUTHORIZED and authority.compromised_since is None:
        raise Refusal(Cause.UNLISTED, f"{answer.origin} does not list it")
    cert_status = _MEANINGS.get(mode, _MEANINGS[UnlistedMode.UNKNOWN])
    is_good = mode is UnlistedMode.GOOD
    return Statement(
        cert_status=cert_status,
        known_at=answer.this_update,
        known_until=answer.next_update,
        # O13: neither CrlID nor CRL entry extensions; an unknown one has nothing to extend.
        single_extensions=_extensions(answer, authority.policy.profile)
        if is_good
        else NO_EXTENSIONS,
        origin=answer.origin,
        why=f"{answer.origin} does not list it, and unlisted means {mode}",
        is_never_issued=mode is UnlistedMode.EXTENDED_REVOKE,
        is_definite=is_good,
    )


# --- the CA's key is in other hands (O14) --------------------------------------------------


def compromised(since: datetime, *, known_at: datetime, is_listed: bool = False) -> Statement:
    """Say revoked for cACompromise of whatever the CA issued (RFC 6960 §2.7, O14)."""
    return Statement(
        cert_status=Revoked(since, CRLReason.CA_COMPROMISE),
        known_at=known_at,
        origin="configuration",
        why="the CA is marked as compromised",
        is_listed=is_listed,
    )


def _is_revoked_before(cert_status: CertStatus, since: datetime) -> bool:
    """Whether it was revoked for good before that; extended-revoke is a hold, and does not count."""
    return (
        isinstance(cert_status, Revoked)
        and cert_status.reason is not CRLReason.CERTIFICATE_HOLD
        and cert_status.revocation_time <= since
    )


# --- BR 7.3 (B5) ---------------------------------------------------------------------------

BR_REASONS: Final = frozenset(
    {
        CRLReason.KEY_COMPROMISE,
        CRLReason.CA_COMPROMISE,
        CRLReason.AFFILIATION_CHANGED,
        CRLReason.SUPERSEDED,
        CRLReason.CESSATION_OF_OPERATION,
        CRLReason.PRIVILEGE_WITHDRAWN,
    }
)


def _allowed(cert_status: Good | Revoked, profile: Profile) -> CertStatus:
    """Leave out a reason that the profile does not allow; it stays revoked."""
    if profile is not Profile.CABF or not isinstance(cert_status, Revoked):
        return cert_status
    if cert_status.reason is None or cert_status.reason in BR_REASONS:
        return cert_status
    return Revoked(cert_status.revocation_time)


def _extensions(answer: Known | Unlisted, profile: Profile) -> Extensions:
    """Pass on what the source adds; BR has no reasonCode among it (O28, B5)."""
    found = answer.single_extensions
    if profile is not Profile.CABF:
        return found
    return Extensions(tuple(one for one in found if one.oid != ReasonCode.oid))
