"""What goes on past a fork: locks are held while it happens, the child starts threads anew."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forking", "LockPastForks", "goes_on_past_forks"]


class Forking(Protocol):
    """Something with a lock and a thread."""

    def before_fork(self) -> None:
        """Take the lock, so that no thread of this process is amid a change."""
        ...

    def after_fork_in_parent(self) -> None:
        """Give the lock back."""
        ...

    def after_fork_in_child(self) -> None:
        """Make a new lock and, where one ran, a new thread: the child has none but its own."""
        ...


class _Registry:
    """All that go on, by weak references."""

    def __init__(self) -> None:
        self._living: WeakSet[Forking] = WeakSet()
        self._forking: list[Forking] = []
        self._lock = threading.RLock()  # a signal's handler may fork in the thread that holds it

    def add(self, one: Forking) -> None:
        with self._lock:
            self._living.add(one)

    def before(self) -> None:
        self._lock.acquire()
        self._forking = list(self._living)
        for one in self._forking:
            one.before_fork()

    def in_parent(self) -> None:
        for one in self._forking:
            one.after_fork_in_parent()
        self._forking = []
        self._lock.release()

    def in_child(self) -> None:
        forked, self._forking, self._lock = self._forking, [], threading.RLock()
        for one in forked:
            one.after_fork_in_child()


_registry = _Registry()
os.register_at_fork(
    before=_registry.before,
    after_in_parent=_registry.in_parent,
    after_in_child=_registry.in_child,
)


def goes_on_past_forks(one: Forking) -> None:
    """Let it be told of every fork, for as long as it lives."""
    _registry.add(one)


class LockPastForks:
    """A lock for a few steps, which a forked child finds open, and what it guards whole."""

    def __init__(self) -> None:
        # A signal's handler may fork in the very thread that holds it.
        self._lock = threading.RLock()
        goes_on_past_forks(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def before_fork(self) -> None:
        """Take it; see ``Forking``."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Give it back."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Give back what this very thread took."""
        self._lock.release()
