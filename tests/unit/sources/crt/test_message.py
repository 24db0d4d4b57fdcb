"""Tree messages: what is read, what is refused, and what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certstatus.asn1 import crt as asn1
from certstatus.asn1 import oids
from certstatus.asn1.doorway import decode, encode, encode_enumerated, encode_tlv, generalized_time
from certstatus.errors import MalformedError
from certstatus.limits import MAX_PROOF_BYTES, MAX_TREE_DEPTH
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import AlgorithmIdentifier, CRLReason
from certstatus.sources.crt import Leaf, SignedRoot, parse_proof, parse_tree
from certstatus.sources.crt.message import encode_leaf, encode_proof
from certstatus.testing import TinyCA
from tests import der as hand
from tests.books import DAY, NOW
from tests.trees import entry, honest_leaves, parsed, signed_root, tree

LOW, HIGH = 0x9A, 0x9C


# --- leaves -----------------------------------------------------------------------------------


@pytest.mark.rule("K1")
@pytest.mark.parametrize("reason", [None, CRLReason.KEY_COMPROMISE, CRLReason.CERTIFICATE_HOLD])
@pytest.mark.parametrize("high", [None, HIGH, 1 << 1000])
def test_a_leaf_is_read_as_it_was_written(reason: CRLReason | None, high: int | None) -> None:
    revocation = entry(LOW, reason, invalidity_date=NOW - 9 * DAY)

    assert Leaf.from_der(encode_leaf(revocation, high)) == Leaf(
        low=LOW, high=high, entry=revocation
    )


def test_the_octets_of_a_leaf_are_those_of_the_manual() -> None:
    time = hand.generalized_time("20261119120000Z")
    reason = hand.explicit(0, hand.enumerated(1))

    assert encode_leaf(entry(LOW), HIGH) == hand.sequence(
        hand.tlv(0x80, b"\x00\x9a"), hand.tlv(0x81, b"\x00\x9c"), hand.tlv(0xA2, time, reason)
    )
    assert encode_leaf(None, None) == hand.sequence()


def test_reason_unspecified_is_left_out() -> None:
    assert encode_leaf(entry(LOW, CRLReason.UNSPECIFIED), HIGH) == encode_leaf(
        entry(LOW, None), HIGH
    )


@pytest.mark.rule("K1")
def test_a_leaf_revokes_its_low_end_alone() -> None:
    leaf = Leaf.from_der(encode_leaf(entry(LOW), HIGH))

    assert leaf.status_of(LOW) == Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE)
    assert leaf.status_of(LOW + 1) == Good()
    assert [leaf.covers(number) for number in (LOW - 1, LOW, HIGH - 1, HIGH)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.rule("K1")
@pytest.mark.parametrize("serial_number", [-(1 << 900), 0, LOW - 1])
def test_the_first_leaf_covers_all_below_its_end(serial_number: int) -> None:
    leaf = Leaf.from_der(encode_leaf(None, LOW))

    assert leaf.covers(serial_number)
    assert leaf.status_of(serial_number) == Good()
    assert not leaf.covers(LOW)


REVOCATION = asn1.Revocation(revocation_time=generalized_time(NOW))
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "empty range": ({"low": 5, "high": 5, "revocation": REVOCATION}, "not below"),
    "backwards": ({"low": 6, "high": 5, "revocation": REVOCATION}, "not below"),
    "low end alone": ({"low": 5}, "no revocation"),
    "revocation alone": ({"high": 5, "revocation": REVOCATION}, "no low end"),
    "reason 7": (
        {"low": 5, "revocation": replace(REVOCATION, revocation_reason=encode_enumerated(7))},
        "not assigned",
    ),
    "removeFromCRL": (
        {"low": 5, "revocation": replace(REVOCATION, revocation_reason=encode_enumerated(8))},
        "no place in a tree",
    ),
    "unspecified": (
        {"low": 5, "revocation": replace(REVOCATION, revocation_reason=encode_enumerated(0))},
        "no place in a tree",
    ),
}


@pytest.mark.rule("K1")
@pytest.mark.parametrize("name", BROKEN)
def test_a_leaf_that_makes_no_sense_is_refused(name: str) -> None:
    fields, problem = BROKEN[name]

    with pytest.raises(MalformedError, match=problem):
        Leaf.from_der(encode(asn1.Leaf(**fields)))


def test_a_fraction_of_a_second_is_refused() -> None:
    time = hand.generalized_time("20261119120000.5Z")
    leaf = hand.sequence(hand.tlv(0x80, b"\x05"), hand.tlv(0xA2, time))

    with pytest.raises(MalformedError, match="fraction of a second"):
        Leaf.from_der(leaf)


# --- the signed root --------------------------------------------------------------------------


@pytest.mark.rule("K4", "K5")
def test_a_root_says_whose_it_is_and_how_long_it_counts(ca: TinyCA) -> None:
    root = parsed(ca, LOW, HIGH).root

    assert root.issuer_name_hash == ca.certificate.subject_name_hash(root.hash_algorithm)
    assert root.issuer_key_hash == ca.certificate.key_hash(root.hash_algorithm)
    assert (root.this_update, root.next_update) == (NOW - DAY, NOW + DAY)
    assert root.number_of_leaves == 3
    assert SignedRoot.from_der(root.der) == root


SHA1 = AlgorithmIdentifier(oids.ID_SHA1).declared()
NULLED = AlgorithmIdentifier(oids.ID_SHA256, hand.NULL).declared()
SHA384 = AlgorithmIdentifier(oids.ID_SHA384).declared()
WRONG_ROOTS: dict[str, tuple[dict[str, Any], str]] = {
    "version": ({"version": 1}, "1 is not v1"),
    "SHA-1": ({"hash_algorithm": SHA1}, "not a hash for trees"),
    "hash parameters": ({"hash_algorithm": NULLED}, "must have none"),
    "hash of another length": ({"hash_algorithm": SHA384}, "32 octets, and sha384 has 48"),
    "short root": ({"root_hash": bytes(31)}, "31 octets"),
    "no leaves": ({"number_of_leaves": 0}, "0 is not from 1"),
    "leaves below none": ({"number_of_leaves": -1}, "-1 is not from 1"),
    "leaves past all": ({"number_of_leaves": (1 << MAX_TREE_DEPTH) + 1}, "is not from 1 to 2"),
}


@pytest.mark.rule("K2", "K6")
@pytest.mark.parametrize("name", WRONG_ROOTS)
def test_a_root_that_makes_no_sense_is_refused(ca: TinyCA, name: str) -> None:
    fields, problem = WRONG_ROOTS[name]
    der = signed_root(ca, honest_leaves(LOW), lambda tbs: replace(tbs, **fields))

    with pytest.raises(MalformedError, match=problem):
        SignedRoot.from_der(der)


def test_the_deepest_tree_that_is_read(ca: TinyCA) -> None:
    most = 1 << MAX_TREE_DEPTH
    der = signed_root(ca, honest_leaves(LOW), lambda tbs: replace(tbs, number_of_leaves=most))

    assert SignedRoot.from_der(der).number_of_leaves == most


def test_a_signature_with_unused_bits_is_refused(ca: TinyCA) -> None:
    even = encode_tlv(0x03, b"\1" + b"\x10")
    der = hand.changed(parsed(ca, LOW).root.der, (2,), lambda _: even)

    with pytest.raises(MalformedError, match="unused bits"):
        SignedRoot.from_der(der)


# --- proofs -----------------------------------------------------------------------------------


def test_a_proof_is_read_as_it_was_made(ca: TinyCA) -> None:
    proof = parsed(ca, LOW, HIGH).prove(LOW)

    assert parse_proof(proof.der) == proof
    assert (proof.position, len(proof.path)) == (1, 2)
    assert Leaf.from_der(proof.leaf_der) == proof.leaf


@pytest.mark.rule("K6")
@pytest.mark.parametrize("position", [-1, 3, 1 << 70])
def test_a_position_outside_the_tree_is_refused(ca: TinyCA, position: int) -> None:
    proof = parsed(ca, LOW, HIGH).prove(LOW)

    with pytest.raises(MalformedError, match="none of 3 leaves"):
        parse_proof(encode_proof(proof.root.der, proof.leaf_der, position, proof.path))


@pytest.mark.rule("K6")
def test_a_path_with_a_hash_of_another_length_is_refused(ca: TinyCA) -> None:
    proof = parsed(ca, LOW, HIGH).prove(LOW)
    path = (proof.path[0] + proof.path[1][:1], proof.path[1][1:])

    with pytest.raises(MalformedError, match="another length"):
        parse_proof(encode_proof(proof.root.der, proof.leaf_der, proof.position, path))


def test_a_proof_that_is_too_large_is_not_read(ca: TinyCA) -> None:
    proof = parsed(ca, LOW).prove(LOW)
    hashes = (bytes(32),) * (MAX_PROOF_BYTES // 32)
    large = encode_proof(proof.root.der, proof.leaf_der, proof.position, hashes)

    with pytest.raises(MalformedError, match="larger than 65536 bytes"):
        parse_proof(large)


def test_a_path_may_be_as_long_as_a_proof_allows_and_is_judged_later(ca: TinyCA) -> None:
    proof = parsed(ca, LOW).prove(LOW)
    hashes = (bytes(32),) * 1_000

    long = parse_proof(encode_proof(proof.root.der, proof.leaf_der, proof.position, hashes))
    assert len(long.path) == 1_000


@pytest.mark.parametrize("junk", [b"", b"\0", b"\x30\0", bytes(100), b"\x30\x80\0\0"])
def test_what_is_no_proof_is_malformed(junk: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_proof(junk)


def test_a_file_is_the_signed_root_and_the_leaves_as_they_are_hashed(ca: TinyCA) -> None:
    data = tree(ca, LOW, HIGH)
    whole = parse_tree(data)
    declared = decode(asn1.RevocationTree, data, "RevocationTree")

    assert encode(declared.signed_root) == whole.root.der
    assert bytes(declared.leaves.data) == b"".join(honest_leaves(LOW, HIGH))
