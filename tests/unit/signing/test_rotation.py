from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import DEFAULT_SKEW
from certstatus.limits_signers import SETTLING_TIME
from certstatus.signing import LocalSigner, Rota, in_force, make_signers, renewal_due, term_of
from certstatus.testing import TinyCA
from certstatus.testing.ca import EPOCH

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
VALIDITY = 4 * DAY
CA = TinyCA("Rotating CA", not_after=EPOCH + 100 * DAY)
KEY = CA.issue_responder().key


def signer(start: timedelta, end: timedelta, *, kind: str = "p256") -> LocalSigner:
    """Make a delegate that is valid from and until so long after the epoch."""
    wishes = {} if kind != "p256" else {"key": KEY}
    issued = CA.issue_responder(
        not_before=EPOCH + start,
        not_after=EPOCH + end,
        kind=kind,
        **wishes,  # type: ignore[arg-type]
    )
    return make_signers(issued.key, issued.certificate, issuer=CA.certificate)[0]


OLD = signer(0 * DAY, 30 * DAY)
NEW = signer(20 * DAY, 50 * DAY)
ISSUERS = (CA.certificate,)


def chosen(after: timedelta, *signers: LocalSigner) -> tuple[LocalSigner, ...]:
    return in_force(signers, issuers=ISSUERS, now=EPOCH + after, validity=VALIDITY)


@pytest.mark.parametrize(
    ("after", "who"),
    [
        (19 * DAY, OLD),
        (20 * DAY, OLD),
        (20 * DAY + SETTLING_TIME - SECOND, OLD),
        (20 * DAY + SETTLING_TIME, NEW),
        (26 * DAY, NEW),
        (30 * DAY, NEW),
        (46 * DAY, NEW),
        (50 * DAY, NEW),
    ],
)
@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old-first", "new-first"])
def test_the_new_signs_once_it_has_settled_whatever_the_order(
    after: timedelta, who: LocalSigner, order: tuple[LocalSigner, ...]
) -> None:
    assert chosen(after, *order) == (who,)


def test_a_signer_settles_for_as_long_as_clocks_may_differ() -> None:
    assert SETTLING_TIME >= DEFAULT_SKEW


def test_rotation_comes_before_the_old_one_shortens_an_answer() -> None:
    late = signer(26 * DAY - SETTLING_TIME, 50 * DAY)
    last_full = 30 * DAY - VALIDITY

    assert chosen(last_full - SECOND, OLD, late) == (OLD,)
    assert chosen(last_full, OLD, late) == (late,)
    assert term_of(OLD, ISSUERS).left(EPOCH + last_full) == VALIDITY


def test_one_that_shortens_answers_still_goes_before_one_that_has_not_settled() -> None:
    fresh = signer(28 * DAY, 60 * DAY)

    assert chosen(28 * DAY + SECOND, OLD, fresh) == (OLD,)
    assert chosen(28 * DAY + SETTLING_TIME, OLD, fresh) == (fresh,)


def test_at_the_very_end_nothing_can_be_signed_any_more() -> None:
    fresh = signer(30 * DAY - SECOND, 60 * DAY)

    assert chosen(30 * DAY - SECOND, OLD, fresh) == (OLD,)
    assert chosen(30 * DAY, OLD, fresh) == (fresh,)


def test_the_newest_counts_only_while_it_can_sign_whole_answers() -> None:
    short = signer(10 * DAY, 13 * DAY)

    assert chosen(11 * DAY, OLD, short) == (OLD,)


def test_where_none_reaches_far_enough_the_one_that_lasts_longest_signs() -> None:
    other = signer(1 * DAY, 29 * DAY)

    assert chosen(27 * DAY, other, OLD) == (OLD,)
    assert chosen(25 * DAY - SECOND, other, OLD) == (other,)


def test_of_equals_the_first_signs() -> None:
    twin = signer(0 * DAY, 30 * DAY)
    assert twin != OLD

    assert chosen(5 * DAY, OLD, twin) == (OLD,)
    assert chosen(5 * DAY, twin, OLD) == (twin,)


