"""What an upstream's answers replace, and how long a failure is rested from. Pure.

Its law: only a verified answer comes in, and it counts until its own end. No error, no
unknown and no older answer replaces one that still counts; revoked replaces good at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from certstatus.ocsp import Good, Revoked
from certstatus.sources.base import Known

__all__ = ["Keeping", "Kept", "Pauses"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A status, until when it counts, and until when nobody need be asked anew; aware UTC."""

    known: Known
    ends: datetime
    fresh_until: datetime


class Keeping:
    """The last answers, by serial number; of more than ``size`` the least used go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[int, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, serial_number: int, now: datetime) -> Kept | None:
        """Return what still counts."""
        kept = self._kept.get(serial_number)
        if kept is None:
            return None
        if kept.ends <= now:
            del self._kept[serial_number]
            return None
        self._kept.move_to_end(serial_number)
        return kept

    def take(self, serial_number: int, told: Kept, now: datetime) -> Kept:
        """Take an answer in; return what counts from now on, the one held or this one."""
        held = self.find(serial_number, now)
        if held is not None and not _replaces(told.known, held.known):
            return held
        self._kept[serial_number] = told
        self._kept.move_to_end(serial_number)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return told

    def drop(self, serial_number: int) -> None:
        """Forget an answer."""
        self._kept.pop(serial_number, None)


def _replaces(told: Known, held: Known) -> bool:
    """Say which of two answers counts: the newer, but revoked over good whatever its age."""
    if isinstance(told.cert_status, Revoked) and isinstance(held.cert_status, Good):
        return True
    if isinstance(told.cert_status, Good) and isinstance(held.cert_status, Revoked):
        return told.this_update > held.this_update
    return told.this_update >= held.this_update


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
