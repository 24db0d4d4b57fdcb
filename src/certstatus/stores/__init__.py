"""Where signed answers rest."""

from __future__ import annotations

from certstatus.stores.base import (
    Observer,
    ResponseStore,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
    supersedes,
)
from certstatus.stores.keeper import StoreKeeper
from certstatus.stores.memory import MemoryStore

__all__ = [
    "MemoryStore",
    "Observer",
    "ResponseStore",
    "StoreEvent",
    "StoreEventKind",
    "StoreKeeper",
    "StoreKey",
    "StoredResponse",
    "supersedes",
]
