"""Replies that serve again: to the same octets, for a while (RFC 5055 §3.2.5.4, §4.10; S13).

Pure. Only what has no nonce is kept, so that nothing in it was made for another's request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from certstatus.delegated.answer import SCVPAnswer
from certstatus.limits_scvp import MAX_CACHED_REPLIES, MAX_CACHED_REPLY_BYTES

__all__ = ["CachedReplies"]


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: SCVPAnswer
    produced_at: datetime
    until: datetime


@dataclass
class CachedReplies:
    """The newest replies by the octets of their requests; times are aware UTC."""

    _entries: dict[bytes, _Entry] = field(default_factory=dict)

    def get(self, request: bytes, now: datetime, oldest: datetime | None) -> SCVPAnswer | None:
        """Return a reply that is still good and no older than ``oldest``, or None."""
        entry = self._entries.get(sha256(request).digest())
        if entry is None or now >= entry.until:
            return None
        return entry.answer if oldest is None or entry.produced_at >= oldest else None

    def put(
        self, request: bytes, answer: SCVPAnswer, produced_at: datetime, until: datetime
    ) -> None:
        """Keep a reply, unless it is large; the oldest goes where there are too many."""
        if len(answer.content_info) > MAX_CACHED_REPLY_BYTES or until <= produced_at:
            return
        key = sha256(request).digest()
        self._entries.pop(key, None)
        self._entries[key] = _Entry(answer, produced_at, until)
        if len(self._entries) > MAX_CACHED_REPLIES:
            del self._entries[next(iter(self._entries))]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)
