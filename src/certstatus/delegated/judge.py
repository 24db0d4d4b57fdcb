"""A reply judged: everything that a client must verify before it believes one (RFC 5055 §9; S22).

Pure. Verification goes on after a failure where that is safe, and never raises for what a
server sent. Of a reply that breaks one rule nothing is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.ber import read_lenient
from certstatus.delegated.asking import Question
from certstatus.delegated.judge_policy import policy_problem
from certstatus.delegated.judge_trust import Envelope, Opened, ReplyPolicy, SignerPath, open_message
from certstatus.delegated.judge_want_backs import Links, want_back_problem
from certstatus.delegated.verdict import (
    DelegatedReply,
    DelegatedReport,
    DelegatedVerdict,
    delegated_reply,
    status_words,
    worst_verdict,
)
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_REPLY_AGE
from certstatus.pkix import Certificate
from certstatus.pkix.cached import cached_property
from certstatus.scvp import (
    CertReply,
    CVRequest,
    CVResponse,
    CVStatusCode,
    FullRequest,
    HashValue,
    PKCReference,
    Query,
    ReplyStatus,
    WantBack,
    parse_cv_response,
)
from certstatus.verify import Check, Finding, Outcome

__all__ = ["judge_reply", "needs_word"]

_VERSION: Final = 1
_PROTECTION: Final = "protection"
_MALFORMED: Final = frozenset({"CMS", "content type", "well formed"})


def judge_reply(
    octets: bytes,
    question: Question,
    *,
    now: datetime,
    policy: ReplyPolicy,
    is_secure: bool = False,
    signer_path: SignerPath | None = None,
) -> DelegatedReport:
    """Judge a reply to a question.

    Args:
        octets: the reply as it came, a ContentInfo.
        question: what was asked, with the octets of the request.
        now: aware UTC.
        policy: who is trusted, and how strictly to judge.
        is_secure: whether TLS carried it.
        signer_path: what came of looking for a path to its signer.
    """
    unprotected = _unprotected(question, policy, is_secure=is_secure)
    wanted = Envelope(
        content_type=oids.ID_CT_SCVP_CERT_VAL_RESPONSE,
        now=now,
        policy=policy,
        unprotected=unprotected,
        signer_path=signer_path,
        needs_signature=_fails(unprotected),
    )
    opened = open_message(octets, wanted)
    if opened.content is None:
        return _unread(opened, opened.checks)
    response, check = _read(opened.content)
    if response is None:
        return _unread(opened, (*opened.checks, check))
    if not response.response_status.is_success:
        return _refused(opened, response, check)
    judging = _Judging(question.request, question.certificates, response, now, policy.skew)
    checks = (*opened.checks, check, _check_status(response), *judging.checks())
    findings = (*opened.findings, *map(Finding.of, response.departures), *judging.findings())
    return _report(opened, question, response, checks, findings)


def _unread(opened: Opened, checks: tuple[Check, ...]) -> DelegatedReport:
    broken = any(one.name in _MALFORMED and _fails(one) for one in checks)
    return DelegatedReport(
        verdict=DelegatedVerdict.MALFORMED if broken else DelegatedVerdict.UNTRUSTED,
        checks=checks,
        findings=opened.findings,
        signature=opened.signature,
    )


def _refused(opened: Opened, response: CVResponse, well_formed: Check) -> DelegatedReport:
    """Report an error: it says nothing of the certificate, so it need not be signed (S4)."""
    checks = (one for one in opened.checks if one.name != _PROTECTION)
    return DelegatedReport(
        verdict=DelegatedVerdict.REFUSED,
        checks=(*checks, well_formed, _check_status(response)),
        findings=(*opened.findings, *map(Finding.of, response.departures)),
        response=response,
        signature=opened.signature,
    )


def _report(
    opened: Opened,
    question: Question,
    response: CVResponse,
    checks: tuple[Check, ...],
    findings: tuple[Finding, ...],
) -> DelegatedReport:
    """Take the server's words over, where every check holds."""
    replies: tuple[DelegatedReply, ...] = ()
    if not any(map(_fails, checks)):
        both = zip(question.certificates, response.reply_objects, strict=True)
        asked = question.request.query.checks
        replies = tuple(delegated_reply(one, reply, asked) for one, reply in both)
    verdicts = [one.verdict for one in replies]
    return DelegatedReport(
        verdict=worst_verdict(verdicts) if replies else DelegatedVerdict.UNTRUSTED,
        checks=checks,
        findings=findings,
        response=response,
        signature=opened.signature,
        replies=replies,
        pending=opened.pending,
    )


