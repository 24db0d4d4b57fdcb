"""What the database says of one certificate, and which changes of it the rules allow.

Its law, and the only place where it stands: a revocation is final. A hold alone may be
released, or become a revocation. Saying the same again changes nothing and is no error;
saying something else is refused. An import only tightens, but for a hold that a delta CRL
takes off (C3): what it would loosen or alter is kept as it was, and reported.

No database and no clock here: a record and ``now`` come in, a record comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from certstatus.errors import ChangeError
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources.serial_number import serial_text

__all__ = [
    "CertificateRecord",
    "Outcome",
    "Revocation",
    "Status",
    "held",
    "merged",
    "released",
    "revoked",
]


class Status(StrEnum):
    """The three states of a listed certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord:
    """One certificate of one issuer. Times are aware UTC, whole seconds.

    ``not_after``, ``subject`` and ``fingerprint`` (SHA-256 of the certificate) are None
    where no import told them: a CRL has serial numbers alone.
    """

    issuer_id: int
    serial_number: int
    status: Status = Status.GOOD
    revocation_time: datetime | None = None
    reason: CRLReason | None = None
    invalidity_date: datetime | None = None
    not_after: datetime | None = None
    subject: str | None = None
    fingerprint: bytes | None = None

    @property
    def cert_status(self) -> Good | Revoked:
        """What OCSP says of it."""
        if self.revocation_time is None:
            return Good()
        return Revoked(self.revocation_time, self.reason)

    def told(self) -> dict[str, Any]:
        """Return the record for JSON and the audit trail; absent facts are left out."""
        facts = {
            "status": str(self.status),
            "revocationTime": _text(self.revocation_time),
            "reason": None if self.reason is None else self.reason.label,
            "invalidityDate": _text(self.invalidity_date),
            "notAfter": _text(self.not_after),
            "subject": self.subject,
            "fingerprint": None if self.fingerprint is None else self.fingerprint.hex(),
        }
        return {name: fact for name, fact in facts.items() if fact is not None}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What someone asks for; None is "not said". Times are aware UTC."""

    revocation_time: datetime | None = None
    reason: CRLReason | None = None
    invalidity_date: datetime | None = None


def _whole(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0)


def _refused(record: CertificateRecord, problem: str) -> ChangeError:
    return ChangeError(f"serial {serial_text(record.serial_number)} {problem}")


def _check_wish(record: CertificateRecord, wish: Revocation, now: datetime) -> None:
    if wish.reason is CRLReason.REMOVE_FROM_CRL:
        raise _refused(record, "can't be revoked for removeFromCRL: that is for delta CRLs")
    for moment, word in (
        (wish.revocation_time, "revocation time"),
        (wish.invalidity_date, "invalidity date"),
    ):
        if moment is not None and moment > now + DEFAULT_SKEW:
            raise _refused(record, f"can't get a {word} in the future: {_text(moment)}")


def revoked(record: CertificateRecord, wish: Revocation, now: datetime) -> CertificateRecord:
    """Revoke for good; without a time, now, or for a certificate on hold, since the hold.

    Reason unspecified is kept as none (RFC 5280 §5.3.1). certificateHold puts on hold.

    Raises:
        ChangeError: it is revoked already with other facts; a time lies in the future
            beyond ``DEFAULT_SKEW``; or the reason is removeFromCRL.
    """
    _check_wish(record, wish, now)
    if wish.reason is CRLReason.CERTIFICATE_HOLD:
        return held(record, wish, now)
    reason = None if wish.reason is CRLReason.UNSPECIFIED else wish.reason
    if record.status is Status.REVOKED:
        if _says_the_same(record, replace(wish, reason=reason)):
            return record
        raise _refused(record, f"is {record.cert_status} already, and a revocation is final")
    return replace(
        record,
        status=Status.REVOKED,
        revocation_time=_whole(wish.revocation_time or record.revocation_time or now),
        reason=reason,
        invalidity_date=_whole(wish.invalidity_date),
    )


def held(record: CertificateRecord, wish: Revocation, now: datetime) -> CertificateRecord:
    """Put on hold, from now on or from the time that is asked for.

    Raises:
        ChangeError: it is revoked, or on hold since another time; or the time lies in the
            future.
    """
    wish = replace(wish, reason=CRLReason.CERTIFICATE_HOLD)
    _check_wish(record, wish, now)
    if record.status is Status.REVOKED:
        raise _refused(record, f"is {record.cert_status} already, and a revocation is final")
    if record.status is Status.HOLD:
        if _says_the_same(record, wish):
            return record
        raise _refused(record, f"is on hold already, since {_text(record.revocation_time)}")
    return replace(
        record,
        status=Status.HOLD,
        revocation_time=_whole(wish.revocation_time or now),
        reason=CRLReason.CERTIFICATE_HOLD,
        invalidity_date=_whole(wish.invalidity_date),
    )


def _says_the_same(record: CertificateRecord, wish: Revocation) -> bool:
    """Say whether a wish repeats what stands; a time that it does not name is no difference."""
    return (
        wish.reason is record.reason
        and _whole(wish.revocation_time) in {None, record.revocation_time}
        and _whole(wish.invalidity_date) in {None, record.invalidity_date}
    )


def released(record: CertificateRecord) -> CertificateRecord:
    """Take off hold.

    Raises:
        ChangeError: it is not on hold.
    """
    if record.status is not Status.HOLD:
        raise _refused(record, f"is not on hold: it is {record.cert_status}")
    return replace(
        record, status=Status.GOOD, revocation_time=None, reason=None, invalidity_date=None
    )


# --- imports ----------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What an import does to one certificate."""

    ADDED = "added"
    REVOKED = "revoked"
    HELD = "held"
    RELEASED = "released"
    """A delta CRL says removeFromCRL of a hold."""
    COMPLETED = "completed"
    """Only facts beside the status were missing, and are there now."""
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """The import says otherwise; what stood before stands still."""
    FOREIGN = "foreign"
    """Another CA's certificate, passed over because that was asked for."""


