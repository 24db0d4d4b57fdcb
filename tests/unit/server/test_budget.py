from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from certstatus.server.budget import SigningBudget


def test_a_budget_is_spent_and_fills_again_up_to_its_burst() -> None:
    now = 0.0
    budget = SigningBudget(10, 3, lambda: now)

    assert [budget.admit() for _ in range(5)] == [True] * 3 + [False] * 2
    now += 0.1
    assert [budget.admit() for _ in range(2)] == [True, False]
    now += 3600
    assert [budget.admit() for _ in range(5)] == [True] * 3 + [False] * 2


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 50), st.integers(1, 50))
def test_no_more_are_admitted_than_the_time_gives(
    steps: list[float], per_second: int, burst: int
) -> None:
    now = 0.0
    budget = SigningBudget(per_second, burst, lambda: now)
    admitted = 0
    for step in steps:
        now += step
        admitted += budget.admit()

    assert admitted <= burst + now * per_second + 1e-6
