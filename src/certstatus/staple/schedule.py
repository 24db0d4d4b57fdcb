"""When to try for the next staple. Does no I/O, asks no clock, throws no dice.

A staple is renewed at half its life, and the more often the nearer its end, while the
last good one is served; a responder that fails is asked less and less often. Nothing makes
the next try come later than the staple's end, or sooner than ``min_pause`` after the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from certstatus.limits import (
    MAX_STAPLE_LIFE,
    MAX_STAPLE_PAUSE,
    MIN_STAPLE_AGE,
    MIN_STAPLE_PAUSE,
)

__all__ = ["DEFAULT_PACE", "Life", "Outcome", "Pace", "Plan", "Tries", "plan_try"]

_SPREAD: Final = 0.1
"""Renewals are spread over this share of a life on both sides of its half."""

_LATEST: Final = 0.75
"""HTTP freshness puts a renewal off up to this share of a life: the rest is for raising an alarm."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often to try; the defaults suit responders of the public."""

    min_pause: timedelta = MIN_STAPLE_PAUSE
    max_pause: timedelta = MAX_STAPLE_PAUSE
    min_age: timedelta = MIN_STAPLE_AGE
    max_life: timedelta = MAX_STAPLE_LIFE


DEFAULT_PACE: Final = Pace()


@dataclass(frozen=True, kw_only=True)
class Life:
    """A held response's times, aware UTC: ``end`` is the last moment at which it is served.

    ``fresh_until`` is when HTTP says that it is worth asking again; None: it doesn't say.
    """

    this_update: datetime
    end: datetime
    fresh_until: datetime | None = None


class Outcome(StrEnum):
    """What came of a try."""

    NEWER = "newer"
    SAME = "same"
    """An answer to be believed, and none that is newer than what is held."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Tries:
    """The tries so far: when the last was, how it ended, and how many failed in a row."""

    last: datetime | None = None
    outcome: Outcome = Outcome.NEWER
    failures: int = 0

    def then(self, outcome: Outcome, now: datetime) -> Tries:
        """Add a try that ended now."""
        failures = self.failures + 1 if outcome is Outcome.FAILED else 0
        return Tries(last=now, outcome=outcome, failures=failures)


@dataclass(frozen=True, slots=True)
class Plan:
    """When to try next, and when that was decided; ``at`` None: never again."""

    at: datetime | None
    made: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it is time."""
        return self.at is not None and self.at <= now

    def as_of(self, now: datetime) -> Plan:
        """Return the plan by a clock that may have been put back: the wait grows no longer."""
        if now >= self.made:
            return self
        return Plan(None if self.at is None else now + (self.at - self.made), now)


def plan_try(
    life: Life | None,
    tries: Tries,
    *,
    now: datetime,
    certificate_end: datetime,
    dice: float,
    pace: Pace = DEFAULT_PACE,
) -> Plan:
    """Say when to try next.

    Args:
        life: of the response that is held; None where there is none.
        tries: what was tried so far.
        now: aware UTC.
        certificate_end: the certificate's notAfter. From then on nobody asks (L9); the plan
            wakes there, to say so.
        dice: a random number from 0 up to 1, thrown anew for each plan.
        pace: how often.
    """
    if now > certificate_end:
        return Plan(None, now)
    if tries.last is not None and tries.last > now:
        tries = replace(tries, last=now)  # the clock was put back
    at = _wanted(life, tries, now, dice, pace)
    if tries.last is not None:
        at = max(at, tries.last + pace.min_pause)
    # The end itself still belongs to the certificate's validity.
    return Plan(min(max(at, now), certificate_end + timedelta(seconds=1)), now)


def _wanted(life: Life | None, tries: Tries, now: datetime, dice: float, pace: Pace) -> datetime:
    """Say when a try would be best, were there no bounds."""
    if tries.last is None:
        return now if life is None or life.end <= now else _renewal(life, None, dice, pace)
    if tries.outcome is Outcome.NEWER and life is not None:
        renewal = _renewal(life, tries.last, dice, pace)
        if renewal > tries.last:
            return renewal
        # What came was past its half already: some cache on the way keeps it.
    pause = _pause(tries, dice, pace)
    if life is not None and life.end > tries.last:
        left = min(life.end - tries.last, pace.max_life) / 2 * (1 - dice * _SPREAD)
        pause = min(pause, left) if tries.outcome is Outcome.FAILED else left
    return tries.last + pause


def _renewal(life: Life, fetched: datetime | None, dice: float, pace: Pace) -> datetime:
    """Half of the life, or when HTTP says that it is worth asking (T12, L14), spread by the dice."""
    whole = min(life.end - life.this_update, pace.max_life)
    spread = whole * _SPREAD
    half = life.this_update + whole / 2 + spread * (2 * dice - 1)
    if life.fresh_until is None:
        return half
    earliest = min(half, (fetched or life.this_update) + pace.min_age)
    latest = life.this_update + whole * _LATEST
    return min(max(life.fresh_until + spread * dice, earliest), latest)


def _pause(tries: Tries, dice: float, pace: Pace) -> timedelta:
    """Double the pause with each failure, and make it up to half as long again."""
    doubled = pace.min_pause * (1 << min(max(tries.failures - 1, 0), 20))
    return min(doubled, pace.max_pause) * (1 + dice / 2)
