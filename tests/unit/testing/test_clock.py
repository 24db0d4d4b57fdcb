"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from certstatus.clock import Clock
from certstatus.testing import FixedClock


def test_the_clock_stands_until_it_is_moved() -> None:
    clock: Clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(days=1))
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_time_is_aware_utc() -> None:
    assert FixedClock().now().utcoffset() == timedelta(0)
