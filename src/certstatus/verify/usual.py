"""Believes the usual answer at once; of every other one the whole judgment speaks.

Its law: where a signer is named here, every check of ``certstatus.verify.judge`` holds, and
there is nothing to tell beside them: one answer without extensions, by one delegate with
nocheck, under a policy that trusts nobody else. Whatever is otherwise, or wrong, gives None,
and costs its signatures once more; a test holds both against each other.

What is asked of a delegate stands here a second time, because it is the words of a check that
cost, not the looking: they are made when somebody reads them.
"""

from __future__ import annotations

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.ocsp import (
    BasicOCSPResponse,
    Extensions,
    Nonce,
    OCSPRequest,
    ResponseData,
    SingleResponse,
)
from certstatus.pkix import Certificate, signature_algorithm
from certstatus.pkix.certificate import DIGITAL_SIGNATURE
from certstatus.verify.delegation import NOCHECK_VALUE, is_valid_at, unknown_critical
from certstatus.verify.freshness import is_timely
from certstatus.verify.known import KnownSignatures
from certstatus.verify.nonce import check_nonce
from certstatus.verify.question import Question
from certstatus.verify.report import Outcome

__all__: list[str] = []


def find_usual_signer(basic: BasicOCSPResponse, question: Question) -> Certificate | None:
    """Name the signer of an answer in which all is usual and holds; None: something is not."""
    data, policy, now = basic.tbs_response_data, question.policy, question.now
    if not len(data.responses) == len(basic.certs) == 1:
        return None
    single = data.responses[0]
    try:
        if not (
            _is_answer(data, single, question)
            and is_timely(data, single, now, policy)
            and not policy.trusted_responders
            and _is_issued(question)
        ):
            return None
        issuer, known = question.target.issuer, question.known
        signer = known.usual_delegate(basic.certs[0], issuer, _is_usual)
        if signer is None or not is_valid_at(signer, now, policy.skew):
            return None
        return signer if _is_signed(basic, signer, issuer, known) else None
    except MalformedError:
        return None


def _is_answer(data: ResponseData, single: SingleResponse, question: Question) -> bool:
    """O1, O3, O15, N3, N4: it answers what was asked, with no extension but the nonce."""
    request = question.request
    return (
        not single.single_extensions.members
        and (not data.response_extensions.members or _is_nonce_alone(data.response_extensions))
        and question.target.is_named_by(single.cert_id)
        and (request is None or _asks_this_alone(request, single))
        and check_nonce(data, request, question.policy.nonce).outcome is not Outcome.FAIL
    )


def _is_nonce_alone(extensions: Extensions) -> bool:
    return all(one.oid == Nonce.oid and not one.critical for one in extensions)


def _asks_this_alone(request: OCSPRequest, single: SingleResponse) -> bool:
    return [one.key for one in request.cert_ids] == [single.cert_id.key] and all(
        one.oid == Nonce.oid for one in request.request_extensions
    )


def _is_issued(question: Question) -> bool:
    """O23, L9: where the certificate is at hand, that issuer issued it."""
    certificate = question.target.certificate
    return (
        certificate is None or question.known.issuance_problem(certificate, question.issuer) is None
    )


def _is_usual(delegate: Certificate, issuer: Certificate, known: KnownSignatures) -> bool:
    """O22 to O25: all that neither time nor policy has a say in."""
    usages, flags = delegate.extended_key_usages, delegate.key_usage_flags
    critical, nocheck = delegate.extensions.get(oids.ID_PKIX_OCSP_NOCHECK, (True, b""))
    return (
        usages is not None
        and oids.ID_KP_OCSP_SIGNING in usages
        and not delegate.is_ca
        and (flags is None or bool(flags & DIGITAL_SIGNATURE))
        and not critical
        and nocheck == NOCHECK_VALUE
        and not unknown_critical(delegate)
        and delegate.issuer.matches(issuer.subject)
        and delegate.has_one_algorithm
        and not signature_algorithm(delegate.signature_algorithm).is_sha1
        and known.delegation_problem(delegate, issuer) is None
    )


def _is_signed(
    basic: BasicOCSPResponse, signer: Certificate, issuer: Certificate, known: KnownSignatures
) -> bool:
    """O16, O21, O29: named, and by nobody else's key."""
    responder_id = basic.tbs_response_data.responder_id
    if not responder_id.names(signer) or responder_id.names(issuer):
        return False
    algorithm = signature_algorithm(basic.signature_algorithm)
    return not algorithm.is_sha1 and known.answer_problem(basic, algorithm, signer) is None
