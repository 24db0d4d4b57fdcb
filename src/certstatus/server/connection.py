"""One HTTP connection: requests in order to the face, replies in order out.

RFC 9112: HTTP/1.0 and 1.1, keep-alive and pipelining. Reading stops while more requests wait
than may, or the client does not read what it was sent.

This is the hot path, and gives up some beauty for speed: requests that are answered at once
never meet a task or a queue, and deadlines are numbers that the server's sweep compares once
in a while, instead of timers of their own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from datetime import datetime
from enum import Enum, auto
from math import inf
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from certstatus.limits import MAX_LINGER_BYTES
from certstatus.responder.exchange import HotReply, HTTPReply, HTTPRequest
from certstatus.server import refusals
from certstatus.server.reading import SLICE, Phase, Reader, Turn
from certstatus.server.replies import CONTINUE

if TYPE_CHECKING:
    from certstatus.server.http import Moment, Server

__all__ = ["Connection"]

_CLOSE = b"Connection: close\r\n"
_G = ord("G")


class _Life(Enum):
    OPEN = auto()
    LINGER = auto()  # the last reply is written; what still arrives is thrown away
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """One client; the transport calls it, and the server sweeps it.

    ``deadline`` and ``write_deadline`` are in the event loop's time, ``inf`` for none.
    """

    __slots__ = (
        "_held",
        "_is_ended",
        "_is_late",
        "_is_of_stored",
        "_is_paused",
        "_is_stalled",
        "_is_waiting",
        "_life",
        "_may_serve",
        "_peer",
        "_queue",
        "_reader",
        "_server",
        "_task",
        "_thrown_away",
        "_transport",
        "deadline",
        "write_deadline",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._peer = ""
        self._life = _Life.OPEN
        self._reader = Reader(
            server, begun=self._begun, take=self._take, continued=self._send_continue
        )
        self._queue: deque[Turn] = deque()
        self._task: asyncio.Task[HTTPReply] | None = None
        self._held: bytes | memoryview | None = None  # read, and not yet parsed
        self._thrown_away = 0  # bytes, after the last reply
        self._is_paused = False  # we do not read
        self._is_stalled = False  # the client does not
        self._is_ended = False  # the client sends no more
        self._is_waiting = False  # for its turn
        self._is_late = False  # it has waited for too long
        self._is_of_stored = False  # what it waits with is of the kind that is stored
        self._may_serve = False  # one more request in this turn
        self.deadline = inf
        self.write_deadline = inf

    # --- from the transport ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or turn the client away where the server is full."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = _peer(transport)
        match self._server.enter(self):
            case True:
                self.deadline = self._server.time() + self._server.idle_seconds
            case False:
                self._reader.refuse(refusals.FULL)
                self._go_on()
            case None:
                self.abort()

    def data_received(self, data: bytes) -> None:
        """Take what came in its turn; what comes meanwhile is kept, and more not read."""
        if self._life is not _Life.OPEN:
            self._throw_away(data)
        elif self._held is not None or self._is_waiting:
            self._server.turns.took_reading()
            self._held = bytes(self._held or b"") + data
            self._pause_reading()
        elif not self._gave_stored(data):
            self._held = data
            self._go_on()

    def eof_received(self) -> bool:
        """Keep the way back open while an answer is owed; half a request is dropped."""
        self._is_ended = self._life is _Life.OPEN and (self._is_busy() or self._held is not None)
        if self._is_ended:
            self.deadline = inf
        return self._is_ended

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop work that nobody waits for."""
        self._life = _Life.CLOSED
        self._reader.close()
        self._queue.clear()
        self._held = None
        if self._task is not None:
            self._task.cancel()
        self._server.leave(self)

    def pause_writing(self) -> None:
        """Answer no more until the client reads what was written."""
        self._is_stalled = True
        self.write_deadline = self._server.time() + self._server.write_seconds

    def resume_writing(self) -> None:
        """Go on."""
        self._is_stalled = False
        self.write_deadline = inf
        self._go_on()

    # --- from the server -------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed; ``now`` is the loop's time in seconds."""
        if self.write_deadline <= now:
            self._server.meter.count("http_timeouts", kind="write")
            self.abort()
        elif self._life is not _Life.OPEN:
            self.abort()
        elif self._reader.is_reading:
            self._server.meter.count("http_timeouts", kind="read")
            self._reader.refuse(refusals.SLOW)
            self._go_on()
        else:
            self._server.meter.count("http_timeouts", kind="idle")
            self._close()

    def drain(self) -> None:
        """Close if nothing is under way; else the next reply is the last."""
        is_idle = self._held is None and not self._reader.is_reading and not self._is_busy()
        if self._life is _Life.OPEN and is_idle:
            self._close()

    def abort(self) -> None:
        """Cut the line."""
        self._life = _Life.CLOSED
        self._transport.abort()

    # --- from the reader --------------------------------------------------------------------

    def _begun(self) -> None:
        self.deadline = self._server.time() + self._server.read_seconds

    def _take(self, turn: Turn) -> None:
        """Answer now, or when what came before is answered: one request in one turn."""
        self.deadline = inf
        if self._may_serve and not self._is_busy():
            self._serve(turn)
        else:
            self._queue.append(turn)

    def _send_continue(self) -> None:
        """Ask for the body, once all earlier answers are on their way."""
        if self._reader.waits and not self._is_busy():
            self._reader.waits = False
            self._transport.write(CONTINUE)

    # --- by the hot lane -------------------------------------------------------------------

    def _is_fresh(self) -> bool:
        """Whether what comes now begins a request, and nothing is owed."""
        is_between = self._reader.phase is Phase.IDLE and self._held is None
        return is_between and not self._is_busy() and not self._server.is_draining

    def _gave_stored(self, data: bytes) -> bool:
        """Give a stored answer at once, before anything is parsed, if there is one."""
        server, lane = self._server, self._server.lane
        if lane is None or not self._is_fresh():
            return False
        began, moment = perf_counter_ns(), server.moment or server.begin_turn()
        answer = lane.stored(data, moment.now)
        if answer is None:
            self._is_of_stored = lane.is_of_stored
            server.turns.took((perf_counter_ns() - began) / 1e9)
            return False
        server.turns.stored += 1
        self._give(data, answer, began, moment)
        return True

    def _gave_live(self, data: bytes) -> bool:
        """Give an answer that is signed now, before anything is parsed, if it is a usual one."""
        server = self._server
        if server.lane is None or self._is_late or not self._is_fresh():
            return False
        began, moment = perf_counter_ns(), server.moment or server.begin_turn()
        answer = server.lane.live(data, moment.now)
        if answer is None:
            return False
        self._give(data, answer, began, moment)
        return True

    def _give(self, data: bytes, answer: HotReply, began: int, moment: Moment) -> None:
        octets, reply, is_last = answer
        server = self._server
        self._transport.write(moment.start + octets)
        method = b"GET" if data[0] == _G else b"POST"
        for hear in server.listeners:
            hear(method, reply, perf_counter_ns() - began, self._peer)
        if is_last:
            self._finish(linger=False)
        else:
            self.deadline = moment.deadline

    # --- in turn with other connections ----------------------------------------------------

    def _go_on(self) -> None:
        """Do what there is to do, as long as it may be done at once."""
        turns = self._server.turns
        while self._has_work() and not self._is_waiting:
            if not turns.may_go():
                self._wait()
                return
            began = perf_counter()
            self._work()
            turns.took(perf_counter() - began)
        self._rest()

    def _wait(self) -> None:
        self._is_waiting = True
        if self._reader.is_reading:
            self._pause_reading()  # what comes in pieces comes piece by piece
        else:
            self.deadline = inf  # we make the client wait, not the client us
        self._server.turns.wait(self._my_turn, is_of_stored=self._is_of_stored)

    def _my_turn(self, is_late: bool) -> None:
        self._is_waiting = False
        self._is_late = is_late
        if self._has_work() and not self._gave_meanwhile():
            self._work()
        self._is_late = self._is_of_stored = False
        self._go_on()

    def _gave_meanwhile(self) -> bool:
        """Give a stored answer that is at hand by now: a source had to look at a file before."""
        if not self._is_of_stored or not isinstance(self._held, bytes):
            return False
        data, self._held = self._held, None
        if self._gave_stored(data):
            return True
        self._held = data
        return False

    def _has_work(self) -> bool:
        if self._life is not _Life.OPEN:
            return False
        if self._queue and self._task is None and not self._is_stalled:
            return True
        return self._held is not None and not self._is_full()

    def _work(self) -> None:
        """Answer one request, or read one slice and answer the first request of it."""
        self._may_serve = True
        if self._queue and self._task is None and not self._is_stalled:
            self._serve(self._queue.popleft())
        elif self._held is not None:
            self._server.turns.took_reading()
            data, self._held = self._held, None
            if len(data) > SLICE:
                view = memoryview(data)
                data, self._held = view[:SLICE], view[SLICE:]
            if isinstance(data, memoryview) or not self._gave_live(data):
                self._reader.feed(data)
        self._may_serve = False

    def _rest(self) -> None:
        """Wait for more: for answers, for the client to read them, for its next request."""
        if self._life is not _Life.OPEN:
            return
        if self._is_full():
            self.deadline = inf
            self._pause_reading()
        if self._is_busy():
            return
        if self._is_ended or self._reader.phase is Phase.DONE:
            self._close()
            return
        self._send_continue()
        self._resume_reading()
        if self._reader.is_reading and self.deadline == inf:
            self._begun()

    # --- reading ---------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        return self._task is not None or bool(self._queue) or self._is_stalled

    def _is_full(self) -> bool:
        return len(self._queue) >= self._server.limits.pipelined

    def _throw_away(self, data: bytes) -> None:
        """Read on after a refusal, that the client may hear it, but not for ever."""
        self._server.turns.took_reading()
        self._thrown_away += len(data)
        if self._thrown_away > MAX_LINGER_BYTES:
            self._pause_reading()

    def _pause_reading(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    # --- answering -------------------------------------------------------------------------

    def _serve(self, turn: Turn) -> None:
        """Answer a request: at once where the face can, else by a task."""
        self._may_serve = False
        server = self._server
        now = server.clock.now()
        if turn.request is None:
            assert turn.refusal is not None
            self._write(turn, turn.refusal, now)
            return
        try:
            outcome = self._outcome(turn.request, now)
        except Exception as error:  # noqa: BLE001 (the border where a defect becomes a 500)
            outcome = server.note_defect(error)
        if isinstance(outcome, HTTPReply):
            self._write(turn, outcome, now)
        else:
            self._serve_later(turn, outcome)

    def _outcome(
        self, request: HTTPRequest, now: datetime
    ) -> HTTPReply | Coroutine[Any, Any, HTTPReply]:
        face = self._server.face
        if self._is_late:
            return face.put_off(request)
        return face.refuse(request, now) or face.reply(request, now)

    def _serve_later(self, turn: Turn, waiting: Coroutine[Any, Any, HTTPReply]) -> None:
        """Answer by a task of its own: what waits may need one, for its time-outs."""

        def answer(task: asyncio.Task[HTTPReply]) -> None:
            self._task = None
            if task.cancelled():
                if self._life is _Life.OPEN:  # by the face itself, not by us
                    self.abort()
                return
            error = task.exception()
            reply = task.result() if error is None else self._server.note_defect(error)
            if self._life is _Life.OPEN:
                self._write(turn, reply, self._server.clock.now())
                self._go_on()

        self._task = self._server.loop.create_task(self._server.turns.metered(waiting))
        self._task.add_done_callback(answer)

    def _write(self, turn: Turn, reply: HTTPReply, now: datetime) -> None:
        """Send head and body in one write: one segment where they fit."""
        server = self._server
        is_last = not turn.keep_alive or (server.is_draining and not self._queue)
        connection = _CLOSE if is_last else turn.connection
        self._transport.write(
            server.writer.message(reply, now, connection, has_body=turn.method != b"HEAD")
        )
        for hear in server.listeners:
            hear(turn.method, reply, perf_counter_ns() - turn.began_ns, self._peer)
        if is_last:
            self._finish(linger=turn.request is None or turn.keep_alive)
        elif self._reader.phase is Phase.IDLE and not self._queue:
            self.deadline = server.time() + server.idle_seconds

    # --- the end ---------------------------------------------------------------------------

    def _finish(self, *, linger: bool) -> None:
        """End after the last reply.

        Where the client may still be sending, what it sends is thrown away for a while.
        """
        self._queue.clear()
        self._held = None
        self._reader.close()
        if not linger or self._transport.is_closing():
            self._close()
            return
        self._life = _Life.LINGER
        self.deadline = self._server.time() + self._server.linger_seconds
        self._resume_reading()
        self._transport.write_eof()

    def _close(self) -> None:
        """Close once all is sent; the sweep cuts a client that does not take it."""
        self._life = _Life.CLOSED
        self.deadline = self._server.time() + self._server.linger_seconds
        self._transport.close()


def _peer(transport: asyncio.BaseTransport) -> str:
    """Return the client's address as text; a Unix socket's clients have none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""
