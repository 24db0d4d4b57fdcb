"""Asking other responders: in order, in time, once for all who wait, and never in a circle.

Its law: only a verified answer counts; whatever else comes, or does not come in time, is
told with its reason. A responder that is out of order rests, longer each time. A question
that came through us already is not asked on.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

from certstatus.clock import Clock, SystemClock
from certstatus.errors import ConfigError, SourceError
from certstatus.fetch import Guard, HTTPDoor
from certstatus.limits import (
    MAX_LOCATED_URLS,
    MAX_OCSP_URLS,
    MAX_UPSTREAM_ANSWERS,
    MAX_UPSTREAM_HOPS,
    MAX_UPSTREAM_PAUSE,
    MAX_UPSTREAM_QUESTIONS,
    UPSTREAM_JITTER,
    UPSTREAM_NEGATIVE_TIME,
    UPSTREAM_PAUSE,
    UPSTREAM_REFRESH,
    UPSTREAM_TIME,
    UPSTREAM_URL_TIME,
)
from certstatus.ocsp import OCSPResponseStatus
from certstatus.pkix import Certificate
from certstatus.requestor import Asked, AskPolicy, CheckPolicy, Requestor
from certstatus.requestor.cache import fresh_until
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.upstream_keeping import Alarms, Pauses
from certstatus.sources.via import marks_of_question, upstream_mark, via
from certstatus.verify import Verdict, VerifiedResponse, VerifyPolicy

__all__ = [
    "Destination",
    "Heard",
    "Outcome",
    "Question",
    "Tally",
    "Unheard",
    "UpstreamPolicy",
    "Upstreams",
    "destinations",
]

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamPolicy:
    """How upstream responders are asked, and for how long what they say is given.

    ``refresh`` bounds how long an answer is given without asking anew, ``negative`` how long
    an unknown or unauthorized; ``jitter`` is the part of that time, 0 to 1, that chance may
    cut off. ``url_time`` is one responder's time for an answer, ``time_limit`` that of all
    together. ``signers`` may answer for the CAs by local configuration (O22);
    ``allow_sha1`` believes signatures that rest on SHA-1 (O29). ``http_proxy`` is the URL of
    the HTTP proxy that every question goes through, None: straight.
    """

    refresh: timedelta = UPSTREAM_REFRESH
    negative: timedelta = UPSTREAM_NEGATIVE_TIME
    jitter: float = UPSTREAM_JITTER
    url_time: timedelta = UPSTREAM_URL_TIME
    time_limit: timedelta = UPSTREAM_TIME
    signers: tuple[Certificate, ...] = ()
    allow_sha1: bool = False
    allow_private: bool = False
    http_proxy: str | None = None

    @property
    def verify_policy(self) -> VerifyPolicy:
        """How their answers are judged."""
        return VerifyPolicy(allow_sha1=self.allow_sha1, trusted_responders=self.signers)

    def end_of_freshness(
        self, verified: VerifiedResponse, headers: Mapping[str, str], now: datetime
    ) -> datetime:
        """Say until when an answer is given without asking anew (L14).

        For half of its life or ``refresh`` at the longest, and never past what the upstream's
        HTTP says; less what chance cuts off.
        """
        assert verified.expires is not None  # the policy asks for nextUpdate
        half = (verified.expires - now) / 2
        said = fresh_until(verified, headers, now) or now
        span = min(said - now, half, self.refresh)
        return now + span * (1 - self.jitter * random.random())  # noqa: S311 - spreads load


@dataclass(frozen=True, slots=True)
class Destination:
    """A responder to ask: its URL, and what alarms call it."""

    url: str
    name: str


class Outcome(StrEnum):
    """What came of one question to one responder, for metrics."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    UNTRUSTED = "untrusted"


Tally: TypeAlias = Callable[[Outcome, float], None]
"""Hears of each question to each responder, and how many seconds it took."""

