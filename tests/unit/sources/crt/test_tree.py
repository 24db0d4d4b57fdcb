"""Trees: what goes in, who may sign, what comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.errors import MalformedError, SignerError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS, MAX_TREE_BYTES
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import (
    AlgorithmIdentifier,
    CRLReason,
    GeneralName,
    HashAlgorithm,
    RevokedEntry,
    signature_algorithm,
)
from certstatus.signing import LocalSigner
from certstatus.sources.crt import Tree, build_tree, parse_tree
from certstatus.sources.crt import tree as tree_module
from certstatus.testing import TinyCA
from certstatus.testing.ca import key_usage
from tests.books import DAY, NOW
from tests.trees import entry, parsed, signer_of, tree

LONGEST = (1 << 8 * MAX_LISTED_SERIAL_OCTETS) - 1


def statuses(whole: Tree, *serial_numbers: int) -> list[bool]:
    """Say of each serial number whether it is revoked."""
    return [
        isinstance(whole.leaf_of(number).status_of(number), Revoked) for number in serial_numbers
    ]


@pytest.mark.rule("K1")
def test_an_empty_tree_has_one_leaf_and_revokes_nothing(ca: TinyCA) -> None:
    whole = parsed(ca)

    assert len(whole.leaves) == whole.root.number_of_leaves == 1
    assert statuses(whole, -LONGEST, -1, 0, 1, LONGEST) == [False] * 5


@pytest.mark.rule("K1")
def test_one_entry_makes_two_leaves(ca: TinyCA) -> None:
    whole = parsed(ca, 7)

    assert len(whole.leaves) == 2
    assert statuses(whole, 6, 7, 8) == [False, True, False]


@pytest.mark.rule("K1")
def test_adjacent_serial_numbers_are_told_apart(ca: TinyCA) -> None:
    whole = parsed(ca, 9, 7, 8)

    assert len(whole.leaves) == 4
    assert statuses(whole, 6, 7, 8, 9, 10) == [False, True, True, True, False]


@pytest.mark.rule("K1")
def test_huge_zero_and_negative_serial_numbers_have_their_places(ca: TinyCA) -> None:
    whole = parsed(ca, LONGEST, 0, -1, -LONGEST, 128, -128)

    assert statuses(whole, -LONGEST, -128, -1, 0, 128, LONGEST) == [True] * 6
    assert statuses(whole, -LONGEST - 1, -129, -127, 1, 127, 129, LONGEST + 1) == [False] * 7


def test_time_reason_and_invalidity_date_come_back(ca: TinyCA) -> None:
    told = entry(7, CRLReason.CERTIFICATE_HOLD, invalidity_date=NOW - 9 * DAY)
    leaf = parsed(ca, told).leaf_of(7)

    assert leaf.entry == told
    assert leaf.status_of(7) == Revoked(NOW - 2 * DAY, CRLReason.CERTIFICATE_HOLD)
    assert leaf.status_of(8) == Good()


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA384, HashAlgorithm.SHA512])
def test_a_tree_may_be_hashed_otherwise(ca: TinyCA, algorithm: HashAlgorithm) -> None:
    whole = parse_tree(tree(ca, 7, 9, hash_algorithm=algorithm))

    assert whole.root.hash_algorithm is algorithm
    assert whole.root.issuer_key_hash == ca.certificate.key_hash(algorithm)


@pytest.mark.rule("K2")
def test_no_tree_is_built_with_sha1(ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="is not a hash for trees"):
        tree(ca, 7, hash_algorithm=HashAlgorithm.SHA1)


STRANGER = GeneralName.uri("http://other.example/")
REFUSED = {
    "twice": ([entry(7), entry(9), entry(7, None)], "serial 07 stands twice"),
    "too long": ([entry(LONGEST + 1)], "longer than a tree may list"),
    "another issuer's": (
        [RevokedEntry(serial_number=7, revocation_date=NOW, certificate_issuer=(STRANGER,))],
        "serial 07 is another issuer's",
    ),
    "removeFromCRL": ([entry(7, CRLReason.REMOVE_FROM_CRL)], "serial 07 says removeFromCRL"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_entries_that_a_tree_can_not_hold_are_named(ca: TinyCA, name: str) -> None:
    entries, problem = REFUSED[name]

    with pytest.raises(MalformedError, match=problem):
        tree(ca, *entries)


# --- times and signers ------------------------------------------------------------------------


@pytest.mark.rule("K5")
def test_no_tree_outlives_its_signer_or_its_ca(ca: TinyCA) -> None:
    late = tree(ca, 7, next_update=ca.certificate.not_after + DAY)
    delegate = ca.issue("signer", not_after=NOW + DAY / 2, usage=key_usage("digital_signature"))

    assert parse_tree(late).root.next_update == ca.certificate.not_after
    assert parse_tree(tree(ca, 7, signer=delegate)).root.next_update == NOW + DAY / 2


@pytest.mark.rule("K5")
def test_a_tree_that_would_end_before_it_counts_is_not_signed(ca: TinyCA) -> None:
    with pytest.raises(SignerError, match="ends before the tree could count"):
        tree(ca, 7, this_update=NOW, next_update=NOW)


@pytest.mark.rule("K3")
def test_a_signer_that_has_expired_signs_no_tree(ca: TinyCA) -> None:
    expired = ca.issue("signer", not_after=NOW - timedelta(seconds=1))

    with pytest.raises(SignerError, match="is not valid at"):
        tree(ca, 7, signer=expired)


@pytest.mark.rule("K3")
def test_a_key_that_may_sign_neither_crls_nor_messages_signs_no_tree(ca: TinyCA) -> None:
    other = ca.issue("signer", usage=key_usage("key_encipherment"))

    with pytest.raises(SignerError, match="neither cRLSign nor digitalSignature"):
        tree(ca, 7, signer=other)


@pytest.mark.rule("K3")
def test_no_tree_is_signed_with_sha1() -> None:
    ca = TinyCA(kind="rsa2048")
    weak = signature_algorithm(AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\x00"))
    signer = signer_of(ca.issued, ca.certificate)
    assert isinstance(signer, LocalSigner)

    with pytest.raises(SignerError, match="rests on SHA-1"):
        build_tree(
            [],
            issuer=ca.certificate,
            signer=replace(signer, algorithm=weak),
            now=NOW,
            this_update=NOW,
            next_update=NOW + DAY,
        )


def test_a_tree_past_the_limit_is_neither_built_nor_read(
    ca: TinyCA, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_TREE_BYTES == 2**27
    data = tree(ca, 7, 9)
    monkeypatch.setattr(tree_module, "MAX_TREE_BYTES", len(data) - 1)

    with pytest.raises(MalformedError, match=f"is larger than {len(data) - 1} bytes"):
        parse_tree(data)
    with pytest.raises(MalformedError, match="would be larger"):
        tree(ca, 7, 9, 11)
