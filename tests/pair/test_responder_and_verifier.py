"""What our responder answers, our verifier believes, without a finding."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.ocsp import Extensions, Nonce, encode_request, parse_request
from certstatus.pkix import HashAlgorithm
from certstatus.responder import ResponderIDForm, UnlistedMode
from certstatus.sources import Answer
from certstatus.testing import KEY_KINDS, TinyCA
from certstatus.verify import Report, Verdict, verify_response
from tests.desk import CA, DAY, LEAF, NOW, REVOKED, authority, cert_id, known, respond, signers
from tests.desk import unlisted as not_listed

HOUR = timedelta(hours=1)


def judge(der: bytes, request_der: bytes | None = None, ca: TinyCA = CA) -> Report:
    return verify_response(
        der,
        issuer=ca.certificate,
        certificate=LEAF,
        now=NOW,
        request=None if request_der is None else parse_request(request_der),
    )


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("form", ResponderIDForm)
def test_every_kind_of_signer_is_believed(kind: str, form: ResponderIDForm) -> None:
    for signer in signers(CA.issue_responder(kind=kind)):
        report = judge(respond(authority(by=[signer], responder_id=form)).der)

        assert (report.verdict, report.failures, report.findings) == (Verdict.GOOD, (), ())


@pytest.mark.parametrize(
    ("answer", "mode", "verdict"),
    [
        (known(), None, Verdict.GOOD),
        (known(REVOKED), None, Verdict.REVOKED),
        (not_listed(), None, Verdict.UNKNOWN),
        (not_listed(), UnlistedMode.GOOD, Verdict.GOOD),
        (not_listed(), UnlistedMode.EXTENDED_REVOKE, Verdict.REVOKED),
        (known(this_update=NOW - DAY, next_update=NOW + HOUR), None, Verdict.GOOD),
    ],
)
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("has_nonce", [False, True])
def test_every_status_is_understood_under_every_hash(
    answer: Answer,
    mode: UnlistedMode | None,
    verdict: Verdict,
    algorithm: HashAlgorithm,
    has_nonce: bool,
) -> None:
    extensions = Extensions.of(*((Nonce(b"\x5a" * 32),) if has_nonce else ()))
    asked = encode_request([cert_id(algorithm=algorithm)], request_extensions=extensions)

    report = judge(respond(authority(answer, unlisted=mode), asked).der, asked)

    assert (report.verdict, report.failures, report.findings) == (verdict, (), ())


@pytest.mark.parametrize("asked", [HashAlgorithm.SHA1, HashAlgorithm.SHA256])
def test_an_answer_under_both_hashes_is_believed(asked: HashAlgorithm) -> None:
    der = encode_request([cert_id(algorithm=asked)])

    report = judge(respond(authority(dual_hash=True), der).der, der)

    assert (report.verdict, report.failures) == (Verdict.GOOD, ())


@pytest.mark.parametrize("slow", [timedelta(minutes=5), timedelta(0)])
def test_a_client_whose_clock_is_slow_within_the_backdate_believes_it(slow: timedelta) -> None:
    reply = respond(authority())

    report = verify_response(reply.der, issuer=CA.certificate, certificate=LEAF, now=NOW - slow)

    assert report.verdict is Verdict.GOOD
