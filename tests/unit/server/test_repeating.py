from __future__ import annotations

import asyncio
import io
import threading
from datetime import timedelta

from certstatus.server.log import make_logger
from certstatus.server.repeating import Repeating

SECONDS = 10
SOON = timedelta(milliseconds=1)


class Work:
    """Counts; breaks the first time; says when it was done three times."""

    def __init__(self) -> None:
        self.times = 0
        self.third = threading.Event()

    def __call__(self, stop: threading.Event) -> None:
        self.times += 1
        if self.times == 1:
            raise RuntimeError("the first time")
        if self.times == 3:
            self.third.set()


def test_work_is_done_again_and_again_also_after_a_defect() -> None:
    written, work = io.StringIO(), Work()
    repeating = Repeating("counting", SOON, work, make_logger(written, as_json=True))

    async def serve() -> None:
        repeating.start_if_serving()
        assert await asyncio.to_thread(work.third.wait, SECONDS)
        await asyncio.to_thread(repeating.close)

    asyncio.run(serve())

    done = work.times
    assert '"event":"work_failed"' in written.getvalue()
    assert "the first time" in written.getvalue()
    assert work.times == done >= 3


def test_without_a_loop_nothing_begins_and_all_can_be_closed() -> None:
    work = Work()
    repeating = Repeating("counting", SOON, work, make_logger(io.StringIO()))
    repeating.start_if_serving()
    repeating.close()

    assert work.times == 0


def test_work_under_way_is_told_to_end() -> None:
    began = threading.Event()

    def work(stop: threading.Event) -> None:
        began.set()
        assert stop.wait(SECONDS)

    async def serve() -> None:
        repeating = Repeating("waiting", SOON, work, make_logger(io.StringIO()))
        repeating.start_if_serving()
        assert await asyncio.to_thread(began.wait, SECONDS)
        await asyncio.to_thread(repeating.close)

    asyncio.run(serve())
