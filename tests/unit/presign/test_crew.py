"""The crew's own part: what a process is before it works, and that no end of one is silent."""

from __future__ import annotations

import gc
from typing import NoReturn

from certstatus.limits_presign import (
    PRESIGN_COLLECTED,
)
from certstatus.presign import Crew, Job
from certstatus.server.config import Config
from certstatus.server.config_presign import PresignConfig


def no_config() -> Config:
    raise AssertionError("is not asked for")


JOB = Job(load=no_config, only_due=True, claims_at="", wishes=PresignConfig())


def test_a_process_leaves_the_collector_little_to_do_and_says_how_it_failed() -> None:
    before = gc.get_threshold()

    def tools(index: int) -> NoReturn:
        raise OSError(f"{index}: {gc.get_threshold()[0]} {gc.get_freeze_count() > 0}")

    ends = Crew(JOB, 2, tools).run()

    assert [one.error for one in ends] == [
        f"internal error: OSError: {index}: {PRESIGN_COLLECTED} True" for index in range(2)
    ]
    assert gc.get_threshold() == before
