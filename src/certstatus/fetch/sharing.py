"""Equal exchanges that are under way at the same time, carried out once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Protocol

from certstatus.fetch.conversation import Exchange, HTTPAnswer

__all__ = ["Door", "SharedDoor"]


class Door(Protocol):
    """What fetches; ``HTTPDoor`` is one."""

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange. Raises UnreachableError where nothing comes back."""
        ...

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange; as ``fetch``, without blocking the event loop."""
        ...


class SharedDoor:
    """A door for one event loop, where what is asked twice at once goes out once.

    Nothing is kept once it is there. Who stops waiting stops nobody else's exchange; it ends
    with its own time limit, or with ``aclose``.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._under_way: dict[Hashable, asyncio.Task[HTTPAnswer]] = {}

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange; those of threads are not shared."""
        return self._door.fetch(exchange)

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange, or wait for the like one that is under way."""
        key = _key(exchange)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._door.afetch(exchange))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def _end(self, key: Hashable, done: asyncio.Task[HTTPAnswer]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # where nobody waits any more, nobody need hear of it

    async def aclose(self) -> None:
        """Break off what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _key(exchange: Exchange) -> Hashable:
    fields = frozenset(exchange.headers.items())
    return exchange.method, exchange.url, exchange.body, fields, exchange.guard, exchange.max_bytes
