from __future__ import annotations

import threading
from dataclasses import dataclass

from certstatus.pkix.cached import cached_property


@dataclass(frozen=True)
class Slow:
    gate: threading.Event
    entered: threading.Event

    @cached_property
    def value(self) -> object:
        """Wait for the gate."""
        self.entered.set()
        assert self.gate.wait(10)
        return object()


def test_a_value_is_computed_once() -> None:
    gate = threading.Event()
    gate.set()
    slow = Slow(gate, threading.Event())

    assert slow.value is slow.value


def test_one_object_does_not_wait_for_another() -> None:
    """As it would by the lock of Python 3.11; and after a fork for ever."""
    closed, entered, opened = (threading.Event() for _ in range(3))
    waiting = Slow(closed, entered)
    thread = threading.Thread(target=lambda: waiting.value)
    thread.start()
    assert entered.wait(10)
    opened.set()

    assert Slow(opened, threading.Event()).value
    assert thread.is_alive()
    closed.set()
    thread.join()
