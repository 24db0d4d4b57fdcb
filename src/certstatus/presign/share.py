"""One process's share of signing in advance: pages of certificates into a store.

Law: nothing is stored that the linter refuses; what is stored is of the moment at which its
page was read, so a page that was slow never replaces what a revocation has put there since.
A claim is given back as done only when its answers are in the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from certstatus.clock import Clock
from certstatus.errors import SourceError
from certstatus.limits import (
    MAX_PRESIGN_FAILURES,
    PRESIGN_BATCH,
    PRESIGN_CLAIM,
    PRESIGN_LOOKUPS,
    PRESIGN_WAIT,
)
from certstatus.pkix import HashAlgorithm
from certstatus.presign.tally import Observer, Problem, Tally
from certstatus.responder import Refusal
from certstatus.responder.bulk import Bulk, Form, Produced
from certstatus.responder.statement import Statement
from certstatus.sources import Answer, Claim, Claims, Enumerable, Page, Round, serial_order
from certstatus.stores import ResponseStore, StoredResponse, StoreKey

__all__ = ["Share", "TooManyFailuresError"]


class TooManyFailuresError(Exception):
    """So many answers could not be signed, or may not be stored, that something else is wrong."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One answer to look at, and to sign if it is due."""

    form: Form
    key: StoreKey
    statement: Statement


