"""Whether an answer is of today: to the second, with the skew on the peer's side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certstatus.limits import DEFAULT_SKEW
from certstatus.testing import Forge
from certstatus.verify import Outcome, Verdict, VerifyPolicy
from tests.courtroom import DAY, NOW, SECOND, failed, findings, honest, judge, outcomes

EXACT = VerifyPolicy(skew=timedelta(0))
ENDLESS = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)


def dated(**times: datetime | bool) -> Forge:
    """Answer an hour ago for a day, or otherwise."""
    usual: dict[str, datetime | bool] = {
        "this_update": NOW - timedelta(hours=1),
        "produced_at": NOW - timedelta(hours=1),
        "next_update": NOW + DAY,
    }
    return honest().but(**usual | times)


@pytest.mark.parametrize(
    ("times", "policy", "expected"),
    [
        ({"this_update": NOW}, EXACT, []),
        ({"this_update": NOW + SECOND}, EXACT, ["thisUpdate"]),
        ({"this_update": NOW + DEFAULT_SKEW}, VerifyPolicy(), []),
        ({"this_update": NOW + DEFAULT_SKEW + SECOND}, VerifyPolicy(), ["thisUpdate"]),
        ({"produced_at": NOW}, EXACT, []),
        ({"produced_at": NOW + SECOND}, EXACT, ["producedAt"]),
        ({"produced_at": NOW + DEFAULT_SKEW}, VerifyPolicy(), []),
        ({"produced_at": NOW + DEFAULT_SKEW + SECOND}, VerifyPolicy(), ["producedAt"]),
        ({"next_update": NOW}, EXACT, []),
        ({"next_update": NOW - SECOND}, EXACT, ["nextUpdate"]),
        ({"next_update": NOW - DEFAULT_SKEW}, VerifyPolicy(), []),
        ({"next_update": NOW - DEFAULT_SKEW - SECOND}, VerifyPolicy(), ["nextUpdate"]),
    ],
)
@pytest.mark.rule("O19", "L10")
def test_every_end_is_judged_to_the_second(
    times: dict[str, datetime], policy: VerifyPolicy, expected: list[str]
) -> None:
    assert failed(judge(dated(**times).der, policy=policy)) == expected


@pytest.mark.parametrize(
    ("age", "max_age", "skew", "is_young"),
    [
        (DAY, DAY, timedelta(0), True),
        (DAY + SECOND, DAY, timedelta(0), False),
        (DAY + DEFAULT_SKEW, DAY, DEFAULT_SKEW, True),
        (DAY + DEFAULT_SKEW + SECOND, DAY, DEFAULT_SKEW, False),
        (timedelta(0), timedelta(0), timedelta(0), True),
    ],
)
@pytest.mark.rule("O19")
def test_age_is_counted_from_this_update(
    age: timedelta, max_age: timedelta, skew: timedelta, *, is_young: bool
) -> None:
    """What was signed a minute ago may tell of last week."""
    policy = VerifyPolicy(max_age=max_age, skew=skew)

    report = judge(dated(this_update=NOW - age, produced_at=NOW).der, policy=policy)

    assert failed(report) == ([] if is_young else ["age"])


@pytest.mark.rule("O19")
def test_an_answer_from_a_little_ahead_has_no_age() -> None:
    ahead = dated(this_update=NOW + SECOND, produced_at=NOW + SECOND)

    report = judge(ahead.der, policy=VerifyPolicy(max_age=timedelta(0)))

    assert report.verdict is Verdict.GOOD
    assert "0:00:00 old" in next(one.reason for one in report.checks if one.name == "age")


@pytest.mark.rule("L10")
def test_an_absent_next_update_is_refused_unless_the_policy_takes_it() -> None:
    """RFC 9919 §5: MUST reject; RFC 6960 §4.2.2.1: newer information is available all the time."""
    report = judge(dated(has_next_update=False).der)
    lenient = judge(
        dated(has_next_update=False).der, policy=VerifyPolicy(require_next_update=False)
    )

    assert failed(report) == ["nextUpdate"]
    assert lenient.verdict is Verdict.GOOD
    assert outcomes(lenient)["nextUpdate"] is Outcome.SKIP


@pytest.mark.rule("L10")
def test_an_interval_of_no_length_is_an_interval() -> None:
    report = judge(dated(this_update=NOW, next_update=NOW, produced_at=NOW).der, policy=EXACT)

    assert report.verdict is Verdict.GOOD


@pytest.mark.rule("L10")
def test_an_interval_that_ends_before_it_begins_is_refused_whatever_the_skew() -> None:
    policy = VerifyPolicy(skew=DAY)

    report = judge(dated(this_update=NOW, next_update=NOW - SECOND).der, policy=policy)

    assert report.check("L10").reason == "is before thisUpdate"


@pytest.mark.parametrize("moment", [FIRST, ENDLESS])
@pytest.mark.rule("O19")
def test_times_at_the_ends_of_the_calendar_raise_nothing(moment: datetime) -> None:
    for times in (
        {"this_update": moment},
        {"next_update": moment},
        {"produced_at": moment},
    ):
        assert judge(dated(**times).der).verdict in {Verdict.GOOD, Verdict.UNTRUSTED}


@pytest.mark.rule("O19")
def test_a_next_update_without_an_end_is_believed() -> None:
    """RFC 5280 §4.1.2.5's 99991231235959Z: the last answer of a CA that has ended."""
    assert judge(dated(next_update=ENDLESS).der).verdict is Verdict.GOOD


def test_times_are_told_for_programs_in_iso_8601() -> None:
    report = judge(dated(next_update=ENDLESS, this_update=FIRST).der)

    facts = {check.name: dict(check.facts) for check in report.checks}
    assert facts["thisUpdate"] == {"thisUpdate": "0001-01-01T00:00:00Z"}
    assert facts["nextUpdate"] == {"nextUpdate": "9999-12-31T23:59:59Z"}
    assert facts["producedAt"] == {"producedAt": "2026-11-21T11:00:00Z"}


@pytest.mark.rule("O19")
def test_this_update_after_produced_at_is_told() -> None:
    report = judge(dated(this_update=NOW, produced_at=NOW - SECOND).der)

    assert findings(report) == {"SingleResponse.thisUpdate": "is later than producedAt"}
    assert judge(dated(this_update=NOW, produced_at=NOW).der).findings == ()
