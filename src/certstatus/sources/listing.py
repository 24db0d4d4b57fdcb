"""Pages of what a source lists that holds it all in memory, sorted once for each of its states."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from certstatus.sources.base import Page
from certstatus.sources.serial_number import serial_order

__all__ = ["SortedSerials"]


class SortedSerials:
    """The serial numbers of a state, in order; kept until another state is asked for."""

    def __init__(self) -> None:
        self._state: Sequence[object] = ()
        self._ordered: list[int] | None = None

    def page(
        self,
        state: Sequence[object],
        collect: Callable[[], Iterable[int]],
        after: int | None,
        limit: int,
    ) -> Page:
        """Return the first ``limit`` above ``after``, each without an answer.

        ``state`` are the objects that the serial numbers are taken from by ``collect``; while
        they are the same objects, what was sorted stands.
        """
        ordered = self._sorted(state, collect)
        start = 0 if after is None else bisect_right(ordered, serial_order(after), key=serial_order)
        return [(serial_number, None) for serial_number in ordered[start : start + limit]]

    def count(self, state: Sequence[object], collect: Callable[[], Iterable[int]]) -> int:
        """Return how many there are."""
        return len(self._sorted(state, collect))

    def _sorted(self, state: Sequence[object], collect: Callable[[], Iterable[int]]) -> list[int]:
        is_same = len(state) == len(self._state) and all(
            one is other for one, other in zip(state, self._state, strict=True)
        )
        if self._ordered is None or not is_same:
            self._ordered = sorted(set(collect()), key=serial_order)
            self._state = tuple(state)
        return self._ordered
