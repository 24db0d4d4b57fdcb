"""AlgorithmIdentifier, and the hashes that name an issuer."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import algos
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.errors import MalformedError
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from tests import der as hand

DOTTED = "1.2.840.113549.1.1.11"


@pytest.mark.parametrize("parameters", [None, hand.NULL, hand.octet_string(b"x"), hand.sequence()])
def test_parameters_are_kept_as_they_stood(parameters: bytes | None) -> None:
    der = hand.sequence(hand.oid(DOTTED), parameters or b"")

    read = AlgorithmIdentifier.from_der(der, "signatureAlgorithm")

    assert read == AlgorithmIdentifier(ObjectIdentifier(DOTTED), parameters)
    assert encode(read.declared()) == der
    judged = algos.SignedDigestAlgorithm.load(der)
    assert judged["algorithm"].dotted == read.oid.dotted_string


@pytest.mark.rule("O1")
@pytest.mark.parametrize(
    ("parameters", "says_nothing"), [(None, True), (hand.NULL, True), (hand.sequence(), False)]
)
def test_parameters_null_and_absent_say_the_same(
    parameters: bytes | None,
    says_nothing: bool,
) -> None:
    assert AlgorithmIdentifier(oids.ID_SHA256, parameters).has_no_parameters is says_nothing


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.NULL,
        hand.sequence(),
        hand.sequence(hand.NULL),
        hand.sequence(hand.oid(DOTTED), hand.NULL, hand.NULL),
        hand.sequence(hand.oid(DOTTED)) + b"\x00",
    ],
)
def test_what_is_no_algorithm_identifier_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^signatureAlgorithm: "):
        AlgorithmIdentifier.from_der(der, "signatureAlgorithm")


def test_an_algorithm_is_shown_by_its_name_or_its_arcs() -> None:
    assert str(AlgorithmIdentifier(oids.ID_SHA256)) == "id-sha256"
    assert str(AlgorithmIdentifier(ObjectIdentifier("1.2.3"))) == "1.2.3"


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_a_hash_is_what_its_name_says(algorithm: HashAlgorithm) -> None:
    assert algorithm.digest(b"abc") == hashlib.new(algorithm.label, b"abc").digest()
    assert HashAlgorithm.from_oid(algorithm.oid) is algorithm
    assert algos.DigestAlgorithmId.map(algorithm.oid.dotted_string) == algorithm.label


def test_an_unknown_hash_is_none_of_ours() -> None:
    assert HashAlgorithm.from_oid(ObjectIdentifier("1.2.840.113549.2.5")) is None  # MD5


@pytest.mark.parametrize("label", ["sha256", "SHA256", "SHA-256", "sha-256"])
def test_a_hash_is_found_by_the_names_that_people_write(label: str) -> None:
    assert HashAlgorithm.from_label(label) is HashAlgorithm.SHA256


@pytest.mark.parametrize("label", ["md5", "sha224", "sha3-256", "", "256"])
def test_another_name_is_refused_and_the_four_are_listed(label: str) -> None:
    with pytest.raises(MalformedError, match="none of sha1, sha256, sha384, sha512"):
        HashAlgorithm.from_label(label)