def _fails(check: Check) -> bool:
    return check.outcome is Outcome.FAIL


_UNJUDGED: Final = frozenset({oids.ID_STC_BUILD_PKC_PATH})


def needs_word(question: Question) -> bool:
    """Whether the server's word itself counts: not where it is only to find paths."""
    return not _UNJUDGED.issuperset(question.request.query.checks)


def _unprotected(question: Question, policy: ReplyPolicy, *, is_secure: bool) -> Check:
    """Say what to make of a reply that is not signed (S4)."""
    if question.request.query.response_flags.protect_response:
        return Check.failed("S4", _PROTECTION, "a signed reply was asked for, and this one is not")
    if is_secure and policy.accept_unprotected:
        return Check.passed("S4", _PROTECTION, "not signed; TLS carried it from the server")
    if not needs_word(question):
        reason = "not signed, as asked: the path is judged by itself"
        return Check.skipped("S4", _PROTECTION, reason)
    reason = "not signed, and not allowed to be" if is_secure else "not signed, nor under TLS"
    return Check.failed("S4", _PROTECTION, reason)


def _read(content: bytes) -> tuple[CVResponse | None, Check]:
    try:
        response = read_lenient(content, parse_cv_response, "CVResponse")
    except MalformedError as error:
        return None, Check.failed("S22", "well formed", str(error))
    return response, Check.passed("S22", "well formed", "CVResponse")


def _check_status(response: CVResponse) -> Check:
    words = status_words(response)
    if response.response_status.is_success:
        return Check.passed("S22", "response status", words)
    reason = f"{words}, which says nothing of the certificate"
    return Check.failed("S22", "response status", reason)


