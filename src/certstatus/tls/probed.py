"""What a probe found, and what it comes to; does no I/O and asks no clock.

Handshakes are judged by ``check_flight`` (order and negotiation) and ``judge_peer`` (the
staples, must-staple); what the responder says when asked is held against the staple. Of
all verdicts the worst is the host's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from certstatus.errors import CertStatusError, MalformedError
from certstatus.handshake import TLS13, ExtensionType, Flight, check_flight, version_text
from certstatus.pkix import Certificate
from certstatus.requestor import CheckResult
from certstatus.tls.host import Host
from certstatus.tls.observe import Observation
from certstatus.tls.peer import PeerStatus, StapleReport, StatusPolicy, judge_peer, unreadable_peer
from certstatus.tls.starttls import StartTLS
from certstatus.verify import (
    NOTHING_KNOWN,
    Check,
    DelegateStatusLookup,
    KnownSignatures,
    Outcome,
    Report,
    Verdict,
    VerifiedResponse,
)

__all__ = [
    "Agreement",
    "Comparison",
    "HandshakeResult",
    "MustStaple",
    "ProbeResult",
    "compare",
    "judge_handshake",
    "must_staple",
]

_FEATURES: Final = frozenset(
    {int(ExtensionType.STATUS_REQUEST), int(ExtensionType.STATUS_REQUEST_V2)}
)
_WORST_FIRST: Final = (
    Verdict.REVOKED,
    Verdict.MALFORMED,
    Verdict.UNTRUSTED,
    Verdict.REFUSED,
    Verdict.UNREACHABLE,
    Verdict.UNKNOWN,
    Verdict.GOOD,
)


def worst_verdict(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """Return the one that a caller must not miss; None where there is none at all."""
    given = set(verdicts)
    return next((one for one in _WORST_FIRST if one in given), None)


# --- one handshake ---------------------------------------------------------------------------


class MustStaple(StrEnum):
    """What became of a certificate's promise of a staple (RFC 7633, T10)."""

    KEPT = "kept"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class HandshakeResult:
    """One handshake and its judgment.

    ``peer`` is None where no certificate was seen, or too little of the handshake to say
    what is missing. ``flight_checks`` hold order and negotiation (T1, T3, T5, T7, T9).
    ``issuers`` are the certificates among which issuers were looked for.
    """

    observation: Observation
    peer: PeerStatus | None = None
    issuers: tuple[Certificate, ...] = field(default=(), repr=False)
    flight_checks: tuple[Check, ...] = ()

    @property
    def flight(self) -> Flight | None:
        """All that was seen."""
        return self.observation.flight

    @property
    def version(self) -> str:
        """The version that was offered, and so, if at all, negotiated: ``TLS 1.2``."""
        asked = " v2" if self.observation.is_v2 else ""
        return f"{version_text(self.observation.offered)}{asked}"

    @property
    def statuses(self) -> tuple[StapleReport, ...]:
        """Each certificate of the chain with its staple, the server's own first."""
        return () if self.peer is None else self.peer.statuses

    @property
    def asked(self) -> tuple[str, ...]:
        """The extensions by which a status was asked for."""
        flight = self.flight
        if flight is None:
            return ()
        kinds = (
            (ExtensionType.STATUS_REQUEST, flight.asked),
            (ExtensionType.STATUS_REQUEST_V2, flight.asked_v2),
        )
        return tuple(kind.label for kind, asked in kinds if asked is not None)

    @property
    def is_promised(self) -> bool | None:
        """Whether the ServerHello promised a status; None in TLS 1.3, which has no promise."""
        flight = self.flight
        if flight is None or flight.server_hello is None or flight.version >= TLS13:
            return None
        return flight.is_promised

    @property
    def checks(self) -> tuple[Check, ...]:
        """Order and negotiation first, then what the certificates and staples come to."""
        return (*self.flight_checks, *(() if self.peer is None else self.peer.checks))

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def verdict(self) -> Verdict | None:
        """The worst that any staple or rule says; None: nothing was stapled, nothing was due."""
        reports = [status.report for status in self.statuses if status.report is not None]
        verdicts: list[Verdict | None] = [report.verdict for report in reports]
        verdicts += [Verdict.UNTRUSTED] * any(not _is_of_staple(one) for one in self.failures)
        if isinstance(self.observation.failure, MalformedError):
            verdicts.append(Verdict.MALFORMED)
        return worst_verdict(verdicts)


