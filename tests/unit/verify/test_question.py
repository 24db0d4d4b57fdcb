"""What verification is asked about: a certificate by issuer and serial number."""

from __future__ import annotations

import pytest

from certstatus.ocsp import CertID
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm
from certstatus.testing import TinyCA
from certstatus.verify.question import Target
from tests import der as hand
from tests.courtroom import CA, LEAF

MD5 = "1.2.840.113549.2.5"


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O1")
def test_a_target_is_named_under_every_hash(algorithm: HashAlgorithm) -> None:
    target = Target(CA.certificate, LEAF.serial_number)

    assert target.is_named_by(CertID.of(CA.certificate, LEAF.serial_number, algorithm))
    assert not target.is_named_by(CertID.of(CA.certificate, LEAF.serial_number + 1, algorithm))
    assert target.is_issuer_of(CertID.of(CA.certificate, 1, algorithm))
    assert not target.is_issuer_of(CertID.of(TinyCA("Other").certificate, 1, algorithm))


@pytest.mark.rule("O1")
def test_the_name_hash_follows_the_certificate_where_it_is_at_hand() -> None:
    """The same name in other bytes than the issuer's own certificate has it."""
    loud = hand.sequence(
        hand.tlv(0x31, hand.sequence(hand.oid("2.5.4.3"), hand.tlv(0x0C, b"ISSUING CA")))
    )
    leaf = Certificate.from_der(hand.changed(LEAF.der, (0, 3), lambda _: loud))
    exact = CertID.for_certificate(leaf, CA.certificate)

    assert Target(CA.certificate, leaf.serial_number, leaf).is_named_by(exact)
    assert not Target(CA.certificate, leaf.serial_number).is_named_by(exact)


@pytest.mark.rule("O1")
def test_an_unknown_hash_names_nobody() -> None:
    known = CertID.of(CA.certificate, LEAF.serial_number)
    odd = AlgorithmIdentifier.from_der(hand.sequence(hand.oid(MD5)), "hashAlgorithm")
    unknown = CertID(odd, known.issuer_name_hash, known.issuer_key_hash, known.serial_number)

    assert not Target(CA.certificate, LEAF.serial_number).is_named_by(unknown)
