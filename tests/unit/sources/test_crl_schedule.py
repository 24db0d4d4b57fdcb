"""When a CRL's place is looked at: by the CRL's pace, by HTTP's word, and less often where it fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import CRL_REFRESH, MAX_CRL_PAUSE, MIN_CRL_PAUSE
from certstatus.sources.crl_schedule import CRLPace, Tries, next_try

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days")
)
PACE = CRLPace()
MOMENTS = st.timedeltas(-DAY * 30, DAY * 30).map(lambda by: NOW + by)


def wait(next_update: datetime | None, dice: float = 0.0, **tries: object) -> timedelta:
    """Say how long after a look that has just ended the next one comes."""
    done = Tries(last=NOW, **tries)  # type: ignore[arg-type]
    return next_try(next_update, done, now=NOW, dice=dice, pace=PACE) - NOW


def test_a_place_never_looked_at_is_looked_at_now() -> None:
    assert next_try(None, Tries(), now=NOW, dice=0.9, pace=PACE) == NOW


def test_while_all_is_well_a_place_is_looked_at_each_refresh() -> None:
    assert wait(NOW + 7 * DAY) == CRL_REFRESH == HOUR


@pytest.mark.parametrize(("left", "expected"), [(HOUR, HOUR / 2), (10 * MINUTE, 5 * MINUTE)])
def test_a_short_lived_crl_is_looked_for_at_half_of_what_is_left(
    left: timedelta, expected: timedelta
) -> None:
    assert wait(NOW + left) == expected


def test_near_its_end_it_is_looked_for_every_half_minute() -> None:
    assert wait(NOW + SECOND) == MIN_CRL_PAUSE == 30 * SECOND


def test_http_may_say_that_there_is_news_earlier_and_never_later() -> None:
    assert wait(NOW + 7 * DAY, fresh_until=NOW + 10 * MINUTE) == 10 * MINUTE
    assert wait(NOW + 7 * DAY, fresh_until=NOW + DAY) == HOUR
    assert wait(NOW + 7 * DAY, fresh_until=NOW) == HOUR
    assert wait(NOW + 7 * DAY, fresh_until=NOW + SECOND) == MIN_CRL_PAUSE


def test_a_place_that_fails_is_looked_at_less_and_less_often() -> None:
    waits = [wait(None, failures=failures) for failures in range(1, 9)]

    assert waits[:4] == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert waits[-1] == MAX_CRL_PAUSE == 5 * MINUTE


def test_a_failure_near_the_end_of_the_crl_does_not_wait_past_it() -> None:
    assert wait(NOW + 3 * MINUTE, failures=20) == 90 * SECOND
    assert wait(NOW - HOUR, failures=20) == MAX_CRL_PAUSE


def test_the_dice_spread_looks() -> None:
    assert wait(NOW + 7 * DAY, dice=0.5) == HOUR * 0.95
    assert wait(None, dice=0.5, failures=1) == 37.5 * SECOND


def test_a_clock_that_was_put_back_lets_nobody_wait_longer() -> None:
    tries = Tries(last=NOW + DAY)

    assert next_try(NOW + 7 * DAY, tries, now=NOW, dice=0, pace=PACE) <= NOW + HOUR


@given(
    next_update=st.none() | MOMENTS,
    last=MOMENTS,
    failures=st.integers(0, 200),
    fresh_until=st.none() | MOMENTS,
    dice=st.floats(0, 1, exclude_max=True),
)
def test_the_next_look_is_never_sooner_than_the_pause_nor_later_than_the_refresh(
    next_update: datetime | None,
    last: datetime,
    failures: int,
    fresh_until: datetime | None,
    dice: float,
) -> None:
    tries = Tries(last=last, failures=failures, fresh_until=fresh_until)
    at = next_try(next_update, tries, now=NOW, dice=dice, pace=PACE)

    assert MIN_CRL_PAUSE <= at - min(last, NOW) <= CRL_REFRESH
