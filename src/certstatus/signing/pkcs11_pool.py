"""Threads that sign in a token, so that whoever waits holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

from certstatus.limits import MAX_TOKEN_SESSIONS

__all__ = ["SigningPool"]


class SigningPool:
    """As many threads as there are sessions, and what they are at."""

    def __init__(self) -> None:
        """No thread is started before the first signature is asked for."""
        self._threads = ThreadPoolExecutor(MAX_TOKEN_SESSIONS, thread_name_prefix="pkcs11")
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[bytes]] = {}

    def submit(self, what: Hashable, sign: Callable[[], bytes]) -> Future[bytes]:
        """Begin a signature, unless ``what`` is being signed already: then that one serves."""
        with self._lock:
            known = self._under_way.get(what)
            if known is not None:
                return known
            future = self._threads.submit(sign)
            self._under_way[what] = future
        future.add_done_callback(lambda _: self._forget(what))
        return future

    def _forget(self, what: Hashable) -> None:
        with self._lock:
            del self._under_way[what]
