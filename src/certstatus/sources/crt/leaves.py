"""A tree's leaves as they stand in its file: a million of them without a million objects.

At load every leaf's range is read by hand and held to its neighbours', which takes a
sixth of what the declarations take; a leaf is read by its declaration, and its revocation
with it, when it is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.sources.crt.message import Leaf

__all__ = ["Leaves"]

_SEQUENCE: Final = 0x30
_LOW: Final = 0x80
_HIGH: Final = 0x81
_REVOCATION: Final = 0xA2
_LONG_FORM: Final = 0x80
_MOST_LENGTH_OCTETS: Final = 4
_MOST_SERIAL_OCTETS: Final = MAX_LISTED_SERIAL_OCTETS + 1
"""With the octet that a sign may take."""


class Leaves:
    """The leaves of one tree, in order: every serial number lies in exactly one of them (K1)."""

    def __init__(self, data: memoryview, count: int) -> None:
        """Read the contents of ``leaves SEQUENCE OF Leaf``, which stay where they are.

        Raises:
            MalformedError: they are not ``count`` leaves, whose ranges follow each other
                without gap or overlap and leave no serial number out.
        """
        self._data = data
        self._starts = array("Q")
        try:
            self._read(count)
        except IndexError:
            raise MalformedError("is cut short", where=self._where()) from None

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[memoryview]:
        """Yield the DER of every leaf, without a copy."""
        for position in range(len(self)):
            yield self._view(position)

    def der(self, position: int) -> bytes:
        """Return the DER of the leaf at ``position``, counted from 0."""
        return bytes(self._view(position))

    def leaf(self, position: int) -> Leaf:
        """Read the leaf at ``position``.

        Raises:
            MalformedError: its revocation breaks the grammar.
        """
        return Leaf.from_der(self.der(position))

    def find(self, serial_number: int) -> int:
        """Return the position of the leaf that covers a serial number."""
        return bisect_right(range(1, len(self)), serial_number, key=self._low)

    def serial_numbers(self) -> Iterator[int]:
        """Yield every serial number that is revoked: where each leaf but the first begins."""
        return map(self._low, range(1, len(self)))

    def _view(self, position: int) -> memoryview:
        is_last = position + 1 == len(self._starts)
        end = len(self._data) if is_last else self._starts[position + 1]
        return self._data[self._starts[position] : end]

    def _low(self, position: int) -> int:
        start, _ = _element(self._data, self._starts[position], _SEQUENCE)
        return _integer(self._data, *_element(self._data, start, _LOW))

    def _where(self) -> str:
        return f"RevocationTree.leaves[{len(self._starts)}]"

    def _read(self, count: int) -> None:
        data, at, bound = self._data, 0, None
        for position in range(count):
            if at == len(data):
                raise self._miscounted(f"are {position}, and the root counts {count}")
            low, high, end = self._range(at)
            if position and (bound is None or low != bound):
                raise self._broken("does not begin where the leaf before it ends")
            if high is None and end < len(data):
                raise self._broken("has no high end, and is not the last")
            if not position and low is not None:
                raise self._broken("has a low end, and is the first")
            self._starts.append(at)
            at, bound = end, high
        if at < len(data):
            raise self._miscounted(f"are more than the {count} that the root counts")
        if bound is not None:
            raise self._broken("is missing: the last one has a high end")

    def _range(self, at: int) -> tuple[memoryview | None, memoryview | None, int]:
        """Read the ends of the leaf at ``at``, as octets, and where the leaf itself ends."""
        data = self._data
        place, end = _element(data, at, _SEQUENCE)
        low = high = None
        if place < end and data[place] == _LOW:
            low, place = self._bound(place, _LOW)
        if place < end and data[place] == _HIGH:
            high, place = self._bound(place, _HIGH)
        if (place < end) != (low is not None):
            raise self._broken("has a low end without a revocation, or one without the other")
        if place < end:
            _, place = _element(data, place, _REVOCATION)
        if place != end:
            raise self._broken("has a length that is not its contents'")
        if low is not None and high is not None and not _is_below(low, high):
            raise self._broken("has a low end that is not below its high end")
        return low, high, end

    def _bound(self, at: int, tag: int) -> tuple[memoryview, int]:
        start, end = _element(self._data, at, tag)
        if not 1 <= end - start <= _MOST_SERIAL_OCTETS:
            raise self._broken(f"has a bound of {end - start} octets")
        return self._data[start:end], end

    def _broken(self, problem: str) -> MalformedError:
        return MalformedError(problem, where=self._where(), rule="K1")

    @staticmethod
    def _miscounted(problem: str) -> MalformedError:
        return MalformedError(problem, where="RevocationTree.leaves", rule="K7")


def _is_below(low: memoryview, high: memoryview) -> bool:
    return int.from_bytes(low, signed=True) < int.from_bytes(high, signed=True)


def _integer(data: memoryview, start: int, end: int) -> int:
    return int.from_bytes(data[start:end], signed=True)


def _element(data: memoryview, at: int, tag: int) -> tuple[int, int]:
    """Return where the contents of the element at ``at`` begin and end.

    Raises IndexError where the element is cut short.
    """
    if data[at] != tag:
        raise MalformedError(f"has the tag {data[at]:#04x}, not {tag:#04x}", where="Leaf")
    size, start = data[at + 1], at + 2
    if size & _LONG_FORM:
        octets = size & ~_LONG_FORM
        if not 1 <= octets <= _MOST_LENGTH_OCTETS:
            raise MalformedError("has a length that no leaf has", where="Leaf")
        size = int.from_bytes(data[start : start + octets])
        start += octets
    end = start + size
    if end > len(data):
        raise IndexError
    return start, end
