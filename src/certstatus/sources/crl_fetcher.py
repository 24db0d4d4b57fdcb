"""Fetches CRLs in the background: one thread with an event loop for all authorities.

Its law: no request waits for it. What it believes it writes into the folder, and every
process takes it from there, swapped in whole; what it can't believe it tells of, and the
last good CRL goes on counting until its nextUpdate.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog

from certstatus.background import Background
from certstatus.clock import Clock, SystemClock
from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import (
    BACKGROUND_CLOSE_TIME,
    BACKGROUND_WAKE_TIME,
    MAX_CRL_FETCHES,
    MAX_CRL_FILES,
)
from certstatus.pkix import Certificate, CertificateList
from certstatus.sources.crl_folder import CRLFolder, PlaceState
from certstatus.sources.crl_listing import read_listing
from certstatus.sources.crl_look import Believed, Failed, Look, Looker, Newer
from certstatus.sources.crl_place import CRLPlace, delta_places
from certstatus.sources.crl_schedule import CRLPace, Tries, next_try
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell

__all__ = ["CRLFeed", "CRLFetcher", "believer"]

_log: Final = structlog.get_logger("certstatus.sources")
_CLAIMED_PAUSE: Final = timedelta(seconds=1)
"""Until a place is looked at again that another process looks at now."""


@dataclass(slots=True)
class _Turn:
    """One place, and when it is looked at next."""

    place: CRLPlace
    at: datetime
    is_busy: bool = False
    is_settled: bool = False
    """Whether there is a CRL of it, or it was looked at in vain."""
    is_looked_at: bool = False
    """Whether it was looked at since the start, by this process or another."""


@dataclass(frozen=True, kw_only=True)
class CRLFeed:
    """What one authority has fetched.

    ``count`` hears of every look: newer, unchanged, failed; ``hear`` is called where the
    folder may hold a newer CRL.
    """

    places: Sequence[CRLPlace]
    signers: Sequence[Certificate]
    folder: CRLFolder
    looker: Looker
    name: str
    observer: Observer | None = None
    count: Callable[[str], None] | None = None
    hear: Callable[[], None] | None = None
    pace: CRLPace = CRLPace()  # noqa: RUF009 - a value, frozen
    turns: dict[str, _Turn] = field(default_factory=dict, repr=False)

    def hear_of_news(self) -> None:
        """Have the folder looked at with the next question."""
        if self.hear is not None:
            self.hear()

    def tell(self, kind: EventKind, detail: str, place: CRLPlace) -> None:
        """Tell of a place."""
        event = SourceEvent(source=self.name, kind=kind, detail=detail, facts={"url": str(place)})
        tell(event, self.observer)


def believer(
    signers: Sequence[Certificate], folder: CRLFolder, clock: Clock, *, allow_sha1: bool
) -> Callable[[bytes], Believed]:
    """Make the judge of what is fetched for an authority: C1 to C8 hold, or MalformedError."""

    def believe(data: bytes) -> Believed:
        crl, now = CertificateList.load(data), clock.now()
        listing = read_listing(crl, signers, now=now, allow_sha1=allow_sha1)
        if listing.next_update <= now:
            text = f"expired on {listing.next_update:%Y-%m-%d %H:%M:%SZ}"
            raise MalformedError(text, where="CertificateList", rule="C9")
        folder.memory.check(crl, listing.signer)
        return Believed(crl, listing.signer, delta_places(crl) if listing.is_full else ())

    return believe


class CRLFetcher:
    """The thread. Feeds may be added and removed at any time, by any thread."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._since = self._clock.now()
        self._feeds: list[CRLFeed] = []
        self._changed = threading.Condition()
        self._background = Background(self._run, "crl-fetcher")
        self._is_closed = False

    def add(self, feed: CRLFeed) -> None:
        """Fetch for an authority from now on."""
        now = self._clock.now()
        for place in feed.places:
            self._take_in(feed, place, now)
            self._take_in_deltas(feed, feed.folder.state(place), now)
        feed.hear_of_news()  # another process may have fetched since the folder was read
        with self._changed:
            self._feeds.append(feed)
            if not self._is_closed:
                self._background.start()
        self._background.wake()

    def remove(self, feed: CRLFeed) -> None:
        """Fetch no longer for an authority."""
        with self._changed:
            self._feeds = [one for one in self._feeds if one is not feed]
            self._changed.notify_all()

    def wait_settled(self, timeout: timedelta, *, looked_at: bool = False) -> bool:
        """Wait until of every place there is a CRL, or a reason why there is none.

        With ``looked_at`` also where there is one of before, until it was looked for anew.
        """

        def is_settled() -> bool:
            turns = [turn for feed in self._feeds for turn in feed.turns.values()]
            is_done = all(turn.is_looked_at if looked_at else turn.is_settled for turn in turns)
            return self._is_closed or is_done

        with self._changed:
            return self._changed.wait_for(is_settled, timeout.total_seconds())

    def wake(self) -> None:
        """Look at the clock now. For whoever has put it right."""
        self._background.wake()

    def close(self) -> None:
        """End the thread; what it fetches is broken off. What was fetched stays."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._background.close(BACKGROUND_CLOSE_TIME)

    def _take_in(self, feed: CRLFeed, place: CRLPlace, now: datetime) -> None:
        """Begin with a place, where it is none that is looked at already."""
        if place.name in feed.turns:
            return
        turn = _Turn(place, now, is_settled=feed.folder.has_current(place, now))
        with self._changed:
            if len(feed.turns) < MAX_CRL_FILES:
                feed.turns[place.name] = turn

    # --- the thread ---------------------------------------------------------------------------

    async def _run(self) -> None:
        """Begin each look when it is due, until cancelled."""
        gate = asyncio.Semaphore(MAX_CRL_FETCHES)
        async with asyncio.TaskGroup() as looks:
            while True:
                now = self._clock.now()
                for feed, turn in self._take_due(now):
                    looks.create_task(self._look(feed, turn, gate))
                await self._background.pause(self._sleep_time(now))

    def _take_due(self, now: datetime) -> list[tuple[CRLFeed, _Turn]]:
        with self._changed:
            due = [
                (feed, turn)
                for feed in self._feeds
                for turn in feed.turns.values()
                if turn.at <= now and not turn.is_busy
            ]
            for _, turn in due:
                turn.is_busy = True
            return due

    def _sleep_time(self, now: datetime) -> timedelta:
        with self._changed:
            waiting = [
                turn.at for feed in self._feeds for turn in feed.turns.values() if not turn.is_busy
            ]
        return max(min((*waiting, now + BACKGROUND_WAKE_TIME)) - now, timedelta(0))

    async def _look(self, feed: CRLFeed, turn: _Turn, gate: asyncio.Semaphore) -> None:
        """Look at one place, and say when to look next."""
        turn_at = self._clock.now() + feed.pace.min_pause
        is_settled = True
        try:
            async with gate:
                with feed.folder.claim(turn.place) as is_ours:
                    if is_ours:
                        turn_at = await self._renew(feed, turn.place)
                    else:
                        turn_at, is_settled = self._clock.now() + _CLAIMED_PAUSE, False
        except OSError as error:
            feed.tell(EventKind.FETCH_FAILED, f"the folder fails: {error.strerror}", turn.place)
        except Exception:  # noqa: BLE001 - a defect ends one look, never the thread
            _log.exception("source.defect", source=feed.name, url=str(turn.place))
        if is_settled and not turn.is_settled:
            feed.hear_of_news()  # also of what another process has fetched
        with self._changed:
            turn.at, turn.is_busy = turn_at, False
            turn.is_looked_at |= is_settled
            turn.is_settled |= is_settled
            self._changed.notify_all()
        self._background.wake()

    async def _renew(self, feed: CRLFeed, place: CRLPlace) -> datetime:
        """Look, unless another process just did; return when to look next."""
        state, now = await asyncio.to_thread(feed.folder.state, place), self._clock.now()
        last = state.tries.last
        is_old = last is not None and last < self._since
        is_rested = last is None or now - last >= feed.pace.min_pause
        # A start or reload looks anew, so that people can have what has just been published.
        is_due = is_old and (is_rested or state.problem is not None)
        if not is_due and (at := self._next(feed, state, now)) > now:
            self._take_in_deltas(feed, state, now)
            return at
        look = await feed.looker.look(place, state, now)
        now = self._clock.now()
        after = await asyncio.to_thread(self._settle, feed, place, state, look, now)
        if feed.count is not None:
            feed.count(_outcome(look, after))
        self._tell(feed, place, state, after, look, is_news=is_old)
        self._take_in_deltas(feed, after, now)
        return self._next(feed, after, now)

    def _next(self, feed: CRLFeed, state: PlaceState, now: datetime) -> datetime:
        dice = random.random()  # noqa: S311 - spreads load, hides nothing
        return next_try(state.next_update, state.tries, now=now, dice=dice, pace=feed.pace)

    def _take_in_deltas(self, feed: CRLFeed, state: PlaceState, now: datetime) -> None:
        for place in state.deltas:
            self._take_in(feed, place, now)

    def _settle(
        self, feed: CRLFeed, place: CRLPlace, state: PlaceState, look: Look, now: datetime
    ) -> PlaceState:
        """Keep what came, and write down what is known now."""
        after = _after(feed.folder, place, state, look, now)
        feed.folder.write(place, after)
        return after

    def _tell(
        self,
        feed: CRLFeed,
        place: CRLPlace,
        before: PlaceState,
        after: PlaceState,
        look: Look,
        *,
        is_news: bool,
    ) -> None:
        """Tell of a newer CRL, and of problems: when they begin, and when they end."""
        if after.problem is not None:
            if is_news or after.problem != before.problem:
                is_untrusted = isinstance(look, Failed) and look.is_untrusted
                kind = EventKind.FETCH_UNTRUSTED if is_untrusted else EventKind.FETCH_FAILED
                feed.tell(kind, after.problem, place)
            return
        if before.problem is not None:
            feed.tell(EventKind.RECOVERED, f"is fetched again, after: {before.problem}", place)
        if isinstance(look, Newer):
            crl = look.believed.crl
            text = f"CRLNumber {crl.crl_number} of {crl.this_update:%Y-%m-%d %H:%M:%SZ}"
            feed.tell(EventKind.FETCHED, f"{text} from {look.url}", place)
            feed.hear_of_news()


def _outcome(look: Look, after: PlaceState) -> str:
    if after.problem is not None:
        return "failed"
    return "newer" if isinstance(look, Newer) else "unchanged"


def _after(
    folder: CRLFolder, place: CRLPlace, state: PlaceState, look: Look, now: datetime
) -> PlaceState:
    """Keep a newer CRL, and say what is known of its place then."""
    if isinstance(look, Failed):
        return replace(state, tries=state.tries.failed(now), problem=look.reason)
    tries = Tries(last=now, fresh_until=look.fresh_until)
    if not isinstance(look, Newer):
        return replace(state, tries=tries, problem=None)
    crl = look.believed.crl
    try:
        folder.keep(place, crl.der)
        folder.memory.note(crl, look.believed.signer)
    except (OSError, ConfigError) as error:
        reason = f"can't be kept: {error.strerror if isinstance(error, OSError) else error}"
        return replace(state, tries=state.tries.failed(now), problem=reason)
    return PlaceState(
        tries=tries,
        url=look.url,
        validators=look.validators,
        digest=sha256(crl.der).hexdigest(),
        next_update=crl.next_update,
        deltas=look.believed.deltas,
    )
