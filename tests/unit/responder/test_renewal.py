from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import MIN_RENEWAL_SHARE, RENEWAL_MARGIN, RENEWAL_SPREAD
from certstatus.responder.renewal import (
    fresh_until,
    interval_problem,
    latest_renewal,
    renew_at,
    share_of,
)
from certstatus.signing import Profile
from tests.desk import DAY, HOUR, NOW

SECOND = timedelta(seconds=1)


def until(
    this_update: datetime,
    next_update: datetime,
    profile: Profile = Profile.RFC_6960,
    refresh: timedelta | None = None,
) -> datetime:
    return fresh_until(
        produced_at=NOW,
        this_update=this_update,
        next_update=next_update,
        profile=profile,
        refresh=refresh,
    )


def test_an_answer_is_fresh_until_half_way_to_its_end() -> None:
    assert until(NOW - HOUR, NOW + 2 * DAY) == NOW + DAY


def test_a_policy_may_shorten_that_and_never_lengthen_it() -> None:
    assert until(NOW, NOW + 2 * DAY, refresh=9 * DAY) == NOW + DAY
    assert until(NOW, NOW + 2 * DAY, refresh=HOUR) == NOW + HOUR


def test_br_shorten_what_would_be_kept_for_more_than_four_days() -> None:
    assert until(NOW, NOW + 10 * DAY - SECOND) == NOW + 5 * DAY - SECOND
    assert until(NOW, NOW + 10 * DAY - SECOND, Profile.CABF) == NOW + 4 * DAY - SECOND


def test_what_is_overdue_from_the_start_keeps_a_share_of_its_life() -> None:
    """Its CRL is five days old: signing it anew each second would make it no younger."""
    kept = until(NOW - 5 * DAY, NOW + 2 * DAY, Profile.CABF)

    assert kept == NOW + 2 * DAY * MIN_RENEWAL_SHARE


TIMES = st.integers(8 * 3600 - 1, 10 * 86_400 - 1).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.rule("B2")
@given(life=TIMES, backdate=st.integers(0, 3600), share=st.floats(0, 1, exclude_max=True))
def test_every_answer_is_renewed_while_br_allow_it(
    life: timedelta, backdate: int, share: float
) -> None:
    this_update = NOW - timedelta(seconds=backdate)
    next_update = this_update + life
    end = until(this_update, next_update, Profile.CABF)
    due = renew_at(NOW, end, share)

    assert NOW < due < end <= latest_renewal(this_update, next_update)
    assert interval_problem(this_update, next_update) is None


def test_renewals_are_spread_and_leave_time_for_the_work() -> None:
    due = [renew_at(NOW, NOW + 100 * HOUR, share / 10) for share in range(10)]

    assert due[0] == NOW + 100 * HOUR * (1 - RENEWAL_MARGIN)
    assert min(due) > NOW + 100 * HOUR * (1 - RENEWAL_MARGIN - RENEWAL_SPREAD)
    assert {earlier - later for earlier, later in pairwise(due)} == {2 * HOUR}


def test_every_key_has_a_share_of_its_own_that_stays() -> None:
    shares = [share_of(number.to_bytes(2)) for number in range(1000)]

    assert shares == [share_of(number.to_bytes(2)) for number in range(1000)]
    # Chance would have it within these bounds in all but one of 10^9 runs; it is no chance.
    assert all(60 < sum(at <= one * 10 < at + 1 for one in shares) < 140 for at in range(10))
