"""One process's share of signing in advance: pages of certificates into a store.

Law: nothing is stored that the linter refuses; what is stored is of the moment at which its
page was read, so a page that was slow never replaces what a revocation has put there since.
A claim is given back as done only when its answers are in the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from secrets import SystemRandom
from typing import Final, NamedTuple

from certstatus.clock import Clock
from certstatus.errors import SourceError
from certstatus.limits_presign import (
    MAX_PRESIGN_CLAIM,
    MAX_PRESIGN_FAILURES,
    PRESIGN_BATCH,
    PRESIGN_CLAIM,
    PRESIGN_CLAIM_TIME,
    PRESIGN_LOOKUPS,
    PRESIGN_PUT_TIME,
    PRESIGN_SAMPLE,
    PRESIGN_WAIT,
)
from certstatus.pkix import HashAlgorithm
from certstatus.presign.tally import Observer, Problem, Tally
from certstatus.responder import Refusal
from certstatus.responder.bulk import Bulk, Form
from certstatus.responder.statement import Statement
from certstatus.sources import (
    Answer,
    Claim,
    Claims,
    Enumerable,
    Page,
    Round,
    at_hand_for,
    serial_order,
)
from certstatus.stores import AtHand, ResponseStore, StoredResponse, StoreKey
from certstatus.stores.base import EncodedEntry
from certstatus.verify import Check

__all__ = ["Share", "TooManyFailuresError"]

_RANDOM: Final = SystemRandom()


class TooManyFailuresError(Exception):
    """So many answers could not be signed, or may not be stored, that something else is wrong."""


class _Run(NamedTuple):
    """Answers that say the same in one form, by their certificates' serial numbers."""

    form: Form
    statement: Statement
    serial_numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Certificates of a claim as they were read at one moment; ``is_last``: it has no more."""

    page: Page
    read_at: datetime
    is_last: bool


class Share:
    """Signs what one authority lists, or the part of it that is due.

    ``is_sampled`` has signatures verified of the first answer of each batch and of some at
    random, else of all. ``hear`` is told of each answer that could not be signed, or that the
    linter refused. ``is_ending`` is asked between batches, of about ``batch`` answers: True
    leaves the rest to others.
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
        is_sampled: bool = False,
        hear: Observer = lambda _: None,
        report: Callable[[Tally], None] = lambda _: None,
        is_ending: Callable[[], bool] = lambda: False,
        batch: int = PRESIGN_BATCH,
    ) -> None:
        self._bulk = bulk
        self._source = source
        self._near = at_hand_for(bulk.authority.issuer, bulk.authority.source)
        self._store = store
        self._at_hand = store.at_hand if isinstance(store, AtHand) else None
        self._clock = clock
        self._only_due = only_due
        self._is_dry = is_dry
        self._is_sampled = is_sampled
        self._hear = hear
        self._report = report
        self._is_ending = is_ending
        self._failures = 0
        self._batch = max(1, batch // len(bulk.forms))
        self._claim_size = max(1, PRESIGN_CLAIM // len(bulk.forms))
        self._largest_claim = max(1, MAX_PRESIGN_CLAIM // len(bulk.forms))

    # --- a round, shared by many --------------------------------------------------------------

    async def take_part(self, claims: Claims, round_: Round) -> None:
        """Sign ranges of a round until all of it is done, by whomever.

        Raises:
            SourceError: what is listed, or who signs what, can't be known now.
            StoreError: the store takes nothing.
            TooManyFailuresError: more than ``MAX_PRESIGN_FAILURES`` answers were not stored.
        """
        while not self._is_ending():
            claim, reading = claims.take_over(round_), None
            if claim is None:
                claim, reading = await self._split(claims, round_.number)
            if claim is not None:
                await self._work_off(claims, claim, reading)
                continue
            now = claims.look()
            if now is None or now.number != round_.number or now.finished_at is not None:
                return
            await asyncio.sleep(PRESIGN_WAIT.total_seconds())

    async def _split(
        self, claims: Claims, number: int
    ) -> tuple[Claim, _Reading] | tuple[None, None]:
        """Claim what comes next, as it was read; None: all is given out."""
        while (seen := claims.look()) is not None and seen.number == number and not seen.is_split:
            now = self._clock.now()
            page = await self._source.listed(seen.split_to, self._claim_size, now)
            last = page[-1][0] if page else None
            claim = claims.split(seen, last, is_end=len(page) < self._claim_size)
            if claim is not None:
                return claim, _Reading(page, now, is_last=True)
        return None, None

    async def _work_off(self, claims: Claims, claim: Claim, reading: _Reading | None) -> None:
        """Sign a range, and say so; one that was lost to others meanwhile is theirs."""
        work, began = _Work(self, claims, claim), time.monotonic()
        try:
            await self._sign_all(work, reading)
        except BaseException:
            await work.give_up()
            raise
        if reading is not None:
            self._learn(len(reading.page), time.monotonic() - began)

    async def _sign_all(self, work: _Work, reading: _Reading | None) -> None:
        """Sign a range, batch by batch, until all of it is done or the rest is others'."""
        while True:
            reading = reading or await self._read(work.signed_to, work.claim.last)
            for start in range(0, len(reading.page), self._batch):
                if self._is_ending():
                    await work.release()
                    return
                batch = reading.page[start : start + self._batch]
                if not await work.add(batch[-1][0], *await self._signed(batch, reading.read_at)):
                    return
                self._check_failures()
            if reading.is_last:
                await work.finish()
                return
            reading = None

    async def _read(self, after: int | None, last: int) -> _Reading:
        """Read the next certificates of a range."""
        now = self._clock.now()
        page = await self._source.listed(after, self._claim_size, now)
        inside = [one for one in page if serial_order(one[0]) <= serial_order(last)]
        is_last = len(inside) < self._claim_size or inside[-1][0] == last
        return _Reading(inside, now, is_last)

    def _learn(self, count: int, seconds: float) -> None:
        """Take more at once while that takes little time, and less where it takes long."""
        long = PRESIGN_CLAIM_TIME.total_seconds()
        if count >= self._claim_size and seconds < long / 2:
            self._claim_size = min(2 * self._claim_size, self._largest_claim)
        elif seconds > 2 * long:
            self._claim_size = max(self._claim_size // 2, 1)

    # --- certificates ---------------------------------------------------------------------------

    async def sign(self, page: Page) -> Tally:
        """Sign what a page lists, and store it; return what became of it. Raises as above."""
        tally = await self.store(*await self._signed(page, self._clock.now()))
        self._check_failures()
        return tally

    async def store(self, entries: Sequence[EncodedEntry], tally: Tally) -> Tally:
        """Store what was signed, and report it; return its tally. Raises StoreError."""
        taken = (
            len(entries) if self._is_dry or not entries else await self._store.put_entries(entries)
        )
        tally.signed += taken
        tally.newer += len(entries) - taken
        self._report(tally)
        return tally

    def _check_failures(self) -> None:
        if self._failures > MAX_PRESIGN_FAILURES:
            raise TooManyFailuresError

    async def _signed(self, page: Page, read_at: datetime) -> tuple[list[EncodedEntry], Tally]:
        """Sign what a page lists, as of when it was read."""
        now = read_at.replace(microsecond=0)
        tally = Tally(looked_at=len(page))
        runs = await self._runs(page, now, tally)
        if self._only_due:
            runs = await self._due(runs, now, tally)
        return self._produced(runs, now, tally), tally

    def _produced(self, runs: Sequence[_Run], now: datetime, tally: Tally) -> list[EncodedEntry]:
        """Sign answers; what comes out may be stored."""
        entries: list[EncodedEntry] = []
        verified = self._verified(runs)
        for run, places in zip(runs, verified, strict=True):
            produced = self._bulk.produce(
                run.serial_numbers, run.form, run.statement, now, verified=places
            )
            entries += produced.entries
            tally.failed += len(produced.unsigned)
            tally.refused += len(produced.unfit)
            for serial_number, refusal in produced.unsigned:
                self._fail(serial_number, str(run.form), f"{refusal.cause}: {refusal.detail}")
            for serial_number, defects in produced.unfit:
                self._refuse(serial_number, run.form, defects)
        return entries

    def _verified(self, runs: Sequence[_Run]) -> Iterator[Collection[int] | None]:
        """Choose whose signatures are verified, of each run by their places in it; None: all."""
        counts = [len(run.serial_numbers) for run in runs]
        chosen, first = self._chosen(sum(counts)), 0
        for count in counts:
            end = first + count
            yield None if chosen is None else {one - first for one in chosen if first <= one < end}
            first = end

    def _chosen(self, count: int) -> Collection[int] | None:
        """Choose whose signatures are verified, by their places in a batch; None: all."""
        if not self._is_sampled or not count:
            return None
        return {0, *_RANDOM.sample(range(count), count // PRESIGN_SAMPLE)}

    async def _runs(self, page: Page, now: datetime, tally: Tally) -> list[_Run]:
        bulk, runs, last = self._bulk, list[_Run](), None
        serial_numbers: list[int] = []
        for serial_number, answer in page:
            try:
                known = await self._ask(serial_number, now) if answer is None else answer
                statement = bulk.statement(known)
            except (SourceError, Refusal) as error:
                self._hear_nothing(serial_number, error, tally)
                continue
            if statement is None:
                tally.unlisted += 1
                continue
            if statement is not last:
                last, serial_numbers = statement, []
                runs += [_Run(form, statement, serial_numbers) for form in bulk.forms]
            serial_numbers.append(serial_number)
        return runs

    async def _ask(self, serial_number: int, now: datetime) -> Answer:
        answer = None if self._near is None else self._near.at_hand(serial_number, now)
        if answer is not None:
            return answer
        authority = self._bulk.authority
        cert_id = authority.cert_id(serial_number, HashAlgorithm.SHA256)
        return await authority.source.status(cert_id, now)

    def _hear_nothing(self, serial_number: int, error: SourceError | Refusal, tally: Tally) -> None:
        if isinstance(error, Refusal) and not error.cause.is_ours:
            tally.unlisted += 1  # the authority answers nothing at all for it
            return
        tally.failed += len(self._bulk.forms)
        self._fail(serial_number, "any", str(error))

    async def _due(self, runs: Sequence[_Run], now: datetime, tally: Tally) -> list[_Run]:
        before = sum(len(run.serial_numbers) for run in runs)
        old = runs if self._at_hand is None else self._not_young(runs, now, self._at_hand)
        due = await self._found_due(old, now)
        tally.fresh += before - sum(len(run.serial_numbers) for run in due)
        return due

    def _not_young(
        self, runs: Sequence[_Run], now: datetime, at_hand: Callable[[bytes], bytes | None]
    ) -> list[_Run]:
        """Leave out what is seen in the store, unread, not to be due for long: nearly all."""
        not_young = self._bulk.not_young
        found = [
            _Run(form, statement, not_young(serial_numbers, form, statement, now, at_hand))
            for form, statement, serial_numbers in runs
        ]
        return [run for run in found if run.serial_numbers]

    async def _found_due(self, runs: Sequence[_Run], now: datetime) -> list[_Run]:
        bulk, due = self._bulk, list[_Run]()
        keys = [[bulk.key(one, run.form) for one in run.serial_numbers] for run in runs]
        stored = await self._stored(list(chain.from_iterable(keys)))
        looked_up = iter(zip(chain.from_iterable(keys), stored, strict=True))
        for form, statement, serial_numbers in runs:
            its_due = [
                one
                for one, (key, response) in zip(serial_numbers, looked_up, strict=False)
                if bulk.is_due(key, response, statement, now)
            ]
            if its_due:
                due.append(_Run(form, statement, its_due))
        return due

    async def _stored(self, keys: Sequence[StoreKey]) -> list[StoredResponse | None]:
        """Look up what is stored: one by one where that is at hand, else some at once."""
        if self._store.is_at_hand:
            return [await self._store.get(key) for key in keys]
        stored: list[StoredResponse | None] = []
        for at in range(0, len(keys), PRESIGN_LOOKUPS):
            some = keys[at : at + PRESIGN_LOOKUPS]
            stored += await asyncio.gather(*(self._store.get(key) for key in some))
        return stored

    def _refuse(self, serial_number: int, form: Form, defects: Sequence[Check]) -> None:
        self._failures += 1
        self._hear(
            Problem(
                authority=self._bulk.authority.name,
                serial_number=serial_number,
                form=str(form),
                is_defect=True,
                detail="; ".join(f"{one.name} {one.reason}" for one in defects),
                rules=tuple(dict.fromkeys(one.rule for one in defects)),
            )
        )

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


class _Work:
    """A claim at work: one batch goes into the store while the next is signed.

    ``signed_to`` is the last serial number that was signed, ``_done_to`` the last one whose
    answers are in the store.
    """

    def __init__(self, share: Share, claims: Claims, claim: Claim) -> None:
        self.claim = claim
        self.signed_to = claim.after
        self._share = share
        self._claims = claims
        self._done_to = claim.after
        self._tally = Tally()
        self._renewed = time.monotonic()
        self._under_way: asyncio.Task[Tally] | None = None

    async def add(self, last: int, entries: Sequence[EncodedEntry], tally: Tally) -> bool:
        """Have a batch stored, the one before being in; False: the claim is others' now."""
        await self._settle()
        if time.monotonic() - self._renewed > self._claims.lease.total_seconds() / 3:
            if not self._claims.renew(self.claim, self._done_to, self._tally.counts()):
                return False
            self._tally, self._renewed = Tally(), time.monotonic()
        self.signed_to = last
        self._under_way = asyncio.create_task(self._share.store(entries, tally))
        # A thread that stores and one that signs would fight for the interpreter: only a store
        # that waits for others, or for its disk, is left to itself.
        await asyncio.wait((self._under_way,), timeout=PRESIGN_PUT_TIME.total_seconds())
        return True

    async def _settle(self) -> None:
        task, self._under_way = self._under_way, None
        if task is not None:
            self._tally += await task
            self._done_to = self.signed_to

    async def finish(self) -> None:
        """Say that all of it is done, once the last batch is in."""
        await self._settle()
        self._claims.finish(self.claim, self._tally.counts())

    async def release(self) -> None:
        """Leave to others what is not done, once the last batch is in."""
        await self._settle()
        self._claims.release(self.claim, self._done_to, self._tally.counts())

    async def give_up(self) -> None:
        """Leave to others what is not done, whatever became of the last batch."""
        with suppress(Exception):
            await self._settle()
        self._claims.release(self.claim, self._done_to, self._tally.counts())
