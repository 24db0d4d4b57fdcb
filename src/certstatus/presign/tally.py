"""What signing in advance has done, counted; and what it tells of single answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Self, TypeAlias

__all__ = ["Observer", "Problem", "Tally"]


@dataclass(slots=True)
class Tally:
    """Counts of answers, but for ``looked_at`` and ``unlisted``, which count certificates.

    ``fresh`` were not due; ``newer`` were signed, and something newer was in the store
    already; ``refused`` were signed, and the linter would not have them; ``failed`` could
    not be signed. ``unlisted`` are certificates of which nothing is stored.
    """

    looked_at: int = 0
    unlisted: int = 0
    signed: int = 0
    fresh: int = 0
    newer: int = 0
    refused: int = 0
    failed: int = 0

    def __iadd__(self, other: Tally) -> Self:
        """Add what another has counted."""
        for name, count in other.counts().items():
            setattr(self, name, getattr(self, name) + count)
        return self

    def counts(self) -> Mapping[str, int]:
        """Return every count by its name."""
        return asdict(self)

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Self:
        """Make it of counts by name."""
        return cls(**counts)

    @property
    def is_whole(self) -> bool:
        """Whether every answer that was due is in the store."""
        return not self.refused and not self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One answer that is not in the store, and why; ``rules`` are those that it breaks."""

    authority: str
    serial_number: int
    form: str
    is_defect: bool
    detail: str
    rules: tuple[str, ...] = ()


Observer: TypeAlias = Callable[[Problem], None]
"""Hears of every problem; it must not block."""
