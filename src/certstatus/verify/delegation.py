"""Find who signed, and whether they may (RFC 6960 §4.2.2.2; O16, O22 to O25).

Every certificate at hand is tried: the issuer first, then those trusted by local
configuration, then each one that the response carries. The first that passes every check
is the signer; where none does, the one that came furthest is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_DELEGATES, MAX_KNOWN_WORDS
from certstatus.ocsp import BasicOCSPResponse, Good, ResponderID
from certstatus.pkix import Certificate, Name, SignatureAlgorithm
from certstatus.pkix.certificate import DIGITAL_SIGNATURE
from certstatus.verify.known import KnownSignatures
from certstatus.verify.policy import DelegateStatus
from certstatus.verify.question import Question
from certstatus.verify.report import Check, Finding, Outcome
from certstatus.verify.signature import check_algorithm, check_signature

__all__: list[str] = []

NOCHECK_VALUE: Final = b"\x05\x00"
_KNOWN_CRITICAL: Final[frozenset[ObjectIdentifier]] = frozenset(
    {
        oids.ID_CE_KEY_USAGE,
        oids.ID_CE_EXT_KEY_USAGE,
        oids.ID_CE_BASIC_CONSTRAINTS,
        oids.ID_CE_AUTHORITY_KEY_IDENTIFIER,
        oids.ID_CE_CRL_DISTRIBUTION_POINTS,
        oids.ID_PE_AUTHORITY_INFO_ACCESS,
        oids.ID_PKIX_OCSP_NOCHECK,
        oids.ID_CE_SUBJECT_ALT_NAME,
        oids.ID_CE_CERTIFICATE_POLICIES,
        oids.ID_CE_SUBJECT_KEY_IDENTIFIER,
    }
)


class Role(StrEnum):
    """By which of the three ways a signer may be believed (RFC 6960 §4.2.2.2)."""

    ISSUER = "the issuing CA"
    TRUSTED = "trusted by local configuration"
    DELEGATE = "delegated by the issuing CA"


class Judged(NamedTuple):
    """What became of one candidate.

    ``is_signer``: no check failed. ``pending``: its own status was asked for and not known.
    """

    certificate: Certificate | None
    checks: tuple[Check, ...]
    is_signer: bool
    pending: Certificate | None = None

    @property
    def passes(self) -> int:
        """How many checks held: how far it came."""
        return sum(check.outcome is Outcome.PASS for check in self.checks)


def find_signer(
    basic: BasicOCSPResponse, question: Question
) -> tuple[Judged, Check, list[Finding]]:
    """Try every candidate; return the best, the check of the algorithm, and findings."""
    findings: list[Finding] = []
    algorithm, algorithm_check = check_algorithm(basic.signature_algorithm, question.policy)
    embedded = _embedded(basic.certs, question.known, findings)
    responder_id = basic.tbs_response_data.responder_id
    named = [
        candidate for candidate in _candidates(question, embedded) if responder_id.names(candidate)
    ]
    if not named:
        reason = f"no certificate at hand is the one of {responder_id}"
        best = Judged(certificate=None, checks=_nobody(reason), is_signer=False)
    else:
        best = _best(basic, question, named, algorithm)
    if best.is_signer and best.certificate is not None:
        findings += _order_findings(best.certificate, embedded)
        findings += _signer_findings(best.certificate)
    return best, algorithm_check, findings


def _best(
    basic: BasicOCSPResponse,
    question: Question,
    named: Sequence[Certificate],
    algorithm: SignatureAlgorithm | None,
) -> Judged:
    best: Judged | None = None
    for candidate in named:
        judged = _judge(basic, question, candidate, algorithm)
        if judged.is_signer:
            return judged
        if best is None or judged.passes > best.passes:
            best = judged
    assert best is not None
    return best


def _embedded(
    certs: Sequence[bytes], known: KnownSignatures, findings: list[Finding]
) -> list[Certificate]:
    readable = []
    for position, der in enumerate(certs):
        try:
            readable.append(known.certificate(der))
        except MalformedError as error:
            findings.append(Finding(f"BasicOCSPResponse.certs[{position}]", str(error)))
    return readable


def _candidates(question: Question, embedded: Sequence[Certificate]) -> Iterable[Certificate]:
    """Return each certificate at hand once: the issuer, those that are trusted, those that came."""
    at_hand = (question.issuer, *question.policy.trusted_responders, *embedded)
    return dict.fromkeys(at_hand)


def _nobody(reason: str) -> tuple[Check, ...]:
    skipped = "the signer's certificate is not known"
    return (
        Check.failed("O16", "responderID", reason),
        Check.skipped("O21", "signature", skipped),
        Check.skipped("O22", "authorised responder", skipped),
    )


def _role(question: Question, candidate: Certificate) -> Role:
    if candidate in question.policy.trusted_responders:
        return Role.TRUSTED
    same_key = candidate.spki_der == question.issuer.spki_der
    if same_key and candidate.subject.matches(question.issuer.subject):
        return Role.ISSUER
    return Role.DELEGATE


def _judge(
    basic: BasicOCSPResponse,
    question: Question,
    candidate: Certificate,
    algorithm: SignatureAlgorithm | None,
) -> Judged:
    role = _role(question, candidate)
    checks = [
        _named(basic.tbs_response_data.responder_id, candidate.subject),
        check_signature(basic, algorithm, candidate, question.known),
    ]
    pending = None
    try:
        if role is Role.DELEGATE:
            checks += _check_delegation(question, candidate)
        else:
            checks.append(_AUTHORISED[role])
        if role is not Role.ISSUER:
            checks += _check_fitness(question, candidate)
        if role is Role.DELEGATE:
            status_check, pending = _check_status(
                question, candidate, is_sound=_none_failed(checks)
            )
            checks.append(status_check)
        else:
            checks.append(_NO_DELEGATE[role])
    except MalformedError as error:
        checks.append(Check.failed("O25", "responder's certificate", str(error)))
    return Judged(
        certificate=candidate,
        checks=tuple(checks),
        is_signer=_none_failed(checks),
        pending=pending,
    )


_AUTHORISED: Final = {
    role: Check.passed("O22", "authorised responder", role.value) for role in Role
}
_NO_DELEGATE: Final = {
    role: Check.skipped("O24", "responder's own status", role.value) for role in Role
}
_WITH_PURPOSE: Final = Check.passed(
    "O22", "authorised responder", f"{Role.DELEGATE.value}, with id-kp-OCSPSigning"
)
_SAME_KEY: Final = Check.passed(
    "O23", "issued by the same key", "one key signed the certificate and the delegate"
)
_NOCHECK: Final = Check.passed("O24", "responder's own status", "nocheck: trusted for its lifetime")


@lru_cache(MAX_KNOWN_WORDS)
def _named(responder_id: ResponderID, subject: Name) -> Check:
    return Check.passed("O16", "responderID", f"{responder_id} is {subject}")


def _none_failed(checks: Sequence[Check]) -> bool:
    return Outcome.FAIL not in [check.outcome for check in checks]


def _check_delegation(question: Question, delegate: Certificate) -> Iterator[Check]:
    """O22: the purpose, and issued directly by that CA; O23: by the same key."""
    name = "authorised responder"
    is_issued = delegate.issuer.matches(question.issuer.subject)
    lacking = _lacking_purpose(delegate)
    if lacking is not None:
        yield lacking
    elif not is_issued:
        reason = f"{delegate.subject} was issued by {delegate.issuer}, not by the issuing CA"
        yield Check.failed("O22", name, reason)
    else:
        yield _WITH_PURPOSE
    if is_issued:
        yield _check_same_key(question, delegate)
    else:
        yield Check.skipped("O23", "issued by the same key", "issued by another CA")


def _lacking_purpose(delegate: Certificate) -> Check | None:
    usages = delegate.extended_key_usages
    if usages is not None and oids.ID_KP_OCSP_SIGNING in usages:
        return None
    any_usage = usages is not None and oids.ANY_EXTENDED_KEY_USAGE in usages
    also = "; anyExtendedKeyUsage does not count" if any_usage else ""
    reason = f"{delegate.subject} lacks id-kp-OCSPSigning{also}"
    return Check.failed("O22", "authorised responder", reason)


def _check_same_key(question: Question, delegate: Certificate) -> Check:
    name = "issued by the same key"
    if not delegate.has_one_algorithm:
        reason = "the delegate's certificate names two signature algorithms (RFC 5280 §4.1.1.2)"
        return Check.failed("O23", name, reason)
    algorithm, check = check_algorithm(delegate.signature_algorithm, question.policy)
    if algorithm is None or check.outcome is Outcome.FAIL:
        return Check.failed("O29", name, f"the delegate's certificate: {check.reason}")
    problem = question.known.delegation_problem(delegate, question.issuer)
    if problem is not None:
        reason = f"the key that signed the certificate did not sign the delegate: {problem}"
        return Check.failed("O23", name, reason)
    return _SAME_KEY


def _check_fitness(question: Question, certificate: Certificate) -> Iterator[Check]:
    """O25: validity now, key usage, nothing critical that we don't know."""
    is_valid = is_valid_at(certificate, question.now, question.policy.skew)
    yield _validity(certificate, is_valid=is_valid)
    yield _check_key_usage(certificate)
    yield _check_critical(certificate)


