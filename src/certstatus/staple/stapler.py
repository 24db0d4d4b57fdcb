"""The stapler: keeps staples for a server's certificates, fetched and renewed in the background.

A handshake's only call is ``Stapler.staple``, a look into a dictionary. All else happens in
one daemon thread, which asks the responders through the requestor (T12).
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from certstatus.background import Background
from certstatus.clock import Clock
from certstatus.errors import CertStatusError, ConfigError
from certstatus.limits import (
    BACKGROUND_CLOSE_TIME,
    BACKGROUND_WAKE_TIME,
    FIRST_STAPLE_TIME,
    MAX_STAPLE_FETCHES,
)
from certstatus.meter import Meter, NoMeter
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import AskPolicy, CheckPolicy, CheckResult, Requestor
from certstatus.staple.events import StapleEvent, StapleEventKind, StapleState
from certstatus.staple.forks import goes_on_past_forks
from certstatus.staple.held import Held, Origin, Staple, hold
from certstatus.staple.record import Record
from certstatus.staple.schedule import DEFAULT_PACE, Outcome, Pace
from certstatus.staple.store import StapleStore
from certstatus.staple.telling import Teller, facts_of, why_not

__all__ = ["Stapler"]

_log: Final = logging.getLogger("certstatus.staple")


def _default_requestor() -> Requestor:
    """Ask by SHA-1 CertIDs first: what is stapled must be read by clients that know no other."""
    asking = AskPolicy(hashes=(HashAlgorithm.SHA1, HashAlgorithm.SHA256))
    return Requestor(policy=CheckPolicy(ask=asking))


class Stapler:
    """Keeps a verified, current staple for each certificate that it is given (T12).

    Usable from any thread and any server, sync or async, also past a fork: the child goes on
    with what is held, by a thread of its own. Only a ``VerifiedResponse`` is stapled: good
    or revoked, never unknown, never an error. The last good one is served until it ends.

    Args:
        requestor: asks the responders; by default by SHA-1 CertIDs, which every client can
            read, then by SHA-256. Its cache is not used.
        allow_private: let the certificates lead to private addresses, where a private PKI
            has its responders. Not where strangers bring certificates.
        directory: where staples outlast the process; by default ``staples`` in the user's
            cache. Processes may share it.
        in_memory: keep nothing on disk.
        clock: tells the time; by default the requestor's.
        meter: counts events by kind and times fetches by outcome.
        on_event: told of every event, in the stapler's thread or in ``add``'s; it may call
            any method but must not wait.
        wait: how long ``wait_ready`` waits by default.
        pace: how often to try.
    """

    def __init__(
        self,
        *,
        requestor: Requestor | None = None,
        allow_private: bool = False,
        directory: Path | None = None,
        in_memory: bool = False,
        clock: Clock | None = None,
        meter: Meter | None = None,
        on_event: Callable[[StapleEvent], None] | None = None,
        wait: timedelta = FIRST_STAPLE_TIME,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        requestor = requestor or _default_requestor()
        policy = requestor.policy
        policy = replace(policy, allow_private=policy.allow_private or allow_private)
        self._clock = clock or requestor.clock
        self._requestor = replace(requestor, policy=policy, cache=None, clock=self._clock)
        self._store = None if in_memory else StapleStore(directory)
        self._teller = Teller(self._clock, meter or NoMeter(), on_event)
        self._wait = wait
        self._pace = pace
        self._records: dict[bytes, Record] = {}
        self._staples: dict[bytes, tuple[Staple, datetime]] = {}
        self._is_closed = False
        self._sleeps_until = self._clock.now()
        # A signal's handler may call in the very thread that holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._background = Background(self._keep, "certstatus-stapler")
        goes_on_past_forks(self)

    # --- what servers call ------------------------------------------------------------------

    def staple(self, fingerprint: bytes) -> Staple | None:
        """Return what may be stapled now for a certificate, by its SHA-256 fingerprint.

        Never waits and does no I/O. None: nothing is held, or what is held has ended.
        """
        found = self._staples.get(fingerprint)
        if found is None:
            return None
        staple, end = found
        return staple if self._clock.now() < end else None

    def add(
        self,
        certificate: Certificate,
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
        urls: Sequence[str] = (),
    ) -> None:
        """Take a certificate into care: load its staple from disk, and begin to keep it fresh.

        Adding it again is harmless, and may bring what was missing. Never waits for the
        network.

        Args:
            certificate: to be stapled.
            issuer: its issuer; without one it is searched in ``chain``, then on disk, then
                at the certificate's caIssuers.
            chain: certificates among which its issuer may be.
            urls: responders to ask instead of those that it names.

        Raises:
            ValueError: the stapler is closed.
        """
        issuers = tuple(chain) if issuer is None else (issuer, *chain)
        urls = tuple(urls) or tuple(self._requestor.urls)
        with self._changed:
            if self._is_closed:
                raise ValueError("the stapler is closed")
            known = self._records.get(certificate.fingerprint)
            if known is not None:
                known.learn(issuers, urls)
        if known is None:
            self._begin(Record.of(certificate, issuers, urls, self._clock.now()))
        self._background.wake()

    def wait_ready(self, timeout: timedelta | None = None) -> bool:
        """Wait for the first staple of every certificate for which there is somebody to ask.

        Ends early where no more can come in time: after a failure, the next try is a while
        away.

        Returns:
            Whether all of these have a staple that may be served.
        """
        timeout = self._wait if timeout is None else timeout
        end = self._clock.now() + timeout
        with self._changed:
            self._changed.wait_for(lambda: self._is_settled(end), timeout.total_seconds())
            now = self._clock.now()
            waited = [one for one in self._records.values() if one.hopeless is None]
            missing = [one for one in waited if not one.is_served(now)]
        for record in missing:
            self._tell_missing(record, "its first staple has not come in time")
        return not missing

    def states(self) -> tuple[StapleState, ...]:
        """Return how each certificate's staple stands, in the order in which they were added."""
        now = self._clock.now()
        with self._changed:
            return tuple(record.state(now) for record in self._records.values())

    def refresh(self, fingerprint: bytes | None = None) -> None:
        """Ask the responder now: for one certificate, or for all. Does not wait.

        A fetch under way does not count: another follows it.
        """
        with self._changed:
            for record in self._records.values():
                if fingerprint in {None, record.certificate.fingerprint}:
                    record.ask()
        self._background.wake()

    def discard(self, fingerprint: bytes) -> None:
        """Care no longer for a certificate, by its SHA-256 fingerprint; its file stays."""
        with self._changed:
            self._records.pop(fingerprint, None)
            self._staples.pop(fingerprint, None)
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at the clock now. For whoever has put it right."""
        self._background.wake()

    def close(self) -> None:
        """End the thread, within BACKGROUND_CLOSE_TIME: what it fetches is broken off.

        What is held is served until it ends.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._background.close(BACKGROUND_CLOSE_TIME)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- beginning --------------------------------------------------------------------------

    def _begin(self, record: Record) -> None:
        """Take a new record in, with what is on disk."""
        held = self._load(record)
        with self._changed:
            if self._is_closed or record.certificate.fingerprint in self._records:
                return  # closed meanwhile, or added by another thread
            self._records[record.certificate.fingerprint] = record
            if held is not None:
                self._put(record, held)
            self._replan(record)
            self._background.start()
        if held is not None:
            self._tell_new(StapleEventKind.LOADED, record, held, None)
        if record.hopeless is not None:
            self._tell(StapleEventKind.NO_RESPONDER, record, record.hopeless)
            self._tell_missing(record, record.hopeless)
        elif record.plan.at is None:
            self._tell_certificate_end(record)

    def _load(self, record: Record) -> Held | None:
        """Look for a staple on disk, and tell where something else stands there."""
        if self._store is None:
            return None
        try:
            return self._store.load(
                record.certificate,
                record.issuers,
                now=self._clock.now(),
                policy=self._requestor.policy.verify,
            )
        except ConfigError as error:
            self._tell(StapleEventKind.NOT_STORED, record, str(error))
        except CertStatusError as error:
            self._tell(StapleEventKind.DROPPED, record, f"a stored staple was removed: {error}")
        return None

    # --- the thread ---------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Begin each try when it is due, until cancelled."""
        gate = asyncio.Semaphore(MAX_STAPLE_FETCHES)
        async with asyncio.TaskGroup() as tries:
            while True:
                now = self._clock.now()
                self._tell_ends(now)
                for record in self._take_due(now):
                    tries.create_task(self._try(record, gate))
                await self._background.pause(self._sleep_time(now))

    def _take_due(self, now: datetime) -> list[Record]:
        """Pick the records to try now."""
        with self._changed:
            due = [record for record in self._records.values() if record.is_due(now)]
            for record in due:
                record.is_busy = True
            return due

    def _sleep_time(self, now: datetime) -> timedelta:
        """How long there is nothing to do; tries that end meanwhile wake who sleeps too long."""
        with self._changed:
            moments = [record.wake_at for record in self._records.values()]
            until = min(moment for moment in (*moments, now + BACKGROUND_WAKE_TIME) if moment)
            self._sleeps_until = until
        return max(until - now, timedelta(0))

    def _tell_ends(self, now: datetime) -> None:
        with self._changed:
            ended = [
                record
                for record in self._records.values()
                if record.held is not None and record.held.end <= now and not record.has_told_end
            ]
            for record in ended:
                record.has_told_end = True
        for record in ended:
            self._tell(StapleEventKind.EXPIRED, record, "the staple has ended, and none is newer")
            self._tell_missing(record, "its staple has ended")

    async def _try(self, record: Record, gate: asyncio.Semaphore) -> None:
        """Carry out one try, and plan the next."""
        try:
            async with gate:
                await self._renew(record)
        except Exception as error:  # noqa: BLE001 - a defect ends one try, never the thread
            _log.debug("a try broke", exc_info=True)
            self._fail(record, f"{type(error).__name__}: {error}", StapleEventKind.DEFECT)
        finally:
            with self._changed:
                record.is_busy = False
                self._changed.notify_all()
                is_early = record.is_asked or (
                    record.wake_at is not None and record.wake_at < self._sleeps_until
                )
            if is_early:
                self._background.wake()

    async def _renew(self, record: Record) -> None:
        with self._changed:
            is_asked, record.is_asked = record.is_asked, False
        if self._clock.now() > record.certificate.not_after:
            with self._changed:
                self._replan(record)
            self._tell_certificate_end(record)
            return
        if self._take_from_disk(record) and not is_asked:
            return
        requestor = replace(self._requestor, urls=record.urls)
        started = time.monotonic()
        result = await requestor.acheck(record.certificate, chain=record.issuers)
        outcome = self._settle(record, result)
        self._teller.time(time.monotonic() - started, outcome)

    def _take_from_disk(self, record: Record) -> bool:
        """Take up what another process has fetched; say whether that is enough for now."""
        held, now = self._load(record), self._clock.now()
        if held is None or not held.replaces(record.held, now):
            return False
        with self._changed:
            before = record.held
            self._put(record, held)
            self._replan(record)
            is_enough = not record.plan.is_due(now)
        self._tell_new(StapleEventKind.LOADED, record, held, before)
        return is_enough

    # --- what came of a try -------------------------------------------------------------------

    def _settle(self, record: Record, result: CheckResult) -> Outcome:
        held, reason = self._held_of(record, result)
        now = self._clock.now()
        if held is None:
            self._fail(record, reason)
            return Outcome.FAILED
        if not held.replaces(record.held, now):
            with self._changed:
                record.settle(Outcome.SAME, now)
                self._replan(record)
                kept = record.held or held
            self._tell(StapleEventKind.UNCHANGED, record, "nothing newer came", **facts_of(held))
            self._keep_on_disk(record, kept)  # what stood there may have been removed
            return Outcome.SAME
        self._renewed(record, held, now)
        return Outcome.NEWER

    def _held_of(self, record: Record, result: CheckResult) -> tuple[Held | None, str]:
        """Take what a responder gave, or say why it can't be stapled."""
        verified = None if result.report is None else result.report.verified
        if verified is None or result.issuer is None:
            return None, why_not(result, record)
        held = hold(
            verified,
            record.certificate,
            result.issuer,
            policy=self._requestor.policy.verify,
            url=record.responder(result.url),
            origin=Origin.RESPONDER,
            fresh_until=result.fresh_until,
        )
        if held is None:
            return (
                None,
                f"{record.responder(result.url)}: the responder does not know the certificate",
            )
        if held.end <= self._clock.now():
            return None, f"{record.responder(result.url)}: the answer has ended already"
        return held, ""

    def _renewed(self, record: Record, held: Held, now: datetime) -> None:
        with self._changed:
            before = record.held
            self._put(record, held)
            record.settle(Outcome.NEWER, now)
            self._replan(record)
        self._tell_new(StapleEventKind.RENEWED, record, held, before)
        self._keep_on_disk(record, held)

    def _keep_on_disk(self, record: Record, held: Held) -> None:
        if self._store is None:
            return
        try:
            self._store.keep(record.certificate, held)
        except ConfigError as error:
            self._tell(StapleEventKind.NOT_STORED, record, str(error))

    def _fail(
        self, record: Record, reason: str, kind: StapleEventKind = StapleEventKind.FAILED
    ) -> None:
        now = self._clock.now()
        with self._changed:
            record.settle(Outcome.FAILED, now, error=reason)
            self._replan(record)
            is_served = record.is_served(now)
        self._tell(kind, record, reason)
        if not is_served:
            self._tell_missing(record, reason)

    # --- with the lock held -------------------------------------------------------------------

    def _put(self, record: Record, held: Held) -> None:
        fingerprint = record.certificate.fingerprint
        record.take(held)
        if self._records.get(fingerprint) is record:  # else it was discarded meanwhile
            self._staples[fingerprint] = (held.staple, held.end)
        self._changed.notify_all()

    def _replan(self, record: Record) -> None:
        dice = random.random()  # noqa: S311 - spreads load, hides nothing
        record.replan(self._clock.now(), dice, self._pace)

    def _is_settled(self, end: datetime) -> bool:
        """Whether waiting until ``end`` brings no more staples."""
        now = self._clock.now()
        return self._is_closed or not any(
            one.is_waited_for(end) for one in self._records.values() if not one.is_served(now)
        )

    # --- telling ------------------------------------------------------------------------------

    def _tell_new(
        self, kind: StapleEventKind, record: Record, held: Held, before: Held | None
    ) -> None:
        facts, was_revoked = facts_of(held), before is not None and before.is_revoked
        self._tell(kind, record, f"{facts['status']} until {facts['end']}, by {held.url}", **facts)
        if held.is_revoked and not was_revoked:
            self._tell(StapleEventKind.REVOKED, record, "the certificate is revoked", **facts)
        elif was_revoked and not held.is_revoked:
            reason = "the certificate is good again"
            self._tell(StapleEventKind.RELEASED, record, reason, **facts)

    def _tell_missing(self, record: Record, reason: str) -> None:
        if record.is_must_staple and not record.is_served(self._clock.now()):
            self._tell(
                StapleEventKind.MISSING,
                record,
                f"it promises a staple (RFC 7633), and has none: {reason}",
            )

    def _tell_certificate_end(self, record: Record) -> None:
        reason = f"the certificate ended on {record.certificate.not_after:%Y-%m-%d}"
        self._tell(StapleEventKind.CERTIFICATE_EXPIRED, record, reason)

    def _tell(self, kind: StapleEventKind, record: Record, reason: str, **facts: str) -> None:
        """Never with the lock held."""
        self._teller.tell(kind, record.certificate, reason, **facts)

    # --- past a fork --------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Take the lock; see ``certstatus.staple.forks``."""
        self._changed.acquire()

    def after_fork_in_parent(self) -> None:
        """Give the lock back."""
        self._changed.release()

    def after_fork_in_child(self) -> None:
        """Go on with a lock and a thread of its own; dice are thrown anew, the herd parts."""
        self._changed = threading.Condition(threading.RLock())
        self._background.abandon()
        for record in self._records.values():
            record.is_busy = False
            self._replan(record)
        if self._records and not self._is_closed:
            self._background.start()
