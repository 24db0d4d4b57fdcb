"""Many pieces of work at once in one event loop, their results in the order of the pieces."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
)
from typing import Any, Generic, TypeAlias, TypeVar

from certstatus.limits import MAX_CHECK_CONCURRENCY, MAX_CHECKS_AHEAD

__all__ = ["Several", "in_order"]

T = TypeVar("T")
R = TypeVar("R")

Several: TypeAlias = Iterable[T] | AsyncIterable[T]


async def in_order(
    pieces: Several[T], work: Callable[[T], Coroutine[Any, Any, R]], *, concurrency: int
) -> AsyncGenerator[R, None]:
    """Do ``work`` on each piece, ``concurrency`` at once; yield what comes of them in order.

    Pieces are drawn one by one as others are done, and one that is slow holds up no other,
    until ``MAX_CHECKS_AHEAD`` wait behind it. What drawing or ``work`` raises is raised in
    its turn, and ends all; so does leaving this early.

    Raises:
        ValueError: ``concurrency`` is not from 1 to ``MAX_CHECK_CONCURRENCY``.
    """
    if not 1 <= concurrency <= MAX_CHECK_CONCURRENCY:
        raise ValueError(f"concurrency must be from 1 to {MAX_CHECK_CONCURRENCY}")
    crew = _Crew(work, concurrency)
    drawing = asyncio.create_task(crew.draw(pieces))
    try:
        while (task := await crew.begun.get()) is not None:
            result = await task
            crew.room.release()
            yield result
        await drawing
    finally:
        await _cancel([drawing, *crew.running])


class _Crew(Generic[T, R]):
    """The tasks under way, and those that are begun in the order in which they were."""

    def __init__(self, work: Callable[[T], Coroutine[Any, Any, R]], concurrency: int) -> None:
        self._work = work
        self._free = asyncio.Semaphore(concurrency)
        self.room = asyncio.Semaphore(MAX_CHECKS_AHEAD)
        self.running: set[asyncio.Task[R]] = set()
        self.begun: asyncio.Queue[asyncio.Task[R] | None] = asyncio.Queue()

    async def draw(self, pieces: Several[T]) -> None:
        """Begin one piece after another; None stands behind the last."""
        try:
            async for piece in _drawn(pieces):
                await self.room.acquire()
                await self._free.acquire()
                task = asyncio.create_task(self._work(piece))
                self.running.add(task)
                task.add_done_callback(self._end)
                self.begun.put_nowait(task)
        finally:
            self.begun.put_nowait(None)

    def _end(self, task: asyncio.Task[R]) -> None:
        self.running.discard(task)
        self._free.release()


async def _drawn(pieces: Several[T]) -> AsyncIterator[T]:
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
        return
    for piece in pieces:
        yield piece


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
