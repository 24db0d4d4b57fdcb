"""A stack of any sources, whatever they say."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import SourceError
from certstatus.ocsp import Good, Revoked
from certstatus.sources import Answer, Known, NotOurs, Stack, Unlisted
from certstatus.testing import TinyCA
from tests.books import NOW, ask
from tests.desk import Says

CA = TinyCA()

times = st.integers(0, 5).map(lambda hours: NOW - timedelta(hours=hours))
ends = st.none() | st.integers(1, 5).map(lambda hours: NOW + timedelta(hours=hours))
known = st.builds(
    Known,
    cert_status=st.sampled_from([Good(), Revoked(NOW)]),
    this_update=times,
    next_update=ends,
    origin=st.just("x"),
)
unlisted = st.builds(
    Unlisted,
    this_update=times,
    next_update=ends,
    origin=st.just("x"),
    lists_issued=st.booleans(),
)
outcomes = st.lists(
    st.one_of(known, unlisted, st.just(NotOurs(origin="x")), st.just(SourceError("down"))),
    min_size=1,
    max_size=6,
)


def decided(answers: list[Answer | SourceError]) -> Answer | None:
    """Ask a stack; None: try later."""
    try:
        return ask(Stack(*map(Says, answers)), CA, 1)
    except SourceError:
        return None


def is_good(answer: Answer | SourceError | None) -> bool:
    return isinstance(answer, Known) and isinstance(answer.cert_status, Good)


@settings(max_examples=300)
@given(outcomes)
def test_good_needs_a_good_that_nobody_higher_doubts(answers: list[Answer | SourceError]) -> None:
    verdict = decided(answers)
    if is_good(verdict):
        first = next(n for n, one in enumerate(answers) if isinstance(one, (Known, SourceError)))
        assert is_good(answers[first])
        assert isinstance(verdict, Known)
        above = [one for one in answers[: first + 1] if isinstance(one, (Known, Unlisted))]
        assert verdict.this_update == min(one.this_update for one in above)
        nexts = [one.next_update for one in above if one.next_update is not None]
        assert verdict.next_update == min(nexts, default=None)


@given(outcomes)
def test_the_first_known_is_revoked_whatever_stands_around_it(
    answers: list[Answer | SourceError],
) -> None:
    first = next((one for one in answers if isinstance(one, Known)), None)
    if first is not None and not is_good(first):
        assert decided(answers) == first


@given(outcomes)
def test_unlisted_and_not_ours_need_everyone_to_have_answered(
    answers: list[Answer | SourceError],
) -> None:
    verdict = decided(answers)
    if isinstance(verdict, (Unlisted, NotOurs)):
        assert not any(isinstance(one, (Known, SourceError)) for one in answers)
        listed = [one for one in answers if isinstance(one, Unlisted)]
        assert isinstance(verdict, Unlisted) == bool(listed)
        if isinstance(verdict, Unlisted):
            assert verdict.lists_issued == any(one.lists_issued for one in listed)
