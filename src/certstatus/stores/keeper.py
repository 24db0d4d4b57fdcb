"""A store as answers use it: what is wrong with it costs no answer, and little time.

Law: nothing here raises, and nothing waits past its limit. A store that fails is told of once,
left alone for a while that doubles, and told of again when it is well. Reading and writing
fail apart: a full disk takes no more, and still gives.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Final, Self, TypeVar

from certstatus.limits import (
    MAX_OFFERED,
    MAX_STORE_PAUSE,
    STORE_BATCH,
    STORE_PAUSE,
    STORE_READ_TIME,
    STORE_WRITE_TIME,
)
from certstatus.meter import Meter, NoMeter
from certstatus.stores.base import (
    AtHand,
    Observer,
    ResponseStore,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
)

__all__ = ["StoreKeeper"]

T = TypeVar("T")

_FOREVER: Final = float("inf")
_NOBODY: Final = StoreKey(bytes(16), bytes(16), 0)
"""A key that no answer has."""


@dataclass(slots=True)
class _Lane:
    """One way to use a store, and whether it is open; times in seconds of ``clock``."""

    what: str
    clock: Callable[[], float]
    tell: Callable[[StoreEventKind, str], None]
    pause: float = 0.0
    rests_until: float = -_FOREVER

    @property
    def is_resting(self) -> bool:
        return self.pause > 0 and self.clock() < self.rests_until

    def fail(self, reason: str) -> None:
        """Leave the store alone for a while; only the first failure in a row is told."""
        if not self.pause:
            self.tell(StoreEventKind.FAILED, f"{self.what}: {reason}")
        longest = MAX_STORE_PAUSE.total_seconds()
        self.pause = min(2 * self.pause or STORE_PAUSE.total_seconds(), longest)
        self.rests_until = self.clock() + self.pause

    def succeed(self) -> None:
        """End the outage, if there was one."""
        if self.pause:
            self.pause = 0.0
            self.tell(StoreEventKind.RECOVERED, self.what)


@dataclass(slots=True)
class _Offered:
    """Answers on their way to the store, the newest of each key, in the order of their coming."""

    entries: dict[StoreKey, StoredResponse] = field(default_factory=dict)

    def take(self) -> list[tuple[StoreKey, StoredResponse]]:
        batch = list(islice(self.entries.items(), STORE_BATCH))
        for key, _ in batch:
            del self.entries[key]
        return batch


class StoreKeeper:
    """Stands between a responder and its store, within one event loop.

    ``observe`` hears of outages and of what the store tells itself; ``clock`` is a monotonic
    one, in seconds. It counts ``store_lookups`` by outcome (found, missed, failed, resting)
    and ``store_writes`` (taken, older, failed, dropped).
    """

    def __init__(
        self,
        store: ResponseStore,
        *,
        observe: Observer = lambda _: None,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        read_time: timedelta = STORE_READ_TIME,
        write_time: timedelta = STORE_WRITE_TIME,
    ) -> None:
        self.store = store
        self._near = store if isinstance(store, AtHand) else None
        self._observe = observe
        self._meter: Meter = NoMeter() if meter is None else meter
        self._read_seconds = read_time.total_seconds()
        self._write_seconds = write_time.total_seconds()
        self._reading = _Lane("reading", clock, self._tell)
        self._writing = _Lane("writing", clock, self._tell)
        self._offered = _Offered()
        self._abandoned: set[asyncio.Task[Any]] = set()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _within(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Wait for a store so long and no longer, whatever it does when it is cancelled.

        Clients of stores have been seen to swallow a cancellation, and asyncio.timeout would
        wait for them.

        Raises:
            TimeoutError: it is not done by then.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                self._abandon(task)
        if not task.done():
            raise TimeoutError
        return task.result()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        """Let a task end by itself, unheard."""
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()

    def _tell(self, kind: StoreEventKind, detail: str) -> None:
        self._observe(StoreEvent(kind, self.store.name, detail))

    async def warm_up(self) -> None:
        """Open or connect the store before it is needed; what is wrong with it is told."""
        try:
            await self._within(self.store.get(_NOBODY), self._write_seconds)
        except Exception as error:  # noqa: BLE001 (as in get)
            self._reading.fail(_reason(error, self._write_seconds))

    # --- reading ---------------------------------------------------------------------------

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key; None also where the store is slow or out of order."""
        if self._reading.is_resting:
            self._meter.count("store_lookups", outcome="resting")
            return None
        try:
            if self.store.is_at_hand:  # a task for it would cost many times the look-up
                found = await self.store.get(key)
            else:
                found = await self._within(self.store.get(key), self._read_seconds)
        except Exception as error:  # noqa: BLE001 (whatever a store raises, it costs no answer)
            self._reading.fail(_reason(error, self._read_seconds))
            self._meter.count("store_lookups", outcome="failed")
            return None
        self._reading.succeed()
        self._meter.count("store_lookups", outcome="missed" if found is None else "found")
        return found

    @property
    def version(self) -> int:
        """Another number whenever what rests there may have changed; 0 where that can't be told."""
        return 0 if self._near is None else self._near.version

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        """Return the entry under a key, unread; None: it is not there, or takes waiting.

        What fails here fails in ``get`` as well, which tells of it. Nothing is counted: who asks
        for each answer so counts it with that.
        """
        if self._near is None or self._reading.is_resting:
            return None
        return self._near.at_hand(encoded_key)

    # --- writing ---------------------------------------------------------------------------

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        """Have an answer put in soon; where too many wait, or the store rests, it is dropped."""
        offered = self._offered.entries
        if self._writing.is_resting or (len(offered) >= MAX_OFFERED and key not in offered):
            self._meter.count("store_writes", outcome="dropped")
            return
        offered[key] = response
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._offered.entries and not self._writing.is_resting:
            await self._put(self._offered.take())
        self._count("dropped", len(self._offered.entries))
        self._offered.entries.clear()

    async def _put(self, batch: list[tuple[StoreKey, StoredResponse]]) -> None:
        try:
            taken = await self._within(self.store.put(batch), self._write_seconds)
        except Exception as error:  # noqa: BLE001 (as in get)
            self._writing.fail(_reason(error, self._write_seconds))
            self._count("failed", len(batch))
            return
        self._writing.succeed()
        self._count("taken", taken)
        self._count("older", len(batch) - taken)

    def _count(self, outcome: str, times: int) -> None:
        for _ in range(times):
            self._meter.count("store_writes", outcome=outcome)

    async def settle(self) -> None:
        """Wait until what was offered is in, or was given up."""
        if self._writer is not None:
            await self._writer

    async def close(self) -> None:
        """Put in what was offered, within the limit of one write, and close the store."""
        for step in (self.settle, self.store.close):
            try:
                await self._within(step(), self._write_seconds)
            except Exception as error:  # noqa: BLE001 (as in get)
                reason = _reason(error, self._write_seconds)
                self._tell(StoreEventKind.FAILED, f"closing: {reason}")


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    return str(error) or type(error).__name__
