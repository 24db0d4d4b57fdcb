"""What an upstream's answers replace, whatever comes in which order."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.ocsp import CertStatus, Good, Revoked, Unknown
from certstatus.sources.upstream_keeping import Keeping, Kept, Pauses
from tests.books import NOW

SECOND = timedelta(seconds=1)
SIZE = 4
moments = st.integers(0, 9).map(lambda minutes: NOW + timedelta(minutes=minutes))

statuses: st.SearchStrategy[CertStatus] = st.sampled_from([Good(), Revoked(NOW), Unknown()])

told: st.SearchStrategy[Kept[str]] = st.builds(
    Kept,
    given=st.just("an answer"),
    cert_status=statuses,
    this_update=moments,
    ends=moments,
    fresh_until=moments,
)


arrivals = st.lists(st.tuples(moments, st.integers(1, 6), told), max_size=30)


def in_order(
    found: list[tuple[datetime, int, Kept[str]]],
) -> list[tuple[datetime, int, Kept[str]]]:
    return sorted(found, key=lambda one: one[0])


@settings(max_examples=300)
@given(arrivals, moments)
def test_nothing_is_found_past_its_end_and_never_more_than_fits(
    arrived: list[tuple[datetime, int, Kept[str]]], later: datetime
) -> None:
    keeping: Keeping[str] = Keeping(SIZE)
    for now, serial, kept in in_order(arrived):
        keeping.take(serial, kept, now)
        assert len(keeping) <= SIZE
        assert (found := keeping.find(serial, later)) is None or found.ends > later


@settings(max_examples=300)
@given(arrivals)
def test_what_counts_gives_way_to_what_is_newer_or_revokes(
    arrived: list[tuple[datetime, int, Kept[str]]],
) -> None:
    keeping: Keeping[str] = Keeping(SIZE)
    for now, serial, kept in in_order(arrived):
        held = keeping.find(serial, now)
        counts = keeping.take(serial, kept, now)

        assert counts is kept or counts is held
        if held is None:
            assert counts is kept
        elif Unknown() in {kept.cert_status, held.cert_status}:
            was_known = held.cert_status != Unknown()
            assert counts is (held if was_known else kept), "unknown replaces only unknown"
        elif isinstance(kept.cert_status, Revoked) and held.cert_status == Good():
            assert counts is kept, "revoked replaces good at once"
        elif kept.this_update < held.this_update:
            assert counts is held, "older replaces nothing"
        elif kept.this_update > held.this_update:
            assert counts is kept
        else:
            was_revoked = isinstance(held.cert_status, Revoked)
            assert not (was_revoked and counts.cert_status == Good())


@given(st.lists(st.tuples(moments, st.integers(1, 6), st.booleans()), max_size=40))
def test_a_pause_ends_never_later_than_the_longest_after_its_failure(
    happened: list[tuple[datetime, int, bool]],
) -> None:
    longest = 8 * SECOND
    pauses = Pauses(first=SECOND, longest=longest, size=SIZE)
    for now, key, is_failure in sorted(happened, key=lambda one: one[0]):
        if is_failure:
            pauses.failed(key, now)
            assert pauses.is_on(key, now)
            assert not pauses.is_on(key, now + longest)
            assert not pauses.is_on(key, now - SECOND), "the clock was set back"
        else:
            pauses.succeeded(key)
            assert not pauses.is_on(key, now)