def _is_of_staple(check: Check) -> bool:
    """Whether a failed check only repeats what a staple's own report says."""
    return check.rule == "T4" and "verdict" in check.facts


def judge_handshake(
    observation: Observation,
    *,
    now: datetime,
    policy: StatusPolicy,
    server_name: str,
    anchors: Sequence[Certificate] = (),
    delegate_status: DelegateStatusLookup | None = None,
    known: KnownSignatures = NOTHING_KNOWN,
) -> HandshakeResult:
    """Judge what was seen of one handshake.

    Args:
        observation: what was seen.
        now: aware UTC.
        policy: how to verify, and when a missing staple counts.
        server_name: whom the client meant to reach.
        anchors: more certificates among which issuers are looked for.
        delegate_status: tells a delegate's own status where it is known.
        known: what the caller has had verified in other handshakes.
    """
    flight = observation.flight
    if flight is None:
        return HandshakeResult(observation=observation)
    judged = HandshakeResult(observation=observation, flight_checks=check_flight(flight))
    if not observation.is_complete and not any(flight.staples):
        return judged
    path = () if observation.trust is None else observation.trust.path
    try:
        chain = [known.certificate(der) for der in flight.chain]
        above = [known.certificate(der) for der in path[1:]]
    except MalformedError as error:
        peer = unreadable_peer(error, now=now, server_name=server_name)
        return replace(judged, peer=peer)
    if not chain:
        check = Check.failed("T4", "certificates", "the server showed none")
        peer = PeerStatus(server_name=server_name, statuses=(), checks=(check,), judged_at=now)
        return replace(judged, peer=peer)
    peer = judge_peer(
        chain,
        flight.staples,
        now=now,
        policy=policy,
        server_name=server_name,
        anchors=(*above, *anchors),
        offered=_offered(flight),
        delegate_status=delegate_status,
        known=known,
    )
    return HandshakeResult(
        observation=observation,
        peer=peer,
        issuers=(*chain[1:], *above, *anchors),
        flight_checks=(*judged.flight_checks, *_check_responder(flight, peer)),
    )


def _check_responder(flight: Flight, peer: PeerStatus) -> Iterator[Check]:
    """T2: a server SHOULD choose by the responders that the client named."""
    named = () if flight.asked is None else flight.asked.request.responder_id_list
    verified = None if peer.report is None else peer.report.verified
    if not named or verified is None:
        return
    name, signer = "choice of the responder", verified.signer
    if any(one.names(signer) for one in named):
        yield Check.passed("T2", name, f"{signer.subject} is one of those that were named")
    else:
        reason = (
            f"{signer.subject} is none of those that were named; a server should choose by them"
        )
        yield Check.skipped("T2", name, reason)


def _offered(flight: Flight) -> frozenset[int]:
    asked = (flight.asked, flight.asked_v2)
    kinds = (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)
    return frozenset(int(kind) for kind, one in zip(kinds, asked, strict=True) if one is not None)


def must_staple(statuses: Sequence[StapleReport], place: int) -> MustStaple | None:
    """Say whether the certificate at ``place`` promises a staple, and what became of it (T10).

    The server's own certificate wants a staple; a CA's binds the certificate below to the
    same promise.
    """
    promised = _features(statuses[place].certificate)
    if not promised:
        return None
    if place == 0:
        is_kept = statuses[0].staple is not None
    else:
        is_kept = promised <= _features(statuses[place - 1].certificate)
    return MustStaple.KEPT if is_kept else MustStaple.BROKEN


def _features(certificate: Certificate) -> frozenset[int]:
    try:
        return frozenset(certificate.tls_features or ()) & _FEATURES
    except MalformedError:
        return frozenset()


# --- the staple and the responder ------------------------------------------------------------


