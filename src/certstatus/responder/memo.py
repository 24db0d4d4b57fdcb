"""Signed answers that are given again while they mean the same: saves signing, keeps ETags.

The source is asked each time and wins over what is remembered: an answer whose meaning
has changed is never given again (FIELD: revoked, and still good from a cache). Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from certstatus.limits import MAX_REMEMBERED
from certstatus.responder.reply import Reply

__all__ = ["Memo"]

Key: TypeAlias = tuple[Hashable, ...]
"""What is asked and who signs; the serial number comes first."""


@dataclass(frozen=True, slots=True)
class _Entry:
    meaning: tuple[object, ...]
    reply: Reply
    signed_at: datetime
    fresh_until: datetime


class Memo:
    """At most ``size`` replies; the one that nobody asked for longest goes first."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        self._size = size
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, key: Key, meaning: tuple[object, ...], now: datetime) -> Reply | None:
        """Return the reply of that key if it still means the same and is young enough."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        # A clock that was set back makes what it signed come from the future.
        if entry.meaning != meaning or not entry.signed_at <= now < entry.fresh_until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return replace(entry.reply, is_remembered=True)

    def keep(
        self, key: Key, meaning: tuple[object, ...], reply: Reply, fresh_until: datetime
    ) -> None:
        """Remember a successful reply until then, aware UTC."""
        assert reply.produced_at is not None
        self._entries[key] = _Entry(meaning, reply, reply.produced_at, fresh_until)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, serial_numbers: Collection[int] | None) -> None:
        """Let go of the replies about these, of whatever issuer; None: of all."""
        if serial_numbers is None:
            self._entries.clear()
            return
        for key in [key for key in self._entries if key[0] in serial_numbers]:
            del self._entries[key]
