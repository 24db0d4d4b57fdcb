"""Whose turn it is: what is no stored answer has its share of a worker's time, and no more.

Its law: a stored answer asks nobody here, so it is given whatever else goes on; it is counted
in ``stored``. All the rest (signing, the full path, refusals, half requests, large bodies) goes
at once while it keeps to ``LIVE_SHARE`` of the time, and else waits for its turn: at each turn
of the event loop as many go as the share pays for. Where no stored answer was given for as long
as one of them takes, some go in any case, for about as long as nothing was. So a worker that has only live answers to give
gives them at full rate, and under a flood of them stored answers keep the better part of it.

Everyone waits in the order of coming; who waited too long is told so. Requests of the kind
that stored answers are given to stand in a line of their own, which takes every other turn: it
is short, while attackers make the other one long. Time that an answer
spends waiting for others (a database, a token) is not counted, only its steps are.

It measures with an injected clock, in seconds, and knows neither sockets nor an event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar

from certstatus.limits import LIVE_SHARE, MAX_TURN_CREDIT, MAX_TURN_DEBT, MAX_TURN_WAIT

__all__ = ["Go", "Turns"]

Go: TypeAlias = Callable[[bool], None]
"""Is called when a turn has come; it is told whether that took longer than ``MAX_TURN_WAIT``."""

_T = TypeVar("_T")

_FIRST_GUESS: Final = 100e-6
"""Seconds that the first task is taken to need; the guess follows what they really take."""

_READING: Final = 10e-6
"""Seconds to read from a socket up to where its octets wait, which nobody here can measure."""

_LONGEST: Final = 500e-6
"""Seconds of one turn in a quiet time: a stored answer that is asked for then waits so long."""

_MOST: Final = MAX_TURN_CREDIT.total_seconds()
_LEAST: Final = -MAX_TURN_DEBT.total_seconds()
_PATIENCE: Final = MAX_TURN_WAIT.total_seconds()


class Turns:
    """One worker's. ``call_soon`` lets the event loop call something at its next turn."""

    __slots__ = (
        "_at",
        "_call_soon",
        "_clock",
        "_credit",
        "_guess",
        "_is_called",
        "_is_others",
        "_of_stored",
        "_others",
        "_quiet_since",
        "_seen",
        "_spent",
        "_usual",
        "stored",
    )

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        *,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._call_soon = call_soon
        self._clock = clock
        self._of_stored: deque[tuple[Go, float]] = deque()
        self._others: deque[tuple[Go, float]] = deque()
        self._is_others = False  # the next turn
        self._credit = _MOST  # seconds; below zero, it has had more than its share
        self._at = clock()
        self._guess = self._usual = _FIRST_GUESS  # seconds: of a task's first step; of a turn
        self._spent = 0.0  # since the last turn that somebody had
        self._quiet_since = self._at
        self._is_called = False  # by the event loop, at its next turn
        self._seen = 0
        self.stored = 0
        """How many stored answers were given: whoever gives one adds it."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._of_stored) + len(self._others)

    def may_go(self) -> bool:
        """May something that is no stored answer be done at once? Then say what it ``took``."""
        if self._of_stored or self._others:
            return False
        self._earn(self._clock())
        if self._credit <= 0:
            return False
        self._learn()
        return True

    def took(self, seconds: float) -> None:
        """Count time that was spent on what is no stored answer."""
        self._credit -= seconds
        self._spent += seconds

    def took_reading(self) -> None:
        """Count that a socket was read."""
        self.took(_READING)

    def wait(self, go: Go, *, is_of_stored: bool = False) -> None:
        """Let ``go`` be called, once, when its turn has come; what it takes is counted.

        ``is_of_stored`` tells that a stored answer would be given, were it there.
        """
        line = self._of_stored if is_of_stored else self._others
        line.append((go, self._clock()))
        self._call()

    def metered(self, answer: Coroutine[Any, Any, _T]) -> Coroutine[Any, Any, _T]:
        """Return the same coroutine for a task, with its steps counted.

        Until its first step has been made, what that will take is guessed.
        """
        return _Metered(self, answer)

    def _earn(self, now: float) -> None:
        credit = max(self._credit, _LEAST) + (now - self._at) * LIVE_SHARE
        self._credit = min(credit, _MOST)
        self._at = now

    def _learn(self) -> None:
        """Learn from what the last one took how long one takes."""
        self._usual += (min(self._spent, -_LEAST) - self._usual) / 8
        self._spent = 0.0

    def _call(self) -> None:
        if not self._is_called and self.waiting:
            self._is_called = True
            self._call_soon(self._turn)

    def _turn(self) -> None:
        """Let go whoever may. Who goes may wait again at once."""
        now = self._clock()
        self._earn(now)
        if self.stored != self._seen:
            self._seen, self._quiet_since = self.stored, now
        quiet, least = now - self._quiet_since, 0.0
        if quiet >= self._usual:
            self._credit = max(self._credit, 0.0)  # nobody was kept waiting
            least = -min(quiet, _LONGEST)
        try:
            while self.waiting and self._credit > least:
                now = self._let_go(now)
        finally:
            self._is_called = False
            self._call()

    def _let_go(self, now: float) -> float:
        """Give the first one its turn; return the time after it."""
        self._learn()
        is_others = not self._of_stored or (self._is_others and bool(self._others))
        self._is_others = not is_others
        go, since = (self._others if is_others else self._of_stored).popleft()
        try:
            go(now - since > _PATIENCE)
        finally:
            then = self._clock()
            self.took(then - now)
        return then


class _Metered(Coroutine[Any, Any, _T]):
    """A coroutine that counts what each of its steps takes."""

    __slots__ = ("_answer", "_guess", "_turns")

    def __init__(self, turns: Turns, answer: Coroutine[Any, Any, _T]) -> None:
        self._turns = turns
        self._answer = answer
        self._guess: float | None = turns._guess  # noqa: SLF001 (one thing in two classes)
        turns._credit -= self._guess  # noqa: SLF001

    def send(self, value: Any) -> Any:
        """Make a step."""
        clock = self._turns._clock  # noqa: SLF001
        began = clock()
        try:
            return self._answer.send(value)
        finally:
            self._count(clock() - began)

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> Any:
        """Make a step with an exception, as a cancellation does."""
        self._count(0.0)
        return self._answer.throw(typ, val, tb)

    def close(self) -> None:
        """End it."""
        self._count(0.0)
        self._answer.close()

    def __await__(self) -> Generator[Any, Any, _T]:
        """Make all its steps, uncounted: a task makes them by ``send`` and ``throw``."""
        return self._answer.__await__()

    def _count(self, seconds: float) -> None:
        turns, guess = self._turns, self._guess
        if guess is not None:
            self._guess = None
            turns._credit += guess  # noqa: SLF001
            turns._guess += (seconds - guess) / 8  # noqa: SLF001
        turns.took(seconds)