class Agreement(StrEnum):
    """How a staple stands to what the responder says when asked."""

    SAME = "same"
    """One status, one thisUpdate."""
    OLDER = "older"
    """One status, and the responder has a newer answer."""
    NEWER = "newer"
    """One status, and the staple is the newer answer."""
    CONTRADICTION = "contradiction"
    """Two statuses."""
    NO_STAPLE = "no-staple"
    """There is only the responder's answer."""
    NO_ANSWER = "no-answer"
    """There is no answer of the responder's to believe."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A certificate's staple beside its responder's answer."""

    certificate: Certificate
    direct: CheckResult
    agreement: Agreement
    check: Check

    @property
    def verdict(self) -> Verdict | None:
        """What the responder says, where it is to be believed; a contradiction is not."""
        said = self.direct.verdict if self.direct.is_verified else None
        doubt = Verdict.UNTRUSTED if self.check.outcome is Outcome.FAIL else None
        return worst_verdict((said, doubt))


_NAME: Final = "responder's own answer"


def compare(certificate: Certificate, staples: Iterable[Report], direct: CheckResult) -> Comparison:
    """Hold what was stapled for a certificate against what its responder says when asked.

    Of several staples the oldest counts. They must say the same (T12): a server that
    keeps an old staple hides a revocation.
    """
    verified = [one.verified for one in staples if one.verified is not None]
    fresh = direct.report.verified if direct.report is not None else None
    if fresh is None:
        agreement, check = Agreement.NO_ANSWER, Check.skipped("T12", _NAME, _why_none(direct))
    elif not verified:
        reason = f"{fresh.cert_status}; there is no staple to compare it with"
        agreement, check = Agreement.NO_STAPLE, Check.skipped("T12", _NAME, reason)
    else:
        oldest = min(verified, key=lambda one: one.single.this_update)
        agreement, check = _compare(oldest, fresh)
    return Comparison(certificate=certificate, direct=direct, agreement=agreement, check=check)


def _compare(staple: VerifiedResponse, fresh: VerifiedResponse) -> tuple[Agreement, Check]:
    said, says = type(staple.cert_status), type(fresh.cert_status)
    if said is not says:
        reason = f"the staple says {staple.cert_status}, the responder {fresh.cert_status}"
        return Agreement.CONTRADICTION, Check.failed("T12", _NAME, reason)
    age = fresh.single.this_update - staple.single.this_update
    if age > timedelta(0):
        agreement, words = Agreement.OLDER, f"; the staple is {age} older"
    elif age < timedelta(0):
        agreement, words = Agreement.NEWER, f"; the staple is {-age} newer"
    else:
        agreement, words = Agreement.SAME, ", of the same thisUpdate"
    return agreement, Check.passed("T12", _NAME, f"{fresh.cert_status} as the staple{words}")


def _why_none(direct: CheckResult) -> str:
    if direct.report is None:
        reasons = dict.fromkeys(one.reason for one in direct.attempts)
        return "; ".join(reasons) or "no responder answered"
    failed = "; ".join(check.reason for check in direct.report.failures)
    return f"the responder's answer is {direct.verdict}: {failed}"


# --- one host ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """All that was found of one host.

    ``handshakes`` stand in the order of the versions that were tried. ``failure`` is set
    where not even the host's address was found. ``probed_at`` is aware UTC.
    """

    host: Host
    server_name: str
    starttls: StartTLS | None = None
    handshakes: tuple[HandshakeResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    failure: CertStatusError | None = None
    probed_at: datetime
    elapsed: timedelta = timedelta(0)

    @property
    def is_reached(self) -> bool:
        """Whether one handshake came to its end."""
        return any(one.observation.is_complete for one in self.handshakes)

    @property
    def verdict(self) -> Verdict | None:
        """The worst of all; None: nobody said anything of the certificate, and nobody had to."""
        verdicts = [one.verdict for one in self.handshakes]
        verdicts += [one.verdict for one in self.comparisons]
        if not self.is_reached:
            verdicts.append(Verdict.UNREACHABLE)
        return worst_verdict(verdicts)

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this host."""
        verdict = self.verdict
        return 0 if verdict is None else verdict.exit_code