def is_valid_at(certificate: Certificate, now: datetime, skew: timedelta) -> bool:
    """Whether a responder's certificate is valid now; the skew is on its side."""
    # The skew goes to now: a certificate may well end with time itself, in 9999.
    return certificate.not_before <= now + skew and now - skew <= certificate.not_after


@lru_cache(MAX_KNOWN_DELEGATES)
def _validity(certificate: Certificate, *, is_valid: bool) -> Check:
    name = "responder's validity"
    period = f"{certificate.not_before.date()} to {certificate.not_after.date()}"
    if is_valid:
        return Check.passed("O25", name, period)
    return Check.failed("O25", name, f"not valid now: {period}")


_UNLIMITED: Final = Check.passed("O25", "responder's key usage", "unlimited")
_MAY_SIGN: Final = Check.passed("O25", "responder's key usage", "digitalSignature")
_MAY_NOT_SIGN: Final = Check.failed("O25", "responder's key usage", "has no digitalSignature")
_NONE_UNKNOWN: Final = Check.passed(
    "O25", "responder's extensions", "none critical that is not known"
)


def _check_key_usage(certificate: Certificate) -> Check:
    flags = certificate.key_usage_flags
    if flags is None:
        return _UNLIMITED
    return _MAY_SIGN if flags & DIGITAL_SIGNATURE else _MAY_NOT_SIGN


