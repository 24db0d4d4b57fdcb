"""A million serial numbers in four to eight octets each, beside the octets they stand in.

A table of places, found by hashing: the number itself is not copied, whoever owns the octets
says what stands at a place. Half of the table is free at the least, so that a look-up ends
after a step or two. Python's own hash of octets is keyed by process: nobody who gets
serial numbers issued can choose them to fall on one spot.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Final

__all__ = ["SerialTable"]

_FREE: Final = 0


class SerialTable:
    """Places by the octets of serial numbers; a place is an offset below 2**32 - 1."""

    def __init__(
        self, capacity: int, octets_at: Callable[[int], bytes], stands: Callable[[int, int], int]
    ) -> None:
        """Make room for ``capacity`` places.

        ``octets_at`` tells the serial number at a place; ``stands`` chooses, of two places with
        the same one, which stands.
        """
        self._mask = (1 << (2 * capacity).bit_length()) - 1
        self._table = array("I", (_FREE,)) * (self._mask + 1)
        self._octets_at = octets_at
        self._stands = stands
        self._room = capacity
        self._count = 0

    def __len__(self) -> int:
        """Return how many different serial numbers there are."""
        return self._count

    def add(self, found: Iterable[tuple[bytes, int]]) -> None:
        """Note each serial number and its place.

        Raises:
            OverflowError: there is no room for so many.
        """
        table, mask = self._table, self._mask
        for octets, place in found:
            slot = hash(octets) & mask
            while (taken := table[slot]) != _FREE:
                if self._octets_at(taken - 1) == octets:
                    place = self._stands(taken - 1, place)  # noqa: PLW2901 - what is noted
                    break
                slot = (slot + 1) & mask
            else:
                if self._count == self._room:
                    raise OverflowError(f"there is room for {self._room} serial numbers")
                self._count += 1
            table[slot] = place + 1

    def get(self, octets: bytes) -> int | None:
        """Return the place of a serial number."""
        slot = hash(octets) & self._mask
        while (taken := self._table[slot]) != _FREE:
            if self._octets_at(taken - 1) == octets:
                return taken - 1
            slot = (slot + 1) & self._mask
        return None
