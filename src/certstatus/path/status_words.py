"""How the status of a certificate is put into a report, known or not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from certstatus.ocsp import CertStatus, Good, OCSPResponse, Revoked
from certstatus.path.crl_view import HeldCRL
from certstatus.path.evidence import Fetched
from certstatus.path.report import CertificateReport, RevocationStatus
from certstatus.pkix import Certificate, CRLReason

__all__ = ["Tried", "as_told", "not_checked", "revoked", "strictest", "unsettled"]


@dataclass(slots=True)
class Tried:
    """Why the status of a certificate is not settled yet."""

    reasons: list[str] = field(default_factory=list)
    is_named: bool = False
    is_reached: bool = False

    def note(self, reason: str) -> None:
        """Note something that is at hand, and settles nothing."""
        self.is_named = self.is_reached = True
        if reason not in self.reasons:
            self.reasons.append(reason)

    def note_fetched(self, fetched: Fetched[OCSPResponse] | Fetched[HeldCRL]) -> None:
        """Note what came of fetching."""
        self.is_named |= fetched.is_named
        self.is_reached |= fetched.is_reached
        self.reasons += [one for one in fetched.reasons if one not in self.reasons]

    @property
    def status(self) -> RevocationStatus:
        """Which way of not knowing it is (RFC 5055 §4.9.4)."""
        if self.is_reached:
            return RevocationStatus.OFF_LINE
        return RevocationStatus.UNAVAILABLE if self.is_named else RevocationStatus.NO_SOURCE


_SEVERITY: Final = {RevocationStatus.REVOKED: 0, RevocationStatus.ON_HOLD: 1}


def strictest(reports: Iterable[CertificateReport]) -> CertificateReport | None:
    """Return the report that stands where several contradict each other; None: there is none."""
    return min(reports, key=lambda one: _SEVERITY.get(one.status, 2), default=None)


def not_checked(certificate: Certificate, reason: str) -> CertificateReport:
    """Report that nobody asked, or that there is nothing to ask."""
    return CertificateReport(
        certificate=certificate, status=RevocationStatus.NOT_CHECKED, reason=reason
    )


def unsettled(certificate: Certificate, reason: str) -> CertificateReport:
    """Report a status that could be asked for, and is not known."""
    return CertificateReport(
        certificate=certificate, status=RevocationStatus.OFF_LINE, reason=reason
    )


def revoked(
    certificate: Certificate, since: datetime, reason: CRLReason | None, by: str
) -> CertificateReport:
    """Report a revocation or a hold; ``by`` says who tells of it."""
    is_hold = reason is CRLReason.CERTIFICATE_HOLD
    words = "on hold" if is_hold else "revoked"
    why = "" if reason is None or is_hold else f" for {reason.label}"
    return CertificateReport(
        certificate=certificate,
        status=RevocationStatus.ON_HOLD if is_hold else RevocationStatus.REVOKED,
        reason=f"{words} since {since:%Y-%m-%d %H:%M:%SZ}{why}, by {by}",
        revocation_date=since,
        revocation_reason=reason,
    )


def as_told(report: CertificateReport | None) -> CertStatus | None:
    """Put a report into a CertStatus, as the judge of responses takes a delegate's."""
    if report is None or report.status is RevocationStatus.NOT_CHECKED:
        return None if report is None else Good()
    if report.status is RevocationStatus.GOOD:
        return Good()
    if report.revocation_date is not None:
        return Revoked(report.revocation_date, report.revocation_reason)
    return None
