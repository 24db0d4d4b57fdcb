"""The serial numbers that a CA issued, one in each line, a million of them in 25 octets each.

Beside a CRL they turn "not listed" into the truth (C10). The numbers are kept, not the lines:
a leading zero or a colon never makes two of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from certstatus.errors import MalformedError
from certstatus.pkix import serial_octets
from certstatus.pkix.serial_table import SerialTable
from certstatus.sources.serial_number import parse_serial

__all__ = ["IssuedSerials"]

_LINES: Final = {
    10: re.compile(rb"([0-9]{1,300})\r?\n|([^\n]*)\n"),
    16: re.compile(rb"([0-9A-Fa-f]{1,254})\r?\n|([^\n]*)\n"),
}
"""A line that is nothing but digits, and as many as are surely no number too long; or any other."""


class IssuedSerials:
    """A set of serial numbers that does not change."""

    def __init__(self, data: bytes, *, base: Literal[10, 16] = 16, where: str) -> None:
        """Read the list; blank lines and # comments are no entries.

        Raises:
            MalformedError: a line is no serial number, or the last one has no end: the file
                is half written.
        """
        if data and not data.endswith(b"\n"):
            raise MalformedError("ends within a line: the file was cut short", where=where)
        # Each number as its length and its octets: 255 octets hold any that may be listed.
        self._packed = bytearray()
        self._table = SerialTable(data.count(b"\n"), self._octets_at, min)
        self._table.add(self._taken_in(_numbers(data, base, where)))

    def _taken_in(self, numbers: Iterator[int]) -> Iterator[tuple[bytes, int]]:
        packed = self._packed
        for number in numbers:
            octets, place = serial_octets(number), len(packed)
            packed.append(len(octets))
            packed += octets
            yield octets, place

    def _octets_at(self, place: int) -> bytes:
        return bytes(self._packed[place + 1 : place + 1 + self._packed[place]])

    def __contains__(self, serial_number: int) -> bool:
        """Whether it was issued."""
        return self._table.get(serial_octets(serial_number)) is not None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._table)

    def __iter__(self) -> Iterator[int]:
        """Yield every serial number in the order of the list, more than once where it is there so."""
        return (int.from_bytes(octets, signed=True) for octets in self._octets())

    def first_not_in(self, other: IssuedSerials) -> int | None:
        """Return the first serial number of this list that another lacks; None: it has all."""
        lost = (octets for octets in self._octets() if other._table.get(octets) is None)
        first = next(lost, None)
        return None if first is None else int.from_bytes(first, signed=True)

    def _octets(self) -> Iterator[bytes]:
        place = 0
        while place < len(self._packed):
            octets = self._octets_at(place)
            yield octets
            place += 1 + len(octets)


def _numbers(data: bytes, base: Literal[10, 16], where: str) -> Iterator[int]:
    for number, line in enumerate(_LINES[base].finditer(data), 1):
        digits = line[1]
        if digits is not None:
            yield int(digits, base)
            continue
        text = line[2].decode(errors="backslashreplace").strip()
        if text and not text.startswith("#"):
            yield parse_serial(text, base=base, where=f"{where} line {number}")
