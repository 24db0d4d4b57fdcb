"""What a handshake told of a peer's certificates, judged; does no I/O and asks no clock.

One judgment for every TLS stack: the stacks hand over the chain and the staples as they
came, and take back whether the handshake may go on (T4, T8, T10, T11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import zip_longest
from typing import Final

from certstatus.errors import MalformedError
from certstatus.handshake import AlertDescription, ExtensionType
from certstatus.pkix import Certificate
from certstatus.pkix.cached import cached_property
from certstatus.requestor import find_issuer
from certstatus.verify import (
    DEFAULT_POLICY,
    NOTHING_KNOWN,
    Check,
    DelegateStatusLookup,
    KnownSignatures,
    Outcome,
    Report,
    Verdict,
    VerifyPolicy,
    judge_again,
    verify_response,
)

__all__ = [
    "DEFAULT_STATUS_POLICY",
    "Demand",
    "PeerStatus",
    "StapleReport",
    "StatusPolicy",
    "judge_peer",
    "judge_peer_again",
    "judge_resumption",
    "unreadable_peer",
]

_OFFERED: Final = frozenset({int(ExtensionType.STATUS_REQUEST)})
_STATUS_FEATURES: Final = frozenset(
    {int(ExtensionType.STATUS_REQUEST), int(ExtensionType.STATUS_REQUEST_V2)}
)


class Demand(StrEnum):
    """When a handshake without a staple is ended (T10, T11)."""

    IF_PRESENT = "if-present"
    """Never: what is stapled is judged, and a missing staple is only told."""
    MUST_STAPLE = "must-staple"
    """Where the certificate, or a CA above it, promises a staple (RFC 7633)."""
    ALWAYS = "always"
    """Whenever the server's certificate comes without one."""


@dataclass(frozen=True, kw_only=True)
class StatusPolicy:
    """How strictly to judge what a peer staples.

    Within a handshake nothing is fetched: a delegate whose own status ``verify`` wants to
    know, and that has no nocheck, is not believed there.
    """

    demand: Demand = Demand.MUST_STAPLE
    verify: VerifyPolicy = DEFAULT_POLICY


DEFAULT_STATUS_POLICY: Final = StatusPolicy()


@dataclass(frozen=True, kw_only=True)
class StapleReport:
    """One certificate of the chain, and what was stapled to it.

    ``staple`` is the OCSP response as it came, None where none came; ``report`` its
    judgment, None where there is nothing to judge.
    """

    certificate: Certificate
    issuer: Certificate | None
    staple: bytes | None = field(default=None, repr=False)
    report: Report | None = None

    @property
    def is_must_staple(self) -> bool:
        """Whether the certificate itself promises a staple (RFC 7633)."""
        return bool(_features(self.certificate) & _STATUS_FEATURES)


@dataclass(frozen=True, kw_only=True)
class PeerStatus:
    """What a handshake told of the peer's certificates.

    ``statuses`` stand in the chain's order, the peer's own certificate first; ``checks``
    say why the handshake may go on or not. ``judged_at`` is aware UTC.
    """

    server_name: str | None
    statuses: tuple[StapleReport, ...]
    checks: tuple[Check, ...]
    judged_at: datetime
    is_resumed: bool = False

    @property
    def report(self) -> Report | None:
        """The report on the peer's own certificate, None where no staple came for it."""
        return self.statuses[0].report if self.statuses else None

    @property
    def certificate(self) -> Certificate | None:
        """The peer's own certificate; None where it showed none."""
        return self.statuses[0].certificate if self.statuses else None

    @cached_property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def is_accepted(self) -> bool:
        """Whether the handshake may go on."""
        return not self.failures

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the peer's own certificate; None: no staple came, and none was due."""
        if self.report is not None and (self.report.verdict is not Verdict.GOOD):
            return self.report.verdict
        if not self.is_accepted:
            return Verdict.UNTRUSTED
        return None if self.report is None else self.report.verdict

    @property
    def alert(self) -> AlertDescription | None:
        """The alert that ends the handshake, None where it may go on (T4)."""
        return None if self.is_accepted else AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE

    def __str__(self) -> str:
        name = self.server_name or "the peer"
        if self.failures:
            return f"{name}: " + "; ".join(f"{one.reason} [{one.rule}]" for one in self.failures)
        return f"{name}: {self.verdict.value if self.verdict else 'no staple'}"


