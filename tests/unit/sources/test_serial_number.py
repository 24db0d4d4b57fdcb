"""Serial numbers as people and files write them: one number, one spelling out, many in."""

from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.sources import parse_serial, serial_text
from certstatus.sources.serial_number import is_listable

LONGEST = (1 << 8 * MAX_LISTED_SERIAL_OCTETS) - 1


@pytest.mark.parametrize("text", ["3E8", "03E8", "03e8", "0x3e8", "0X03E8", "03:E8", "3:e8"])
def test_every_hex_spelling_is_one_number(text: str) -> None:
    assert parse_serial(text) == 1000


def test_digits_are_hex_unless_said_otherwise() -> None:
    assert parse_serial("1000") == 0x1000
    assert parse_serial("1000", base=10) == 1000


@pytest.mark.parametrize("number", [0, 1, 0x7F, 0x80, 0x9A, 0xFF, 1000, -1, -128, 2**160 - 1])
def test_text_and_number_go_round(number: int) -> None:
    assert parse_serial(serial_text(number)) == number


def test_text_has_whole_octets() -> None:
    assert [serial_text(number) for number in (0, 10, 1000, -5)] == ["00", "0A", "03E8", "-05"]


@pytest.mark.parametrize("text", ["", " 1", "0x", "-", "1G", "3::8", ":38", "38:", "٣", "1.0"])
def test_what_is_not_hex_is_named(text: str) -> None:
    with pytest.raises(MalformedError, match="not hexadecimal"):
        parse_serial(text)


@pytest.mark.parametrize("text", ["3E8", "0x3E8", "1,000", "٣"])
def test_what_is_not_decimal_is_named(text: str) -> None:
    with pytest.raises(MalformedError, match="not decimal"):
        parse_serial(text, base=10)


def test_the_longest_serial_number_is_listed_and_no_longer_one() -> None:
    assert parse_serial(serial_text(LONGEST)) == LONGEST
    assert parse_serial(str(LONGEST), base=10) == LONGEST
    assert is_listable(LONGEST)
    assert not is_listable(LONGEST + 1)
    for text in (serial_text(LONGEST + 1), "F" * 100_000):
        with pytest.raises(MalformedError, match=f"{MAX_LISTED_SERIAL_OCTETS} octets"):
            parse_serial(text)
    for text in (str(LONGEST + 1), "9" * 100_000):
        with pytest.raises(MalformedError, match=f"{MAX_LISTED_SERIAL_OCTETS} octets"):
            parse_serial(text, base=10)
