"""What keeps a server's stored answers fresh: a process beside its workers.

Law: what changes in a status database is signed and stored at once, before all else; the rest
is looked at again and again, and what is due is shared with the keepers of other nodes. A
keeper that fails costs no client its answer: then the workers sign what is asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from certstatus.errors import CertStatusError
from certstatus.limits import (
    RENEWAL_MARGIN,
)
from certstatus.limits_presign import (
    KEEPER_BATCH,
    KEEPER_RETRY,
    MAX_KEEPER_CHANGES,
    MIN_KEEPER_PAUSE,
)
from certstatus.limits_signers import SIGNER_CHECK_TIME
from certstatus.presign.desk import Desk, Job, Place, desk
from certstatus.presign.share import Share, TooManyFailuresError
from certstatus.presign.tally import Problem, Tally
from certstatus.server import Calls, Tools
from certstatus.sources import StatusChange, StatusFeed, serial_text

__all__ = ["keep_fresh", "pause_of"]

_AT_ONCE: Final = timedelta()


async def keep_fresh(make_job: Callable[[], Job], tools: Tools, calls: Calls) -> None:
    """Keep what is configured fresh until it is to stop; a reload takes what is configured then.

    Raises:
        CertStatusError: it can't begin. A reload that can't is an alarm, and the old goes on.
    """
    stack = AsyncExitStack()
    try:
        await stack.enter_async_context(_at_work(make_job(), tools))
        calls.ready()
        while await _is_reload(calls):
            fresh = AsyncExitStack()
            try:
                await fresh.enter_async_context(_at_work(make_job(), tools))
            except CertStatusError as error:
                tools.log.critical("presign.reload_failed", error=str(error), hint=error.hint)
                continue
            await stack.aclose()
            stack = fresh
    finally:
        await stack.aclose()


async def _is_reload(calls: Calls) -> bool:
    """Wait for what comes first; False: it is the end."""
    waits = [asyncio.ensure_future(one.wait()) for one in (calls.stop, calls.reload)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
    calls.reload.clear()
    return not calls.stop.is_set()


@asynccontextmanager
async def _at_work(job: Job, tools: Tools) -> AsyncIterator[None]:
    """Have a keeper at work on one configuration."""
    async with desk(job, tools) as at:
        keeper = _Keeper(at, job, tools)
        loop = asyncio.get_running_loop()
        for location in sorted({one for place in at.places for one in place.databases}):
            hear = keeper.hearing(location, loop)
            at.held.enter_context(StatusFeed(at.held.database(location), hear))
        keeper.suspect_all()  # what changed before is not told
        tasks = [asyncio.create_task(one) for one in (keeper.follow(), keeper.look_again())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def pause_of(places: Sequence[Place], every: timedelta | None) -> timedelta:
    """Say how long to wait between two looks: as configured, or so that nothing grows old.

    What is renewed in time has ``RENEWAL_MARGIN`` of its fresh time left: within that, twice.
    """
    if every is not None:
        return every
    shortest = min(place.round_life for place in places)
    return max(shortest * RENEWAL_MARGIN / 2, MIN_KEEPER_PAUSE)


class _Keeper:
    """One process's work: two tasks, of which changes come first.

    ``_changed`` are serial numbers by database, None for everything in it.
    """

    def __init__(self, at: Desk, job: Job, tools: Tools) -> None:
        self._at = at
        self._places = list(at.places)
        self._tools = tools
        self._pause = pause_of(at.places, job.wishes.every)
        self._is_sampled = job.is_sampled
        self._changed: dict[str, set[int]] = {}
        self._news = asyncio.Event()
        self._all_changed = asyncio.Event()
        self._all_changed_at = 0.0
        self._is_failing = False

    # --- changes ----------------------------------------------------------------------------

    def hearing(
        self, location: str, loop: asyncio.AbstractEventLoop
    ) -> Callable[[Sequence[StatusChange]], None]:
        """Return what the feed of a database calls, in its own thread."""

        def hear(changes: Sequence[StatusChange]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._hear, location, changes)

        return hear

    def _hear(self, location: str, changes: Sequence[StatusChange]) -> None:
        numbers = self._changed.setdefault(location, set())
        numbers |= {one.serial_number for one in changes if one.serial_number is not None}
        is_all = any(one.serial_number is None for one in changes)
        if is_all or len(numbers) > MAX_KEEPER_CHANGES:
            del self._changed[location]
            self.suspect_all()
        else:
            self._news.set()

    def suspect_all(self) -> None:
        """Look at everything, in a round that begins from now on."""
        self._all_changed_at = time.monotonic()
        self._all_changed.set()

    async def follow(self) -> None:
        """Sign what has changed, as it is heard of."""
        while True:
            await self._news.wait()
            self._news.clear()
            changed, self._changed = self._changed, {}
            try:
                await self._sign(changed)
                self._recover()
            except (CertStatusError, TooManyFailuresError) as error:
                self._fail(error)
                for location, numbers in changed.items():
                    self._changed.setdefault(location, set()).update(numbers)
                await asyncio.sleep(KEEPER_RETRY.total_seconds())
                self._news.set()

    async def _sign(self, changed: dict[str, set[int]]) -> None:
        for location, numbers in changed.items():
            for place in self._places:
                if location in place.databases:
                    share = self._share(place)
                    some = sorted(numbers)
                    for start in range(0, len(some), KEEPER_BATCH):
                        batch = some[start : start + KEEPER_BATCH]
                        await share.sign([(one, None) for one in batch])

    # --- the rest ---------------------------------------------------------------------------

    async def look_again(self) -> None:
        """Sign what is due: at once, and after each pause."""
        while True:
            is_all, since = self._all_changed.is_set(), self._all_changed_at
            self._all_changed.clear()
            for place in self._places:
                try:
                    await self._visit(place, time.monotonic() - since if is_all else None)
                    self._recover()
                except (CertStatusError, TooManyFailuresError) as error:
                    self._fail(error)
            await self._until_the_next()

    async def _until_the_next(self) -> None:
        """Wait for the pause's end; less where everything changed, or other signers take over."""
        ends_at = time.monotonic() + self._pause.total_seconds()
        while not self._have_signers_changed() and (left := ends_at - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, SIGNER_CHECK_TIME.total_seconds())):
                    await self._all_changed.wait()
                    return

    def _have_signers_changed(self) -> bool:
        """Take up signers that have come into force since."""
        now = self._tools.clock.now()
        try:
            for place in self._places:
                if place.rack is not None:
                    place.rack.look(now)
            places = [place.as_of(now) for place in self._places]
        except CertStatusError as error:
            self._fail(error)
            return False
        is_same = all(one is other for one, other in zip(places, self._places, strict=True))
        self._places = places
        return not is_same

    async def _visit(self, place: Place, heard: float | None) -> None:
        """Take part in a round; after a change of everything, in one that began after it."""
        life, pause = place.round_life, self._pause * (1 - RENEWAL_MARGIN)
        if heard is not None:
            life, pause = min(life, timedelta(seconds=heard)), _AT_ONCE
        round_ = place.claims.join(life=life, pause=pause)
        if round_ is not None:
            await self._share(place).take_part(place.claims, round_)

    def _share(self, place: Place) -> Share:
        return Share(
            place.bulk,
            place.source,
            self._at.store,
            self._tools.clock,
            only_due=True,
            is_sampled=self._is_sampled,
            hear=self._alarm,
            report=self._count,
            batch=KEEPER_BATCH,
        )

    # --- what is told -----------------------------------------------------------------------

    def _count(self, tally: Tally) -> None:
        for outcome, count in tally.counts().items():
            if outcome not in {"looked_at", "unlisted"}:
                for _ in range(count):
                    self._tools.meter.count("presigned", outcome=outcome)

    def _alarm(self, problem: Problem) -> None:
        self._tools.log.error(
            "presign.refused" if problem.is_defect else "presign.failed",
            authority=problem.authority,
            serial=serial_text(problem.serial_number),
            form=problem.form,
            detail=problem.detail,
            rules=problem.rules,
        )

    def _fail(self, error: Exception) -> None:
        """Raise the alarm once for as long as it lasts."""
        if not self._is_failing:
            self._tools.log.error("presign.failing", error=str(error) or type(error).__name__)
        self._is_failing = True

    def _recover(self) -> None:
        if self._is_failing:
            self._tools.log.info("presign.recovered")
        self._is_failing = False
