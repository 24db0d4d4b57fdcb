"""Find the answer about a certificate (RFC 6960 §3.2 item 1; O1, O12, O15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from certstatus.limits import MAX_KNOWN_WORDS
from certstatus.ocsp import (
    AcceptableResponses,
    Good,
    OCSPRequest,
    OCSPResponse,
    Revoked,
    SingleResponse,
    Unknown,
)
from certstatus.pkix import Name
from certstatus.verify.known import KnownSignatures
from certstatus.verify.question import Target
from certstatus.verify.report import Check, Finding, Outcome

__all__: list[str] = []


_ISSUER_FITS: Final = Check.passed(
    "O1", "issuer of the certID", "name and key hash are the issuer's"
)
_NO_CERTIFICATE: Final = Check.skipped(
    "O23", "certificate and issuer", "only the serial number was given"
)
_NO_REQUEST: Final = Check.skipped("O15", "request and response", "the request was not given")
_ASKED_FOR: Final = Check.passed("O15", "request and response", "the request asked for it")


def check_target(target: Target, known: KnownSignatures) -> Check:
    """Was the certificate issued by that issuer's key at all? (O23, L9)."""
    certificate = target.certificate
    if certificate is None:
        return _NO_CERTIFICATE
    problem = known.issuance_problem(certificate, target.issuer)
    if problem is not None:
        return Check.failed("O23", "certificate and issuer", problem)
    return _issued_by(target.issuer.subject)


@lru_cache(MAX_KNOWN_WORDS)
def _issued_by(issuer: Name) -> Check:
    return Check.passed("O23", "certificate and issuer", f"issued by {issuer}")


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
    strictest = matching[0] if len(matching) == 1 else max(matching, key=_strictness)
    checks.append(_check_agreement(matching, strictest))
    return strictest, checks


def _check_issuer(
    responses: Sequence[SingleResponse], by_issuer: Sequence[SingleResponse]
) -> Check:
    name = "issuer of the certID"
    if by_issuer:
        return _ISSUER_FITS
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
        reason, facts = f"answers for serial number {wanted}", {"serialNumber": wanted}
        return Check("O15", name, Outcome.PASS, reason, facts)
    answered = ", ".join(f"{one.cert_id.serial_number:#x}" for one in by_issuer[:5])
    reason = f"no answer for serial number {wanted}; answers for {answered}"
    return Check.failed("O15", name, reason, serialNumber=wanted)


def _strictness(single: SingleResponse) -> int:
    if isinstance(single.cert_status, Revoked):
        return 2
    return 0 if isinstance(single.cert_status, Good) else 1


def _check_agreement(matching: Sequence[SingleResponse], strictest: SingleResponse) -> Check:
    said = {_WORDS[type(one.cert_status)] for one in matching}
    if len(said) == 1:
        return _one_answer(len(matching), said.pop())
    return Check.passed(
        "O12",
        "one answer",
        f"answers contradict each other ({', '.join(sorted(said))}); the strictest counts",
        counted=str(strictest.cert_status),
    )


@lru_cache(MAX_KNOWN_WORDS)
def _one_answer(count: int, said: str) -> Check:
    return Check.passed("O12", "one answer", f"{count} matching, all {said}")


_WORDS: Final = {Good: "good", Revoked: "revoked", Unknown: "unknown"}


def check_request(target: Target, response: OCSPResponse, request: OCSPRequest | None) -> Check:
    """Did the request ask for this certificate? (RFC 6960 §3.2 item 1)."""
    name = "request and response"
    if request is None:
        return _NO_REQUEST
    if not any(target.is_named_by(cert_id) for cert_id in request.cert_ids):
        return Check.failed("O15", name, "the request did not ask for this certificate")
    accepted = request.request_extensions.get(AcceptableResponses)
    if accepted is not None and response.response_type not in accepted.response_types:
        # Basic is always supported by both sides (O6): a list without it is a client's slip.
        return Check.passed("O6", name, "asked for; the request's list leaves the basic type out")
    return _ASKED_FOR


def request_findings(
    responses: Sequence[SingleResponse], request: OCSPRequest
) -> Iterator[Finding]:
    """Tell of answers that nobody asked for, and of questions without an answer (O15)."""
    answered = {one.cert_id.key for one in responses}
    asked = {cert_id.key for cert_id in request.cert_ids}
    if missing := len(asked - answered):
        yield Finding("ResponseData.responses", f"{missing} certificates asked for go unanswered")
    if extra := len(answered - asked):
        yield Finding("ResponseData.responses", f"{extra} answers were not asked for (O15)")
