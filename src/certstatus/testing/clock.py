"""A clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["FixedClock"]


@dataclass(slots=True)
class FixedClock:
    """A Clock for tests; ``moment`` is aware UTC."""

    moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.moment += by
