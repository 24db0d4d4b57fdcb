"""Serial numbers as people, files and databases write them.

Hexadecimal unless said otherwise, never guessed: 1234 in an index is not 1234 in a
report. Numbers, not bytes or text, are compared, so a leading zero or a sign octet never
makes two of one.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS

__all__ = ["is_listable", "parse_serial", "serial_order", "serial_text"]

_HEX: Final = re.compile(r"(-?)(?:0[xX])?([0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{2})+|[0-9A-Fa-f]+)")
_DECIMAL: Final = re.compile(r"-?[0-9]+")
_SHOWN: Final = 64
_MOST_DIGITS: Final = 310
"""Decimal digits of the longest serial number that can be listed; Python's int stops at 4300."""


def is_listable(serial_number: int) -> bool:
    """Whether a source may list it: at most ``MAX_LISTED_SERIAL_OCTETS`` octets."""
    return serial_number.bit_length() <= 8 * MAX_LISTED_SERIAL_OCTETS


def serial_order(serial_number: int) -> tuple[bool, int]:
    """Return what serial numbers are sorted by, here and in the database.

    By value; negative ones, which RFC 5280 forbids and CAs have issued, come first by size.
    """
    return serial_number >= 0, abs(serial_number)


def serial_text(serial_number: int) -> str:
    """Write a serial number as OpenSSL does: whole octets, capitals, 03E8."""
    digits = f"{abs(serial_number):X}"
    sign = "-" if serial_number < 0 else ""
    return sign + digits.zfill(len(digits) + len(digits) % 2)


def parse_serial(text: str, *, base: Literal[10, 16] = 16, where: str = "serialNumber") -> int:
    """Read a serial number: 03E8, 0x3e8, 03:E8; with ``base`` 10, 1000.

    Raises:
        MalformedError: it is not a number of that base, or is too long.
    """
    found = (_HEX if base == 16 else _DECIMAL).fullmatch(text)
    kind = "hexadecimal" if base == 16 else "decimal"
    if found is None:
        raise MalformedError(f"{text[:_SHOWN]!r} is not {kind}", where=where)
    digits = text if base == 10 else found[1] + found[2].replace(":", "")
    if len(digits) > _MOST_DIGITS or not is_listable(number := int(digits, base)):
        raise MalformedError(f"is longer than {MAX_LISTED_SERIAL_OCTETS} octets", where=where)
    return number
