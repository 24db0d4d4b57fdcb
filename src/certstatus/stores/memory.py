"""A store in this process's memory: gone with it, and seen by it alone. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from heapq import nsmallest

from certstatus.limits import MAX_STORED_IN_MEMORY
from certstatus.stores.base import EncodedEntry, StoredResponse, StoreKey, supersedes

__all__ = ["MemoryStore"]


class MemoryStore:
    """At most ``size`` answers; the one that nobody asked for longest goes first."""

    name = "memory"
    is_at_hand = True

    def __init__(self, size: int = MAX_STORED_IN_MEMORY) -> None:
        self._size = size
        self._entries: OrderedDict[StoreKey, StoredResponse] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        """Put answers in; return how many were taken."""
        return sum(self._take(key, response) for key, response in entries)

    async def put_entries(self, entries: Sequence[EncodedEntry]) -> int:
        """Put answers in that are written already; return how many were taken."""
        keys = [StoreKey.decode(encoded) for encoded, _ in entries]
        return await self.put(
            [
                (key, StoredResponse.decode(entry, key))
                for key, (_, entry) in zip(keys, entries, strict=True)
            ]
        )

    def _take(self, key: StoreKey, response: StoredResponse) -> bool:
        old = self._entries.get(key)
        if old is not None and not supersedes(response, old):
            return False
        self._entries[key] = response
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return True

    async def remove(self, keys: Sequence[StoreKey]) -> None:
        """Take answers out."""
        for key in keys:
            self._entries.pop(key, None)

    async def due(self, authority: bytes, before: datetime, limit: int) -> Sequence[StoreKey]:
        """List what an authority has to sign anew, by looking at every entry."""
        found = (
            (entry.fresh_until, key.encode(), key)
            for key, entry in self._entries.items()
            if key.authority == authority and entry.fresh_until <= before
        )
        return [key for _, _, key in nsmallest(limit, found)]

    async def close(self) -> None:
        """Forget all."""
        self._entries.clear()
