"""How fast stores of signed answers take and give: LMDB by size, Redis, memory.

`.venv/bin/python -m bench.stores [ANSWERS …]` prints the table alone, with LMDB stores of those
many answers (default: 10,000 and 1,000,000; `make bench` as well). Each has 700 octets, about
what an ECDSA answer with its delegate's certificate has, and a serial number from all over the
space, as CAs must choose them. They are put in by their order, as signing in advance does it,
and looked up at random.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from certstatus.stores import MemoryStore, ResponseStore, StoredResponse, StoreKeeper, StoreKey
from certstatus.stores.lmdb import LMDBStore
from certstatus.stores.redis import RedisStore
from tests.conftest import find_command
from tests.redis_server import running_redis

__all__ = ["Shelf", "measure_stores", "print_stores"]

_NOW: Final = datetime.now(UTC).replace(microsecond=0)
_SIZES: Final = (10_000, 1_000_000)
_LOOKUPS: Final = 20_000
_BATCH: Final = 5_000
_ODD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
_AUTHORITY: Final = b"\x01" * 16
_VARIANT: Final = b"\x02" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One store's figures: answers put in batches, then single look-ups one after another."""

    store: str
    answers: int
    puts_per_second: float
    lookup_microseconds: float
    kept_microseconds: float
    megabytes: float | None = None


def measure_stores(sizes: tuple[int, ...] = _SIZES) -> list[Shelf]:
    """Fill each store, and look up at random."""
    return asyncio.run(_measure_all(sizes))


async def _measure_all(sizes: tuple[int, ...]) -> list[Shelf]:
    rows = [await _measure("memory", MemoryStore(), 10_000)]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(await _measure("LMDB", LMDBStore(Path(folder)), size, Path(folder)))
    with ExitStack() as running:
        server = running.enter_context(running_redis(find_command))
        rows.append(await _measure("Redis, on loopback", RedisStore(server.url), 10_000))
    return rows


def _serial_number(number: int) -> int:
    return number * _ODD % 2**127


def _key(number: int) -> StoreKey:
    return StoreKey(_AUTHORITY, _VARIANT, _serial_number(number))


def _entries(count: int) -> Iterator[tuple[StoreKey, StoredResponse]]:
    der = bytes(range(250)) * 2 + bytes(200)
    for place, key in enumerate(sorted(_serial_number(number) for number in range(count))):
        signed_at = _NOW - timedelta(days=1) + timedelta(seconds=86_400 * place // count)
        yield (
            StoreKey(_AUTHORITY, _VARIANT, key),
            StoredResponse(
                der=der,
                meaning=bytes(32),
                this_update=signed_at,
                next_update=signed_at + timedelta(days=4),
                produced_at=signed_at,
                fresh_until=signed_at + timedelta(days=2),
            ),
        )


async def _measure(
    name: str, store: ResponseStore, count: int, folder: Path | None = None
) -> Shelf:
    try:
        filling = await _fill(store, count)
        lookup = await _look_up(store, count)
        kept = await _look_up(StoreKeeper(store), count)
    finally:
        await store.close()
    size = None if folder is None else (folder / "data.mdb").stat().st_size / 1e6
    return Shelf(
        store=name,
        answers=count,
        puts_per_second=count / filling,
        lookup_microseconds=lookup,
        kept_microseconds=kept,
        megabytes=size,
    )


async def _fill(store: ResponseStore, count: int) -> float:
    entries = _entries(count)
    seconds = 0.0
    for start in range(0, count, _BATCH):
        batch = [next(entries) for _ in range(min(_BATCH, count - start))]
        started = time.perf_counter()
        assert await store.put(batch) == len(batch)
        seconds += time.perf_counter() - started
    return seconds


async def _look_up(store: ResponseStore | StoreKeeper, count: int) -> float:
    """Return microseconds for each look-up of an answer, all over the store."""
    asked = [_key(number * _ODD % count) for number in range(min(_LOOKUPS, count))]
    started = time.perf_counter()
    for key in asked:
        assert await store.get(key) is not None
    return (time.perf_counter() - started) / len(asked) * 1e6


def print_stores(rows: list[Shelf]) -> None:
    """Print a Markdown table."""
    print("| store | answers | size | put per second | a look-up | within limits |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows:
        size = "—" if row.megabytes is None else f"{row.megabytes:,.0f} MB"
        print(
            f"| {row.store} | {row.answers:,} | {size} | {row.puts_per_second:,.0f} "
            f"| {row.lookup_microseconds:.0f} µs | {row.kept_microseconds:.0f} µs |"
        )


if __name__ == "__main__":
    print_stores(measure_stores(tuple(map(int, sys.argv[1:])) or _SIZES))
