"""What the project asks of its speed, and whether a run reached it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from bench.spread import Spread

__all__ = ["Figure", "print_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: of which work, what is asked for, and what was measured.

    ``is_reached`` is None where nothing was measured; then ``measured`` says why.
    """

    work: str
    asked: str
    measured: str
    is_reached: bool | None

    @classmethod
    def at_most(cls, work: str, bound: float, unit: str, measured: Spread | float | None) -> Self:
        """Judge a figure that is to be small; of several runs the median counts."""
        return cls._judged(work, f"≤ {bound:g} {unit}", measured, lambda one: one <= bound)

    @classmethod
    def at_least(cls, work: str, bound: float, unit: str, measured: Spread | float | None) -> Self:
        """Judge a figure that is to be great."""
        return cls._judged(work, f"≥ {bound:g} {unit}", measured, lambda one: one >= bound)

    @classmethod
    def _judged(
        cls,
        work: str,
        asked: str,
        measured: Spread | float | None,
        is_enough: Callable[[float], bool],
    ) -> Self:
        if measured is None:
            return cls(work=work, asked=asked, measured="not measured", is_reached=None)
        if isinstance(measured, Spread):
            text, one = measured.text(), measured.median
        else:
            text, one = f"{measured:,.3g}", measured
        return cls(work=work, asked=asked, measured=text, is_reached=is_enough(one))

    @property
    def verdict(self) -> str:
        """Say in a word whether it is reached."""
        return {True: "reached", False: "**not reached**", None: "—"}[self.is_reached]


def print_figures(figures: Iterable[Figure]) -> None:
    """Print a Markdown table."""
    print("| work | asked for | measured | |")
    print("|---|---:|---:|---|")
    for one in figures:
        print(f"| {one.work} | {one.asked} | {one.measured} | {one.verdict} |")
