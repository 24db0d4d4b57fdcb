"""When the next try is due: at half the life, less often after failures, never past the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certstatus.limits import (
    MAX_STAPLE_LIFE,
    MAX_STAPLE_PAUSE,
    MIN_STAPLE_AGE,
    MIN_STAPLE_PAUSE,
)
from certstatus.staple.schedule import Life, Outcome, Pace, Plan, Tries, plan_try

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
CERTIFICATE_END = NOW + 90 * DAY
LIFE = Life(this_update=NOW, end=NOW + 4 * DAY)
FETCHED = Tries(last=NOW)
MIDDLE = 0.5
"""Dice that spread nothing where they spread to both sides."""


def plan(
    life: Life | None = LIFE,
    tries: Tries = FETCHED,
    *,
    now: datetime = NOW,
    certificate_end: datetime = CERTIFICATE_END,
    dice: float = MIDDLE,
    pace: Pace | None = None,
) -> datetime | None:
    pace = pace or Pace()
    return plan_try(life, tries, now=now, certificate_end=certificate_end, dice=dice, pace=pace).at


def failing(times: int, last: datetime = NOW) -> Tries:
    return Tries(last=last, outcome=Outcome.FAILED, failures=times)


def test_nothing_held_and_nothing_tried_is_due_at_once() -> None:
    assert plan(None, Tries()) == NOW


@pytest.mark.rule("T12")
def test_a_staple_is_renewed_at_half_its_life() -> None:
    assert plan() == NOW + 2 * DAY


@pytest.mark.rule("T12")
@pytest.mark.parametrize(("dice", "share"), [(0.0, 0.4), (0.25, 0.45), (0.999999, 0.6)])
def test_the_dice_spread_renewals_around_the_half(dice: float, share: float) -> None:
    at = plan(dice=dice)

    assert at is not None
    assert abs(at - (NOW + 4 * DAY * share)) < SECOND


def test_a_loaded_staple_past_its_half_is_due_at_once() -> None:
    assert plan(tries=Tries(), now=NOW + 3 * DAY) == NOW + 3 * DAY


@pytest.mark.rule("L14")
@pytest.mark.parametrize(
    ("fresh", "wanted"),
    [
        (timedelta(0), MIN_STAPLE_AGE),
        (2 * HOUR, 2 * HOUR),
        (DAY, DAY),
        (2.5 * DAY, 2.5 * DAY),
        (3.9 * DAY, 3 * DAY),
    ],
)
def test_http_freshness_moves_the_renewal_within_bounds(
    fresh: timedelta, wanted: timedelta
) -> None:
    life = Life(this_update=NOW, end=NOW + 4 * DAY, fresh_until=NOW + fresh)

    assert plan(life, dice=0.0) == NOW + wanted


def test_an_early_max_age_brings_at_most_one_renewal_an_hour() -> None:
    life = Life(this_update=NOW - DAY / 2, end=NOW + 3 * DAY, fresh_until=NOW)

    assert plan(life, dice=0.0) == NOW + MIN_STAPLE_AGE


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1800), (1000, 1800)]
)
def test_the_pause_doubles_with_each_failure_up_to_the_limit(failures: int, pause: int) -> None:
    assert timedelta(seconds=30) == MIN_STAPLE_PAUSE
    assert timedelta(seconds=1800) == MAX_STAPLE_PAUSE

    assert plan(None, failing(failures), dice=0.0) == NOW + timedelta(seconds=pause)
    assert plan(None, failing(failures), dice=0.5) == NOW + timedelta(seconds=pause * 1.25)


def test_near_the_end_of_the_staple_failures_are_followed_sooner() -> None:
    life = Life(this_update=NOW - 4 * DAY, end=NOW + timedelta(minutes=10))

    assert plan(life, failing(1000), dice=0.0) == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("tries", [failing(1000), Tries(last=NOW, outcome=Outcome.SAME)])
def test_however_near_the_end_the_least_pause_is_kept(tries: Tries) -> None:
    life = Life(this_update=NOW - DAY, end=NOW + 2 * SECOND)

    assert plan(life, tries) == NOW + MIN_STAPLE_PAUSE


def test_no_pace_makes_a_try_come_after_the_end() -> None:
    slow = Pace(min_pause=SECOND, max_pause=9 * DAY, min_age=9 * DAY, max_life=90 * DAY)
    brief = Life(this_update=NOW - DAY, end=NOW + HOUR, fresh_until=NOW + 9 * DAY)

    assert (plan(brief, failing(1000), pace=slow) or NOW) <= NOW + HOUR
    assert (plan(brief, Tries(), pace=slow) or NOW) <= NOW + HOUR


def test_where_nothing_newer_came_half_of_what_is_left_is_waited() -> None:
    same = Tries(last=NOW + 2 * DAY, outcome=Outcome.SAME)

    assert plan(tries=same, now=NOW + 2 * DAY, dice=0.0) == NOW + 3 * DAY


def test_a_new_staple_that_is_past_its_half_already_is_waited_for_likewise() -> None:
    life = Life(this_update=NOW - 3 * DAY, end=NOW + DAY)

    assert plan(life, dice=0.0) == NOW + DAY / 2


def test_a_life_without_measure_is_cut() -> None:
    life = Life(this_update=NOW, end=NOW + 3000 * DAY)

    assert plan(life) == NOW + MAX_STAPLE_LIFE / 2


def test_the_plan_wakes_when_the_certificate_ends_and_is_the_last() -> None:
    end = NOW + HOUR

    assert plan(certificate_end=end) == end + SECOND
    assert plan(certificate_end=end, now=end + SECOND) is None


def test_a_clock_put_back_prolongs_no_wait() -> None:
    made = Plan(NOW + HOUR, NOW)

    assert made.as_of(NOW + SECOND) is made
    assert made.as_of(NOW - 9000 * DAY) == Plan(NOW - 9000 * DAY + HOUR, NOW - 9000 * DAY)
    assert Plan(None, NOW).as_of(NOW - DAY).at is None
    assert plan(None, failing(1, NOW + 9000 * DAY), dice=0.0) == NOW + MIN_STAPLE_PAUSE


def test_a_plan_is_due_from_its_moment_on_and_never_where_there_is_none() -> None:
    assert not Plan(NOW, NOW).is_due(NOW - SECOND)
    assert Plan(NOW, NOW).is_due(NOW)
    assert not Plan(None, NOW).is_due(NOW + 9000 * DAY)


def test_failures_are_counted_in_a_row() -> None:
    tries = Tries()
    counts = []
    for outcome in (Outcome.FAILED, Outcome.FAILED, Outcome.SAME, Outcome.FAILED, Outcome.NEWER):
        tries = tries.then(outcome, NOW + HOUR)
        counts.append(tries.failures)

    assert Tries().failures == 0
    assert counts == [1, 2, 0, 1, 0]
    assert tries == Tries(last=NOW + HOUR, outcome=Outcome.NEWER)


def test_a_loaded_staple_is_renewed_at_its_half_as_if_it_had_been_fetched() -> None:
    assert plan(LIFE, Tries(), now=NOW + HOUR) == NOW + 2 * DAY
    assert plan(LIFE, Tries(), now=LIFE.end) == LIFE.end


def test_a_pause_begins_with_the_try_and_not_with_the_plan() -> None:
    assert plan(None, failing(1, last=NOW - HOUR)) == NOW


def test_a_failure_is_tried_again_soon_however_long_the_staple_holds() -> None:
    assert plan(LIFE, failing(1)) == NOW + MIN_STAPLE_PAUSE * 1.25


@pytest.mark.parametrize(("dice", "share"), [(0.0, 1.0), (0.999999, 0.9)])
def test_the_dice_make_the_wait_for_something_newer_shorter(dice: float, share: float) -> None:
    at = plan(LIFE, Tries(last=NOW, outcome=Outcome.SAME), dice=dice)

    assert at is not None
    assert abs(at - (NOW + 2 * DAY * share)) < SECOND


def test_the_certificates_last_second_still_belongs_to_it() -> None:
    assert plan(None, Tries(), now=CERTIFICATE_END) == CERTIFICATE_END
    assert plan(None, Tries(), now=CERTIFICATE_END + SECOND) is None
