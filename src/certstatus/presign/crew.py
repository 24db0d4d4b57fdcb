"""The processes that sign in advance together: started, listened to, ended.

They are forked, as a server's workers are: the one who forks them runs no thread and holds
no key, and each reads its own. What they share is the round in the database; one that dies
leaves what it had claimed to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, NoReturn

from certstatus.errors import CertStatusError
from certstatus.limits_presign import (
    PRESIGN_COLLECTED,
)
from certstatus.presign.desk import Job
from certstatus.presign.process import Ended, Message, decode, encode, work
from certstatus.server.worker import Tools

__all__ = ["Crew"]

_TICK: Final = 0.1
"""Seconds between two moments at which a signal is looked for, and ``idle`` is called."""


@dataclass(slots=True)
class _Member:
    """One process; ``ended`` is what it said last."""

    pid: int
    pipe: int
    rest: bytes = b""
    ended: Ended | None = None
    status: int | None = None


@dataclass(slots=True)
class Crew:
    """``size`` processes for one job; ``tools`` make each one's own of a number.

    ``hear`` is called with every message of each of them, ``idle`` a few times a second.
    """

    job: Job
    size: int
    tools: Callable[[int], Tools]
    hear: Callable[[Message], None] = lambda _: None
    idle: Callable[[], None] = lambda: None
    is_interrupted: bool = False
    _members: list[_Member] = field(default_factory=list)

    def run(self) -> list[Ended]:
        """Run them to their end, in the main thread; SIGINT and SIGTERM end them after a batch.

        Returns:
            How each one ended; one that was killed has an error, too.
        """
        began = time.monotonic()
        lifeline = os.pipe()
        try:
            with self._signals(), selectors.DefaultSelector() as selector:
                for index in range(self.size):
                    self._start(index, began, lifeline)
                for member in self._members:
                    selector.register(member.pipe, selectors.EVENT_READ, member)
                while selector.get_map():
                    self._listen(selector)
                    self.idle()
        finally:
            for end in lifeline:
                os.close(end)  # whoever is left ends by this
            for member in self._members:
                _, member.status = os.waitpid(member.pid, 0)
        return [_end_of(member) for member in self._members]

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def end(_number: int, _frame: FrameType | None) -> None:
            self.is_interrupted = True
            for member in self._members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGTERM)

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # --- birth ------------------------------------------------------------------------------

    def _start(self, index: int, began: float, lifeline: tuple[int, int]) -> None:
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        # A child must not act on a signal as if it were us.
        numbers = {signal.SIGINT, signal.SIGTERM}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            pid = os.fork()
            if pid == 0:
                os.close(read)
                os.close(lifeline[1])
                for member in self._members:
                    os.close(member.pipe)
                self._be_member(index, began, lifeline[0], write)
            self._members.append(_Member(pid, read))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(write)

    def _be_member(self, index: int, began: float, lifeline: int, pipe: int) -> NoReturn:
        """Go on as one of them; never return into the code of who forked."""
        code = CertStatusError.exit_code
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the crew
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            # What was imported stays, and an answer leaves no cycle behind: the collector at
            # its usual pace would take a tenth of the time.
            gc.freeze()
            gc.set_threshold(PRESIGN_COLLECTED)

            def tell(message: Message) -> None:
                _write(pipe, encode(message))

            ended = asyncio.run(
                work(self.job, self.tools(index), tell, began=began, lifeline=lifeline)
            )
            tell(ended)
            code = ended.exit_code
        except BrokenPipeError:
            pass  # nobody listens any more
        except BaseException as error:  # noqa: BLE001 (the last chance to say what it was)
            text = f"internal error: {type(error).__name__}: {error}"
            with contextlib.suppress(OSError):
                _write(pipe, encode(Ended(exit_code=code, error=text, hint=CertStatusError.hint)))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    # --- life ---------------------------------------------------------------------------------

    def _listen(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(_TICK):
            member: _Member = key.data
            data = os.read(member.pipe, 1 << 16)
            if not data:
                selector.unregister(member.pipe)
                os.close(member.pipe)
                continue
            *lines, member.rest = (member.rest + data).split(b"\n")
            for line in lines:
                message = decode(line)
                if isinstance(message, Ended):
                    member.ended = message
                self.hear(message)


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


def _end_of(member: _Member) -> Ended:
    if member.ended is not None:
        return member.ended
    assert member.status is not None
    code = os.waitstatus_to_exitcode(member.status)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    return Ended(
        exit_code=CertStatusError.exit_code,
        error=f"process {member.pid} {how} and said nothing",
        hint="what it had not finished is done by the others, or by the next run",
    )