Question: TypeAlias = Callable[[Requestor], Awaitable[Asked]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A verified answer, one proof for each certificate, and how it came."""

    url: str
    verified: tuple[VerifiedResponse, ...]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unheard:
    """Nobody gave an answer, and why; ``is_refused``: all who were asked say not to be the ones."""

    reason: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a URL gave no answer; ``kind`` None: nothing is wrong with it at large.

    ``rests``: it should be left alone for a while, whatever the question. What may hang on
    the question must not rest it, or anybody could keep it away from all others.
    """

    reason: str
    outcome: Outcome
    kind: EventKind | None = None
    rests: bool = False


class Upstreams(Generic[R]):
    """Responders that are asked in order; what comes of a question is an ``R`` of the caller's.

    ``identity`` are the bytes by which a loop is recognised: what makes this place another
    one than its neighbours.
    """

    def __init__(
        self,
        name: str,
        identity: Iterable[bytes],
        *,
        policy: UpstreamPolicy,
        observer: Observer | None = None,
        tally: Tally = lambda _outcome, _seconds: None,
        clock: Clock | None = None,
    ) -> None:
        self._name = name
        self._policy = policy
        self._observer = observer
        self._tally = tally
        self._mark = upstream_mark(socket.gethostname().encode(), *identity)
        self._requestor = Requestor(
            policy=CheckPolicy(
                ask=AskPolicy(attempts=1, time_limit=policy.url_time),
                verify=policy.verify_policy,
                allow_private=policy.allow_private,
            ),
            door=HTTPDoor(
                total_time=policy.url_time,
                connect_time=policy.url_time,
                proxy=policy.http_proxy,
            ),
            clock=clock or SystemClock(),
        )
        self._flights: dict[Hashable, asyncio.Future[R]] = {}
        self._resting = _pauses(MAX_LOCATED_URLS)
        self._failed = _pauses(MAX_UPSTREAM_ANSWERS)
        self._refused = Pauses(
            first=policy.negative, longest=policy.negative, size=MAX_UPSTREAM_ANSWERS
        )
        self._alarms = Alarms(MAX_LOCATED_URLS)
        self._loops = _pauses(1)

    # --- once for all who wait ----------------------------------------------------------------

    async def once(
        self, key: Hashable, fetch: Callable[[], Awaitable[R]], now: datetime
    ) -> R | Unheard:
        """Let ``fetch`` find out, once for all who ask the same meanwhile.

        Questions that came by other ways are other ones: two responders that wait for each
        other must not join what they wait for. Who goes away takes the answer from nobody.
        """
        place = (key, marks_of_question())
        flight = self._flights.get(place)
        if flight is None:
            if self._refused.is_on(key, now):
                return Unheard("was refused a moment ago", is_refused=True)
            if self._failed.is_on(key, now):
                return Unheard("the last question about it failed a moment ago")
            if len(self._flights) >= MAX_UPSTREAM_QUESTIONS:
                return Unheard("too many questions are under way")
            flight = asyncio.ensure_future(fetch())
            self._flights[place] = flight
            flight.add_done_callback(lambda _: self._flights.pop(place, None))
        return await asyncio.shield(flight)

    def put_off(self, key: Hashable, now: datetime) -> None:
        """Leave a question alone for a while: its answer was of no use."""
        self._failed.failed(key, now)

    # --- one question -------------------------------------------------------------------------

    async def ask(
        self, key: Hashable, to: Sequence[Destination], question: Question, now: datetime
    ) -> Heard | Unheard:
        """Ask responders in order, those that rest left out, until one gives an answer."""
        failures: list[_Failure] = []
        try:
            async with asyncio.timeout(self._policy.time_limit.total_seconds()):
                for one in to[:MAX_OCSP_URLS]:
                    outcome = await self._ask_one(one, question, now)
                    if isinstance(outcome, Heard):
                        self._failed.succeeded(key)
                        self._refused.succeeded(key)
                        return outcome
                    failures.append(replace(outcome, reason=f"{one.url}: {outcome.reason}"))
        except TimeoutError:
            failures.append(_Failure("out of time", Outcome.FAILED))
        return self._unheard(key, failures, now)

    def _unheard(self, key: Hashable, failures: Sequence[_Failure], now: datetime) -> Unheard:
        is_refused = all(failure.outcome is Outcome.REFUSED for failure in failures)
        (self._refused if is_refused else self._failed).failed(key, now)
        return Unheard("; ".join(failure.reason for failure in failures), is_refused=is_refused)

    async def _ask_one(
        self, to: Destination, question: Question, now: datetime
    ) -> Heard | _Failure:
        if self._resting.is_on(to.url, now):
            return _Failure("rests after a failure", Outcome.FAILED)
        headers = {"Via": via((*marks_of_question(), self._mark))}
        requestor = replace(self._requestor, urls=(to.url,), headers=headers)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._policy.url_time.total_seconds()):
                asked = await question(requestor)
        except TimeoutError:
            found: Heard | _Failure = _TOO_LATE
        else:
            found = _outcome(asked, to.url)
        seconds = time.monotonic() - began
        if isinstance(found, Heard):
            self._tally(Outcome.ANSWERED, seconds)
            self._note_well(to)
        else:
            self._tally(found.outcome, seconds)
            self._note(to, found, now)
        return found

    def _note(self, to: Destination, failure: _Failure, now: datetime) -> None:
        """Let the responder rest where it is out of order; tell of it once."""
        if failure.rests:
            self._resting.failed(to.url, now)
        if failure.kind is not None and self._alarms.begins(to.name, failure.kind):
            self._tell(failure.kind, failure.reason, url=to.url)

    def _note_well(self, to: Destination) -> None:
        self._resting.succeeded(to.url)
        if self._alarms.ends(to.name):
            self._tell(EventKind.RECOVERED, "gives answers to be believed again", url=to.url)

    # --- loops ----------------------------------------------------------------------------------

    def refuse_loop(self, now: datetime) -> None:
        """Raise SourceError for a question that came through us, or through too many."""
        marks = marks_of_question()
        if self._mark not in marks and len(marks) < MAX_UPSTREAM_HOPS:
            return
        reason = "the question came through us before: the upstream asks us"
        if self._mark not in marks:
            reason = f"the question came through {MAX_UPSTREAM_HOPS} responders before us"
        if not self._loops.is_on(self._name, now):
            self._loops.failed(self._name, now)
            self._tell(EventKind.UPSTREAM_LOOP, reason)
        raise SourceError(f"{self._name}: {reason}")

    def _tell(self, kind: EventKind, detail: str, **facts: str) -> None:
        event = SourceEvent(source=self._name, kind=kind, detail=detail, facts=facts)
        tell(event, self._observer)


