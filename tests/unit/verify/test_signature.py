"""The signature over the received bytes, by an algorithm that may be believed."""

from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.ocsp import encode_response, encode_response_data
from certstatus.pkix import AlgorithmIdentifier, Certificate
from certstatus.testing import plain_algorithm, sign_plain
from certstatus.verify import DEFAULT_POLICY, Outcome, Verdict, VerifyPolicy
from certstatus.verify.signature import check_algorithm
from tests import der as hand
from tests.courtroom import CA, DELEGATE, failed, findings, honest, judge, outcomes

ALLOWING = VerifyPolicy(allow_sha1=True)


@pytest.mark.parametrize(
    "oid", [oids.SHA1_WITH_RSA, oids.ECDSA_WITH_SHA1, oids.DSA_WITH_SHA1], ids=oids.name_of
)
@pytest.mark.rule("O29")
def test_sha1_is_refused_unless_the_policy_allows_it(oid: ObjectIdentifier) -> None:
    identifier = AlgorithmIdentifier(oid)

    algorithm, refused = check_algorithm(identifier, DEFAULT_POLICY)
    _, allowed = check_algorithm(identifier, ALLOWING)

    assert algorithm is not None  # the signature is looked at all the same
    assert (refused.rule, refused.outcome) == ("O29", Outcome.FAIL)
    assert allowed.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("identifier", "rule"),
    [
        (AlgorithmIdentifier(ObjectIdentifier("1.2.3")), "O29"),
        (AlgorithmIdentifier(oids.SHA256_WITH_RSA, hand.sequence()), "O29"),
        (AlgorithmIdentifier(oids.RSASSA_PSS), "O29"),
        (AlgorithmIdentifier(oids.ID_ED25519, hand.NULL), "A1"),
        (AlgorithmIdentifier(oids.ID_HASH_ML_DSA_65), "A2"),
    ],
)
@pytest.mark.rule("O29", "A1", "A2")
def test_an_algorithm_that_cannot_be_used_is_refused_by_its_rule(
    identifier: AlgorithmIdentifier, rule: str
) -> None:
    report = judge(honest().but(algorithm=identifier).der)

    assert failed(report) == ["signature algorithm"]
    assert report.failures[0].rule == rule
    assert outcomes(report)["signature"] is Outcome.SKIP


@pytest.mark.rule("O21")
def test_a_response_that_wrote_its_version_out_verifies_over_the_bytes_it_signed() -> None:
    """Real responders do; a verifier that encodes anew refuses them."""
    tbs = encode_response_data(honest().data)
    odd = hand.with_member(tbs, (), 0, hand.explicit(0, hand.integer(0)))
    certs = (DELEGATE.certificate.der,)
    key, algorithm = DELEGATE.key, plain_algorithm(DELEGATE.key)

    right = judge(encode_response(odd, algorithm, sign_plain(key, odd), certs))
    wrong = judge(encode_response(odd, algorithm, sign_plain(key, tbs), certs))

    assert right.verdict is Verdict.GOOD
    assert findings(right) == {"ResponseData.version": "writes the default v1 out"}
    assert failed(wrong) == ["signature"]


@pytest.mark.rule("O21")
def test_the_algorithm_of_another_kind_of_key_is_refused() -> None:
    report = judge(honest().but(algorithm=AlgorithmIdentifier(oids.ID_ED25519)).der)

    assert report.check("O21").reason == "the key is not one for id-Ed25519"


@pytest.mark.rule("O21")
def test_an_empty_signature_does_not_hold() -> None:
    assert failed(judge(honest().but(sign=lambda _: b"").der)) == ["signature"]


@pytest.mark.rule("O21")
def test_a_signer_whose_key_nobody_can_read_raises_nothing() -> None:
    bits = hand.bit_string(b"\x04" + bytes(64))  # no point of the curve
    key = hand.changed(hand.at(CA.certificate.der, 0, 6), (1,), lambda _: bits)
    keyless = Certificate.from_der(hand.changed(CA.certificate.der, (0, 6), lambda _: key))
    delegate = hand.changed(DELEGATE.certificate.der, (0, 6), lambda _: key)

    by_delegate = judge(honest().but(responder_id=None, certs=(delegate,), signer=DELEGATE).der)
    by_issuer = judge(honest().der, issuer=keyless)

    assert by_delegate.verdict is by_issuer.verdict is Verdict.UNTRUSTED
    assert "unusable key" in " ".join(check.reason for check in by_issuer.failures)