Merged: TypeAlias = tuple[CertificateRecord, Outcome]


def merged(
    record: CertificateRecord | None,
    reported: CertificateRecord,
    *,
    tells_status: bool,
    now: datetime,
    releases_since: datetime | None = None,
) -> Merged:
    """Join what an import reports to what stands.

    ``tells_status`` is False for a certificate by itself, which says nothing of its status.
    With ``releases_since`` a good that is reported takes off a hold that began by then.

    Raises:
        ChangeError: two different certificates bear one serial number, or a time lies in
            the future beyond ``DEFAULT_SKEW``.
    """
    wish = Revocation(
        revocation_time=reported.revocation_time,
        reason=reported.reason,
        invalidity_date=reported.invalidity_date,
    )
    _check_wish(reported, wish, now)
    if record is None:
        return reported, Outcome.ADDED
    complete = _completed(record, reported)
    outcome = _effect(record, reported, tells_status=tells_status)
    if outcome is Outcome.KEPT and _is_release(record, reported, releases_since):
        return released(complete), Outcome.RELEASED
    if outcome in {Outcome.REVOKED, Outcome.HELD}:
        complete = replace(
            complete,
            status=reported.status,
            revocation_time=reported.revocation_time,
            reason=reported.reason,
            invalidity_date=reported.invalidity_date,
        )
    elif outcome is Outcome.UNCHANGED and complete != record:
        outcome = Outcome.COMPLETED
    return complete, outcome


def _is_release(
    record: CertificateRecord, reported: CertificateRecord, since: datetime | None
) -> bool:
    """Whether a hold ends. One that began after the report was made is another hold."""
    if record.revocation_time is None or since is None:
        return False
    is_hold = record.status is Status.HOLD and record.revocation_time <= since
    return is_hold and reported.status is Status.GOOD


def _completed(record: CertificateRecord, reported: CertificateRecord) -> CertificateRecord:
    if None not in {record.fingerprint, reported.fingerprint} and (
        record.fingerprint != reported.fingerprint
    ):
        raise _refused(record, "stands for another certificate already: two bear one serial")
    return replace(
        record,
        not_after=record.not_after or reported.not_after,
        subject=record.subject or reported.subject,
        fingerprint=record.fingerprint or reported.fingerprint,
    )


def _effect(
    record: CertificateRecord, reported: CertificateRecord, *, tells_status: bool
) -> Outcome:
    if not tells_status or reported.cert_status == record.cert_status:
        return Outcome.UNCHANGED
    if reported.status is Status.REVOKED and record.status is not Status.REVOKED:
        return Outcome.REVOKED
    if reported.status is Status.HOLD and record.status is Status.GOOD:
        return Outcome.HELD
    return Outcome.KEPT
