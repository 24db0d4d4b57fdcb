"""The report: every check by its rule, what it found, and the verdict that follows.

Its law: verification never raises for what a peer sent; a check that did not run says
why; and a VerifiedResponse is made here alone, so that whoever holds one holds the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from certstatus.asn1 import Departure
from certstatus.errors import MalformedError, RefusedError, UntrustedError
from certstatus.ocsp import (
    CertStatus,
    Good,
    OCSPResponse,
    OCSPResponseStatus,
    ResponseData,
    Revoked,
    SingleResponse,
)
from certstatus.pkix import Certificate

__all__ = ["Check", "Finding", "Outcome", "Report", "Verdict", "VerifiedResponse"]


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    SKIP = "skip"


class Verdict(StrEnum):
    """What to make of an answer; the words of ``--json``."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    UNTRUSTED = "untrusted"
    REFUSED = "refused"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this verdict."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    Verdict.GOOD: 0,
    Verdict.REVOKED: 1,
    Verdict.UNKNOWN: 2,
    Verdict.UNTRUSTED: 3,
    Verdict.REFUSED: 4,
    Verdict.MALFORMED: 65,
    Verdict.UNREACHABLE: 69,
}

_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Check:
    """One check: the rule's ID, what was looked at, how it ended and why.

    ``facts`` hold what the reason rests on, as text, for programs.
    """

    rule: str
    name: str
    outcome: Outcome
    reason: str
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS)

    @classmethod
    def passed(cls, rule: str, name: str, reason: str, **facts: str) -> Check:
        """Make a check that holds."""
        return cls(rule, name, Outcome.PASS, reason, facts)

    @classmethod
    def failed(cls, rule: str, name: str, reason: str, **facts: str) -> Check:
        """Make a check that does not hold: the response is not to be believed."""
        return cls(rule, name, Outcome.FAIL, reason, facts)

    @classmethod
    def skipped(cls, rule: str, name: str, reason: str, **facts: str) -> Check:
        """Make a check that did not apply, or could not be made."""
        return cls(rule, name, Outcome.SKIP, reason, facts)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "rule": self.rule,
            "name": self.name,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """A departure from DER or from a SHOULD: worth telling, no reason to refuse."""

    where: str
    text: str

    @classmethod
    def of(cls, departure: Departure) -> Finding:
        """Take over what parsing noted."""
        return cls(departure.where, departure.text)


_SEAL: Final = object()


@dataclass(frozen=True, kw_only=True)
class VerifiedResponse:
    """A response that passed every check for one certificate.

    Only ``certstatus.verify`` makes one; a staple, a cache or a TLS stack that asks for
    one can't be given anything unverified. ``expires`` is the earliest of nextUpdate and
    the signer's notAfter, None where neither bounds it; times are aware UTC.
    """

    response: OCSPResponse = field(repr=False)
    single: SingleResponse
    signer: Certificate
    verified_at: datetime
    expires: datetime | None
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist unless verification made it."""
        if seal is not _SEAL:
            raise TypeError("only certstatus.verify makes a VerifiedResponse")

    @property
    def der(self) -> bytes:
        """The response as received."""
        return self.response.der

    @property
    def cert_status(self) -> CertStatus:
        """What it says of the certificate."""
        return self.single.cert_status

    @property
    def data(self) -> ResponseData:
        """All that was signed."""
        basic = self.response.basic
        assert basic is not None
        return basic.tbs_response_data


def seal(
    response: OCSPResponse,
    single: SingleResponse,
    signer: Certificate,
    now: datetime,
) -> VerifiedResponse:
    """Make the proof. For ``certstatus.verify.judge`` alone."""
    end, last = single.next_update, signer.not_after
    expires = last if end is None or last < end else end
    return VerifiedResponse(
        response=response,
        single=single,
        signer=signer,
        verified_at=now,
        expires=expires,
        seal=_SEAL,
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that verification found.

    ``single`` is the answer that counted, believed or not; ``verified`` the proof, None
    unless every check held. ``pending`` names a delegate whose own status the policy asks
    for and nobody gave: ask for it, and verify once more.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
    response: OCSPResponse | None = field(default=None, repr=False)
    single: SingleResponse | None = None
    verified: VerifiedResponse | None = None
    pending: Certificate | None = None

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold; none where there is a proof."""
        if self.verified is not None:
            return ()
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    def check(self, rule: str) -> Check:
        """Return the first check of a rule that failed, else the first of that rule.

        Raises:
            KeyError: no check of that rule was made.
        """
        of_rule = [check for check in self.checks if check.rule == rule]
        if not of_rule:
            raise KeyError(rule)
        return next((check for check in of_rule if check.outcome is Outcome.FAIL), of_rule[0])

    def __getstate__(self) -> dict[str, object]:
        """Copy and pickle what was found, its checks told."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def require(self) -> VerifiedResponse:
        """Return the proof, or raise for its absence.

        Raises:
            MalformedError: the bytes are no OCSP response.
            RefusedError: the responder sent an error status.
            UntrustedError: a check failed; the error carries this report.
        """
        if self.verified is not None:
            return self.verified
        reasons = "; ".join(f"{check.name}: {check.reason}" for check in self.failures)
        if self.verdict is Verdict.MALFORMED:
            raise MalformedError(reasons, where="OCSPResponse")
        if self.verdict is Verdict.REFUSED and self.response is not None:
            status = self.response.response_status
            raise RefusedError(f"the responder answered {status.label}", status=status)
        raise UntrustedError(reasons, report=self)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: stable, documented in the manual."""
        return {
            "verdict": self.verdict.value,
            "status": _status_json(self.single),
            "responseStatus": None
            if self.response is None
            else self.response.response_status.label,
            "checks": [check.as_json() for check in self.checks],
            "findings": [
                {"where": finding.where, "text": finding.text} for finding in self.findings
            ],
        }


