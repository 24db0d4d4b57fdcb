"""How many answers a worker signs in a second: what comes past that is told to try later."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["SigningBudget"]


class SigningBudget:
    """A bucket that fills by ``per_second`` up to ``burst``, and is full at first.

    ``clock`` is monotonic, in seconds.
    """

    def __init__(
        self, per_second: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    def admit(self) -> bool:
        """Take one signature out of the budget; False where none is left."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
