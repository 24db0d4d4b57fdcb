"""The machine's clock tells aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from certstatus.clock import Clock, SystemClock


def test_the_machines_clock_tells_aware_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)

    now = clock.now()

    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)
