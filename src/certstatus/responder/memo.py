"""Signed answers that are given again while they mean the same: saves signing, keeps ETags.

The source is asked each time and wins over what is remembered: an answer whose meaning
has changed is never given again (FIELD: revoked, and still good from a cache). Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from certstatus.limits import MAX_REMEMBERED
from certstatus.limits_hot import MEMO_MARKS

__all__ = ["Kept", "Key", "Memo"]

Key: TypeAlias = tuple[int, bytes, bytes]
"""What is asked and who answers: the serial number, the CertID as it came, ``Voice.digest``."""


@dataclass(slots=True, eq=False)
class Kept:
    """A signed answer with what it means; its four moments are whole seconds since 1970.

    ``updated`` is thisUpdate, ``ends`` nextUpdate, ``signed`` producedAt, and from ``stale`` on
    it is to be signed anew. ``http`` is for whoever dresses it in HTTP, to do that once. Not
    frozen, for speed: the hot lane makes one for each answer that it takes out of a store.
    """

    der: bytes
    meaning: tuple[Hashable, ...]
    updated: int
    ends: int
    signed: int
    stale: int
    http: tuple[bytes, bytes] | None = None

    @property
    def this_update(self) -> datetime:
        """The latest thisUpdate in it, aware UTC."""
        return datetime.fromtimestamp(self.updated, UTC)

    @property
    def next_update(self) -> datetime:
        """The earliest nextUpdate in it, aware UTC."""
        return datetime.fromtimestamp(self.ends, UTC)

    @property
    def produced_at(self) -> datetime:
        """Its producedAt, aware UTC."""
        return datetime.fromtimestamp(self.signed, UTC)


class Memo:
    """At most ``size`` answers; the one that nobody asked for longest goes first.

    ``version`` tells that of the store beside it: when it has changed, all is forgotten.
    """

    def __init__(
        self, size: int = MAX_REMEMBERED, *, version: Callable[[], int] = lambda: 0
    ) -> None:
        self._size = size
        self._entries: OrderedDict[Key, Kept] = OrderedDict()
        self._version_now = version
        self._version = 0
        self._asked = bytearray(MEMO_MARKS)
        self.edition = object()
        """The same object until something is forgotten before its time."""

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, key: Key, meaning: tuple[Hashable, ...], now: int) -> Kept | None:
        """Return the answer of that key if it still means the same and is young enough.

        ``now`` is in seconds since 1970. ``follow`` has to be called before.
        """
        kept = self._entries.get(key)
        if kept is None:
            return None
        # A clock that was set back makes what it signed come from the future.
        if kept.meaning != meaning or not kept.signed <= now < kept.stale:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return kept

    def follow(self) -> None:
        """Forget all, where the store has changed since."""
        version = self._version_now()
        if version != self._version:
            self._version = version
            self.forget(None)

    def is_asked_again(self, key: Key) -> bool:
        """Note that a key was asked for; tell whether it was, of late.

        What the store has at hand is worth remembering where it is asked for again. There is
        a mark for a key, which other keys overwrite: now and then it tells the wrong thing.
        """
        digest = hash(key)
        place, mark = digest % MEMO_MARKS, (digest >> 32) & 0xFF
        if self._asked[place] == mark:
            return True
        self._asked[place] = mark
        return False

    def keep(self, key: Key, kept: Kept) -> None:
        """Remember an answer."""
        self._entries[key] = kept
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, serial_numbers: Collection[int] | None) -> None:
        """Let go of the answers about these, of whatever issuer; None: of all."""
        self.edition = object()
        if serial_numbers is None:
            self._entries.clear()
            return
        for key in [key for key in self._entries if key[0] in serial_numbers]:
            del self._entries[key]
