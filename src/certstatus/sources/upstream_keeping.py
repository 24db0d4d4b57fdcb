"""What an upstream's answers replace, and how long a failure is rested from. Pure.

Its law: only a verified answer comes in, and it counts until its own end. No error, no
unknown and no older answer replaces one that still counts; revoked replaces good at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from certstatus.ocsp import CertStatus, Revoked, Unknown
from certstatus.sources.events import EventKind

__all__ = ["Alarms", "Keeping", "Kept", "Pauses"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[T]):
    """What is given, what it says, until when it counts, and until when nobody is asked anew.

    Times are aware UTC.
    """

    given: T
    cert_status: CertStatus
    this_update: datetime
    ends: datetime
    fresh_until: datetime


class Keeping(Generic[T]):
    """The last answers, by what was asked; of more than ``size`` the least used go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Kept[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable, now: datetime) -> Kept[T] | None:
        """Return what still counts."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.ends <= now:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept

    def weigh(self, key: Hashable, told: Kept[T], now: datetime) -> Kept[T]:
        """Say what counts, the one held or this one, and take nothing in."""
        held = self.find(key, now)
        return told if held is None or _replaces(told, held) else held

    def take(self, key: Hashable, told: Kept[T], now: datetime) -> Kept[T]:
        """Take an answer in; return what counts from now on, the one held or this one."""
        counts = self.weigh(key, told, now)
        if counts is not told:
            return counts
        self._kept[key] = told
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return told


def _replaces(told: Kept[T], held: Kept[T]) -> bool:
    """Say which of two answers counts: the newer, but revoked over good whatever its age."""
    was, is_now = _weight(held.cert_status), _weight(told.cert_status)
    if 0 in {was, is_now} or was < is_now:
        return was <= is_now
    if was > is_now:
        return told.this_update > held.this_update
    return told.this_update >= held.this_update


def _weight(cert_status: CertStatus) -> int:
    """0 for unknown, which replaces nothing but itself; 1 for good, 2 for revoked."""
    if isinstance(cert_status, Unknown):
        return 0
    return 2 if isinstance(cert_status, Revoked) else 1


@dataclass(frozen=True, slots=True)
class _Pause:
    length: timedelta
    ends: datetime


class Pauses:
    """Who is left alone after a failure: each one doubles the pause, up to the longest.

    Of more than ``size`` the oldest failures are forgotten first.
    """

    def __init__(self, *, first: timedelta, longest: timedelta, size: int) -> None:
        self._first = first
        self._longest = longest
        self._size = size
        self._pauses: OrderedDict[Hashable, _Pause] = OrderedDict()

    def is_on(self, key: Hashable, now: datetime) -> bool:
        """Whether to leave it alone now; a clock that was set back ends the pause."""
        pause = self._pauses.get(key)
        return pause is not None and pause.ends - pause.length <= now < pause.ends

    def failed(self, key: Hashable, now: datetime) -> None:
        """Begin a pause, twice as long as the one before."""
        before = self._pauses.pop(key, None)
        length = self._first if before is None else min(before.length * 2, self._longest)
        self._pauses[key] = _Pause(length, now + length)
        if len(self._pauses) > self._size:
            self._pauses.popitem(last=False)

    def succeeded(self, key: Hashable) -> None:
        """Forget the failures."""
        self._pauses.pop(key, None)


class Alarms:
    """Which alarms are on, so that each is told when it begins and when it ends, and not between.

    Of more than ``size`` the oldest is forgotten first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._on: OrderedDict[str, EventKind] = OrderedDict()

    def __len__(self) -> int:
        return len(self._on)

    def begins(self, name: str, kind: EventKind) -> bool:
        """Turn an alarm on; whether it was not on already."""
        if self._on.get(name) is kind:
            return False
        self._on[name] = kind
        if len(self._on) > self._size:
            self._on.popitem(last=False)
        return True

    def ends(self, name: str) -> bool:
        """Turn an alarm off; whether it was on."""
        return self._on.pop(name, None) is not None
