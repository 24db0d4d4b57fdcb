"""What is kept of an upstream's answers, and for how many."""

from __future__ import annotations

from datetime import timedelta

from certstatus.limits import MAX_UPSTREAM_ANSWERS
from certstatus.ocsp import Good
from certstatus.sources import Known
from certstatus.sources.upstream_keeping import Keeping, Kept, Pauses
from tests.books import NOW

HOUR = timedelta(hours=1)
GOOD = Known(cert_status=Good(), this_update=NOW, next_update=NOW + HOUR, origin="x")
KEPT = Kept(GOOD, NOW + HOUR, NOW)


def test_the_least_used_goes_first() -> None:
    keeping = Keeping(2)
    keeping.take(1, KEPT, NOW)
    keeping.take(2, KEPT, NOW)
    keeping.find(1, NOW)
    keeping.take(3, KEPT, NOW)

    assert [serial for serial in (1, 2, 3) if keeping.find(serial, NOW)] == [1, 3]


def test_no_more_than_the_limit_are_kept() -> None:
    keeping = Keeping(MAX_UPSTREAM_ANSWERS)
    for serial in range(MAX_UPSTREAM_ANSWERS + 1):
        keeping.take(serial, KEPT, NOW)

    assert len(keeping) == MAX_UPSTREAM_ANSWERS


def test_what_is_dropped_is_gone() -> None:
    keeping = Keeping(2)
    keeping.take(1, KEPT, NOW)
    keeping.drop(1)
    keeping.drop(1)

    assert keeping.find(1, NOW) is None


def test_the_oldest_failure_is_forgotten_first() -> None:
    pauses = Pauses(first=HOUR, longest=HOUR, size=2)
    for key in "abc":
        pauses.failed(key, NOW)

    assert [key for key in "abc" if pauses.is_on(key, NOW)] == ["b", "c"]
