"""Coroutines that never really wait, run without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["drive"]

T = TypeVar("T")


def drive(waiting: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    try:
        waiting.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits")
