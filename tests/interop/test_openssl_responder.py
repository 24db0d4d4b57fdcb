"""Our requestor asks `openssl ocsp` run as a responder, and believes what it should."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.requestor import AskPolicy, CheckPolicy, CheckResult, Method, Requestor
from certstatus.signing import make_signers
from certstatus.testing.lab import Lab
from certstatus.verify import NoncePolicy, Outcome, Verdict, VerifyPolicy

pytestmark = pytest.mark.interop

POLICY = CheckPolicy(ask=AskPolicy(back_off=timedelta(milliseconds=10)))


def check(lab: Lab, url: str, name: str, policy: CheckPolicy = POLICY) -> CheckResult:
    leaf = {"good": lab.good, "revoked": lab.revoked, "never-issued": lab.never_issued}[name]
    return Requestor(urls=(url,), policy=policy).check(leaf.certificate, lab.ca.certificate)


@pytest.mark.parametrize(
    ("method", "algorithm"), list(product([Method.GET, Method.POST], HashAlgorithm))
)
@pytest.mark.parametrize(
    ("name", "verdict"),
    [("good", Verdict.GOOD), ("revoked", Verdict.REVOKED), ("never-issued", Verdict.UNKNOWN)],
)
@pytest.mark.rule("O12", "O32", "O33", "L1")
def test_each_status_is_understood_by_get_and_post_under_every_hash(
    lab: Lab,
    openssl_url: str,
    *,
    name: str,
    verdict: Verdict,
    algorithm: HashAlgorithm,
    method: Method,
) -> None:
    asking = replace(POLICY.ask, method=method, hashes=(algorithm,))

    result = check(lab, openssl_url, name, replace(POLICY, ask=asking))

    assert result.verdict is verdict
    assert result.report is not None
    assert result.report.failures == ()
    assert result.method == method.value.upper()
    assert result.request is not None
    assert result.request.cert_ids[0].hash is algorithm


@pytest.mark.rule("O12")
def test_time_and_reason_of_a_revocation_are_read(lab: Lab, openssl_url: str) -> None:
    status = check(lab, openssl_url, "revoked").require().cert_status

    assert isinstance(status, Revoked)
    assert status.reason is CRLReason.KEY_COMPROMISE
    assert status.revocation_time == lab.ca.certificate.not_before + timedelta(minutes=30)


@pytest.mark.rule("N1", "N3")
@pytest.mark.parametrize("method", [Method.AUTO, Method.GET])
def test_a_nonce_of_32_octets_returns(lab: Lab, openssl_url: str, method: Method) -> None:
    strict = replace(
        POLICY,
        ask=replace(POLICY.ask, method=method),
        verify=VerifyPolicy(nonce=NoncePolicy.REQUIRED),
    )

    result = check(lab, openssl_url, "good", strict)

    assert result.verdict is Verdict.GOOD
    assert result.report is not None
    assert result.report.check("N3").outcome is Outcome.PASS


@pytest.mark.rule("O15")
def test_several_certificates_are_asked_about_in_one_request(lab: Lab, openssl_url: str) -> None:
    leaves = [one.certificate for one in (lab.revoked, lab.never_issued, lab.good)]

    results = Requestor(urls=(openssl_url,), policy=POLICY).check_many(leaves, lab.ca.certificate)

    verdicts = [result.verdict for result in results]
    assert verdicts == [Verdict.REVOKED, Verdict.UNKNOWN, Verdict.GOOD]
    assert all(len(result.request.request_list) == 3 for result in results if result.request)
    assert all(not result.attempts for result in results)


@pytest.mark.rule("O4")
def test_a_signed_request_is_read(lab: Lab, openssl_url: str) -> None:
    (signer, *_) = make_signers(lab.good.key, lab.good.certificate, issuer=lab.ca.certificate)

    result = check(lab, openssl_url, "good", replace(POLICY, signer=signer))

    assert result.require().cert_status == Good()
    assert result.request is not None
    assert result.request.optional_signature is not None
