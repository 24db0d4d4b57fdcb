"""Many pieces of work at once, told in order: nothing is lost, nothing waits for a slow one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from certstatus.limits import CHECK_CONCURRENCY, MAX_CHECK_CONCURRENCY, MAX_CHECKS_AHEAD
from certstatus.requestor import in_order

T = TypeVar("T")
SECONDS = 20


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, SECONDS))


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_results_come_in_the_order_of_the_pieces() -> None:
    async def work(number: int) -> int:
        for _ in range(20 - number):  # the first is the slowest
            await asyncio.sleep(0)
        return number

    async def main() -> list[int]:
        return [one async for one in in_order(range(20), work, concurrency=20)]

    assert run(main()) == list(range(20))


def test_none_of_none() -> None:
    async def main() -> list[int]:
        return [one async for one in in_order([], double, concurrency=1)]

    assert run(main()) == []


def test_a_slow_piece_holds_up_no_other() -> None:
    done: list[int] = []

    async def main() -> list[int]:
        last = asyncio.Event()

        async def work(number: int) -> int:
            if number == 0:
                await last.wait()  # ends only if the last is done while this one is under way
            if number == 99:
                last.set()
            done.append(number)
            return number

        return [one async for one in in_order(range(100), work, concurrency=2)]

    assert run(main()) == list(range(100))
    assert done[-1] == 0


def test_no_more_are_under_way_than_were_allowed() -> None:
    most = now = 0

    async def work(_: int) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    async def main() -> None:
        async for _ in in_order(range(50), work, concurrency=7):
            pass

    run(main())
    assert most == 7


def test_no_more_wait_behind_a_slow_one_than_the_limit_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_CHECKS_AHEAD > MAX_CHECK_CONCURRENCY > CHECK_CONCURRENCY
    monkeypatch.setitem(in_order.__globals__, "MAX_CHECKS_AHEAD", 5)
    begun: list[int] = []

    async def main() -> list[int]:
        gate = asyncio.Event()

        async def work(number: int) -> int:
            begun.append(number)
            if number == 0:
                await gate.wait()
            return number

        results = in_order(range(20), work, concurrency=3)
        first = asyncio.ensure_future(anext(results))
        for _ in range(100):
            await asyncio.sleep(0)
        assert begun == [0, 1, 2, 3, 4]
        gate.set()
        return [await first, *[one async for one in results]]

    assert run(main()) == list(range(20))


def test_pieces_are_drawn_as_they_are_needed() -> None:
    drawn: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(1_000):
            drawn.append(number)
            yield number

    async def main() -> None:
        gate = asyncio.Event()

        async def work(_: int) -> None:
            await gate.wait()

        results = in_order(pieces(), work, concurrency=4)
        first = asyncio.ensure_future(anext(results))
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(drawn) <= 5
        gate.set()
        await first
        await results.aclose()

    run(main())


def test_pieces_may_come_slowly() -> None:
    async def pieces() -> AsyncIterator[int]:
        for number in range(5):
            await asyncio.sleep(0)
            yield number

    async def main() -> list[int]:
        return [one async for one in in_order(pieces(), double, concurrency=2)]

    assert run(main()) == [0, 2, 4, 6, 8]


def test_what_drawing_raises_comes_after_what_was_drawn() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise OSError("the list is gone")

    async def main() -> None:
        results = in_order(pieces(), double, concurrency=2)
        assert await anext(results) == 2
        with pytest.raises(OSError, match="the list is gone"):
            await anext(results)

    run(main())


def test_leaving_early_ends_what_is_under_way() -> None:
    ended: list[int] = []

    async def work(number: int) -> int:
        try:
            await asyncio.sleep(SECONDS if number else 0)
        finally:
            ended.append(number)
        return number

    async def main() -> None:
        before = asyncio.all_tasks()
        results = in_order(range(100), work, concurrency=3)
        assert await anext(results) == 0
        await asyncio.sleep(0)
        await results.aclose()
        assert asyncio.all_tasks() == before

    run(main())
    assert ended[0] == 0
    assert len(ended) <= 4


@pytest.mark.parametrize("concurrency", [0, -1, MAX_CHECK_CONCURRENCY + 1])
def test_a_number_out_of_range_is_refused(concurrency: int) -> None:
    async def main() -> None:
        await anext(in_order([1], double, concurrency=concurrency))

    with pytest.raises(ValueError, match="concurrency must be from 1 to"):
        run(main())
