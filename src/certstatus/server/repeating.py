"""Work that is done again and again in a thread of its own, so that no answer waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta

from certstatus.server.log import Logger

__all__ = ["Repeating"]


class Repeating:
    """Does ``work`` at once and then each ``every``, from its start until ``close``.

    ``work`` is given an event that is set when it should come to its end.
    """

    def __init__(
        self, name: str, every: timedelta, work: Callable[[threading.Event], None], log: Logger
    ) -> None:
        self._name = name
        self._every = every
        self._work = work
        self._log = log
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"certstatus-{name}", daemon=True)

    def start_if_serving(self) -> None:
        """Begin, where an event loop runs; without one nothing is served, and no work done."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            self._thread.start()

    def close(self) -> None:
        """End; takes as long as the work takes to notice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._work(self._closing)
            except Exception:  # noqa: BLE001 (a defect: what was done before stands, and it goes on)
                self._log.exception("work_failed", work=self._name)
            self._closing.wait(self._every.total_seconds())
