"""The thread behind a stapler or a fetcher: it starts, wakes, ends and breaks without harm."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest

from certstatus.background import Background
from tests.feeding import PATIENCE, until

LONG, WAIT = timedelta(hours=1), timedelta(seconds=PATIENCE)


class Work:
    """Counts how often its pause ended."""

    def __init__(self) -> None:
        self.turns = 0
        self.is_cancelled = threading.Event()
        self.background = Background(self.main, "test-background")

    async def main(self) -> None:
        try:
            while True:
                self.turns += 1
                await self.background.pause(LONG)
        except asyncio.CancelledError:
            self.is_cancelled.set()
            raise


@pytest.fixture
def work() -> Iterator[Work]:
    """Lend one that runs."""
    work = Work()
    work.background.start()
    until(lambda: work.turns == 1)
    yield work
    work.background.close(WAIT)


def test_a_wake_ends_a_pause(work: Work) -> None:
    work.background.wake()
    until(lambda: work.turns == 2)

    work.background.wake()
    until(lambda: work.turns == 3)


def test_a_pause_ends_by_itself() -> None:
    turns: list[int] = []
    done = threading.Event()

    async def main() -> None:
        while len(turns) < 3:
            await background.pause(timedelta(milliseconds=1))
            turns.append(1)
        done.set()

    background = Background(main, "test-background")
    background.start()

    assert done.wait(PATIENCE)
    background.close(WAIT)


def test_closing_cancels_and_ends_the_thread_and_is_harmless_again(work: Work) -> None:
    work.background.close(WAIT)

    assert work.is_cancelled.is_set()
    assert not work.background.is_running
    work.background.close(WAIT)
    work.background.wake()


def test_starting_twice_is_one_thread(work: Work) -> None:
    work.background.start()

    names = [one.name for one in threading.enumerate()]
    assert names.count("test-background") == 1


def test_closing_waits_no_longer_than_told_for_a_thread_that_is_stuck() -> None:
    stuck, release = threading.Event(), threading.Event()

    async def main() -> None:
        stuck.set()
        release.wait(PATIENCE)  # as a disk that hangs would block

    background = Background(main, "test-background")
    background.start()
    assert stuck.wait(PATIENCE)

    background.close(timedelta(milliseconds=5))

    assert background.is_running
    release.set()
    background.close(WAIT)
    assert not background.is_running


def test_before_the_start_there_is_nothing_to_wake_or_to_close() -> None:
    background = Work().background

    background.wake()
    background.close(WAIT)

    assert not background.is_running


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        raise ZeroDivisionError

    background = Background(main, "test-background")
    with caplog.at_level(logging.ERROR, "certstatus.background"):
        background.start()
        until(lambda: not background.is_running)

    assert "ends by a defect" in caplog.text


_NOT_CLOSED: Final = """
import sys
sys.path.insert(0, ".")
from certstatus.requestor import Requestor
from certstatus.staple import Stapler
from tests.feeding import CA, POLICY, Feed, until
from tests.scripted import ScriptedServer

server = ScriptedServer()
server._thread.daemon = True
server.__enter__()
feed = Feed(server)
feed.is_open.clear()
stapler = Stapler(requestor=Requestor(policy=POLICY, clock=feed.clock), in_memory=True)
stapler.add(feed.leaf(), CA.certificate)
until(lambda: feed.requests)
"""


def test_a_program_ends_quietly_though_its_stapler_was_never_closed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _NOT_CLOSED],
        check=False,
        timeout=PATIENCE / 2,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
