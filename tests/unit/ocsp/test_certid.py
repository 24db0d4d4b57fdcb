"""CertID: the hashes of an issuer, equality by meaning, echo by bytes."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import ocsp as judge
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ObjectIdentifier
from cryptography.x509 import ocsp as other_judge

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode, read_tlv
from certstatus.errors import MalformedError
from certstatus.limits import MAX_SERIAL_OCTETS
from certstatus.ocsp import CertID
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm
from certstatus.testing import KEY_KINDS, TinyCA
from tests import der as hand

CA = TinyCA("Issuing CA")
LEAF = CA.issue_server().certificate

HASHES = {
    HashAlgorithm.SHA1: hashes.SHA1(),
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def written(
    serial_number: int = 5,
    parameters: bytes = b"",
    arcs: str = "2.16.840.1.101.3.4.2.1",
    name_hash: bytes = b"name",
    key_hash: bytes = b"key",
) -> bytes:
    return hand.sequence(
        hand.sequence(hand.oid(arcs), parameters),
        hand.octet_string(name_hash),
        hand.octet_string(key_hash),
        hand.integer(serial_number),
    )


# --- made ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O1", "A3")
def test_the_hashes_are_those_that_the_cryptography_package_makes(
    algorithm: HashAlgorithm, kind: str
) -> None:
    ca = TinyCA(kind=kind)
    leaf = ca.issue_server().certificate
    builder = other_judge.OCSPRequestBuilder()
    theirs = builder.add_certificate(leaf.parsed, ca.certificate.parsed, HASHES[algorithm]).build()

    ours = CertID.for_certificate(leaf, ca.certificate, algorithm)

    assert ours.issuer_name_hash == theirs.issuer_name_hash
    assert ours.issuer_key_hash == theirs.issuer_key_hash
    assert ours.serial_number == theirs.serial_number
    assert ours.hash is algorithm


@pytest.mark.rule("O1")
def test_the_name_is_hashed_as_it_stands_in_the_certificate() -> None:
    """An issuer may write its name otherwise in its own certificate than its CA certificates do."""
    loud = hand.sequence(
        hand.tlv(0x31, hand.sequence(hand.oid("2.5.4.3"), hand.tlv(0x0C, b"ISSUING CA")))
    )
    leaf = Certificate.from_der(hand.changed(LEAF.der, (0, 3), lambda _: loud))

    exact = CertID.for_certificate(leaf, CA.certificate)
    by_serial = CertID.of(CA.certificate, leaf.serial_number)

    assert exact.issuer_name_hash == hashlib.sha256(loud).digest()
    assert by_serial.issuer_name_hash == CA.certificate.subject_name_hash(HashAlgorithm.SHA256)
    assert exact != by_serial
    assert not exact.names_issuer(CA.certificate)
    assert by_serial.names_issuer(CA.certificate)


@pytest.mark.rule("L1")
def test_sha256_is_the_default_with_parameters_absent() -> None:
    made = CertID.of(CA.certificate, 5)

    assert made.hash_algorithm == AlgorithmIdentifier(oids.ID_SHA256)
    assert judge.CertId.load(made.encode())["hash_algorithm"].native == {
        "algorithm": "sha256",
        "parameters": None,
    }


@pytest.mark.rule("O1")
def test_asn1crypto_reads_what_we_write() -> None:
    made = CertID.of(CA.certificate, 2**158, HashAlgorithm.SHA1)

    judged = judge.CertId.load(made.encode(), strict=True)

    assert judged["issuer_name_hash"].native == made.issuer_name_hash
    assert judged["issuer_key_hash"].native == made.issuer_key_hash
    assert judged["serial_number"].native == 2**158
    assert judged.untag().dump(force=True) == made.encode()


# --- read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [b"", hand.NULL, hand.sequence()])
@pytest.mark.parametrize("serial_number", [1, 0, -1, -129, 127, 128, 2**167, 2**1024])
def test_what_was_read_is_echoed_in_its_very_bytes(serial_number: int, parameters: bytes) -> None:
    der = written(serial_number, parameters)

    read = CertID.from_der(der)

    assert read.serial_number == serial_number
    assert read.encode() == der
    assert encode(read.declared()) == der
    assert CertID.from_tlv(read_tlv(der, "CertID"), "CertID") == read


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.NULL,
        hand.sequence(),
        written() + b"\0",
        hand.with_member(written(), (), 4, hand.NULL),
        hand.changed(written(), (0,), lambda _: hand.oid("1.2.3")),
        hand.changed(written(), (1,), lambda _: hand.bit_string(b"name")),
        hand.changed(written(), (2,), lambda _: b""),
        hand.changed(written(), (3,), lambda _: b"\x02\x00"),
        hand.changed(written(), (3,), lambda _: b"\x02\x02\x00\x05"),
        hand.changed(written(), (3,), lambda _: hand.tlv(0x82, b"\x05")),
    ],
)
@pytest.mark.rule("O2")
def test_what_is_no_cert_id_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^Request\.reqCert"):
        CertID.from_der(der, "Request.reqCert")


def test_an_unknown_hash_is_read_and_names_nobody() -> None:
    read = CertID.from_der(written(arcs="1.2.840.113549.2.5"))

    assert read.hash is None
    assert read.hash_algorithm.oid == ObjectIdentifier("1.2.840.113549.2.5")
    assert not read.names_issuer(CA.certificate)


# --- equality -----------------------------------------------------------------------------


@pytest.mark.rule("O1", "O15")
def test_two_that_say_the_same_are_equal_whatever_their_bytes() -> None:
    """RFC 5754 §2: parameters NULL and absent are one algorithm."""
    absent, null = CertID.from_der(written()), CertID.from_der(written(parameters=hand.NULL))

    assert absent == null
    assert hash(absent) == hash(null)
    assert absent.encode() != null.encode()
    assert len({absent, null}) == 1


@pytest.mark.parametrize(
    "other",
    [
        written(6),
        written(-5),
        written(arcs="1.3.14.3.2.26"),
        written(name_hash=b"nane"),
        written(key_hash=b"kex"),
        written(name_hash=b"namek", key_hash=b"ey"),
    ],
)
@pytest.mark.rule("O1", "O15")
def test_two_that_differ_in_anything_else_are_not_equal(other: bytes) -> None:
    assert CertID.from_der(written()) != CertID.from_der(other)


def test_nothing_else_is_equal_to_it() -> None:
    assert CertID.from_der(written()) != written()
    assert CertID.from_der(written()) != None  # noqa: E711 - what is compared


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_an_issuer_is_named_by_both_hashes_and_not_by_one(algorithm: HashAlgorithm) -> None:
    namesake, rekeyed = TinyCA("Issuing CA").certificate, TinyCA("Other CA", key=CA.key).certificate
    made = CertID.of(CA.certificate, 5, algorithm)

    assert made.names_issuer(CA.certificate)
    assert not made.names_issuer(namesake)
    assert not made.names_issuer(rekeyed)


# --- departures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("der", "found"),
    [
        (written(1), []),
        (written(2 ** (8 * MAX_SERIAL_OCTETS - 1) - 1), []),
        (written(parameters=hand.NULL), []),
        (written(2 ** (8 * MAX_SERIAL_OCTETS - 1)), ["is longer than 20 octets"]),
        (written(0), ["is zero"]),
        (written(-1), ["is negative"]),
        (written(-(2**159)), ["is negative"]),
        (written(-(2**160)), ["is negative", "is longer than 20 octets"]),
        (written(parameters=hand.sequence()), ["has parameters that are neither absent nor NULL"]),
    ],
)
def test_odd_serials_and_parameters_are_noted(der: bytes, found: list[str]) -> None:
    departures = list(CertID.from_der(der).departures("CertID"))

    assert [departure.text.split(" (RFC")[0] for departure in departures] == found
    assert {departure.where for departure in departures} <= {
        "CertID.serialNumber",
        "CertID.hashAlgorithm",
    }


def test_a_cert_id_is_shown_by_serial_issuer_and_hash() -> None:
    assert str(CertID.from_der(written(0x5A, key_hash=b"\xab" * 20))) == (
        "serial 0x5a of issuer abababababababab… (id-sha256)"
    )
