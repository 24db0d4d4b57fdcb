"""What was fetched, for all who validate: each thing once, as long as it may serve. Pure.

Its law: nothing serves past its own nextUpdate, nor past ``EVIDENCE_REFRESH`` without a new
look; a failure is remembered, too, so that a dead server is not asked by everybody, and so
is what nobody could believe: for a short while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime

from certstatus.limits_path import EVIDENCE_FAILURE_TIME, EVIDENCE_REFRESH, MAX_EVIDENCE_BYTES

__all__ = ["EvidenceCache", "Kept"]


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What one fetch brought, or why it brought nothing; ``size`` in bytes.

    ``is_reached``: a server answered. ``until``: when what it brought says that there will be
    newer, aware UTC. ``is_doubtful`` says whether what it brought is still to be believed by
    someone: whoever stands between may have put it there.
    """

    items: tuple[object, ...] = ()
    reason: str = ""
    is_reached: bool = False
    size: int = 0
    until: datetime | None = None
    is_doubtful: Callable[[], bool] = field(default=_never, repr=False, compare=False)


_OVERHEAD = 1_000
"""What an entry takes beside the octets that it holds: failures are bounded by it."""


class EvidenceCache:
    """What was fetched lately, the least used goes first. For one event loop."""

    def __init__(self, max_bytes: int = MAX_EVIDENCE_BYTES) -> None:
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[Kept, datetime, datetime]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, now: datetime) -> Kept | None:
        """Return what may still serve."""
        found = self._kept.get(key)
        if found is None:
            return None
        kept, since, end = found
        if end <= now or (since + EVIDENCE_FAILURE_TIME <= now and kept.is_doubtful()):
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: Hashable, kept: Kept, now: datetime) -> None:
        """Keep what a fetch brought."""
        self._drop(key)
        end = now + (EVIDENCE_REFRESH if kept.items else EVIDENCE_FAILURE_TIME)
        if kept.until is not None and kept.items:
            end = min(end, max(kept.until, now + EVIDENCE_FAILURE_TIME))
        self._kept[key] = kept, now, end
        self._bytes += kept.size + _OVERHEAD
        while self._bytes > self.max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._bytes -= found[0].size + _OVERHEAD

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return self._bytes
