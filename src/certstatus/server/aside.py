"""The life of a process beside the workers: it answers nobody, and does what they need done.

It is a child of the supervisor as they are: forked clean, told of a reload and of the end by
the same signals, started anew where it dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from certstatus.clock import Clock
from certstatus.server.log import Logger
from certstatus.server.metrics import Page, Tally
from certstatus.server.worker import Tools, exit_code_of

__all__ = ["Aside", "Calls", "Helper"]

_READY: Final = b"ready"
_PUBLISH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Calls:
    """What such a process is told, and what it tells: ``ready``, once it is at work."""

    ready: Callable[[], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)


Helper: TypeAlias = Callable[[Tools, Calls], Awaitable[None]]
"""Works until ``stop`` is set; what it raises ends the process, and it is started anew."""


class Aside:
    """One such process, from its fork to its exit code."""

    def __init__(
        self, index: int, helper: Helper, pages: Sequence[Page], *, log: Logger, clock: Clock
    ) -> None:
        self._index = index
        self._helper = helper
        self._page = pages[index]
        self._clock = clock
        self._log = log.bind(worker=index, pid=os.getpid())
        self._tally = Tally()

    def run(self, ready: int, lifeline: int) -> int:
        """Live. Writes to the descriptor ``ready`` when it is at work; ends when ``lifeline`` does.

        Returns:
            The exit code: 0 where it was asked to end, else that of the error that ended it.
        """
        return exit_code_of(lambda: asyncio.run(self._live(ready, lifeline)), self._log)

    async def _live(self, ready: int, lifeline: int) -> None:
        def tell_ready() -> None:
            os.write(ready, _READY)
            os.close(ready)

        calls = Calls(tell_ready)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, calls.stop.set)
        loop.add_signal_handler(signal.SIGHUP, calls.reload.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        loop.add_reader(lifeline, calls.stop.set)
        self._tally.take_up(self._page.read())
        publisher = asyncio.create_task(self._publish_each_second())
        tools = Tools(clock=self._clock, meter=self._tally, log=self._log, index=self._index)
        try:
            await self._helper(tools, calls)
        finally:
            loop.remove_reader(lifeline)
            publisher.cancel()
            self._publish()

    def _publish(self) -> None:
        self._page.write(self._tally.snapshot())

    async def _publish_each_second(self) -> None:
        while True:
            self._publish()
            await asyncio.sleep(_PUBLISH_SECONDS)
