"""The HTTP server of one worker: listening sockets, open connections, and their end.

It knows no OCSP: a face (``certstatus.responder.exchange``) answers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias

from certstatus import limits as defaults
from certstatus.clock import Clock
from certstatus.meter import Meter, NoMeter
from certstatus.responder.exchange import HTTPFace, HTTPReply, Lane
from certstatus.server import refusals
from certstatus.server.connection import Connection
from certstatus.server.listen import address
from certstatus.server.log import Logger
from certstatus.server.replies import ReplyWriter
from certstatus.server.turns import Turns

__all__ = ["HTTPLimits", "Listener", "Server"]

Listener: TypeAlias = Callable[[bytes, HTTPReply, int, str], None]
"""Hears of each answer: method (empty where none was read), reply, nanoseconds, client's address."""

_MAX_SWEEP: Final = 1.0
"""Seconds between two looks at the deadlines, at the most; no deadline is kept closer than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPLimits:
    """What one client may take. Sizes in bytes; the reasons stand in ``certstatus.limits``."""

    target: int = defaults.MAX_TARGET_BYTES
    header: int = defaults.MAX_HEADER_BYTES
    body: int = defaults.MAX_REQUEST_BYTES
    connections: int = defaults.MAX_CONNECTIONS
    turned_away: int = defaults.MAX_TURNED_AWAY
    pipelined: int = defaults.MAX_PIPELINED
    idle_time: timedelta = defaults.IDLE_TIME
    read_time: timedelta = defaults.READ_TIME
    write_time: timedelta = defaults.WRITE_TIME
    linger_time: timedelta = defaults.LINGER_TIME


class Moment(NamedTuple):
    """The time at which a turn of the event loop began, and what follows from it.

    ``start`` is how a 200 begins, ``deadline`` when a connection that is idle from now on ends.
    """

    now: datetime
    start: bytes
    deadline: float


class Server:
    """Serves a face on sockets. ``face`` may be replaced while it runs: a reload does that.

    It belongs to the event loop that ``start`` is called in.
    """

    def __init__(
        self,
        face: HTTPFace,
        *,
        clock: Clock,
        log: Logger,
        limits: HTTPLimits | None = None,
        meter: Meter | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._face = face
        self.lane = _lane_of(face)
        self._own_limit = _body_limit_of(face)
        self.clock = clock
        self.log = log
        self.limits = limits or HTTPLimits()
        self.meter = meter or NoMeter()
        self.listeners = tuple(listeners)
        self.writer = ReplyWriter()
        self.is_draining = False
        self.idle_seconds = self.limits.idle_time.total_seconds()
        self.read_seconds = self.limits.read_time.total_seconds()
        self.write_seconds = self.limits.write_time.total_seconds()
        self.linger_seconds = self.limits.linger_time.total_seconds()
        self.loop: asyncio.AbstractEventLoop
        self.time: Callable[[], float]
        self.turns: Turns
        self.moment: Moment | None = None
        self._listening: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    @property
    def face(self) -> HTTPFace:
        """What answers."""
        return self._face

    @face.setter
    def face(self, face: HTTPFace) -> None:
        self._face, self.lane = face, _lane_of(face)
        self._own_limit = _body_limit_of(face)

    def body_limit(self, target: bytes) -> int:
        """Return how many bytes a body sent to a target may have: as the face says, or limits."""
        own = None if self._own_limit is None else self._own_limit(target)
        return self.limits.body if own is None else own

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens."""
        return tuple(address(each) for server in self._listening for each in server.sockets)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets, TCP or Unix; they belong to the server from here on."""
        self.loop = asyncio.get_running_loop()
        self.time = self.loop.time
        self.turns = Turns(self.loop.call_soon)
        for bound in sockets:
            listen = (
                self.loop.create_unix_server
                if bound.family == socket.AF_UNIX
                else self.loop.create_server
            )
            self._listening.append(
                await listen(lambda: Connection(self), sock=bound, backlog=defaults.LISTEN_BACKLOG)
            )
        self._sweep_again()

    def stop_accepting(self) -> None:
        """Close the listening sockets; open connections go on."""
        for listening in self._listening:
            listening.close()
        self._listening.clear()

    async def drain(self, limit: timedelta = defaults.DRAIN_TIME) -> int:
        """End: answer what is under way, close what is idle; past ``limit``, cut.

        Returns:
            How many connections had to be cut.
        """
        self.stop_accepting()
        self.is_draining = True
        for connection in tuple(self._connections):
            connection.drain()
        cut = 0
        try:
            await asyncio.wait_for(self._until_empty(), limit.total_seconds())
        except TimeoutError:
            cut = len(self._connections)
        self.abort()
        await self._until_empty()
        return cut

    def abort(self) -> None:
        """End at once: cut every connection."""
        self.stop_accepting()
        for connection in tuple(self._connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def sweep(self, now: float) -> None:
        """Act on every deadline that has passed by ``now``, the loop's time in seconds."""
        for connection in tuple(self._connections):
            if connection.deadline <= now or connection.write_deadline <= now:
                connection.expire(now)

    # --- from its connections --------------------------------------------------------------

    def enter(self, connection: Connection) -> bool | None:
        """Take a new connection in.

        Returns:
            True: it is served. False: the server is full, and it may be told so.
            None: too many have been told so already.
        """
        self._connections.add(connection)
        excess = len(self._connections) - self.limits.connections
        if excess <= 0:
            return True
        self.meter.count("connections_turned_away")
        return False if excess <= self.limits.turned_away else None

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def note_defect(self, error: BaseException) -> HTTPReply:
        """Log an exception that the face let out, with its traceback; return what to answer."""
        self.meter.count("exceptions")
        self.log.error("exception", exc_info=error)
        return refusals.DEFECT

    def begin_turn(self) -> Moment:
        """Begin a turn of the event loop: what is asked for once in it, for all that is read."""
        now, started = self.clock.now(), self.time()
        self.moment = Moment(
            now, self.writer.start(HTTPStatus.OK, now), started + self.idle_seconds
        )
        self.loop.call_soon(self._end_turn)
        return self.moment

    # --- within ----------------------------------------------------------------------------

    def _end_turn(self) -> None:
        self.moment = None

    async def _until_empty(self) -> None:
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    def _sweep_again(self) -> None:
        self.sweep(self.time())
        shortest = min(
            self.idle_seconds, self.read_seconds, self.write_seconds, self.linger_seconds
        )
        self._sweeper = self.loop.call_later(min(_MAX_SWEEP, shortest / 4), self._sweep_again)


def _lane_of(face: HTTPFace) -> Lane | None:
    """Return the hot lane before a face, if it has one."""
    lane: Lane | None = getattr(face, "lane", None)
    return lane


def _body_limit_of(face: HTTPFace) -> Callable[[bytes], int | None] | None:
    """Return what says how large bodies may be at a target, where a face has a word on it."""
    limit: Callable[[bytes], int | None] | None = getattr(face, "body_limit", None)
    return limit
