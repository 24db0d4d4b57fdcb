"""CRLReason: names, numbers, and the bits that number otherwise."""

from __future__ import annotations

import pytest
from asn1crypto import crl as judge
from cryptography import x509

from certstatus.asn1.doorway import BitString
from certstatus.errors import MalformedError
from certstatus.pkix import ALL_REASONS, CRLReason
from certstatus.pkix.reason import reason_flags


@pytest.mark.rule("C6")
@pytest.mark.parametrize("reason", CRLReason)
def test_a_reason_has_the_number_and_the_name_of_the_standard(reason: CRLReason) -> None:
    assert x509.ReasonFlags(reason.label).name == reason.name.lower()
    named_by_asn1crypto = judge.CRLReason(int(reason)).native
    assert named_by_asn1crypto.replace("_", "") == reason.label.lower()


@pytest.mark.parametrize("reason", CRLReason)
def test_a_reason_is_found_by_its_number_and_by_any_spelling_of_its_name(reason: CRLReason) -> None:
    assert CRLReason.from_number(int(reason), "reason") is reason
    for label in (reason.label, reason.name, reason.label.upper(), reason.name.replace("_", "-")):
        assert CRLReason.from_label(label) is reason


@pytest.mark.rule("C6")
@pytest.mark.parametrize("number", [-1, 7, 11, 255])
def test_a_number_that_is_not_assigned_is_refused(number: int) -> None:
    with pytest.raises(MalformedError, match=f"^entry: CRLReason {number} is not assigned$"):
        CRLReason.from_number(number, "entry")


@pytest.mark.parametrize("label", ["", "stolen", "7"])
def test_a_name_that_is_no_reason_is_refused_and_the_reasons_are_listed(label: str) -> None:
    with pytest.raises(MalformedError, match="none of unspecified, keyCompromise"):
        CRLReason.from_label(label)


@pytest.mark.rule("C6")
def test_reason_flags_are_read_as_asn1crypto_reads_them() -> None:
    every = frozenset(
        {
            "key_compromise",
            "ca_compromise",
            "affiliation_changed",
            "superseded",
            "cessation_of_operation",
            "certificate_hold",
            "privilege_withdrawn",
            "aa_compromise",
        }
    )
    octets = b"\x7f\x80"

    assert judge.ReasonFlags.load(b"\x03\x03\x07" + octets).native == every
    assert {one.name.lower() for one in reason_flags(BitString(octets, 7))} == every
    assert reason_flags(BitString(octets, 7)) == ALL_REASONS


@pytest.mark.parametrize(
    ("octets", "unused", "expected"),
    [
        (b"", 0, set()),
        (b"\x80", 7, set()),  # bit 0 is unused
        (b"\x40", 6, {CRLReason.KEY_COMPROMISE}),
        (b"\x00\x7f\xff", 0, set()),  # bits past aACompromise
    ],
)
def test_short_and_long_flags_are_read_as_far_as_they_name_reasons(
    octets: bytes, unused: int, expected: set[CRLReason]
) -> None:
    assert reason_flags(BitString(octets, unused)) == expected
