"""Processes that run ``certstatus db …`` for real, and may be killed at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["Ended", "Nursery", "Strikes"]

_PROGRAM: Final = Path(__file__).with_name("nursery_process.py")
_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code or negative signal, what it wrote, and its seconds."""

    code: int
    said: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL came before its end."""
        return self.code == -signal.SIGKILL


class Nursery:
    """A process that forks others; ``with`` starts it and ends it.

    What it is told to run stands in ``directory``, and writes its output there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._output = directory / "said"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=_PATIENCE)
        assert self._process.returncode == 0

    def _read(self) -> str:
        """Read a line; a process that says nothing for too long is ended."""
        assert self._process.stdout is not None
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, "the nursery is gone"
        return line.strip()

    def run(
        self, *args: object, kill_after: float | None = None, file_size: int | None = None
    ) -> Ended:
        """Run ``certstatus`` with arguments, and kill it after so many seconds."""
        order = {
            "args": [str(one) for one in args],
            "cwd": str(self._directory),
            "output": str(self._output),
            "file_size": file_size,
        }
        self._output.write_bytes(b"")  # who is killed at once has not made it empty
        assert self._process.stdin is not None
        began = time.monotonic()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = int(self._read())
        if kill_after is not None:
            time.sleep(kill_after)
            _kill(pid)
        code = int(self._read())
        seconds = time.monotonic() - began
        return Ended(code, self._output.read_text("utf-8", "replace"), seconds)


def _kill(pid: int) -> None:
    """Kill a process of the nursery's; one that has ended, and was waited for, is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Strikes:
    """Kills a command as often as there are rounds, each in another part of its time.

    ``seconds`` is how long it takes when left alone; less is believed once one took less.
    """

    def __init__(self, nursery: Nursery, rounds: int, seconds: float) -> None:
        self._nursery = nursery
        self._seconds = seconds
        self._parts = [(n + random.random()) / rounds for n in range(rounds)]
        random.shuffle(self._parts)
        self._part = 0.0

    def __iter__(self) -> Iterator[Self]:
        """Begin each round."""
        for part in self._parts:
            self._part = part
            yield self

    def __call__(self, *args: object) -> Ended:
        """Run a command, and kill it at this round's moment."""
        ended = self._nursery.run(*args, kill_after=self._part * self._seconds)
        if not ended.was_killed:
            self._seconds = min(self._seconds, ended.seconds)
        return ended
