"""What is asked twice at the same time is fetched once, and by nobody for nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from certstatus.errors import Attempt, UnreachableError
from certstatus.fetch import Exchange, Guard, HTTPAnswer, Provenance, SharedDoor

GET = Exchange(url="http://a.example/1", headers={"Accept": "x"})


@dataclass
class Behind:
    """A door that opens when it is let."""

    fails: bool = False
    asked: list[Exchange] = field(default_factory=list)
    ended: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        self.asked.append(exchange)
        return answer(exchange)

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        self.asked.append(exchange)
        try:
            await asyncio.wait_for(self.gate.wait(), 10)
        finally:
            self.ended += 1
        if self.fails:
            raise UnreachableError("nothing came back", attempts=[Attempt(exchange.url, "no")])
        return answer(exchange)


def answer(exchange: Exchange) -> HTTPAnswer:
    return HTTPAnswer(
        status=200, headers={}, body=exchange.body, url=exchange.url, elapsed=timedelta(0)
    )


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_equal_exchanges_at_the_same_time_are_one() -> None:
    async def main() -> None:
        behind = Behind()
        door = SharedDoor(behind)
        waiting = [asyncio.create_task(door.afetch(replace(GET))) for _ in range(10)]
        await settled()
        behind.gate.set()
        answers = await asyncio.gather(*waiting)
        assert len(behind.asked) == 1
        assert len({id(one) for one in answers}) == 1

    asyncio.run(main())


def test_one_after_the_other_they_are_two() -> None:
    async def main() -> None:
        behind = Behind()
        behind.gate.set()
        door = SharedDoor(behind)
        for _ in range(2):
            await door.afetch(GET)
        assert len(behind.asked) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    "other",
    [
        replace(GET, url="http://a.example/2"),
        replace(GET, method="POST"),
        replace(GET, method="POST", body=b"nonce"),
        replace(GET, headers={"Accept": "y"}),
        replace(GET, guard=Guard(Provenance.CERTIFICATE)),
        replace(GET, max_bytes=1),
    ],
    ids=["url", "method", "body", "headers", "guard", "size"],
)
def test_whatever_differs_goes_out_by_itself(other: Exchange) -> None:
    async def main() -> None:
        behind = Behind()
        door = SharedDoor(behind)
        waiting = [asyncio.create_task(door.afetch(one)) for one in (GET, other)]
        await settled()
        behind.gate.set()
        await asyncio.gather(*waiting)
        assert behind.asked == [GET, other]

    asyncio.run(main())


def test_all_who_wait_hear_of_a_failure_and_the_next_tries_anew() -> None:
    async def main() -> None:
        behind = Behind(fails=True)
        door = SharedDoor(behind)
        waiting = [asyncio.create_task(door.afetch(GET)) for _ in range(3)]
        await settled()
        behind.gate.set()
        heard = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in heard] == [UnreachableError] * 3
        behind.fails = False
        assert (await door.afetch(GET)).status == 200

    asyncio.run(main())


def test_who_stops_waiting_stops_nobody_else() -> None:
    async def main() -> None:
        behind = Behind()
        door = SharedDoor(behind)
        first, second = (asyncio.create_task(door.afetch(GET)) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        behind.gate.set()
        assert (await second).status == 200
        assert first.cancelled()

    asyncio.run(main())


def test_closing_breaks_off_what_nobody_waits_for() -> None:
    async def main() -> None:
        behind = Behind()
        door = SharedDoor(behind)
        alone = asyncio.create_task(door.afetch(GET))
        await settled()
        alone.cancel()
        await settled()
        assert behind.ended == 0
        await door.aclose()
        assert behind.ended == 1

    asyncio.run(main())


def test_threads_fetch_for_themselves() -> None:
    behind = Behind()

    assert SharedDoor(behind).fetch(GET) == answer(GET)
    assert behind.asked == [GET]
