"""What is counted and timed, as the lower floors see it: they name an event, a shell keeps the sum.

The names, with their labels and meaning, stand in one table: ``certstatus.server.metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

__all__ = ["Levels", "Meter", "NoMeter"]

Levels: TypeAlias = Callable[[], Mapping[tuple[str, ...], float]]
"""Reads what stands how high now, by the values of its labels."""


class Meter(Protocol):
    """Anything that keeps counts. Safe to call from any thread, and cheap."""

    def count(self, name: str, /, **labels: str) -> None:
        """Add one to the counter ``name``."""
        ...

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add a length of time to the histogram ``name``."""
        ...

    def gauge(self, name: str, read: Levels, /) -> None:
        """Let the gauge ``name`` be read by calling ``read``, whenever it is shown."""
        ...


class NoMeter:
    """Keeps nothing."""

    def count(self, name: str, /, **labels: str) -> None:
        """Forget it."""

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Forget it."""

    def gauge(self, name: str, read: Levels, /) -> None:
        """Forget it."""
