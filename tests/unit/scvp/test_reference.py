"""References to certificates: by value, and by hash, issuer and serial number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certstatus.asn1 import Departure, oids
from certstatus.asn1.doorway import read_tlv
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_SCVP_NAMES
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm
from certstatus.scvp import ACReference, PKCReference, SCVPCertID
from certstatus.scvp.reference import read_reference
from tests import der as hand
from tests import scvp_messages as of


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_a_reference_is_over_the_whole_certificate(algorithm: HashAlgorithm) -> None:
    reference = SCVPCertID.of(of.LEAF, algorithm)

    assert reference.cert_hash == algorithm.digest(of.LEAF.der)
    assert reference.hash is algorithm
    assert reference.names(of.LEAF)
    assert reference.has_hash_of(of.LEAF.der)
    assert not reference.has_hash_of(of.OTHER.der)


def test_sha_1_is_the_default_and_not_written() -> None:
    der = SCVPCertID.of(of.OTHER, HashAlgorithm.SHA1).encode()

    assert len(hand.elements(hand.elements(der)[0].contents)) == 2
    assert len(hand.elements(hand.elements(of.CERT_ID_OCTETS)[0].contents)) == 3


def test_sha_1_with_null_parameters_is_no_default_written_out() -> None:
    members = [one.der for one in hand.elements(hand.elements(of.CERT_ID_OCTETS)[0].contents)]
    departures: list[Departure] = []
    der = hand.sequence(*members[:2], hand.sequence(hand.oid("1.3.14.3.2.26"), hand.NULL))
    found = SCVPCertID.from_der(der, "reference", departures)

    assert found.hash is HashAlgorithm.SHA1
    assert departures == []
    assert found.encode() == der


def test_a_reference_that_was_read_is_echoed_in_its_octets() -> None:
    """So a reply repeats the default that a client wrote out (RFC 5055 §4.9.1)."""
    members = [one.der for one in hand.elements(hand.elements(of.CERT_ID_OCTETS)[0].contents)]
    der = hand.sequence(*members[:2], hand.sequence(hand.oid("1.3.14.3.2.26")))
    departures: list[Departure] = []
    found = SCVPCertID.from_der(der, "reference", departures)

    assert found.encode() == der
    assert [one.where for one in departures] == ["reference.hashAlgorithm"]
    assert found == replace(found, der=b"")
    assert replace(found, der=b"").encode() == hand.sequence(*members[:2])


def test_a_reference_names_by_directory_name_and_serial_number() -> None:
    assert not of.CERT_ID.names(of.LEAF)
    assert not replace(of.CERT_ID, issuer=(of.DNS,)).names(of.OTHER)
    assert replace(of.CERT_ID, issuer=(of.DNS, of.ISSUER)).names(of.OTHER)
    assert not replace(of.CERT_ID, serial_number=1).names(of.OTHER)


def test_a_hash_of_an_unknown_algorithm_says_nothing() -> None:
    unknown = replace(of.CERT_ID, hash_algorithm=AlgorithmIdentifier(oids.ID_ED25519))

    assert unknown.hash is None
    assert unknown.has_hash_of(of.OTHER.der) is None
    assert not PKCReference(pkc_ref=unknown).refers_to(of.OTHER)


def test_a_reference_refers_to_one_certificate_only() -> None:
    by_value, by_reference = PKCReference.by_value(of.LEAF), PKCReference.by_reference(of.LEAF)

    assert by_value.refers_to(of.LEAF)
    assert by_reference.refers_to(of.LEAF)
    assert not by_value.refers_to(of.OTHER)
    assert not by_reference.refers_to(of.OTHER)
    assert by_value.certificate == of.LEAF
    assert by_reference.certificate is None
    # The same issuer and serial number, and another certificate.
    forged = SCVPCertID.of(of.LEAF)
    assert not PKCReference(pkc_ref=replace(forged, cert_hash=bytes(32))).refers_to(of.LEAF)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (0xA0, PKCReference(cert=of.CERT_ID_OCTETS)),
        (0xA1, PKCReference(pkc_ref=of.CERT_ID)),
        (0xA2, ACReference(attr_cert=of.CERT_ID_OCTETS)),
        (0xA3, ACReference(ac_ref=of.CERT_ID)),
    ],
)
def test_the_tag_tells_four_kinds_apart(tag: int, expected: PKCReference | ACReference) -> None:
    der = of.retagged(tag, of.CERT_ID_OCTETS)

    assert read_reference(read_tlv(der, "reference"), "reference", []) == expected
    assert expected.encode() == der


@pytest.mark.parametrize("tag", [0x30, 0x80, 0x81, 0xA4, 0x05])
def test_every_other_tag_is_refused(tag: int) -> None:
    with pytest.raises(MalformedError, match="neither"):
        read_reference(read_tlv(hand.tlv(tag), "reference"), "reference", [])


@pytest.mark.parametrize("kind", [PKCReference, ACReference])
def test_a_reference_is_exactly_one_of_value_and_reference(
    kind: type[PKCReference | ACReference],
) -> None:
    with pytest.raises(ValueError, match="one of the two"):
        kind()
    with pytest.raises(ValueError, match="one of the two"):
        kind(b"\x30\0", of.CERT_ID)


@pytest.mark.parametrize(
    "der",
    [
        hand.sequence(),
        hand.sequence(hand.octet_string(b"x"), hand.sequence(hand.sequence(), hand.integer(1))),
        hand.sequence(hand.octet_string(b"x"), hand.sequence(hand.NULL, hand.integer(1))),
        hand.sequence(
            hand.octet_string(b"x"),
            hand.sequence(hand.sequence(*[of.DNS_OCTETS] * (MAX_SCVP_NAMES + 1)), hand.integer(1)),
        ),
    ],
    ids=["empty", "no issuer", "issuer NULL", "too many names"],
)
def test_a_broken_reference_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError):
        SCVPCertID.from_der(der, "reference", [])


def test_a_certificate_that_is_no_sequence_is_not_written() -> None:
    for reference in (PKCReference(cert=b""), ACReference(attr_cert=b"\x04\0")):
        with pytest.raises(MalformedError, match="no SEQUENCE"):
            reference.encode()


def test_a_reference_without_an_issuer_is_not_read_again() -> None:
    empty = SCVPCertID(b"x", (), 1)

    with pytest.raises(MalformedError, match="empty"):
        empty.encode()


def test_a_broken_certificate_by_value_is_told_when_it_is_asked_for() -> None:
    with pytest.raises(MalformedError):
        _ = PKCReference(cert=b"\x30\0").certificate
    assert Certificate.from_der(of.LEAF.der) == PKCReference.by_value(of.LEAF).certificate
