"""``functools.cached_property`` without the lock that Python 3.11 gives it."""

from __future__ import annotations

import functools
from typing import Any, Self, TypeVar, overload

__all__ = ["cached_property"]

T = TypeVar("T")


class cached_property(functools.cached_property[T]):  # noqa: N801 - as the one it stands for
    """A property that is computed once for each object; from Python 3.12 on there is no lock.

    The lock is one for all objects of a class: threads wait for each other over it, and a
    child that is forked meanwhile waits for ever. Two threads may compute the same value.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | T:
        """Compute the value, and leave it where the next look-up finds it before this."""
        if instance is None:
            return self
        assert self.attrname is not None
        value = vars(instance)[self.attrname] = self.func(instance)
        return value
