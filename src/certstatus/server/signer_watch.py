"""Looks at signers' files in a thread of its own, so that no answer waits for a key."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

from certstatus.clock import Clock
from certstatus.limits import SIGNER_CHECK_TIME
from certstatus.server.log import Logger
from certstatus.server.signer_rack import SignerRack

__all__ = ["SignerWatch"]


class SignerWatch:
    """Has every rack look, each ``SIGNER_CHECK_TIME``, from its start until ``close``."""

    def __init__(
        self, racks: Callable[[], Sequence[SignerRack]], clock: Clock, log: Logger
    ) -> None:
        self._racks = racks
        self._clock = clock
        self._log = log
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="certstatus-signers", daemon=True)

    def start_if_serving(self) -> None:
        """Begin, where an event loop runs; without one nothing is served, and nothing watched."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            self._thread.start()

    def close(self) -> None:
        """End; takes as long as a look."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(SIGNER_CHECK_TIME.total_seconds()):
            for rack in self._racks():
                self._look(rack)

    def _look(self, rack: SignerRack) -> None:
        try:
            rack.look(self._clock.now())
        except Exception:  # noqa: BLE001 (a defect: what signs goes on signing, and is looked at again)
            self._log.exception("signer_watch_failed")
