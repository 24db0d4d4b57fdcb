"""When to look for the next CRL. Does no I/O, asks no clock, throws no dice.

While all is well, a place is looked at when HTTP says that there may be news, at half of
what is left of the CRL's life, or after ``refresh``, whichever comes first; a look costs
little, for it is conditional. A place that fails is tried less and less often, and the more
often the nearer the end of what it gave before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from certstatus.limits import CRL_REFRESH, MAX_CRL_PAUSE, MIN_CRL_PAUSE

__all__ = ["CRLPace", "Tries", "next_try"]

_SPREAD: Final = 0.1
"""A look comes up to this share of its wait early, so that many nodes don't look at once."""


@dataclass(frozen=True, kw_only=True)
class CRLPace:
    """How often to look."""

    refresh: timedelta = CRL_REFRESH
    min_pause: timedelta = MIN_CRL_PAUSE
    max_pause: timedelta = MAX_CRL_PAUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """When the last look ended, how many failed in a row, and what HTTP said then.

    ``fresh_until`` is when HTTP says that it is worth looking again; None: it doesn't say.
    All times are aware UTC.
    """

    last: datetime | None = None
    failures: int = 0
    fresh_until: datetime | None = None

    def failed(self, now: datetime) -> Tries:
        """Add a look that failed."""
        return Tries(last=now, failures=self.failures + 1)


def next_try(
    next_update: datetime | None, tries: Tries, *, now: datetime, dice: float, pace: CRLPace
) -> datetime:
    """Say when to look next.

    Args:
        next_update: of the CRL that is held; None where there is none.
        tries: the looks so far.
        now: aware UTC.
        dice: a random number from 0 up to 1, thrown anew for each plan.
        pace: how often.
    """
    if tries.last is None:
        return now
    last = min(tries.last, now)  # the clock was put back
    left = None if next_update is None or next_update <= last else next_update - last
    wait = (
        _after_failures(tries, left, dice, pace)
        if tries.failures
        else _while_well(tries, left, pace)
    )
    spread = 1.0 if tries.failures else 1 - dice * _SPREAD
    return last + max(wait * spread, pace.min_pause)


def _while_well(tries: Tries, left: timedelta | None, pace: CRLPace) -> timedelta:
    wait = pace.refresh
    if tries.last is not None and tries.fresh_until is not None and tries.fresh_until > tries.last:
        wait = min(wait, tries.fresh_until - tries.last)
    return wait if left is None else min(wait, left / 2)


def _after_failures(tries: Tries, left: timedelta | None, dice: float, pace: CRLPace) -> timedelta:
    """Double the pause with each failure, and make it up to half as long again."""
    doubled = pace.min_pause * (1 << min(tries.failures - 1, 20))
    pause = min(doubled, pace.max_pause) * (1 + dice / 2)
    return pause if left is None else min(pause, left / 2)
