"""Where signed answers rest."""

from __future__ import annotations

from certstatus.stores.base import (
    DIGEST,
    RESPONSE,
    TIMES,
    AtHand,
    Observer,
    ResponseStore,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
    encode_key,
    entry_times,
    is_sound,
    supersedes,
)
from certstatus.stores.keeper import StoreKeeper
from certstatus.stores.memory import MemoryStore

__all__ = [
    "DIGEST",
    "RESPONSE",
    "TIMES",
    "AtHand",
    "MemoryStore",
    "Observer",
    "ResponseStore",
    "StoreEvent",
    "StoreEventKind",
    "StoreKeeper",
    "StoreKey",
    "StoredResponse",
    "encode_key",
    "entry_times",
    "is_sound",
    "supersedes",
]
