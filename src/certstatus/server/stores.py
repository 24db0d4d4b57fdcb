"""From ``[store]`` to a store of signed answers, and its events to log and metrics."""

from __future__ import annotations

from pathlib import Path

from certstatus.errors import ConfigError
from certstatus.meter import Meter
from certstatus.server.config_store import StoreConfig
from certstatus.server.log import Logger
from certstatus.server.worker import Tools
from certstatus.stores import (
    MemoryStore,
    Observer,
    ResponseStore,
    StoreEvent,
    StoreEventKind,
    StoreKeeper,
)

__all__ = ["keep_store", "open_store", "telling"]


def open_store(config: StoreConfig, observe: Observer) -> ResponseStore:
    """Make the store that is configured; nothing is opened or connected before it is used.

    Raises:
        ConfigError: its extra is not installed, or its address or password can't be read.
    """
    if config.scheme == "memory":
        return MemoryStore()
    if config.scheme == "lmdb":
        from certstatus.stores.lmdb import LMDBStore  # noqa: PLC0415 (loaded where it is used)

        return LMDBStore(
            config.folder, max_bytes=config.max_bytes, reads_through=True, observe=observe
        )
    try:
        from certstatus.stores.redis import RedisStore  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ConfigError(
            f"needs a library that is not installed: {error.name}",
            key="store.url",
            remedy="pip install 'certstatus[redis]'",
        ) from error
    return RedisStore(config.url, password=_password(config.password_file), observe=observe)


def keep_store(config: StoreConfig, tools: Tools) -> StoreKeeper:
    """Make the store that is configured, as answers use it.

    Raises:
        ConfigError: as ``open_store``.
    """
    observe = telling(tools.log, tools.meter)
    return StoreKeeper(open_store(config, observe), observe=observe, meter=tools.meter)


def telling(log: Logger, meter: Meter) -> Observer:
    """Log and count what happens to a store; of broken entries the first is logged."""
    told: set[str] = set()

    def observe(event: StoreEvent) -> None:
        meter.count("store_events", kind=event.kind.value)
        if event.kind is StoreEventKind.RECOVERED:
            log.info("store.recovered", store=event.store, detail=event.detail)
            return
        if event.kind is StoreEventKind.ENTRY_BROKEN:
            if event.store in told:
                return
            told.add(event.store)
        log.error("store.alarm", kind=event.kind.value, store=event.store, detail=event.detail)

    return observe


def _password(file: Path | None) -> str | None:
    """Read the first line of a file."""
    if file is None:
        return None
    try:
        return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(
            f"can't be read: {reason}", file=str(file), key="store.password_file"
        ) from error