def test_where_none_is_valid_the_line_keeps_one_to_be_named() -> None:
    assert chosen(60 * DAY, OLD, NEW) == (NEW,)


def test_each_line_has_its_own_rotation_and_keeps_its_place() -> None:
    rsa = signer(0 * DAY, 90 * DAY, kind="rsa2048")
    curve = signer(0 * DAY, 90 * DAY, kind="p384")
    direct = make_signers(CA.key, CA.certificate, issuer=CA.certificate)[0]

    assert chosen(25 * DAY, rsa, OLD, curve, NEW, direct) == (rsa, NEW, curve, direct)


def test_the_cas_own_end_counts_too() -> None:
    long = signer(0 * DAY, 300 * DAY)

    assert term_of(long, ISSUERS).end == CA.certificate.not_after


def test_a_term_holds_from_its_start_and_not_at_its_end() -> None:
    term = term_of(OLD, ISSUERS)

    assert [term.holds(one) for one in (term.start - SECOND, term.start)] == [False, True]
    assert [term.holds(one) for one in (term.end - SECOND, term.end)] == [True, False]
    assert term.left(term.end + DAY) == timedelta(0)


def test_renewal_is_due_before_the_end_of_certificate_and_ca() -> None:
    long = signer(0 * DAY, 300 * DAY).certificate

    assert renewal_due(OLD.certificate, CA.certificate, before=10 * DAY) == EPOCH + 20 * DAY
    assert renewal_due(long, CA.certificate, before=10 * DAY) == EPOCH + 90 * DAY


# --- at any time, for any signers ----------------------------------------------------------

SEVERAL = [
    OLD,
    NEW,
    *(signer(n * DAY, (n + 3 * n % 11 + 2) * DAY) for n in range(1, 40, 6)),
    signer(5 * DAY, 40 * DAY, kind="ed25519"),
]
moments = st.integers(-DAY.days * 86400, 60 * 86400).map(lambda n: n * SECOND)
teams = st.lists(st.sampled_from(SEVERAL), min_size=1, max_size=5, unique_by=id)


@given(teams, moments)
def test_who_is_chosen_can_sign_if_anyone_of_the_line_can(
    team: list[LocalSigner], after: timedelta
) -> None:
    now = EPOCH + after
    for one in chosen(after, *team):
        line = [other for other in team if other.algorithm == one.algorithm]
        anyone = any(term_of(other, ISSUERS).holds(now) for other in line)
        assert term_of(one, ISSUERS).holds(now) == anyone


@given(teams, moments)
def test_an_answer_is_shortened_only_where_every_settled_one_would(
    team: list[LocalSigner], after: timedelta
) -> None:
    now = EPOCH + after
    for one in chosen(after, *team):
        if term_of(one, ISSUERS).end - now >= VALIDITY:
            continue
        for other in team:
            term = term_of(other, ISSUERS)
            if other.algorithm == one.algorithm and term.start + SETTLING_TIME <= now:
                assert not term.end - now >= VALIDITY


@given(teams, st.lists(moments, min_size=1, max_size=8))
def test_what_is_kept_is_what_would_be_worked_out_anew(
    team: list[LocalSigner], times: list[timedelta]
) -> None:
    rota: Rota[LocalSigner] = Rota(CA.certificate, validity=VALIDITY)
    edges = [
        edge + step * SECOND
        for edge in (20 * DAY, 20 * DAY + SETTLING_TIME, 26 * DAY, 30 * DAY, 46 * DAY)
        for step in (-1, 0, 1)
    ]
    for after in (*times, *edges, *times):
        assert rota.in_force(tuple(team), EPOCH + after) == chosen(after, *team)


def test_what_is_kept_gives_way_to_other_signers() -> None:
    rota: Rota[LocalSigner] = Rota(CA.certificate, validity=VALIDITY)

    assert rota.in_force((OLD,), EPOCH + 25 * DAY) == (OLD,)
    assert rota.in_force((OLD, NEW), EPOCH + 25 * DAY) == (NEW,)
