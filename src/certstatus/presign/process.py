"""One of the processes that sign in advance, and how it tells the others what it does.

It says lines of JSON into a pipe: how much there is, what it has done, what went wrong, and
last how it ended. A process that is killed says nothing any more, and what it had claimed is
taken over by the others.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias

from certstatus.errors import CertStatusError, UntrustedError
from certstatus.limits_presign import (
    MAX_PRESIGN_FAILURES,
)
from certstatus.presign.desk import Desk, Job, Place, desk
from certstatus.presign.share import Share, TooManyFailuresError
from certstatus.presign.tally import Problem, Tally
from certstatus.server.worker import Tools

__all__ = ["Done", "Ended", "Message", "Started", "decode", "encode", "work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Work on an authority has begun; ``total`` certificates are listed, at the most."""

    authority: str
    total: int
    forms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """So much more has been done for an authority; ``counts`` are those of a ``Tally``."""

    authority: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process has ended of itself: with 0, or with the exit code of an error."""

    exit_code: int
    error: str = ""
    hint: str = ""


Message: TypeAlias = Started | Done | Problem | Ended
Teller: TypeAlias = Callable[[Message], None]

_KINDS: Final = {kind.__name__: kind for kind in (Started, Done, Problem, Ended)}


def encode(message: Message) -> bytes:
    """Write a message as one line."""
    fields = {"kind": type(message).__name__, **asdict(message)}
    return json.dumps(fields).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """Read what ``encode`` wrote."""
    fields: dict[str, Any] = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    if kind is Problem:
        fields["rules"] = tuple(fields["rules"])
    message: Message = kind(**fields)
    return message


async def work(job: Job, tools: Tools, tell: Teller, *, began: float, lifeline: int) -> Ended:
    """Do this process's share, and tell of it; what goes wrong is told, too.

    ``began`` is when the whole work began, by the monotonic clock, which all processes share:
    a round that has ended since then is not begun again. It ends after the batch under way
    when SIGTERM comes, or ``lifeline`` ends: then whoever started it is gone.
    """
    member = _Member(job, tools, tell, began=began)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, member.ending.set)
    loop.add_reader(lifeline, member.ending.set)
    try:
        async with desk(job, tools) as at:
            for place in at.places:
                if not member.ending.is_set():
                    await member.visit(place, at)
    except TooManyFailuresError:
        text = f"more than {MAX_PRESIGN_FAILURES} answers could not be signed, or not stored"
        hint = "the first of them are told above"
        return Ended(exit_code=UntrustedError.exit_code, error=text, hint=hint)
    except CertStatusError as error:
        return Ended(exit_code=error.exit_code, error=str(error), hint=error.hint)
    finally:
        loop.remove_reader(lifeline)
    return Ended(exit_code=0)


class _Member:
    """What one process goes from authority to authority with."""

    def __init__(self, job: Job, tools: Tools, tell: Teller, *, began: float) -> None:
        self._job = job
        self._tools = tools
        self._tell = tell
        self._began = began
        self.ending = asyncio.Event()

    async def visit(self, place: Place, at: Desk) -> None:
        """Take part in the work on one authority, unless the others have done all of it."""
        total = await place.source.count(self._tools.clock.now())
        self._tell(Started(authority=place.name, total=total, forms=len(place.bulk.forms)))
        pause = timedelta(seconds=time.monotonic() - self._began)
        round_ = place.claims.join(life=place.round_life, pause=pause)
        if round_ is not None:
            await self._share(place, at).take_part(place.claims, round_)

    def _share(self, place: Place, at: Desk) -> Share:
        def report(tally: Tally) -> None:
            self._tell(Done(authority=place.name, counts=tally.counts()))

        return Share(
            place.bulk,
            place.source,
            at.store,
            self._tools.clock,
            only_due=self._job.only_due,
            is_dry=self._job.is_dry,
            is_sampled=self._job.is_sampled,
            hear=self._tell,
            report=report,
            is_ending=self.ending.is_set,
        )
