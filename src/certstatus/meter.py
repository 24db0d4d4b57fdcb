"""What is counted and timed, as the lower floors see it: they name an event, a shell keeps the sum.

The names, with their labels and meaning, stand in one table: ``certstatus.server.metrics``.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Meter", "NoMeter"]


class Meter(Protocol):
    """Anything that keeps counts. Safe to call from any thread, and cheap."""

    def count(self, name: str, /, **labels: str) -> None:
        """Add one to the counter ``name``."""
        ...

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add a length of time to the histogram ``name``."""
        ...


class NoMeter:
    """Keeps nothing."""

    def count(self, name: str, /, **labels: str) -> None:
        """Forget it."""

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Forget it."""
