"""The median of some runs, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Self

__all__ = ["Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the least and the greatest of some figures."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Self:
        """Sum up; there must be one at least."""
        ordered = sorted(figures)
        return cls(median(ordered), ordered[0], ordered[-1])

    @classmethod
    def of_ratios(cls, ours: Iterable[float], theirs: Iterable[float]) -> Self:
        """Sum up how figures stand beside those of the same round."""
        return cls.of(one / other for one, other in zip(ours, theirs, strict=True))

    def text(self, form: str = ",.2f") -> str:
        """Write it as ``1.10 (1.05-1.20)``, with a dash of print."""
        least, greatest = format(self.least, form), format(self.greatest, form)
        return f"{format(self.median, form)} ({least}–{greatest})"
