"""Connections in turn: the clock of the turns is a test's own, and their turns come by hand."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from certstatus.limits import IDLE_TIME, MAX_TURN_DEBT, MAX_TURN_WAIT, READ_TIME
from certstatus.responder.exchange import HTTPReply
from certstatus.server.http import HTTPLimits
from certstatus.server.reading import SLICE
from certstatus.server.turns import Turns
from tests.serving import Echo, Patient, Served, get, in_loop, post, serving, until


@dataclass(slots=True)
class Scarce:
    """Turns of a server that has overdrawn its share, while stored answers are given."""

    served: Served
    now: float = 0.0
    soon: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.served.server.turns = Turns(self.soon.append, clock=self._clock)
        self.spend()

    def _clock(self) -> float:
        self.now += 0.001  # so whatever is done takes longer than one turn has
        return self.now

    def spend(self) -> None:
        """Overdraw the share."""
        turns = self.served.server.turns
        turns.took(MAX_TURN_DEBT.total_seconds())
        turns._spent = 0.0  # it is no sign of how long one of these requests takes

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self.served.server.turns.waiting

    def turn(self) -> None:
        """Let one go, for nothing stored was asked for lately."""
        self.now += 0.01
        self.spend()
        self._turn()

    def _turn(self) -> None:
        ready, self.soon[:] = list(self.soon), []
        for one in ready:
            one()

    def turn_beside_stored_answers(self) -> None:
        """Let nobody go."""
        self.served.server.turns.stored += 1
        self._turn()


@contextlib.asynccontextmanager
async def _scarce(face: Echo, limits: HTTPLimits | None = None) -> AsyncIterator[Scarce]:
    async with serving(face, limits=limits) as served:
        yield Scarce(served)


@in_loop
async def test_a_request_past_the_share_waits_for_its_turn() -> None:
    face = Echo()
    async with _scarce(face) as scarce:
        client = await scarce.served.connect()
        await client.say(get("/a"))
        await until(lambda: scarce.waiting == 1)
        for _ in range(3):
            scarce.turn_beside_stored_answers()
        assert face.requests == []
        scarce.turn()
        assert (await client.answer()).body == b"GET /a "
        assert scarce.waiting == 0


@in_loop
async def test_a_request_that_waited_too_long_is_put_off_and_the_next_one_is_not() -> None:
    face = Echo()
    async with _scarce(face) as scarce:
        client = await scarce.served.connect()
        await client.say(get("/a"))
        await until(lambda: scarce.waiting == 1)
        scarce.turn_beside_stored_answers()
        # The clock is asked at the moment of waiting, so moving it makes the wait long.
        scarce.now += MAX_TURN_WAIT.total_seconds() + 0.001
        scarce.turn()
        assert (await client.answer()).body == b"later"
        assert face.requests == []
        scarce.spend()
        await client.say(get("/b"))
        await until(lambda: scarce.waiting == 1)
        scarce.turn()
        assert (await client.answer()).body == b"GET /b "


@in_loop
async def test_pipelined_requests_take_a_turn_each() -> None:
    face = Echo()
    async with _scarce(face) as scarce:
        greedy, other = await scarce.served.connect(), await scarce.served.connect()
        await greedy.say(get("/1") + get("/2") + get("/3"))
        await until(lambda: scarce.waiting == 1)
        await other.say(get("/other"))
        await until(lambda: scarce.waiting == 2)
        for _ in range(4):
            scarce.turn()
        order = [request.target for request in face.requests]
        assert order == [b"/1", b"/other", b"/2", b"/3"]
        bodies = [(await greedy.answer()).body for _ in range(3)]
        assert bodies == [b"GET /1 ", b"GET /2 ", b"GET /3 "]


@in_loop
async def test_pipelined_requests_whose_answers_are_waited_for_take_a_turn_each() -> None:
    face = Patient()
    face.leave.set()
    async with _scarce(face) as scarce:
        client = await scarce.served.connect()
        await client.say(get("/1") + get("/2"))
        await until(lambda: scarce.waiting == 1)
        scarce.turn()
        assert (await client.answer()).body == b"GET /1 "
        await until(lambda: scarce.waiting == 1)
        assert len(face.requests) == 1
        scarce.turn()
        assert (await client.answer()).body == b"GET /2 "


@in_loop
async def test_what_comes_while_a_connection_waits_is_kept() -> None:
    async with _scarce(Echo()) as scarce:
        client = await scarce.served.connect()
        request = post(b"body")
        (connection,) = scarce.served.server._connections
        await client.say(request[:20])
        await until(lambda: scarce.waiting == 1)
        await client.say(request[20:])
        await until(lambda: connection._is_paused)
        assert scarce.waiting == 1
        scarce.turn()
        assert (await client.answer()).body == b"POST / body"
        assert not connection._is_paused


@in_loop
async def test_large_requests_are_read_slice_by_slice_in_turn() -> None:
    face = Echo()
    async with _scarce(face) as scarce:
        clients = [await scarce.served.connect() for _ in range(2)]
        for client in clients:
            await client.say(post(bytes(40_000)))
        turns = 0

        def are_answered() -> bool:
            nonlocal turns
            turns += scarce.waiting > 0
            scarce.turn()
            return len(face.requests) == 2

        await until(lambda: scarce.waiting == 2)
        await until(are_answered)
        for client in clients:
            assert len((await client.answer()).body) == len(b"POST / ") + 40_000
        assert turns >= 40_000 // SLICE * 2


@in_loop
async def test_a_client_that_has_ended_its_side_while_it_waits_gets_its_answer() -> None:
    async with _scarce(Echo()) as scarce:
        client = await scarce.served.connect()
        client.writer.write(get("/a"))
        client.writer.write_eof()
        (connection,) = scarce.served.server._connections
        await until(lambda: scarce.waiting == 1 and connection._is_ended)
        scarce.turn()
        assert (await client.answer()).body == b"GET /a "
        assert await client.rest() == b""


@in_loop
async def test_a_client_that_goes_away_while_it_waits_takes_no_turn() -> None:
    face = Echo()
    async with _scarce(face) as scarce:
        gone, other = await scarce.served.connect(), await scarce.served.connect()
        await gone.say(get("/gone"))
        await until(lambda: scarce.waiting == 1)
        await other.say(get("/other"))
        await until(lambda: scarce.waiting == 2)
        gone.reset()
        await until(lambda: scarce.served.server.connections == 1)
        scarce.turn()
        scarce.turn()
        assert (await other.answer()).body == b"GET /other "
        assert [request.target for request in face.requests] == [b"/other"]


@in_loop
async def test_a_drain_answers_who_waits_for_its_turn() -> None:
    async with _scarce(Echo()) as scarce:
        client = await scarce.served.connect()
        await client.say(get("/a"))
        await until(lambda: scarce.waiting == 1)
        for connection in tuple(scarce.served.server._connections):
            connection.drain()
        scarce.served.server.is_draining = True
        scarce.turn()
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"GET /a ", "close")


@in_loop
async def test_waiting_for_a_turn_is_no_idle_time_and_sending_slowly_is_slow() -> None:
    async with _scarce(Echo()) as scarce:
        whole = await scarce.served.connect()
        await whole.say(get("/a"))
        await until(lambda: scarce.waiting == 1)
        scarce.turn_beside_stored_answers()
        scarce.served.pass_time(IDLE_TIME.total_seconds())
        scarce.turn()
        assert (await whole.answer()).body == b"GET /a "

        slow = await scarce.served.connect()
        await slow.say(get("/b")[:10])
        await until(lambda: scarce.waiting == 1)
        scarce.turn()
        await slow.say(get("/b")[10:12])
        await until(lambda: scarce.waiting == 1)
        scarce.served.pass_time(READ_TIME.total_seconds())
        scarce.turn()
        scarce.turn()
        assert (await slow.answer()).status == 408


# --- with a lane for stored answers --------------------------------------------------------------


class _Lane:
    """Knows one stored answer, as long as it is at hand."""

    def __init__(self) -> None:
        self.is_at_hand = False
        self.is_of_stored = False

    def stored(self, data: bytes, _now: datetime) -> tuple[bytes, HTTPReply, bool] | None:
        """Answer ``/stored`` if it is at hand; for ``/stored/last`` this is the last answer."""
        self.is_of_stored = data.startswith(b"GET /stored")
        if self.is_of_stored and self.is_at_hand:
            is_last = data.startswith(b"GET /stored/last")
            return b"Content-Length: 5\r\n\r\nhello", HTTPReply(200), is_last
        return None

    def live(self, _data: bytes, _now: datetime) -> None:
        """Sign nothing."""


@contextlib.asynccontextmanager
async def _with_lane() -> AsyncIterator[tuple[Scarce, _Lane]]:
    lane = _Lane()
    async with _scarce(Echo()) as scarce:
        scarce.served.server.lane = lane
        yield scarce, lane


@in_loop
async def test_a_stored_answer_waits_for_nobody() -> None:
    async with _with_lane() as (scarce, lane):
        lane.is_at_hand = True
        other, client = await scarce.served.connect(), await scarce.served.connect()
        await other.say(get("/other"))
        await until(lambda: scarce.waiting == 1)
        assert (await client.ask(get("/stored"))).body == b"hello"
        assert scarce.waiting == 1
        assert scarce.served.server.turns.stored == 1


@in_loop
async def test_a_stored_answer_ends_the_connection_where_the_client_wants_no_other() -> None:
    async with _with_lane() as (scarce, lane):
        lane.is_at_hand = True
        client = await scarce.served.connect()
        assert (await client.ask(get("/stored"))).body == b"hello"
        assert (await client.ask(get("/stored/last"))).body == b"hello"
        assert await client.rest() == b""
        await until(lambda: scarce.served.server.connections == 0)


@in_loop
async def test_who_waits_for_a_stored_answer_gets_it_when_it_is_there_again() -> None:
    async with _with_lane() as (scarce, lane):
        others = [await scarce.served.connect() for _ in range(3)]
        for other in others:
            await other.say(get("/other"))
        await until(lambda: scarce.waiting == 3)
        first, second = await scarce.served.connect(), await scarce.served.connect()
        for client in (first, second):
            await client.say(get("/stored"))
        await until(lambda: scarce.waiting == 5)
        scarce.turn()  # goes before those who came earlier, and by the face, as it is not there yet
        assert (await first.answer()).body == b"GET /stored "
        lane.is_at_hand = True
        scarce.turn()
        scarce.now += MAX_TURN_WAIT.total_seconds() + 0.001
        scarce.turn()
        assert (await second.answer()).body == b"hello"  # better than to be told to try later