def judge_peer(
    chain: Sequence[Certificate],
    staples: Sequence[bytes | None],
    *,
    now: datetime,
    policy: StatusPolicy = DEFAULT_STATUS_POLICY,
    server_name: str | None = None,
    anchors: Sequence[Certificate] = (),
    offered: frozenset[int] = _OFFERED,
    delegate_status: DelegateStatusLookup | None = None,
    known: KnownSignatures = NOTHING_KNOWN,
) -> PeerStatus:
    """Judge a full handshake's certificates and what was stapled to them.

    Args:
        chain: the peer's certificates, its own first; the verified path where there is one.
        staples: OCSP responses, one slot for each certificate; may be shorter than ``chain``.
        now: aware UTC.
        policy: when a missing staple ends the handshake, and how to verify one.
        server_name: whom the client meant to reach, for the words.
        anchors: more certificates among which issuers are looked for.
        offered: the status extensions that the client offered: 5, 17 or both.
        delegate_status: tells a delegate's own status where it is known already.
        known: what the caller has had verified in earlier handshakes.
    """
    judge = partial(
        verify_response,
        now=now,
        policy=policy.verify,
        delegate_status=delegate_status,
        known=known,
    )
    statuses = tuple(
        _status(certificate, staple, (*chain[place + 1 :], *anchors), judge, known)
        for place, (certificate, staple) in enumerate(zip_longest(chain, staples[: len(chain)]))
    )
    checks = (
        *(_check_staple(status) for status in statuses if status.report is not None),
        *_check_features(statuses, policy, offered),
        *_check_demand(statuses, policy),
    )
    return PeerStatus(server_name=server_name, statuses=statuses, checks=checks, judged_at=now)


def judge_peer_again(
    earlier: PeerStatus,
    *,
    now: datetime,
    policy: StatusPolicy = DEFAULT_STATUS_POLICY,
    server_name: str | None = None,
) -> PeerStatus | None:
    """Judge the same certificates with the same staples once more: their times alone.

    ``earlier`` is what ``judge_peer`` said of these octets under the same policy, with no
    ``delegate_status``; ``now`` is aware UTC. None: it was refused, or a staple no longer
    holds; then judge them whole.
    """
    if not earlier.is_accepted:
        return None
    statuses: list[StapleReport] = []
    for one in earlier.statuses:
        report = None
        if one.report is not None:
            report = judge_again(one.report, now=now, policy=policy.verify)
            if report is None:
                return None
        statuses.append(
            StapleReport(
                certificate=one.certificate, issuer=one.issuer, staple=one.staple, report=report
            )
        )
    return PeerStatus(
        server_name=server_name,
        statuses=tuple(statuses),
        checks=earlier.checks,
        judged_at=now,
    )


def judge_resumption(
    earlier: PeerStatus | None,
    *,
    now: datetime,
    policy: StatusPolicy = DEFAULT_STATUS_POLICY,
    server_name: str | None = None,
) -> PeerStatus:
    """Judge a resumed session by the earlier full handshake's verdict (T8).

    It brings neither certificates nor staples. The earlier verdict holds as long as its
    responses do; then a full handshake is due. ``now`` is aware UTC.
    """
    name = "earlier verdict"
    if earlier is None:
        reason = "the session was resumed, and no earlier handshake of it was judged here"
        lenient = policy.demand is Demand.IF_PRESENT
        check = (Check.skipped if lenient else Check.failed)("T8", name, reason)
        return PeerStatus(
            server_name=server_name, statuses=(), checks=(check,), judged_at=now, is_resumed=True
        )
    return PeerStatus(
        server_name=server_name,
        statuses=earlier.statuses,
        checks=(_check_earlier(earlier, now),),
        judged_at=now,
        is_resumed=True,
    )


def unreadable_peer(
    error: MalformedError, *, now: datetime, server_name: str | None = None
) -> PeerStatus:
    """Refuse a peer whose certificates can't be read, as far as status needs them."""
    check = Check.failed("T4", "certificates", f"can't be read: {error}")
    return PeerStatus(server_name=server_name, statuses=(), checks=(check,), judged_at=now)


