"""The entries of a CRL by serial number, read when they are asked for."""

from __future__ import annotations

import tracemalloc

import pytest

from certstatus.asn1.doorway import encode_tlv
from certstatus.errors import MalformedError
from certstatus.pkix import CertificateList, CRLReason
from certstatus.pkix.crl_index import CRLIndex
from certstatus.testing import TinyCA
from tests import der as hand
from tests.books import HOLD, NOW, REMOVED, Entry, crl, issued_by, scope

CA, OTHER = TinyCA("Ours"), TinyCA("Theirs")
INDIRECT = scope(indirect_crl=True)


def index(*entries: int | Entry, indirect: bool = False, delta_of: int | None = None) -> CRLIndex:
    der = crl(CA, *entries, number=9, delta_of=delta_of, extensions=[INDIRECT] if indirect else [])
    return CRLIndex(CertificateList.from_der(der), CA.certificate.subject)


def test_what_is_listed_is_found_and_nothing_else() -> None:
    found = index(7, (2**150, [HOLD]), 5)

    assert list(found) == [7, 2**150, 5]
    assert len(found) == 3
    assert found[2**150].reason is CRLReason.CERTIFICATE_HOLD
    assert found.get(6) is None
    assert -7 not in found
    assert [one.serial_number for one in found.in_order()] == [7, 2**150, 5]


def test_of_two_entries_for_one_serial_the_strictest_stands() -> None:
    for found in (index((5, [HOLD]), 6, 5), index(5, 6, (5, [HOLD]))):
        assert found[5].reason is None
        assert len(found) == 2
        assert sorted(found) == [5, 6]


@pytest.mark.rule("C7")
def test_another_issuers_entries_are_passed_over_until_ours_come_again() -> None:
    theirs, ours = issued_by(OTHER), issued_by(CA)
    found = index(1, 2, (3, [theirs]), 4, (5, [ours]), 6, (1, [theirs]), indirect=True)

    assert list(found) == [1, 2, 5, 6]
    assert found[1].certificate_issuer == ()


@pytest.mark.rule("C3")
def test_a_removal_counts_in_a_delta_alone() -> None:
    assert index((5, [REMOVED]), delta_of=3)[5].reason is CRLReason.REMOVE_FROM_CRL
    with pytest.raises(MalformedError, match="removeFromCRL") as caught:
        index((5, [REMOVED]))
    assert caught.value.rule == "C3"


@pytest.mark.parametrize("behind", [0, 1, 3000])
def test_one_broken_entry_anywhere_makes_all_unusable(behind: int) -> None:
    whole = crl(CA, 2**100)
    good = hand.at(whole, 0, 5, 0)
    broken = hand.sequence(hand.integer(5), hand.tlv(0x17, b"261301120000Z"))
    listed = encode_tlv(0x30, good * 2 + broken + good * behind)
    found = CertificateList.from_der(hand.changed(whole, (0, 5), lambda _: listed))

    with pytest.raises(MalformedError, match="revokedCertificates"):
        CRLIndex(found, CA.certificate.subject)


def test_an_index_needs_few_octets_beside_the_crl() -> None:
    """A million entries have to fit many times over; as objects they take 200 octets each."""
    count = 20_000
    plain = b"".join(
        hand.sequence(hand.integer(2**120 + one), hand.tlv(0x17, b"261120120000Z"))
        for one in range(count)
    )
    whole = hand.with_member(crl(CA), (0,), 5, encode_tlv(0x30, plain))
    tracemalloc.start()
    try:
        found = CRLIndex(CertificateList.from_der(whole), CA.certificate.subject)
        needed, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(found) == count
    assert needed < 14 * count
    assert most < 20 * count
    assert found[2**120 + count - 1].revocation_date < NOW
