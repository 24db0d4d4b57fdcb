"""What is verified and still not handed on: what a less careful reader would take wrongly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from certstatus.ocsp import CertID, Extensions, Nonce, Revoked, encode_request, parse_request
from certstatus.pkix import HashAlgorithm
from certstatus.testing import Forge, TinyCA, contradicting
from certstatus.verify import Report, Verdict, hand_on, verify_response

CA = TinyCA("Issuing CA")
FORGE = Forge.honest(CA, 7)
SHA1, SHA256 = (
    CertID.of(CA.certificate, 7, one) for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
)
DAY = timedelta(days=1)


def judged(forge: Forge, cert_id: CertID = SHA256, nonce: Nonce | None = None) -> Report:
    extensions = Extensions() if nonce is None else Extensions.of(nonce)
    request = parse_request(encode_request([cert_id], request_extensions=extensions))
    report = verify_response(
        forge.der, issuer=CA.certificate, serial_number=7, request=request, now=forge.now
    )
    assert report.verified is not None, "a verifier believes it"
    return hand_on(report, request=request, cert_id=cert_id, now=forge.now)


def test_an_honest_answer_is_handed_on() -> None:
    held = judged(FORGE)

    assert held.verified is not None
    assert held.verdict is Verdict.GOOD
    assert not held.failures


@pytest.mark.rule("N3")
def test_an_answer_to_the_nonce_that_was_sent_is_handed_on() -> None:
    nonce = Nonce(b"n" * 32)

    assert judged(FORGE.but(response_extensions=Extensions.of(nonce)), nonce=nonce).verified


UNFIT = {
    "another hash": (FORGE.but(cert_ids=(SHA1,)), "O15"),
    "good and revoked": (contradicting(FORGE), "O12"),
    "good and revoked under two hashes": (
        FORGE.but(more=(FORGE.but(cert_status=Revoked(FORGE.now - DAY)).single(SHA1),)),
        "O12",
    ),
    "a nonce that nobody sent": (
        FORGE.but(response_extensions=Extensions.of(Nonce(bytes(32)))),
        "N3",
    ),
    "ended within the skew": (
        FORGE.but(this_update=FORGE.now - DAY, next_update=FORGE.now - timedelta(minutes=1)),
        "L10",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.rule("O12", "O15", "N3", "L10")
def test_what_is_unfit_loses_its_proof_for_its_own_reason(name: str) -> None:
    forge, rule = UNFIT[name]

    held = judged(forge)

    assert (held.verdict, held.verified) == (Verdict.UNTRUSTED, None)
    assert [check.rule for check in held.failures] == [rule]


def test_what_was_not_believed_stays_as_it_is() -> None:
    request = parse_request(encode_request([SHA256]))
    report = verify_response(
        b"junk", issuer=CA.certificate, serial_number=7, request=request, now=FORGE.now
    )

    assert hand_on(report, request=request, cert_id=SHA256, now=FORGE.now) is report


def test_the_same_status_under_both_hashes_is_one_answer() -> None:
    both = replace(FORGE, cert_ids=(SHA1, SHA256))

    assert judged(both).verified
    assert judged(both, SHA1).verified
