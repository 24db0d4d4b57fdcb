"""Revocation trees and proofs by those who lie, break and exaggerate."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certstatus.asn1.doorway import encode_sequence_of, encode_tlv
from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import MAX_PROOF_BYTES
from certstatus.sources.crt import RevocationTree, parse_proof, parse_tree, verify_proof
from certstatus.sources.crt.message import encode_leaf, encode_proof
from certstatus.testing import TinyCA
from certstatus.verify import Verdict
from tests import der as hand
from tests.books import NOW
from tests.property.mutation import Mutator
from tests.trees import entry, file_of, honest_leaves, parsed, signed_root, tree

CA = TinyCA()
LOST, FINE = 0x9B, 0x9A
GOOD_FILE = tree(CA, 3, LOST, 0xFF)
GOOD_PROOF = parse_tree(GOOD_FILE).prove(LOST).der
BELIEVED = {Verdict.GOOD, Verdict.REVOKED}


def judged(der: bytes, serial_number: int = LOST) -> Verdict:
    return verify_proof(der, issuer=CA.certificate, serial_number=serial_number, now=NOW).verdict


# --- files ------------------------------------------------------------------------------------


@pytest.mark.rule("K7")
def test_a_file_cut_anywhere_is_refused() -> None:
    for size in range(len(GOOD_FILE)):
        with pytest.raises(MalformedError):
            parse_tree(GOOD_FILE[:size])


@pytest.mark.parametrize("more", [b"\0", b"\x30\0", GOOD_FILE])
def test_octets_behind_a_file_are_refused(more: bytes) -> None:
    with pytest.raises(MalformedError, match="bytes after its end"):
        parse_tree(GOOD_FILE + more)


FIRST, MIDDLE, LAST = honest_leaves(5, 9)
LIES: dict[str, Sequence[bytes]] = {
    "unsorted": [FIRST, LAST, MIDDLE],
    "overlapping": [FIRST, encode_leaf(entry(5), 20), encode_leaf(entry(9), None)],
    "with a gap": [FIRST, encode_leaf(entry(5), 8), LAST],
    "without a first": [MIDDLE, LAST],
    "without a last": [FIRST, MIDDLE],
    "twice the same": [FIRST, MIDDLE, MIDDLE, LAST],
    "no sequences": [b"\x05\x00", b"\x05\x00"],
    "nested": [hand.sequence(FIRST), hand.sequence(MIDDLE)],
    "nothing but octets": [b"\xff" * 99],
}


@pytest.mark.rule("K1")
@pytest.mark.parametrize("name", LIES)
def test_leaves_that_lie_are_refused_under_a_signature_that_holds(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "ca.tree"
    path.write_bytes(file_of(CA, LIES[name]))

    with pytest.raises(ConfigError, match=r"RevocationTree\.leaves|Leaf|cut short"):
        RevocationTree(path, CA.certificate, now=NOW)


@pytest.mark.rule("K7")
@pytest.mark.parametrize("count", [1, 2, 4, 5, 1 << 40])
def test_a_root_that_counts_other_leaves_is_refused(count: int) -> None:
    data = file_of(CA, honest_leaves(5, 9), lambda tbs: replace(tbs, number_of_leaves=count))

    with pytest.raises(MalformedError, match="the root counts"):
        parse_tree(data)


@pytest.mark.rule("K7")
def test_leaves_under_the_root_of_others_are_refused() -> None:
    data = encode_sequence_of(
        [signed_root(CA, honest_leaves(5, 9)), encode_sequence_of(honest_leaves(5, 8))]
    )

    with pytest.raises(MalformedError, match="hash to another root"):
        parse_tree(data)


@pytest.mark.parametrize("tag", [0x31, 0x04, 0xA0])
def test_leaves_that_are_no_sequence_are_refused(tag: int) -> None:
    root = signed_root(CA, honest_leaves(5))
    data = encode_sequence_of([root, encode_tlv(tag, b"".join(honest_leaves(5)))])

    with pytest.raises(MalformedError, match="is no SEQUENCE OF"):
        parse_tree(data)


@pytest.mark.parametrize("octets", [0, 129, 20_000])
def test_a_bound_that_is_no_serial_number_is_refused(octets: int) -> None:
    """Python would not even print the longest."""
    bound = b"\x7f" * octets
    revocation = hand.tlv(0xA2, hand.generalized_time("20261119120000Z"))
    leaves = [
        hand.sequence(hand.tlv(0x81, bound)),
        hand.sequence(hand.tlv(0x80, bound), revocation),
    ]

    with pytest.raises(MalformedError, match=f"has a bound of {octets} octets"):
        parse_tree(file_of(CA, leaves))


def test_a_broken_file_is_refused_whatever_is_broken() -> None:
    for data in Mutator(20261121, [GOOD_FILE]).inputs(4_000):
        try:
            whole = parse_tree(data)
            proof = whole.prove(LOST).der
        except MalformedError:
            continue
        # What a parser takes, a signature must hold.
        assert data == GOOD_FILE or judged(proof) not in BELIEVED


def test_memory_grows_with_the_file_alone() -> None:
    """A million leaves have no million objects: the file, and some octets for each leaf."""
    data = tree(CA, *range(0, 40_000, 2))
    tracemalloc.start()
    try:
        whole = parse_tree(data)
        kept, peak = tracemalloc.get_traced_memory()
        whole.prove(LOST)
        with_hashes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    leaves = whole.root.number_of_leaves
    assert kept < len(data) + 16 * leaves
    assert peak < len(data) + 120 * leaves
    assert with_hashes - kept < 90 * leaves


# --- proofs -----------------------------------------------------------------------------------


@pytest.mark.rule("K6")
def test_a_proof_cut_anywhere_proves_nothing() -> None:
    for size in range(len(GOOD_PROOF)):
        assert judged(GOOD_PROOF[:size]) is Verdict.MALFORMED


def test_a_broken_proof_proves_nothing_whatever_is_broken() -> None:
    for der in Mutator(20261121, [GOOD_PROOF]).inputs(4_000):
        if der != GOOD_PROOF:
            assert judged(der) not in BELIEVED


@pytest.mark.rule("K2")
def test_a_node_in_the_place_of_a_leaf_proves_nothing() -> None:
    """The second preimage of trees without domain separation: a pair of hashes as a leaf."""
    whole = parsed(CA, 3, LOST, 0xFF)
    proof = whole.prove(LOST)
    pair = hand.octet_string(proof.path[0] * 2)
    forged = encode_proof(whole.root.der, pair, proof.position >> 1, proof.path[1:])

    assert judged(forged) is Verdict.MALFORMED


@pytest.mark.rule("K6")
@pytest.mark.parametrize("count", [1, 3, 1 << 40])
def test_a_root_that_lies_about_its_leaves_breaks_its_proofs(count: int) -> None:
    leaves = honest_leaves(3, LOST, 0xFF)
    honest = parsed(CA, 3, LOST, 0xFF).prove(LOST)
    root = signed_root(CA, leaves, lambda tbs: replace(tbs, number_of_leaves=count))

    assert judged(encode_proof(root, honest.leaf_der, honest.position, honest.path)) not in BELIEVED


@pytest.mark.rule("K6")
def test_a_path_without_end_is_not_walked() -> None:
    proof = parse_proof(GOOD_PROOF)
    hashes = (bytes(32),) * ((MAX_PROOF_BYTES - 1_000) // 34)
    long = encode_proof(proof.root.der, proof.leaf_der, proof.position, hashes)

    assert judged(long) is Verdict.UNTRUSTED


WRONG_TIMES: dict[str, Any] = {"this_update": "next_update", "next_update": "this_update"}


@pytest.mark.rule("K5")
def test_a_root_whose_times_are_swapped_proves_nothing() -> None:
    honest = parsed(CA, LOST).prove(LOST)
    root = signed_root(
        CA,
        honest_leaves(LOST),
        lambda tbs: replace(
            tbs, **{name: getattr(tbs, other) for name, other in WRONG_TIMES.items()}
        ),
    )
    swapped = encode_proof(root, honest.leaf_der, honest.position, honest.path)

    assert judged(swapped) is Verdict.UNTRUSTED


@pytest.mark.rule("K3", "K4")
def test_a_tree_that_mallory_signs_in_the_cas_name_proves_nothing() -> None:
    """Both hashes are the CA's, the key is not: whoever has the same name has not its key."""
    mallory = TinyCA()
    forged = tree(CA, LOST, signer=mallory.issued)

    assert judged(parse_tree(forged).prove(LOST).der) is Verdict.UNTRUSTED