class Share:
    """Signs what one authority lists, or the part of it that is due.

    ``hear`` is told of each answer that could not be signed, or that the linter refused.
    ``is_ending`` is asked between batches, of about ``batch`` answers: True leaves the rest to
    others.
    """

    def __init__(
        self,
        bulk: Bulk,
        source: Enumerable,
        store: ResponseStore,
        clock: Clock,
        *,
        only_due: bool,
        is_dry: bool = False,
        hear: Observer = lambda _: None,
        report: Callable[[Tally], None] = lambda _: None,
        is_ending: Callable[[], bool] = lambda: False,
        batch: int = PRESIGN_BATCH,
    ) -> None:
        self._bulk = bulk
        self._source = source
        self._store = store
        self._clock = clock
        self._only_due = only_due
        self._is_dry = is_dry
        self._hear = hear
        self._report = report
        self._is_ending = is_ending
        self._failures = 0
        self._batch = max(1, batch // len(bulk.forms))

    # --- a round, shared by many --------------------------------------------------------------

    async def take_part(self, claims: Claims, round_: Round) -> None:
        """Sign ranges of a round until all of it is done, by whomever.

        Raises:
            SourceError: what is listed, or who signs what, can't be known now.
            StoreError: the store takes nothing.
            TooManyFailuresError: more than ``MAX_PRESIGN_FAILURES`` answers were not stored.
        """
        while not self._is_ending():
            claim = claims.take_over(round_) or await self._split(claims, round_.number)
            if claim is not None:
                await self._work_off(claims, claim)
                continue
            now = claims.look()
            if now is None or now.number != round_.number or now.finished_at is not None:
                return
            await asyncio.sleep(PRESIGN_WAIT.total_seconds())

    async def _split(self, claims: Claims, number: int) -> Claim | None:
        """Claim what comes next; None: all is given out."""
        while (seen := claims.look()) is not None and seen.number == number and not seen.is_split:
            page = await self._source.listed(seen.split_to, PRESIGN_CLAIM, self._clock.now())
            last = page[-1][0] if page else None
            claim = claims.split(seen, last, is_end=len(page) < PRESIGN_CLAIM)
            if claim is not None:
                return claim
        return None

    async def _work_off(self, claims: Claims, claim: Claim) -> None:
        """Sign a range, and say so; one that was lost to others meanwhile is theirs."""
        done_to, tally, renewed = claim.after, Tally(), time.monotonic()
        try:
            while not self._is_ending():
                page, is_last = await self._page(done_to, claim.last)
                tally += await self.sign(page)
                if is_last:
                    claims.finish(claim, tally.counts())
                    return
                done_to = page[-1][0]
                if time.monotonic() - renewed > claims.lease.total_seconds() / 3:
                    if not claims.renew(claim, done_to, tally.counts()):
                        return
                    tally, renewed = Tally(), time.monotonic()
        except BaseException:
            claims.release(claim, done_to, tally.counts())
            raise
        claims.release(claim, done_to, tally.counts())

    async def _page(self, after: int | None, last: int) -> tuple[Page, bool]:
        """Read the next certificates of a range, and whether they are its last."""
        page = await self._source.listed(after, self._batch, self._clock.now())
        inside = [one for one in page if serial_order(one[0]) <= serial_order(last)]
        return inside, len(inside) < self._batch or inside[-1][0] == last

    # --- certificates ---------------------------------------------------------------------------

    async def sign(self, page: Page) -> Tally:
        """Sign what a page lists, and store it; return what became of it. Raises as above."""
        now = self._clock.now().replace(microsecond=0)
        tally = Tally(looked_at=len(page))
        tasks = await self._tasks(page, now, tally)
        if self._only_due:
            tasks = await self._due(tasks, now, tally)
        produced = [found for task in tasks if (found := self._produced(task, now, tally))]
        await self._put(produced, tally)
        self._report(tally)
        if self._failures > MAX_PRESIGN_FAILURES:
            raise TooManyFailuresError
        return tally

    async def _tasks(self, page: Page, now: datetime, tally: Tally) -> list[_Task]:
        tasks: list[_Task] = []
        for serial_number, answer in page:
            statement = await self._stated(serial_number, answer, now, tally)
            if statement is not None:
                keys = self._bulk.keys(serial_number)
                tasks += [_Task(form, key, statement) for form, key in keys]
        return tasks

    async def _stated(
        self, serial_number: int, answer: Answer | None, now: datetime, tally: Tally
    ) -> Statement | None:
        authority = self._bulk.authority
        try:
            if answer is None:
                cert_id = authority.cert_id(serial_number, HashAlgorithm.SHA256)
                answer = await authority.source.status(cert_id, now)
            statement = self._bulk.statement(answer)
        except (SourceError, Refusal) as error:
            if isinstance(error, Refusal) and not error.cause.is_ours:
                tally.unlisted += 1  # the authority answers nothing at all for it
                return None
            tally.failed += len(self._bulk.forms)
            self._fail(serial_number, "any", str(error))
            return None
        tally.unlisted += statement is None
        return statement

    async def _due(self, tasks: Sequence[_Task], now: datetime, tally: Tally) -> list[_Task]:
        stored: list[StoredResponse | None] = []
        for at in range(0, len(tasks), PRESIGN_LOOKUPS):
            some = tasks[at : at + PRESIGN_LOOKUPS]
            stored += await asyncio.gather(*(self._store.get(task.key) for task in some))
        due = [
            task
            for task, one in zip(tasks, stored, strict=True)
            if self._bulk.is_due(task.key, one, task.statement, now)
        ]
        tally.fresh += len(stored) - len(due)
        return due

    def _produced(self, task: _Task, now: datetime, tally: Tally) -> Produced | None:
        """Sign one answer; None: it may not be stored."""
        try:
            produced = self._bulk.produce(task.key, task.form, task.statement, now)
        except Refusal as refusal:
            tally.failed += 1
            self._fail(task.key.serial_number, str(task.form), f"{refusal.cause}: {refusal.detail}")
            return None
        if not produced.defects:
            return produced
        tally.refused += 1
        self._failures += 1
        self._hear(
            Problem(
                authority=self._bulk.authority.name,
                serial_number=task.key.serial_number,
                form=str(task.form),
                is_defect=True,
                detail="; ".join(f"{one.name} {one.reason}" for one in produced.defects),
                rules=tuple(dict.fromkeys(one.rule for one in produced.defects)),
            )
        )
        return None

    async def _put(self, produced: Sequence[Produced], tally: Tally) -> None:
        entries = [(one.key, one.response) for one in produced]
        taken = len(entries) if self._is_dry or not entries else await self._store.put(entries)
        tally.signed += taken
        tally.newer += len(entries) - taken

    def _fail(self, serial_number: int, form: str, detail: str) -> None:
        self._failures += 1
        self._hear(
            Problem(
                authority=self._bulk.authority.name,
                serial_number=serial_number,
                form=form,
                is_defect=False,
                detail=detail,
            )
        )
