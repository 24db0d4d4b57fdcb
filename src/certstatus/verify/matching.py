"""Find the answer about a certificate (RFC 6960 §3.2 item 1; O1, O12, O15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from certstatus.ocsp import (
    AcceptableResponses,
    Good,
    OCSPRequest,
    OCSPResponse,
    Revoked,
    SingleResponse,
)
from certstatus.pkix import issuance_problem
from certstatus.verify.question import Target
from certstatus.verify.report import Check, Finding

__all__: list[str] = []


def check_target(target: Target) -> Check:
    """Was the certificate issued by that issuer's key at all? (O23, L9)."""
    name = "certificate and issuer"
    certificate = target.certificate
    if certificate is None:
        return Check.skipped("O23", name, "only the serial number was given")
    problem = issuance_problem(certificate, target.issuer)
    if problem is not None:
        return Check.failed("O23", name, problem)
    return Check.passed("O23", name, f"issued by {target.issuer.subject}")


def find_answer(
    responses: Sequence[SingleResponse], target: Target
) -> tuple[SingleResponse | None, list[Check]]:
    """Pick the answer about ``target``: of several, the strictest (revoked, unknown, good)."""
    by_issuer = [one for one in responses if target.is_issuer_of(one.cert_id)]
    checks = [_check_issuer(responses, by_issuer)]
    matching = [one for one in by_issuer if one.cert_id.serial_number == target.serial_number]
    checks.append(_check_serial(by_issuer, matching, target))
    if not matching:
        return None, checks
    strictest = max(matching, key=_strictness)
    checks.append(_check_agreement(matching, strictest))
    return strictest, checks


def _check_issuer(
    responses: Sequence[SingleResponse], by_issuer: Sequence[SingleResponse]
) -> Check:
    name = "issuer of the certID"
    if by_issuer:
        return Check.passed("O1", name, "name and key hash are the issuer's")
    if all(one.cert_id.hash is None for one in responses):
        algorithm = responses[0].cert_id.hash_algorithm
        return Check.failed("O1", name, f"the hash algorithm {algorithm} is not known")
    return Check.failed("O1", name, "no answer is about a certificate of this issuer")


def _check_serial(
    by_issuer: Sequence[SingleResponse], matching: Sequence[SingleResponse], target: Target
) -> Check:
    name = "certID"
    wanted = f"{target.serial_number:#x}"
    if not by_issuer:
        return Check.skipped("O15", name, "no answer is about a certificate of this issuer")
    if matching:
        return Check.passed("O15", name, f"answers for serial number {wanted}", serialNumber=wanted)
    answered = ", ".join(f"{one.cert_id.serial_number:#x}" for one in by_issuer[:5])
    reason = f"no answer for serial number {wanted}; answers for {answered}"
    return Check.failed("O15", name, reason, serialNumber=wanted)


def _strictness(single: SingleResponse) -> int:
    if isinstance(single.cert_status, Revoked):
        return 2
    return 0 if isinstance(single.cert_status, Good) else 1


def _check_agreement(matching: Sequence[SingleResponse], strictest: SingleResponse) -> Check:
    name = "one answer"
    said = {str(one.cert_status).split(" ", 1)[0] for one in matching}
    if len(said) == 1:
        return Check.passed("O12", name, f"{len(matching)} matching, all {said.pop()}")
    return Check.passed(
        "O12",
        name,
        f"answers contradict each other ({', '.join(sorted(said))}); the strictest counts",
        counted=str(strictest.cert_status),
    )


def check_request(target: Target, response: OCSPResponse, request: OCSPRequest | None) -> Check:
    """Did the request ask for this certificate? (RFC 6960 §3.2 item 1)."""
    name = "request and response"
    if request is None:
        return Check.skipped("O15", name, "the request was not given")
    if not any(target.is_named_by(cert_id) for cert_id in request.cert_ids):
        return Check.failed("O15", name, "the request did not ask for this certificate")
    accepted = request.request_extensions.get(AcceptableResponses)
    if accepted is not None and response.response_type not in accepted.response_types:
        # Basic is always supported by both sides (O6): a list without it is a client's slip.
        return Check.passed("O6", name, "asked for; the request's list leaves the basic type out")
    return Check.passed("O15", name, "the request asked for it")


def request_findings(
    responses: Sequence[SingleResponse], request: OCSPRequest | None
) -> Iterator[Finding]:
    """Tell of answers that nobody asked for, and of questions without an answer (O15)."""
    if request is None:
        return
    answered = {one.cert_id.key for one in responses}
    asked = {cert_id.key for cert_id in request.cert_ids}
    if missing := len(asked - answered):
        yield Finding("ResponseData.responses", f"{missing} certificates asked for go unanswered")
    if extra := len(answered - asked):
        yield Finding("ResponseData.responses", f"{extra} answers were not asked for (O15)")
