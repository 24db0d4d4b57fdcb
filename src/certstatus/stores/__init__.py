"""Where signed answers rest."""

from __future__ import annotations

from certstatus.stores.base import (
    AtHand,
    Observer,
    OpenEntry,
    ResponseStore,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
    encode_key,
    open_entry,
    supersedes,
)
from certstatus.stores.keeper import StoreKeeper
from certstatus.stores.memory import MemoryStore

__all__ = [
    "AtHand",
    "MemoryStore",
    "Observer",
    "OpenEntry",
    "ResponseStore",
    "StoreEvent",
    "StoreEventKind",
    "StoreKeeper",
    "StoreKey",
    "StoredResponse",
    "encode_key",
    "open_entry",
    "supersedes",
]