class _ToldWhenRead:
    """The checks of a report that was believed: most that are, nobody reads."""

    def __get__(self, report: Report | None, owner: type[Report]) -> tuple[Check, ...]:
        """Tell them, and leave them where the next look-up finds them before this one."""
        if report is None:
            raise AttributeError("checks")
        tell = telling(report)
        if tell is None or report.verified is None:
            raise AttributeError("checks")
        checks = vars(report)["checks"] = tell(report.verified.verified_at)
        return checks


_TELL: Final = "_tell"
# Not in the class's body, where it would be the field's default.
Report.checks = _ToldWhenRead()  # type: ignore[assignment]


Telling = Callable[[datetime], tuple[Check, ...]]
"""Tells the checks of a report that was believed at a time."""


def telling(report: Report) -> Telling | None:
    """Return what tells the checks of a report; None where they were told at once."""
    tell: Telling | None = vars(report).get(_TELL)
    return tell


def believed(
    verdict: Verdict, verified: VerifiedResponse, findings: tuple[Finding, ...], tell: Telling
) -> Report:
    """Report that every check held; ``tell`` makes them when they are first read."""
    report = object.__new__(Report)
    vars(report).update(
        verdict=verdict,
        findings=findings,
        response=verified.response,
        single=verified.single,
        verified=verified,
        pending=None,
        **{_TELL: tell},
    )
    return report


def _status_json(single: SingleResponse | None) -> dict[str, object] | None:
    if single is None:
        return None
    status = single.cert_status
    told: dict[str, object] = {
        "serialNumber": f"{single.cert_id.serial_number:x}",
        "thisUpdate": wire_time(single.this_update),
        "nextUpdate": None if single.next_update is None else wire_time(single.next_update),
    }
    if isinstance(status, Revoked):
        reason = status.reason
        told |= {
            "certStatus": "revoked",
            "revocationTime": wire_time(status.revocation_time),
            "revocationReason": None if reason is None else reason.label,
        }
    else:
        told["certStatus"] = "good" if isinstance(status, Good) else "unknown"
    return told


def wire_time(moment: datetime) -> str:
    """Write a time as programs read it: 2026-11-21T12:00:00Z."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def refused(response: OCSPResponse, findings: tuple[Finding, ...]) -> Report:
    """Report an error status: unsigned, so it says nothing of the certificate (O10)."""
    status: OCSPResponseStatus = response.response_status
    check = Check.failed(
        "O10",
        "response status",
        f"the responder answered {status.label}; unsigned, it says nothing of the certificate",
        responseStatus=status.label,
    )
    return Report(verdict=Verdict.REFUSED, checks=(check,), findings=findings, response=response)
