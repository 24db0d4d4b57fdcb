"""Who issued a certificate: by name, and by key."""

from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.pkix import Certificate, issuance_problem
from certstatus.testing import KEY_KINDS, TinyCA, sign_plain
from tests import der as hand
from tests.courtroom import resigned

CA = TinyCA("Issuing CA")
LEAF = CA.issue_server().certificate


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_ca_of_any_key_issued_what_it_issued(kind: str) -> None:
    ca = TinyCA("CA", kind=kind)

    assert issuance_problem(ca.issue_server().certificate, ca.certificate) is None


@pytest.mark.rule("O23", "L9")
def test_another_name_and_another_key_did_not_issue_it() -> None:
    stranger, namesake = TinyCA("Stranger").certificate, TinyCA("Issuing CA").certificate

    assert issuance_problem(LEAF, stranger) == (
        "the certificate's issuer is CN=Issuing CA, not CN=Stranger"
    )
    assert issuance_problem(LEAF, namesake) == (
        "the issuer did not sign the certificate: the signature does not match"
    )


@pytest.mark.rule("L9")
def test_one_changed_bit_was_not_issued() -> None:
    forged = bytearray(LEAF.der)
    forged[-1] ^= 1

    assert "did not sign" in str(
        issuance_problem(Certificate.from_der(bytes(forged)), CA.certificate)
    )


@pytest.mark.rule("L9")
def test_an_algorithm_that_nobody_knows_proves_nothing() -> None:
    unknown = hand.sequence(hand.oid("1.2.3.4"))
    odd = resigned(LEAF.der, unknown, lambda tbs: sign_plain(CA.key, tbs))

    problem = issuance_problem(Certificate.from_der(odd), CA.certificate)

    assert problem is not None
    assert "1.2.3.4 is not supported" in problem


@pytest.mark.rule("L9")
def test_a_certificate_that_names_two_signature_algorithms_proves_nothing() -> None:
    """RFC 5280 §4.1.1.2: signatureAlgorithm "MUST contain the same algorithm identifier"."""
    other = hand.sequence(hand.oid("1.2.840.10045.4.3.3"))
    odd = Certificate.from_der(hand.changed(LEAF.der, (1,), lambda _: other))

    assert not odd.has_one_algorithm
    assert "two signature algorithms" in str(issuance_problem(odd, CA.certificate))


@pytest.mark.rule("L9")
def test_an_issuer_whose_key_nobody_can_read_proves_nothing() -> None:
    point = hand.sequence(
        hand.sequence(hand.oid("1.2.840.10045.2.1"), hand.oid("1.2.840.10045.3.1.7")),
        hand.bit_string(b"\x04" + bytes(64)),
    )
    keyless = Certificate.from_der(hand.changed(CA.certificate.der, (0, 6), lambda _: point))

    problem = issuance_problem(LEAF, keyless)

    assert problem is not None
    assert "unusable key" in problem
    assert keyless.key_algorithm.oid == ObjectIdentifier("1.2.840.10045.2.1")
