"""The list of issued serial numbers that may stand beside a CRL."""

from __future__ import annotations

import tracemalloc
from typing import Literal

import pytest

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.sources.issued import IssuedSerials

LONGEST = 256**MAX_LISTED_SERIAL_OCTETS - 1


def listed(text: str, base: Literal[10, 16] = 16) -> IssuedSerials:
    return IssuedSerials(text.encode(), base=base, where="issued")


@pytest.mark.rule("C10")
def test_a_list_has_one_in_each_line() -> None:
    found = listed("# issued in 2026\n03E8\r\n\n 0x3E9 \n3E8\n03:ea\n-5\n")

    assert [number for number in range(-10, 2000) if number in found] == [-5, 1000, 1001, 1002]
    assert list(found) == [1000, 1001, 1000, 1002, -5]
    assert len(found) == 4


@pytest.mark.parametrize("base", [10, 16])
def test_a_number_of_any_size_that_can_be_listed_is_found(base: Literal[10, 16]) -> None:
    numbers = [0, 9, 10, 127, 128, 255, 256, 2**159, 2**160 - 1, 2**900, LONGEST]
    found = listed("".join(f"{one:{'d' if base == 10 else 'X'}}\n" for one in numbers), base)

    assert all(number in found for number in numbers)
    assert not any(number + 3 in found or ~number in found for number in numbers)


@pytest.mark.parametrize("text", ["", "\n\n", "# none yet\n"])
def test_an_empty_list_has_none(text: str) -> None:
    assert len(listed(text)) == 0
    assert 5 not in listed(text)


@pytest.mark.parametrize(
    ("text", "base", "problem"),
    [
        ("03E8\nleaf\n", 16, "issued line 2: 'leaf' is not hexadecimal"),
        ("5\n\n3E8\n", 10, "issued line 3: '3E8' is not decimal"),
        ("1_0\n", 16, "issued line 1: '1_0' is not hexadecimal"),
        (f"{LONGEST + 1:X}\n", 16, "issued line 1: is longer than 127 octets"),
        (f"{LONGEST + 1}\n", 10, "issued line 1: is longer than 127 octets"),
        (f"{'0' * 500}9\n", 10, "issued line 1: is longer than 127 octets"),
        ("03E8\n\xff\n", 16, "issued line 2: "),
    ],
)
def test_a_bad_line_is_named(text: str, base: Literal[10, 16], problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        listed(text, base)


def test_a_list_cut_within_a_line_is_refused() -> None:
    """03E8 cut to 03 would be another serial number, with nothing to show for it."""
    with pytest.raises(MalformedError, match="cut short"):
        listed("03E8\n03")


def test_what_a_newer_list_lacks_is_named() -> None:
    older = listed("03E8\n03E9\n-7\n")

    assert older.first_not_in(listed("3e9\n3e8\n-7\n5\n")) is None
    assert older.first_not_in(listed("3E8\n3EA\n")) == 0x3E9
    assert older.first_not_in(listed("3E8\n3E9\n")) == -7
    assert listed("").first_not_in(listed("")) is None


def test_a_million_take_a_tenth_of_what_objects_take() -> None:
    count = 20_000
    data = "".join(f"{2**120 + one:X}\n" for one in range(count)).encode()
    tracemalloc.start()
    try:
        found = IssuedSerials(data, where="issued")
        needed, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(found) == count
    assert needed < 36 * count
    assert most < 40 * count