def unknown_critical(certificate: Certificate) -> list[ObjectIdentifier]:
    """List the critical extensions of a responder's certificate that we don't know."""
    return [
        oid
        for oid, (critical, _) in certificate.extensions.items()
        if critical and oid not in _KNOWN_CRITICAL
    ]


def _check_critical(certificate: Certificate) -> Check:
    unknown = unknown_critical(certificate)
    if unknown:
        reason = f"critical and not known: {', '.join(map(oids.name_of, unknown))}"
        return Check.failed("O25", "responder's extensions", reason)
    return _NONE_UNKNOWN


def _check_status(
    question: Question, delegate: Certificate, *, is_sound: bool
) -> tuple[Check, Certificate | None]:
    """O24: nocheck, or the delegate's own status; the second value is whom to ask for.

    Nobody asks for the status of a certificate that is not to be believed for other
    reasons: whoever made it would choose where the question goes.
    """
    name, policy = "responder's own status", question.policy.delegate_status
    if delegate.nocheck == NOCHECK_VALUE:
        return _NOCHECK, None
    if policy is DelegateStatus.NOCHECK:
        reason = "a responder that speaks of another responder must carry nocheck"
        return Check.failed("O24", name, reason), None
    if waiver := _waiver(delegate, policy, is_sound=is_sound):
        return Check.skipped("O24", name, waiver), None
    status = None if question.delegate_status is None else question.delegate_status(delegate)
    if status is None:
        reason = "is not known, and the certificate has no nocheck"
        return Check.failed("O24", name, reason), delegate
    if isinstance(status, Good):
        return Check.passed("O24", name, "good"), None
    return Check.failed("O24", name, f"is {status}"), None


def _waiver(delegate: Certificate, policy: DelegateStatus, *, is_sound: bool) -> str | None:
    """Say why nobody asks for this delegate's status; None: it is asked for."""
    if policy is DelegateStatus.OFF:
        return "not looked at, by policy"
    is_named = bool(delegate.ocsp_uris or delegate.crl_uris)
    if policy is DelegateStatus.WHERE_NAMED and not is_named:
        return "neither nocheck nor a place to ask: left to local policy, which accepts it"
    return None if is_sound else "not asked for: the certificate is refused anyway"


def _order_findings(signer: Certificate, embedded: Sequence[Certificate]) -> Iterator[Finding]:
    if embedded and signer not in embedded[:1] and signer in embedded:
        yield Finding("BasicOCSPResponse.certs", "the signer does not stand first")


def _signer_findings(signer: Certificate) -> tuple[Finding, ...]:
    """Tell what a careful CA would do otherwise."""
    found = []
    try:
        if signer.nocheck not in {None, NOCHECK_VALUE}:
            found.append("nocheck holds something other than NULL, and is ignored (O24)")
        critical, _ = signer.extensions.get(oids.ID_PKIX_OCSP_NOCHECK, (False, b""))
        if critical:
            found.append("nocheck is critical; it should not be (O24)")
        usages = signer.extended_key_usages
        if usages is not None and oids.ID_KP_OCSP_SIGNING in usages and signer.is_ca:
            found.append("a CA with id-kp-OCSPSigning can answer for its issuer")
    except MalformedError as error:
        found.append(str(error))
    return tuple(Finding("responder's certificate", text) for text in found)
