from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.limits_path import MAX_PATH_SIGNATURES, MAX_PATHS, PATH_TIME
from certstatus.path import Work, WorkLimits


def test_the_limits_are_those_that_are_written_down() -> None:
    limits = WorkLimits()
    assert (limits.paths, limits.signatures, limits.time) == (
        MAX_PATHS,
        MAX_PATH_SIGNATURES,
        PATH_TIME,
    )


def test_time_runs_out() -> None:
    seconds = iter([0.0, 0.5, 2.0, 2.0])
    work = Work(limits=WorkLimits(time=timedelta(seconds=1)), seconds=lambda: next(seconds))
    assert work.seconds_left == 0.5
    assert work.seconds_left == 0
    assert work.excess == "it took longer than 1 seconds"


@pytest.mark.parametrize(
    ("spent", "excess", "search", "fetch"),
    [
        ({}, None, None, None),
        ({"signatures": 2}, "2 signature checks", "2 signature checks", "2 signature checks"),
        ({"paths": 2}, None, "2 paths", None),
        ({"fetches": 2}, None, None, "2 fetches"),
        ({"bytes": 2}, None, None, "2 bytes"),
    ],
    ids=["nothing", "signatures", "paths", "fetches", "bytes"],
)
def test_each_limit_ends_what_it_is_for(
    spent: dict[str, int], excess: str | None, search: str | None, fetch: str | None
) -> None:
    limits = WorkLimits(paths=2, signatures=2, fetches=2, bytes=2)
    work = Work(limits=limits, **spent)  # type: ignore[arg-type]
    told = (work.excess, work.search_excess, work.fetch_excess)
    for said, wanted in zip(told, (excess, search, fetch), strict=True):
        assert (said is None) == (wanted is None)
        assert wanted is None or wanted in str(said)
