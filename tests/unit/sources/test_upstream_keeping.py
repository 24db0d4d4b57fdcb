"""What is kept of an upstream's answers, and for how many."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.limits import MAX_LOCATED_URLS, MAX_PROXIED_ANSWERS, MAX_UPSTREAM_ANSWERS
from certstatus.ocsp import Good
from certstatus.sources import EventKind, Known
from certstatus.sources.upstream_keeping import Alarms, Keeping, Kept, Pauses
from tests.books import NOW

HOUR = timedelta(hours=1)
GOOD = Known(cert_status=Good(), this_update=NOW, next_update=NOW + HOUR, origin="x")
KEPT = Kept(given=GOOD, cert_status=Good(), this_update=NOW, ends=NOW + HOUR, fresh_until=NOW)


def test_the_least_used_goes_first() -> None:
    keeping: Keeping[Known] = Keeping(2)
    keeping.take(1, KEPT, NOW)
    keeping.take(2, KEPT, NOW)
    keeping.find(1, NOW)
    keeping.take(3, KEPT, NOW)

    assert [serial for serial in (1, 2, 3) if keeping.find(serial, NOW)] == [1, 3]


@pytest.mark.parametrize("limit", [MAX_UPSTREAM_ANSWERS, MAX_PROXIED_ANSWERS])
def test_no_more_than_the_limit_are_kept(limit: int) -> None:
    keeping: Keeping[Known] = Keeping(limit)
    for serial in range(limit + 1):
        keeping.take(serial, KEPT, NOW)

    assert len(keeping) == limit


def test_the_oldest_failure_is_forgotten_first() -> None:
    pauses = Pauses(first=HOUR, longest=HOUR, size=2)
    for key in "abc":
        pauses.failed(key, NOW)

    assert [key for key in "abc" if pauses.is_on(key, NOW)] == ["b", "c"]


def test_an_alarm_is_told_when_it_begins_when_it_changes_and_when_it_ends() -> None:
    alarms = Alarms(2)
    told = [
        alarms.begins("a", EventKind.UPSTREAM_FAILED),
        alarms.begins("a", EventKind.UPSTREAM_FAILED),
        alarms.begins("a", EventKind.UPSTREAM_UNTRUSTED),
        alarms.ends("a"),
        alarms.ends("a"),
    ]

    assert told == [True, False, True, True, False]


def test_no_more_alarms_than_the_limit_are_remembered() -> None:
    alarms = Alarms(MAX_LOCATED_URLS)
    for number in range(MAX_LOCATED_URLS + 1):
        alarms.begins(f"http://host/{number}", EventKind.UPSTREAM_FAILED)

    assert len(alarms) == MAX_LOCATED_URLS
    assert not alarms.ends("http://host/0"), "the oldest is forgotten"
