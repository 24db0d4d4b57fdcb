"""``functools.cached_property`` without the lock that Python 3.11 gives it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

__all__ = ["cached_property"]

T = TypeVar("T")


class cached_property(functools.cached_property[T]):  # noqa: N801 - as the one it stands for
    """A property that is computed once for each object; from Python 3.12 on there is no lock.

    The lock is one for all objects of a class: threads wait for each other over it, and a
    child that is forked meanwhile waits for ever. Two threads may compute the same value.
    """

    def __init__(self, func: Callable[[Any], T]) -> None:
        super().__init__(func)
        self.lock = nullcontext()