def _check_earlier(earlier: PeerStatus, now: datetime) -> Check:
    name = "earlier verdict"
    if not earlier.is_accepted:
        return Check.failed("T8", name, f"the earlier handshake was refused: {earlier}")
    ends = [
        status.report.verified.expires
        for status in earlier.statuses
        if status.report is not None and status.report.verified is not None
    ]
    end = min((one for one in ends if one is not None), default=None)
    if end is None:
        return Check.skipped("T8", name, "the earlier handshake brought no staple")
    if end < now:
        reason = f"its staple ended at {end:%Y-%m-%dT%H:%M:%SZ}: a full handshake is due"
        return Check.failed("T8", name, reason)
    return Check.passed("T8", name, f"holds until {end:%Y-%m-%dT%H:%M:%SZ}")


def _status(
    certificate: Certificate,
    staple: bytes | None,
    candidates: Sequence[Certificate],
    judge: Callable[..., Report],
    known: KnownSignatures,
) -> StapleReport:
    if staple is None:
        issuer = candidates[0] if candidates else None
        return StapleReport(certificate=certificate, issuer=issuer)
    issuer = find_issuer(certificate, candidates, known)
    if issuer is None:
        reason = "no certificate of its issuer is at hand"
        check = Check.failed("O22", "certificate and issuer", reason)
        report = Report(verdict=Verdict.UNTRUSTED, checks=(check,))
    else:
        report = judge(staple, issuer=issuer, certificate=certificate)
    return StapleReport(certificate=certificate, issuer=issuer, staple=staple, report=report)


def _check_staple(status: StapleReport) -> Check:
    """T4: a staple that came must be right, and must say good."""
    report, name = status.report, "staple"
    assert report is not None
    subject = str(status.certificate.subject)
    if report.verdict is Verdict.GOOD:
        return Check.passed("T4", name, f"good: {subject}", verdict="good")
    reasons = "; ".join(f"{one.name}: {one.reason} [{one.rule}]" for one in report.failures)
    reason = f"{report.verdict.value}: {reasons or subject}"
    return Check.failed("T4", name, reason, verdict=report.verdict.value)


def _check_features(
    statuses: Sequence[StapleReport], policy: StatusPolicy, offered: frozenset[int]
) -> Iterator[Check]:
    """T10: what a certificate promises is delivered, and a CA's promise binds those below."""
    name = "must-staple"
    for place, status in enumerate(statuses):
        try:
            promised = frozenset(status.certificate.tls_features or ())
        except MalformedError as error:
            yield Check.failed("T10", name, f"the TLS feature extension is broken: {error}")
            continue
        if place == 0:
            yield _check_promise(status, promised & offered & _STATUS_FEATURES, policy)
        elif missing := (promised & _STATUS_FEATURES) - _features(statuses[place - 1].certificate):
            below = statuses[place - 1].certificate.subject
            listed = ", ".join(str(one) for one in sorted(missing))
            reason = f"{status.certificate.subject} lists feature {listed}, {below} does not"
            yield Check.failed("T10", name, reason)


def _check_promise(status: StapleReport, promised: frozenset[int], policy: StatusPolicy) -> Check:
    name = "must-staple"
    if not promised:
        return Check.skipped("T10", name, "the certificate promises no staple")
    if status.staple is not None:
        return Check.passed("T10", name, "the promised staple came")
    reason = "the certificate promises a staple, and none came"
    lenient = policy.demand is Demand.IF_PRESENT
    return (Check.skipped if lenient else Check.failed)("T10", name, reason)


def _check_demand(statuses: Sequence[StapleReport], policy: StatusPolicy) -> Iterator[Check]:
    """T11: the firm mode wants a staple from everyone."""
    if policy.demand is not Demand.ALWAYS:
        return
    name = "staple demanded"
    if statuses and statuses[0].staple is not None:
        yield Check.passed("T11", name, "it came")
    else:
        yield Check.failed("T11", name, "none came")


def _features(certificate: Certificate) -> frozenset[int]:
    try:
        return frozenset(certificate.tls_features or ())
    except MalformedError:
        return frozenset()
