"""Plain entries are found by one expression; it accepts what the declarations accept."""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import UTC, datetime
from itertools import product

import pytest

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import serial_octets, serial_octets_at
from certstatus.pkix.crl_entries import count_entries, read_entry, runs_of
from certstatus.pkix.crl_entry import RevokedEntry, parse_entry
from tests import der as hand

WHEN = "261120120000Z"


def reason(number: int, critical: bytes = b"") -> bytes:
    value = hand.enumerated(number)
    return hand.extension(oids.ID_CE_CRL_REASONS.dotted_string, value, critical)


def invalid_since(text: str) -> bytes:
    value = hand.generalized_time(text)
    return hand.extension(oids.ID_CE_INVALIDITY_DATE.dotted_string, value)


def entry(serial: int, *extensions: bytes, when: str = WHEN) -> bytes:
    listed = hand.sequence(*extensions) if extensions else b""
    return hand.sequence(hand.integer(serial), hand.tlv(0x17, when.encode()), listed)


def is_plain(der: bytes) -> bool:
    (run,) = runs_of(der, 0, len(der))
    return run.is_plain


def read(der: bytes) -> RevokedEntry:
    return read_entry(der, 0, len(der))


LOST, SINCE = reason(1), invalid_since("20261101000000Z")
EXTENSIONS = ((), (LOST,), (SINCE,), (LOST, SINCE))
SERIALS = (
    0,
    1,
    -1,
    127,
    128,
    -128,
    -129,
    255,
    256,
    *(2**bits for bits in range(15, 161, 8)),
    2**159,
)
PLAIN = [entry(serial, *listed) for serial, listed in product(SERIALS, EXTENSIONS)]


def test_usual_entries_are_plain() -> None:
    assert all(map(is_plain, PLAIN))
    assert [read(der) for der in PLAIN] == [parse_entry(der) for der in PLAIN]


@pytest.mark.parametrize("number", range(16))
def test_every_reason_is_plain_but_for_removal(number: int) -> None:
    """removeFromCRL (8) has its own rule, and 7 and those past 10 are none (RFC 5280 §5.3.1)."""
    assert is_plain(entry(5, reason(number))) == (number in {0, 1, 2, 3, 4, 5, 6, 9, 10})


def test_with_any_one_octet_changed_a_plain_entry_is_what_the_declarations_say() -> None:
    accepted = 0
    for whole in (entry(2**70 + 1, *listed) for listed in EXTENSIONS):
        for at, octet in product(range(len(whole)), range(256)):
            der = whole[:at] + bytes((octet,)) + whole[at + 1 :]
            if _is_plain_or_broken(der):
                assert read(der) == parse_entry(der), der.hex()
                accepted += 1

    assert accepted > 9 * 256 * len(EXTENSIONS)  # all that its serial number may be, at least


def _is_plain_or_broken(der: bytes) -> bool:
    try:
        return [(run.end, run.is_plain) for run in runs_of(der, 0, len(der))] == [(len(der), True)]
    except MalformedError:
        return False


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2024, 2025, 2049])
def test_every_day_is_plain_but_for_leap_days_and_those_that_are_none(year: int) -> None:
    for month, day in product(range(14), range(33)):
        exists = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
        der = entry(5, when=f"{year % 100:02}{month:02}{day:02}235959Z")

        assert is_plain(der) == (exists and (month, day) != (2, 29)), (month, day)
        if exists:
            assert read(der).revocation_date == datetime(year, month, day, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("year", [2024, 2025])
def test_a_leap_day_is_one_in_leap_years_alone(year: int) -> None:
    der = entry(5, when=f"{year % 100}0229120000Z")

    if isleap(year):
        assert read(der).revocation_date == datetime(2024, 2, 29, 12, tzinfo=UTC)
    else:
        with pytest.raises(MalformedError):
            read(der)


@pytest.mark.parametrize(
    "odd",
    [
        entry(5, reason(1, hand.TRUE)),
        entry(5, reason(8)),
        entry(5, SINCE, LOST),
        entry(5, invalid_since("20240229120000Z")),
        entry(5, hand.extension("1.2.3", b"anything")),
        entry(2**1000),
        hand.sequence(hand.integer(5), hand.generalized_time("20500101000000Z")),
    ],
)
def test_what_is_not_plain_is_read_by_its_declaration(odd: bytes) -> None:
    assert not is_plain(odd)
    assert read(odd) == parse_entry(odd)


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 2048, 5000])
def test_runs_are_counted_and_fill_the_whole(count: int) -> None:
    plain, odd = entry(2**120, LOST), entry(6, reason(8))
    der = plain * count + odd + plain * 3

    runs = list(runs_of(der, 0, len(der)))

    assert [run.start for run in runs] == [0, *(run.end for run in runs[:-1])]
    assert runs[-1].end == len(der)
    assert sum(run.count for run in runs if run.is_plain) == count + 3
    assert count_entries(der, 0, len(der)) == count + 4


def test_each_entry_of_a_run_is_told_by_its_serial_number() -> None:
    entries = [*PLAIN, entry(-7, reason(8)), *PLAIN]
    der = b"head" + b"".join(entries)

    found = [pair for run in runs_of(der, 4, len(der)) for pair in run.serials(der)]

    assert [octets for octets, _ in found] == [
        serial_octets(parse_entry(one).serial_number) for one in entries
    ]
    assert [read_entry(der, at, len(der)) for _, at in found] == list(map(parse_entry, entries))


@pytest.mark.parametrize("broken", [b"\x30", b"\x30\x80", b"\0", b"\x1f\x20\0"])
def test_what_is_no_element_is_refused(broken: bytes) -> None:
    der = entry(5) + broken

    with pytest.raises(MalformedError, match="revokedCertificates"):
        count_entries(der, 0, len(der))


def test_a_serial_number_is_told_where_the_entry_is_long() -> None:
    for size in (100, 130, 1000):
        der = b"x" + entry(-(2 ** (8 * size)))
        assert serial_octets_at(der, 1) == serial_octets(-(2 ** (8 * size)))


@pytest.mark.parametrize("number", [*range(-300, 300), 2**159, -(2**159), 2**160 - 1])
def test_the_octets_of_a_serial_number_are_those_of_an_integer(number: int) -> None:
    assert hand.tlv(0x02, serial_octets(number)) == hand.integer(number)