def destinations(urls: Sequence[str]) -> tuple[Destination, ...]:
    """Take the URLs that can be asked, each once.

    Raises:
        ConfigError: one can't be asked, or there are too many.
    """
    for url in urls:
        place = Guard().place(url)
        if isinstance(place, str):
            raise ConfigError(
                f"{url!r}: {place}", key="upstream", remedy="write http://host:port/path"
            )
    unique = tuple(dict.fromkeys(urls))
    if not 0 < len(unique) <= MAX_OCSP_URLS:
        raise ConfigError(
            f"names {len(unique)} responders", key="upstream", remedy=f"name 1 to {MAX_OCSP_URLS}"
        )
    return tuple(Destination(url, url) for url in unique)


def _pauses(size: int) -> Pauses:
    return Pauses(first=UPSTREAM_PAUSE, longest=MAX_UPSTREAM_PAUSE, size=size)


# --- what came of a question ------------------------------------------------------------------

_TOO_LATE: Final = _Failure(
    "no answer in time", Outcome.FAILED, EventKind.UPSTREAM_FAILED, rests=True
)
_OUT_OF_ORDER: Final = frozenset({OCSPResponseStatus.TRY_LATER, OCSPResponseStatus.INTERNAL_ERROR})
"""What a responder says that is not well; any other refusal is about the one question."""


def _outcome(asked: Asked, url: str) -> Heard | _Failure:
    """Take a verified answer; else say why there is none, and what that means for the URL."""
    report, received = asked.report, asked.received
    reports = asked.reports or (() if report is None else (report,))
    verified = tuple(one.verified for one in reports if one.verified is not None)
    if received is not None and verified and len(verified) == len(reports):
        return Heard(url=url, verified=verified, headers=received.headers)
    reasons = dict.fromkeys(attempt.reason for attempt in asked.attempts)
    if report is None:
        rests = not all(attempt.is_lasting for attempt in asked.attempts)
        text = "; ".join(reasons)
        return _Failure(text, Outcome.FAILED, EventKind.UPSTREAM_FAILED, rests=rests)
    if report.verdict is Verdict.REFUSED and report.response is not None:
        return _refusal(report.response.response_status)
    failed = (check for one in reports for check in one.failures)
    reasons |= dict.fromkeys(f"{check.name} {check.reason}" for check in failed)
    return _Failure("; ".join(reasons), Outcome.UNTRUSTED, EventKind.UPSTREAM_UNTRUSTED)


def _refusal(status: OCSPResponseStatus) -> _Failure:
    """Say what an error status means: it is unsigned, so it says nothing of the certificate."""
    reason = f"the responder answered {status.label}"
    if status in _OUT_OF_ORDER:
        return _Failure(reason, Outcome.FAILED, EventKind.UPSTREAM_FAILED, rests=True)
    is_odd = status is OCSPResponseStatus.SIG_REQUIRED
    return _Failure(reason, Outcome.REFUSED, EventKind.UPSTREAM_FAILED if is_odd else None)
