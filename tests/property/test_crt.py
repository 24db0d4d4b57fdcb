"""Trees of any serial numbers: every status has its proof, and no proof bears a change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason, RevokedEntry
from certstatus.sources.crt import Leaf, Tree, parse_tree, verify_proof
from certstatus.sources.crt.message import encode_leaf, encode_proof
from certstatus.testing import TinyCA
from certstatus.verify import Verdict
from tests.books import DAY, NOW
from tests.trees import entry, parsed, tree

CA = TinyCA()
LONGEST = (1 << 8 * MAX_LISTED_SERIAL_OCTETS) - 1
SERIALS = st.one_of(
    st.integers(-3, 40),
    st.integers(-LONGEST, LONGEST),
    st.sampled_from([0, -1, 127, 128, -128, -129, LONGEST, -LONGEST]),
)
REASONS = sorted(set(CRLReason) - {CRLReason.UNSPECIFIED, CRLReason.REMOVE_FROM_CRL})
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
ENTRIES = st.builds(
    RevokedEntry,
    serial_number=SERIALS,
    revocation_date=TIMES,
    reason=st.none() | st.sampled_from(REASONS),
    invalidity_date=st.none() | TIMES,
)
BOOKS = st.lists(ENTRIES, max_size=24, unique_by=lambda one: one.serial_number)


def judged(der: bytes, serial_number: int) -> tuple[Verdict, Good | Revoked | None]:
    report = verify_proof(der, issuer=CA.certificate, serial_number=serial_number, now=NOW)
    return report.verdict, report.cert_status


@pytest.mark.rule("K1", "K6")
@settings(max_examples=60)
@given(BOOKS, st.lists(SERIALS, max_size=5))
def test_every_status_has_a_proof_that_holds(books: list[RevokedEntry], more: list[int]) -> None:
    whole = parsed(CA, *books)
    listed = {one.serial_number: one for one in books}
    assert len(whole.leaves) == len(books) + 1

    for serial_number in {number + step for number in listed for step in (-1, 0, 1)} | {*more}:
        found = listed.get(serial_number)
        proof = whole.prove(serial_number)
        expected = (
            (Verdict.GOOD, Good())
            if found is None
            else (Verdict.REVOKED, Revoked(found.revocation_date, found.reason))
        )
        assert judged(proof.der, serial_number) == expected
        assert len(proof.path) <= len(books).bit_length()
        assert found is None or proof.leaf.entry == found


@pytest.mark.rule("K1")
@settings(max_examples=60)
@given(BOOKS)
def test_the_order_of_entries_does_not_matter(books: list[RevokedEntry]) -> None:
    assert parsed(CA, *books).root.root_hash == parsed(CA, *reversed(books)).root.root_hash


@given(ENTRIES, st.integers(1, 1 << 200))
def test_a_leaf_says_what_was_written(one: RevokedEntry, width: int) -> None:
    high = one.serial_number + width

    assert Leaf.from_der(encode_leaf(one, high)) == Leaf(
        low=one.serial_number, high=high, entry=one
    )


@pytest.mark.rule("K2", "K3", "K6")
@pytest.mark.parametrize(
    ("serials", "serial_number"),
    [((), 5), ((5,), 5), ((3, 5, 6, 9), 5), ((3, 5, 6, 9), 9), ((3, 5, 6, 9), 1)],
)
def test_no_bit_of_a_proof_can_be_flipped(serials: tuple[int, ...], serial_number: int) -> None:
    """Every bit of the proof: leaf, position, path, what is signed, and the signature."""
    der = parsed(CA, *serials).prove(serial_number).der

    for place in range(8 * len(der)):
        flipped = bytearray(der)
        flipped[place // 8] ^= 1 << place % 8
        verdict, _ = judged(bytes(flipped), serial_number)
        assert verdict in {Verdict.UNTRUSTED, Verdict.MALFORMED}, place


@pytest.mark.rule("K2", "K7")
def test_no_bit_of_a_file_can_be_flipped() -> None:
    """What is left whole says so of itself: its signature is asked by whoever believes it."""
    data = tree(CA, 3, 5, 6)
    signed = parse_tree(data).root.tbs_der
    start = data.index(signed) + len(signed)
    leaves_at = len(data) - len(b"".join(map(bytes, parse_tree(data).leaves)))

    for place in (*range(8 * start), *range(8 * leaves_at, 8 * len(data))):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        assert not is_believed(bytes(flipped)), place


def is_believed(data: bytes) -> bool:
    try:
        proof = parse_tree(data).prove(5).der
    except MalformedError:
        return False
    return judged(proof, 5)[0] in {Verdict.GOOD, Verdict.REVOKED}


@pytest.mark.rule("K2", "K6")
@settings(max_examples=60)
@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=20),
    st.sets(st.integers(0, 60), max_size=20),
    st.integers(-1, 61),
)
def test_proofs_go_over_to_no_other_tree(ours: set[int], theirs: set[int], asked: int) -> None:
    if ours == theirs:
        return
    mine, other = parsed(CA, *ours), parsed(CA, *theirs)
    moved = mixed(other, mine, asked)

    if moved is not None:
        assert judged(moved, asked)[0] is Verdict.UNTRUSTED


def mixed(root_of: Tree, path_of: Tree, serial_number: int) -> bytes | None:
    """Put leaf and path of one tree under the root of another; None: it has no such position."""
    proof = path_of.prove(serial_number)
    if proof.position >= root_of.root.number_of_leaves:
        return None
    return encode_proof(root_of.root.der, proof.leaf_der, proof.position, proof.path)


@pytest.mark.rule("K4")
@given(SERIALS)
def test_a_proof_of_another_ca_proves_nothing(serial_number: int) -> None:
    proof = parsed(OTHER, serial_number).prove(serial_number)

    assert judged(proof.der, serial_number)[0] is Verdict.UNTRUSTED


OTHER = TinyCA("Other CA")


@given(st.binary(max_size=300), st.integers(0, 2_000))
def test_no_junk_in_a_proof_raises(junk: bytes, place: int) -> None:
    der = parsed(CA, entry(5, at=NOW - DAY)).prove(5).der
    spoilt = der[:place] + junk + der[place + len(junk) :]

    assert judged(junk, 5)[0] is Verdict.MALFORMED
    if spoilt != der:
        assert judged(spoilt, 5)[0] in {Verdict.UNTRUSTED, Verdict.MALFORMED}
