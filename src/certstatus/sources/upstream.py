"""Another OCSP responder as a source: asked, verified by the same rules, and kept.

Its law: only a verified answer counts, and ours never outlives it; whatever else comes,
or does not come in time, is SourceError, and the responder says tryLater. One question
about a serial number is under way at a time, however many wait for it. A question that
came through us already is not asked on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from certstatus.clock import Clock, SystemClock
from certstatus.errors import ConfigError, SourceError
from certstatus.fetch import Guard, HTTPDoor
from certstatus.limits import (
    MAX_OCSP_URLS,
    MAX_UPSTREAM_ANSWERS,
    MAX_UPSTREAM_HOPS,
    MAX_UPSTREAM_PAUSE,
    MAX_UPSTREAM_QUESTIONS,
    UPSTREAM_PAUSE,
    UPSTREAM_REFRESH,
    UPSTREAM_TIME,
    UPSTREAM_URL_TIME,
)
from certstatus.ocsp import NEVER_ISSUED, CertID, OCSPResponseStatus, Unknown
from certstatus.pkix import Certificate
from certstatus.requestor import Asked, AskPolicy, CheckPolicy, Requestor
from certstatus.requestor.cache import fresh_until
from certstatus.sources.base import Answer, Known, NotOurs, Unlisted
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.serial_number import serial_text
from certstatus.sources.upstream_keeping import Keeping, Kept, Pauses
from certstatus.sources.via import marks_of_question, upstream_mark, via
from certstatus.verify import Verdict, VerifiedResponse

__all__ = ["Upstream"]

_NO_CERTIFICATE: Final = 0
"""The serial number of no certificate (RFC 5280 §4.1.2.2): health checks ask for it."""

_OUT_OF_ORDER: Final = frozenset({OCSPResponseStatus.TRY_LATER, OCSPResponseStatus.INTERNAL_ERROR})
"""What a responder says that is not well; any other refusal is about the one question."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a URL gave no answer; ``kind`` None: nothing is wrong with it at large.

    ``rests``: it should be left alone for a while, whatever the question. What may hang on
    the question must not rest it, or anybody could keep it away from all others.
    """

    reason: str
    kind: EventKind | None = None
    rests: bool = False
    is_unauthorized: bool = False


_Outcome: TypeAlias = Answer | SourceError


class Upstream:
    """A Source that asks other responders, the first one that answers.

    An answer is kept until its nextUpdate, and given without asking until the upstream's
    HTTP says that there may be news, for ``refresh`` or half its life at the longest. Where
    asking anew fails, or brings unknown or something older, what is kept stands.
    A URL that fails rests, longer each time, and is tried again by itself.
    """

    def __init__(
        self,
        urls: Sequence[str],
        issuer: Certificate,
        *,
        name: str = "upstream",
        observer: Observer | None = None,
        refresh: timedelta = UPSTREAM_REFRESH,
        url_time: timedelta = UPSTREAM_URL_TIME,
        time_limit: timedelta = UPSTREAM_TIME,
        clock: Clock | None = None,
    ) -> None:
        """Ask nobody yet.

        Raises:
            ConfigError: a URL is none that can be asked, or there are too many.
        """
        self._urls = _checked(urls)
        self._name = name
        self._issuer = issuer
        self._hashes = IssuerHashes(issuer)
        self._observer = observer
        self._refresh = refresh
        self._url_time = url_time.total_seconds()
        self._time_limit = time_limit.total_seconds()
        self._mark = upstream_mark(
            socket.gethostname().encode(), issuer.fingerprint, *(url.encode() for url in urls)
        )
        self._requestor = Requestor(
            policy=CheckPolicy(ask=AskPolicy(attempts=1, time_limit=url_time)),
            door=HTTPDoor(total_time=url_time, connect_time=url_time),
            clock=clock or SystemClock(),
        )
        self._keeping = Keeping(MAX_UPSTREAM_ANSWERS)
        self._flights: dict[tuple[int, tuple[str, ...]], asyncio.Future[_Outcome]] = {}
        self._resting = _pauses(MAX_OCSP_URLS)
        self._refused = _pauses(MAX_UPSTREAM_ANSWERS)
        self._alarms: dict[str, EventKind] = {}
        self._loops = _pauses(1)

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the upstream says, or said and still counts.

        Raises:
            SourceError: nobody gave an answer to be believed in time, or the question came
                through us before.
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        self._refuse_loop(now)
        kept = self._keeping.find(cert_id.serial_number, now)
        if kept is not None and now < kept.fresh_until:
            return kept.known
        outcome = await self._joined(cert_id.serial_number, now)
        if isinstance(outcome, Known):
            return outcome
        kept = self._keeping.find(cert_id.serial_number, now)
        if kept is not None:
            return kept.known
        if isinstance(outcome, SourceError):
            raise SourceError(str(outcome))
        return outcome

    # --- a question under way ---------------------------------------------------------------

    async def _joined(self, serial_number: int, now: datetime) -> _Outcome:
        """Wait for the answer to this question, with all others who ask it.

        Questions that came by other ways are other ones: two responders that wait for each
        other must not join what they wait for.
        """
        key = (serial_number, marks_of_question())
        flight = self._flights.get(key)
        if flight is None:
            if self._refused.is_on(serial_number, now):
                return self._error("the last question about this serial failed a moment ago")
            if len(self._flights) >= MAX_UPSTREAM_QUESTIONS:
                return self._error("too many questions are under way")
            flight = asyncio.ensure_future(self._ask(serial_number, now, key[1]))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def _ask(self, serial_number: int, now: datetime, marks: tuple[str, ...]) -> _Outcome:
        """Ask the URLs in order, those that rest left out, until one gives an answer."""
        reasons = []
        try:
            async with asyncio.timeout(self._time_limit):
                for url in self._urls:
                    if self._resting.is_on(url, now):
                        reasons.append(f"{url} rests after a failure")
                        continue
                    outcome = await self._ask_one(url, serial_number, now, marks)
                    if not isinstance(outcome, _Failure):
                        return outcome
                    reasons.append(f"{url}: {outcome.reason}")
                    if outcome.is_unauthorized and serial_number == _NO_CERTIFICATE:
                        return NotOurs(origin=self._name)
        except TimeoutError:
            reasons.append("out of time")
        self._refused.failed(serial_number, now)
        return self._error("; ".join(reasons))

    async def _ask_one(
        self, url: str, serial_number: int, now: datetime, marks: tuple[str, ...]
    ) -> Known | Unlisted | _Failure:
        headers = {"Via": via((*marks, self._mark))}
        requestor = replace(self._requestor, urls=(url,), headers=headers)
        try:
            async with asyncio.timeout(self._url_time):
                asked = await requestor.aask(serial_number, self._issuer)
        except TimeoutError:
            failure = _Failure("no answer in time", EventKind.UPSTREAM_FAILED, rests=True)
            return self._failed(url, failure, serial_number, now)
        report = asked.report
        if report is None or report.verified is None:
            return self._failed(url, _failure(asked), serial_number, now)
        self._resting.succeeded(url)
        self._refused.succeeded(serial_number)
        if self._alarms.pop(url, None) is not None:
            self._tell(EventKind.RECOVERED, "gives answers to be believed again", url=url)
        return self._taken(serial_number, report.verified, asked, now)

    # --- what came of it --------------------------------------------------------------------

    def _taken(
        self, serial_number: int, verified: VerifiedResponse, asked: Asked, now: datetime
    ) -> Known | Unlisted:
        """Keep good and revoked; what the upstream does not know is for our policy to say."""
        cert_status, this_update = verified.cert_status, verified.single.this_update
        assert verified.expires is not None  # the policy asks for nextUpdate
        if isinstance(cert_status, Unknown) or cert_status == NEVER_ISSUED:
            if cert_status == NEVER_ISSUED:
                self._keeping.drop(serial_number)
            return Unlisted(
                this_update=this_update,
                next_update=verified.expires,
                origin=self._name,
                lists_issued=cert_status == NEVER_ISSUED,
            )
        known = Known(
            cert_status=cert_status,
            this_update=this_update,
            next_update=verified.expires,
            origin=self._name,
        )
        told = Kept(known, verified.expires, self._fresh_until(verified, asked, now))
        kept = self._keeping.take(serial_number, told, now)
        if kept is not told:
            self._refused.failed(serial_number, now)
        return kept.known

    def _fresh_until(self, verified: VerifiedResponse, asked: Asked, now: datetime) -> datetime:
        assert verified.expires is not None
        assert asked.received is not None
        half = (verified.expires - now) / 2
        said = fresh_until(verified, asked.received.headers, now) or now
        return min(said, now + half, now + self._refresh)

    def _failed(self, url: str, failure: _Failure, serial_number: int, now: datetime) -> _Failure:
        """Let the URL rest where it is out of order; tell of it once."""
        if failure.rests:
            self._resting.failed(url, now)
        if failure.kind is not None and self._alarms.get(url) is not failure.kind:
            self._alarms[url] = failure.kind
            self._tell(failure.kind, failure.reason, url=url, serial=serial_text(serial_number))
        return failure

    # --- loops ------------------------------------------------------------------------------

    def _refuse_loop(self, now: datetime) -> None:
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
        raise self._error(reason)

    def _error(self, reason: str) -> SourceError:
        return SourceError(f"{self._name}: {reason}")

    def _tell(self, kind: EventKind, detail: str, **facts: str) -> None:
        event = SourceEvent(source=self._name, kind=kind, detail=detail, facts=facts)
        tell(event, self._observer)


def _checked(urls: Sequence[str]) -> tuple[str, ...]:
    """Take the URLs that can be asked, each once; ConfigError for one that can't."""
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
    return unique


def _pauses(size: int) -> Pauses:
    return Pauses(first=UPSTREAM_PAUSE, longest=MAX_UPSTREAM_PAUSE, size=size)


def _failure(asked: Asked) -> _Failure:
    """Say why an asking brought no verified answer, and what that means for the URL."""
    report = asked.report
    reasons = dict.fromkeys(attempt.reason for attempt in asked.attempts)
    if report is None:
        rests = not all(attempt.is_lasting for attempt in asked.attempts)
        return _Failure("; ".join(reasons), EventKind.UPSTREAM_FAILED, rests=rests)
    if report.verdict is Verdict.REFUSED and report.response is not None:
        status = report.response.response_status
        is_ill = status in _OUT_OF_ORDER
        return _Failure(
            f"the responder answered {status.label}",
            EventKind.UPSTREAM_FAILED if is_ill else None,
            rests=is_ill,
            is_unauthorized=status is OCSPResponseStatus.UNAUTHORIZED,
        )
    reasons |= dict.fromkeys(f"{check.name} {check.reason}" for check in report.failures)
    return _Failure("; ".join(reasons), EventKind.UPSTREAM_UNTRUSTED)