@dataclass(frozen=True)
class _Judging:
    """One successful reply, and what it is held against; ``now`` is aware UTC."""

    request: CVRequest
    certificates: tuple[Certificate, ...]
    response: CVResponse
    now: datetime
    skew: timedelta
    links: Links = field(default_factory=Links)

    def checks(self) -> Iterator[Check]:
        """Make every check of RFC 5055 §9 but those of the protection."""
        yield self._version()
        yield self._extensions()
        yield self._produced_at()
        nonce, reference = self._nonce(), self._request_reference()
        yield nonce
        yield reference
        yield self._binding(nonce, reference)
        yield self._copied()
        yield self._policy()
        yield self._count()
        yield self._each("certificates", "S14", self._certificate_problem, "as asked, in order")
        yield self._each("checks", "S22", self._checks_problem, self._asked(self.query.checks))
        yield self._each("validation time", "S12", self._time_problem, self._time_words())
        yield self._each("next update", "S22", self._next_update_problem, "is not yet past")
        yield self._each(
            "wantBacks", "S22", self._want_backs_problem, self._asked(self.query.want_back)
        )

    def findings(self) -> Iterator[Finding]:
        """Tell of what does no harm."""
        if self.response.response_status.status_code == CVStatusCode.SKIP_UNRECOGNIZED_ITEMS:
            yield Finding(
                "CVResponse.responseStatus", "the server passed over what it does not know"
            )
        extra = {
            one.check for reply in self.response.reply_objects for one in reply.reply_checks
        } - set(self.query.checks)
        for oid in sorted(extra, key=lambda one: one.dotted_string):
            yield Finding("CertReply.replyChecks", f"{oids.name_of(oid)} was not asked for (S22)")
        policy = self.query.validation_policy
        if set(policy.user_policy_set) - {oids.ANY_POLICY} and not policy.require_explicit_policy:
            text = "a path without any of the policies may be told valid: no explicit one is asked"
            yield Finding("Query.validationPolicy", f"{text} (S23)")

    @property
    def query(self) -> Query:
        """What was asked."""
        return self.request.query

    @staticmethod
    def _asked(identifiers: tuple[ObjectIdentifier, ...]) -> str:
        return ", ".join(map(oids.name_of, identifiers)) or "none was asked for"

    # --- the reply as a whole -----------------------------------------------------------------

    def _version(self) -> Check:
        version = self.response.cv_response_version
        judged = Check.passed if version == _VERSION else Check.failed
        return judged("S19", "reply version", f"{version}, to a request of version {_VERSION}")

    def _extensions(self) -> Check:
        """Reject extensions that are critical: we know none (S22)."""
        replies = (one.cert_reply_extensions for one in self.response.reply_objects)
        every = (self.response.cv_response_extensions, *replies)
        unknown = [oid for one in every for oid in one.unknown_critical(())]
        if unknown:
            names = ", ".join(map(oids.name_of, unknown))
            return Check.failed("S22", "extensions", f"{names}: critical, and not known")
        return Check.passed("S22", "extensions", "none that is critical is unknown")

    def _produced_at(self) -> Check:
        name, made = "producedAt", self.response.produced_at
        if made > self.now + self.skew:
            return Check.failed("S22", name, f"{made:%F %TZ} lies in the future")
        oldest = self.query.produced_at or self.now - MAX_REPLY_AGE
        if self.response.resp_nonce is None and made < oldest - self.skew:
            return Check.failed("S22", name, f"{made:%F %TZ} is older than {oldest:%F %TZ}")
        return Check.passed("S22", name, f"{made:%F %TZ}")

    def _nonce(self) -> Check:
        name, sent, got = "nonce", self.request.request_nonce, self.response.resp_nonce
        if sent is None:
            return Check.skipped("S13", name, "was not sent")
        if got is None:
            if self.query.response_flags.cached_response:
                return Check.skipped("S13", name, "a cached reply has none")
            return Check.failed("S13", name, "was sent, and is missing from the reply")
        if not compare_digest(sent, got):
            reason = "differs from the request's: a reply to another request"
            return Check.failed("S13", name, reason)
        return Check.passed("S13", name, f"{len(sent)} octets, as sent")

    def _request_reference(self) -> Check:
        name, reference = "request reference", self.response.request_ref
        if isinstance(reference, FullRequest):
            is_ours = reference.der == self.request.der
            words = "holds our request, whole" if is_ours else "holds another request than ours"
            return (Check.passed if is_ours else Check.failed)("S14", name, words)
        if self.query.response_flags.full_request_in_response:
            return Check.failed("S14", name, "does not hold our request, which was asked for")
        if reference is None:
            return Check.skipped("S14", name, "there is none")
        return self._hash(name, reference)

    def _hash(self, name: str, reference: HashValue) -> Check:
        algorithm = oids.name_of(reference.algorithm.oid)
        matches = reference.matches(self.request.der)
        if matches is None:
            return Check.failed("S14", name, f"is a hash by {algorithm}, which we don't know")
        if not matches:
            return Check.failed("S14", name, f"is not our request's {algorithm} hash")
        return Check.passed("S14", name, f"is our request's {algorithm} hash")

    def _binding(self, nonce: Check, reference: Check) -> Check:
        """Ask for one of the two, unless a reply that was made before will do."""
        name = "binding"
        held = [one.name for one in (nonce, reference) if one.outcome is Outcome.PASS]
        if held:
            return Check.passed("S22", name, f"to our request, by {' and '.join(held)}")
        if self.query.response_flags.cached_response:
            return Check.skipped("S22", name, "a cached reply: judged by what it says alone")
        return Check.failed("S22", name, "neither nonce nor hash binds it to our request")

    def _copied(self) -> Check:
        name, sent, got = (
            "requestor text",
            self.request.requestor_text,
            self.response.requestor_text,
        )
        if sent is None:
            return Check.skipped("S14", name, "was not sent")
        if sent == got:
            return Check.passed("S14", name, "copied")
        if self.response.resp_nonce is None and self.query.response_flags.cached_response:
            return Check.skipped("S13", name, "a cached reply has none")
        return Check.failed("S14", name, "is not the one that was sent")

    def _policy(self) -> Check:
        used = self.response.resp_validation_policy
        problem = policy_problem(
            self.query.validation_policy,
            used,
            by_value=not self.query.response_flags.response_validation_pol_by_ref,
        )
        if problem is not None or used is None:
            return Check.failed("S22", "policy", problem or "is missing")
        return Check.passed("S22", "policy", oids.name_of(used.validation_pol_ref.val_pol_id))

    def _count(self) -> Check:
        asked, got = len(self.certificates), len(self.response.reply_objects)
        judged = Check.passed if asked == got else Check.failed
        return judged("S14", "replies", f"{got} for {asked}")

    # --- each certificate ---------------------------------------------------------------------

    def _each(
        self,
        name: str,
        rule: str,
        problem_of: Callable[[int, CertReply], str | None],
        passed: str,
    ) -> Check:
        """Make one check of all replies, and name those that break it."""
        replies = self.response.reply_objects[: len(self.certificates)]
        found = [
            f"{self._prefix(place)}{problem}"
            for place, reply in enumerate(replies)
            if (problem := problem_of(place, reply)) is not None
        ]
        if found:
            return Check.failed(rule, name, "; ".join(found))
        return Check.passed(rule, name, passed)

    def _prefix(self, place: int) -> str:
        if len(self.certificates) == 1:
            return ""
        return f"certificate {place + 1} ({self.certificates[place].subject}): "

    def _certificate_problem(self, place: int, reply: CertReply) -> str | None:
        """Hold the echoed reference against the certificate (RFC 5055 §4.9.1)."""
        if not isinstance(reply.cert, PKCReference):
            return "the reply is about an attribute certificate"
        if not reply.cert.refers_to(self.certificates[place]):
            return "the reply is about another certificate"
        wants_it = WantBack.PKC_CERT.oid in self.query.want_back
        is_success = reply.reply_status == ReplyStatus.SUCCESS
        if wants_it and is_success and reply.cert.cert is None:
            return "the certificate itself was asked for, and is missing"
        return None

    def _checks_problem(self, place: int, reply: CertReply) -> str | None:
        """Ask for a word on every check; of 1 to 4 there is none at all (S15)."""
        del place
        done = {one.check for one in reply.reply_checks}
        if reply.reply_status in _WITHOUT_CHECKS:
            return None
        missing = [oids.name_of(oid) for oid in self.query.checks if oid not in done]
        return f"no word of {', '.join(missing)}" if missing else None

    def _time_problem(self, place: int, reply: CertReply) -> str | None:
        del place
        asked, told = self.query.validation_time, reply.reply_val_time
        if told > self.now + self.skew:
            return f"{told:%F %TZ} lies in the future"
        if asked is None:
            earliest = min(self.response.produced_at, self.now) - self.skew
            return None if told >= earliest else f"{told:%F %TZ} is past; now was asked for"
        # Within the skew of now, a server may pass over the time (RFC 5055 §3.2.7).
        is_near = asked >= self.now - self.skew and told >= self.now - 2 * self.skew
        if told == asked or is_near or reply.reply_status in _WITHOUT_CHECKS:
            return None
        return f"{told:%F %TZ} is not {asked:%F %TZ}, which was asked for"

    def _time_words(self) -> str:
        asked = self.query.validation_time
        return "now" if asked is None else f"{asked:%F %TZ}"

    def _next_update_problem(self, place: int, reply: CertReply) -> str | None:
        del place
        end = reply.next_update
        if end is None or end >= self.now - self.skew or self.query.validation_time is not None:
            return None
        return f"{end:%F %TZ} has passed"

    def _want_backs_problem(self, place: int, reply: CertReply) -> str | None:
        """Look at what came back with a success; with anything else nothing does (S15)."""
        if reply.reply_status != ReplyStatus.SUCCESS:
            return "came with a failure" if reply.reply_want_backs else None
        certificate = self.certificates[place]
        anchors, links = self._anchors, self.links
        return want_back_problem(reply, self.query.want_back, certificate, anchors, links)

    @cached_property
    def _anchors(self) -> tuple[Certificate, ...]:
        """The only anchors that paths may lead to, as far as they were given by value."""
        given = self.query.validation_policy.trust_anchors
        found = tuple(one.certificate for one in given)
        return tuple(one for one in found if one is not None) if None not in found else ()


_WITHOUT_CHECKS: Final = frozenset(
    {
        ReplyStatus.MALFORMED_PKC,
        ReplyStatus.MALFORMED_AC,
        ReplyStatus.UNAVAILABLE_VALIDATION_TIME,
        ReplyStatus.REFERENCE_CERT_HASH_FAIL,
    }
)
