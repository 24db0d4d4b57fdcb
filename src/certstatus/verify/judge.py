"""Parse and believe are two steps; this is the second: response + request + now -> Report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from certstatus.errors import MalformedError
from certstatus.ocsp import (
    BasicOCSPResponse,
    Good,
    OCSPRequest,
    OCSPResponse,
    OCSPResponseStatus,
    PreferredSignatureAlgorithms,
    Revoked,
    SingleResponse,
    parse_response,
)
from certstatus.pkix import Certificate
from certstatus.verify.delegation import find_signer
from certstatus.verify.extensions import check_extensions, extension_findings
from certstatus.verify.freshness import check_freshness, time_findings
from certstatus.verify.known import ALL_HELD, NOTHING_KNOWN, KnownSignatures
from certstatus.verify.matching import (
    check_request,
    check_target,
    find_answer,
    request_findings,
)
from certstatus.verify.nonce import check_nonce
from certstatus.verify.policy import DEFAULT_POLICY, VerifyPolicy
from certstatus.verify.question import DelegateStatusLookup, Question, Target
from certstatus.verify.report import (
    Check,
    Finding,
    Outcome,
    Report,
    Verdict,
    believed,
    refused,
    seal,
)
from certstatus.verify.usual import find_usual_signer

__all__ = ["verify_response"]


def verify_response(
    response: bytes | OCSPResponse,
    *,
    issuer: Certificate,
    certificate: Certificate | None = None,
    serial_number: int | None = None,
    request: OCSPRequest | None = None,
    now: datetime,
    policy: VerifyPolicy = DEFAULT_POLICY,
    delegate_status: DelegateStatusLookup | None = None,
    known: KnownSignatures = NOTHING_KNOWN,
) -> Report:
    """Judge what a response says of one certificate (RFC 6960 §3.2, RFC 9919 §5).

    Args:
        response: DER, or what ``parse_response`` made of it.
        issuer: the certificate of the CA that issued the certificate in question.
        certificate: that certificate; with it, the issuer's signature is checked too.
        serial_number: stands for the certificate where it is not at hand.
        request: the request that was sent; binds nonce and certificates.
        now: aware UTC.
        policy: how strictly to judge.
        delegate_status: tells a delegate's own status where the policy wants it (O24).
        known: certificates and signatures that the caller has had verified before, and keeps
            for the next time; without it, all are verified.

    Returns:
        A report of every check; it never raises for what a peer sent.

    Raises:
        TypeError: neither certificate nor serial number was given.
    """
    if certificate is not None:
        serial_number = certificate.serial_number
    elif serial_number is None:
        raise TypeError("give the certificate, or its serial number")
    question = Question(
        target=Target(issuer, serial_number, certificate),
        request=request,
        now=now,
        policy=policy,
        delegate_status=delegate_status,
        known=known,
    )
    if isinstance(response, bytes):
        try:
            response = parse_response(response)
        except MalformedError as error:
            check = Check.failed(error.rule or "O9", "well formed", str(error))
            return Report(verdict=Verdict.MALFORMED, checks=(check,))
    findings = tuple(map(Finding.of, response.departures))
    if response.response_status is not OCSPResponseStatus.SUCCESSFUL:
        return refused(response, findings)
    if response.basic is None:
        reason = f"response type {response.response_type} is not id-pkix-ocsp-basic"
        checks = (_SUCCESSFUL, Check.failed("O9", "response type", reason))
        return Report(
            verdict=Verdict.UNTRUSTED, checks=checks, findings=findings, response=response
        )
    return _judge_usual(response, response.basic, question, findings) or _judge_basic(
        response, response.basic, question, findings
    )


_SUCCESSFUL: Final = Check.passed("O10", "response status", "successful")
_BASIC: Final = Check.passed("O9", "response type", "id-pkix-ocsp-basic")


def _judge_usual(
    response: OCSPResponse,
    basic: BasicOCSPResponse,
    question: Question,
    findings: tuple[Finding, ...],
) -> Report | None:
    """Believe an answer in which all is usual; its checks are told when they are read."""
    signer = find_usual_signer(basic, question)
    if signer is None:
        return None
    single = basic.tbs_response_data.responses[0]
    verified = seal(response, single, signer, question.now)

    def tell(now: datetime) -> tuple[Check, ...]:
        asked = question._replace(now=now, known=ALL_HELD)
        return _judge_basic(response, basic, asked, findings).checks

    return believed(_verdict(single), verified, findings, tell)


def _judge_basic(
    response: OCSPResponse,
    basic: BasicOCSPResponse,
    question: Question,
    findings: tuple[Finding, ...],
) -> Report:
    data, request = basic.tbs_response_data, question.request
    single, matching = find_answer(data.responses, question.target)
    signer, algorithm_check, signer_findings = find_signer(basic, question)
    checks = [
        _SUCCESSFUL,
        _BASIC,
        check_target(question.target, question.known),
        *matching,
        check_request(question.target, response, request),
        algorithm_check,
        *signer.checks,
        check_nonce(data, request, question.policy.nonce),
    ]
    told = [*findings, *signer_findings]
    if request is not None:
        told += request_findings(data.responses, request)
        told += _algorithm_findings(basic, request)
    verified = None
    if single is not None:
        checks += check_extensions(data, single)
        checks += check_freshness(data, single, question.now, question.policy)
        told += [*extension_findings(data, single), *time_findings(data, single)]
        is_believed = Outcome.FAIL not in [check.outcome for check in checks]
        if is_believed and signer.certificate is not None:
            verified = seal(response, single, signer.certificate, question.now)
    return Report(
        verdict=Verdict.UNTRUSTED if verified is None else _verdict(verified.single),
        checks=tuple(checks),
        findings=tuple(told),
        response=response,
        single=single,
        verified=verified,
        pending=signer.pending,
    )


def _verdict(single: SingleResponse) -> Verdict:
    if isinstance(single.cert_status, Good):
        return Verdict.GOOD
    return Verdict.REVOKED if isinstance(single.cert_status, Revoked) else Verdict.UNKNOWN


def _algorithm_findings(basic: BasicOCSPResponse, request: OCSPRequest) -> Iterator[Finding]:
    """Tell of a signature by an algorithm that the request did not prefer (O30)."""
    preferred = request.request_extensions.get(PreferredSignatureAlgorithms)
    if preferred is None:
        return
    wanted = {one.sig_identifier.oid for one in preferred.algorithms}
    if basic.signature_algorithm.oid not in wanted:
        used = basic.signature_algorithm
        yield Finding("signatureAlgorithm", f"{used} is not among those preferred (O30)")
