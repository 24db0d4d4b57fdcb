"""One daemon thread with an event loop: started, woken, ended, and left behind in a fork."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

__all__ = ["Background"]

_log: Final = logging.getLogger("certstatus.background")

_left_behind: Final[list[object]] = []
"""A forked child's copies of its parent's loops: to close one would hurt the parent's."""


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event
    task: asyncio.Task[None]
    thread: threading.Thread

    def call(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self.loop.call_soon_threadsafe(call)


class Background:
    """Runs one coroutine in a thread of its own until it is closed.

    Cancelling breaks off whatever the coroutine waits for, so nothing that hangs holds up
    the end. All methods but ``pause`` are for other threads.
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._main = main
        self._name = name
        self._running: _Running | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._running is not None and self._running.thread.is_alive()

    def start(self) -> None:
        """Start the thread, where it does not run."""
        if self.is_running:
            return
        loop = asyncio.SelectorEventLoop()  # whatever the host program's policy would make
        task = loop.create_task(self._main())
        thread = threading.Thread(target=_run, args=(loop, task), name=self._name, daemon=True)
        self._running = _Running(loop, asyncio.Event(), task, thread)
        thread.start()

    def wake(self) -> None:
        """End the pause under way, or the next one."""
        if self._running is not None:
            self._running.call(self._running.woken.set)

    async def pause(self, length: timedelta) -> None:
        """Wait for so long, or until woken. For the coroutine."""
        assert self._running is not None
        woken = self._running.woken
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length.total_seconds()):
                await woken.wait()
        woken.clear()

    def close(self, wait: timedelta) -> None:
        """Cancel the coroutine, and wait for the thread to end, so long at the most."""
        running = self._running
        if running is None:
            return
        running.call(running.task.cancel)
        if running.thread is not threading.current_thread():
            running.thread.join(wait.total_seconds())

    def abandon(self) -> None:
        """Forget the thread: in a forked child it does not exist."""
        _left_behind.append(self._running)
        self._running = None


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
    except Exception:
        _log.exception("a background thread ends by a defect")
        raise
    finally:
        loop.close()
