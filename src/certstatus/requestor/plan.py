"""How to ask: which URL, GET or POST, what to do when it fails. Does no I/O.

``ask`` is a generator: it yields what is to be done next (``Send`` or ``Wait``) and takes
what became of it; a driver of a few lines, sync or async, carries it out. The outcome is
the best report that any responder gave, and every attempt with its reason.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeAlias

from certstatus.errors import Attempt
from certstatus.limits import (
    ASK_TIME,
    BACK_OFF,
    MAX_ATTEMPTS,
    MAX_BACK_OFF,
    MAX_GET_URL_BYTES,
    MAX_OCSP_URLS,
)
from certstatus.ocsp import OCSPRequest, OCSPResponseStatus
from certstatus.pkix import HashAlgorithm
from certstatus.verify import Report, Verdict

__all__ = [
    "AskPolicy",
    "Asked",
    "Failed",
    "Method",
    "Received",
    "Send",
    "Wait",
    "ask",
    "get_url",
    "usable_urls",
]

REQUEST_TYPE: Final = "application/ocsp-request"
RESPONSE_TYPE: Final = "application/ocsp-response"


class Method(StrEnum):
    """How the request travels (L11)."""

    AUTO = "auto"
    """GET where the whole URL has at most 255 bytes, else POST."""
    GET = "get"
    POST = "post"


@dataclass(frozen=True, kw_only=True)
class AskPolicy:
    """How to ask.

    ``hashes`` are tried in order where a responder can't do the first (L1). ``attempts``
    counts the tries at one URL that get no answer; between them ``back_off`` doubles up to
    ``MAX_BACK_OFF``. After ``time_limit`` nothing new is sent.
    """

    method: Method = Method.AUTO
    hashes: tuple[HashAlgorithm, ...] = (HashAlgorithm.SHA256, HashAlgorithm.SHA1)
    attempts: int = MAX_ATTEMPTS
    back_off: timedelta = BACK_OFF
    time_limit: timedelta = ASK_TIME


@dataclass(frozen=True, kw_only=True)
class Send:
    """Do: send this request, and tell what came back."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Do: wait so long."""

    length: timedelta


@dataclass(frozen=True, kw_only=True)
class Received:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """No HTTP answer, and why; ``is_lasting``: trying again would end the same way."""

    reason: str
    is_lasting: bool = False


Step: TypeAlias = Send | Wait
Event: TypeAlias = Received | Failed | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The outcome: the best report, None where no responder answered at all.

    ``send`` and ``received`` are the exchange that gave it, ``request`` what was asked.
    Where several certificates were asked about, ``report`` is the weakest of ``reports``.
    """

    report: Report | None
    reports: tuple[Report, ...] = ()
    request: OCSPRequest | None = None
    send: Send | None = None
    received: Received | None = None
    attempts: tuple[Attempt, ...] = ()


def usable_urls(uris: Iterable[str]) -> tuple[tuple[str, ...], tuple[Attempt, ...]]:
    """Pick the URIs that name HTTP, in order; say why the others are passed over (O8)."""
    usable: list[str] = []
    passed: list[Attempt] = []
    for uri in uris:
        scheme = uri.partition(":")[0].lower()
        if scheme not in {"http", "https"}:
            passed.append(Attempt(uri, f"the scheme {scheme} is not one that we speak"))
        elif len(usable) == MAX_OCSP_URLS:
            passed.append(Attempt(uri, f"more than {MAX_OCSP_URLS} URLs"))
        else:
            usable.append(uri)
    return tuple(usable), tuple(passed)


def get_url(base: str, request_der: bytes) -> str:
    """Join URL and request with exactly one slash, all of base64 escaped (O32)."""
    text = b64encode(request_der).decode("ascii")
    escaped = text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"{_stem(base)}/{escaped}"


def _stem(base: str) -> str:
    """Return the URL without its last slashes, and without a fragment, which is never sent."""
    return base.partition("#")[0].rstrip("/")


def is_get_length(base: str, request_der: bytes) -> bool:
    """Whether the whole URL, as it is sent, has at most 255 bytes (L11)."""
    return len(get_url(base, request_der)) <= MAX_GET_URL_BYTES


def sends(base: str, request_der: bytes, method: Method) -> Send:
    """Say how this request goes to this URL (L11, O32, O33)."""
    accept = {"Accept": RESPONSE_TYPE}
    is_get = method is Method.GET or (method is Method.AUTO and is_get_length(base, request_der))
    if is_get and "?" not in base:
        return Send(method="GET", url=get_url(base, request_der), headers=accept)
    return Send(
        method="POST",
        url=base,
        headers={**accept, "Content-Type": REQUEST_TYPE},
        body=request_der,
    )


class _Next(StrEnum):
    """What to do after an answer that is not the last word."""

    DONE = "done"
    RETRY = "try again"
    OTHER_METHOD = "try POST"
    NO_CACHE = "try past the caches"
    OTHER_HASH = "try the other hash"
    OTHER_FORM = "try the other hash, and then without the nonce"
    OTHER_URL = "try the next URL"


_RANK: Final = {
    Verdict.GOOD: 5,
    Verdict.REVOKED: 5,
    Verdict.UNKNOWN: 4,
    Verdict.UNTRUSTED: 3,
    Verdict.REFUSED: 2,
    Verdict.MALFORMED: 1,
}
_AFTER_STATUS: Final = {
    OCSPResponseStatus.TRY_LATER: _Next.RETRY,
    OCSPResponseStatus.UNAUTHORIZED: _Next.OTHER_HASH,
    OCSPResponseStatus.MALFORMED_REQUEST: _Next.OTHER_FORM,
    OCSPResponseStatus.INTERNAL_ERROR: _Next.OTHER_FORM,
}
"""Not every responder knows every hash (L1), or bears a nonce of 32 octets (N3)."""

Judge: TypeAlias = Callable[[bytes, OCSPRequest], Report]
MakeRequest: TypeAlias = Callable[[HashAlgorithm, bool], OCSPRequest]
"""Makes a new request: by which hash it names issuers, and whether it has a nonce."""


def ask(
    urls: Iterable[str],
    make_request: MakeRequest,
    judge: Judge,
    *,
    policy: AskPolicy,
    nonces: Sequence[bool] = (False,),
    jitter: Callable[[], float],
    now: Callable[[], datetime],
) -> Generator[Step, Event, Asked]:
    """Ask the responders in order until one gives an answer to be believed.

    ``make_request`` makes a new request of each form; ``judge`` verifies a body.
    ``nonces`` says whether requests have one: ``(True, False)`` where a responder that
    can't bear it is asked again without. ``jitter`` gives a factor for each back-off, 0.5
    to 1.5 from a shell's dice.
    """
    asking = _Asking(
        make_request=make_request,
        judge=judge,
        policy=policy,
        nonces=nonces,
        jitter=jitter,
        now=now,
        end=now() + policy.time_limit,
    )
    return (yield from asking.all(urls))


@dataclass(kw_only=True)
class _Asking:
    """The state of one asking: the best outcome so far, and every attempt."""

    make_request: MakeRequest
    judge: Judge
    policy: AskPolicy
    nonces: Sequence[bool]
    jitter: Callable[[], float]
    now: Callable[[], datetime]
    end: datetime
    best: Asked = Asked(report=None)
    attempts: list[Attempt] = field(default_factory=list)

    def all(self, urls: Iterable[str]) -> Generator[Step, Event, Asked]:
        """Go through the URLs."""
        for url in urls:
            after = yield from self._forms_at(url)
            if after is _Next.DONE:
                break
            if self.now() >= self.end:
                self.attempts.append(Attempt(url, f"given up after {self.policy.time_limit}"))
                break
        return replace(self.best, attempts=tuple(self.attempts))

    def _forms_at(self, url: str) -> Generator[Step, Event, _Next]:
        """Ask one URL, in other words where the responder may not have understood."""
        after = _Next.OTHER_URL
        for has_nonce in self.nonces:
            for algorithm in self.policy.hashes:
                after = yield from self._at(url, self.make_request(algorithm, has_nonce))
                if after not in {_Next.OTHER_HASH, _Next.OTHER_FORM}:
                    return after
            if after is not _Next.OTHER_FORM:
                break
        return after

    def _at(self, url: str, request: OCSPRequest) -> Generator[Step, Event, _Next]:
        """Ask one URL with one request, again where that may help and while there is time."""
        send, pause, tries = sends(url, request.der, self.policy.method), self.policy.back_off, 1
        while True:
            event = yield send
            after = self._weigh(send, request, event)
            if after is _Next.OTHER_METHOD:
                send = sends(url, request.der, Method.POST)
            elif after is _Next.NO_CACHE:
                send = _past_caches(send)
            elif after is _Next.RETRY:
                wait = self._pause(event, pause)
                if tries == self.policy.attempts or wait is None:
                    return _Next.OTHER_URL
                yield Wait(wait)
                pause, tries = min(pause * 2, MAX_BACK_OFF), tries + 1
            else:
                return after
            if self.now() >= self.end:
                return _Next.OTHER_URL

    def _pause(self, event: Event, pause: timedelta) -> timedelta | None:
        """Wait as long as the server asks, else by the back-off; None: longer than we wait."""
        asked = _retry_after(event, self.now()) if isinstance(event, Received) else None
        wait = pause * self.jitter() if asked is None else asked
        return None if wait > MAX_BACK_OFF or self.now() + wait >= self.end else wait

    def _weigh(self, send: Send, request: OCSPRequest, event: Event) -> _Next:
        """Judge what came back, keep the best, and say what to do next."""
        if not isinstance(event, Received):
            failed = event or Failed("nothing came back")
            self._note(send, failed.reason, is_lasting=failed.is_lasting)
            return _Next.OTHER_URL if failed.is_lasting else _Next.RETRY
        may_post = send.method == "GET" and self.policy.method is Method.AUTO
        if event.status != 200:
            after = _after_status(event.status, may_post=may_post)
            self._note(send, f"HTTP status {event.status}", is_lasting=after is not _Next.RETRY)
            return after
        report = self.judge(event.body, request)
        if self.best.report is None or _rank(report) >= _rank(self.best.report):
            self.best = Asked(report=report, request=request, send=send, received=event)
        after = _after_report(report, send, self.now(), may_post=may_post)
        if after is not _Next.DONE:
            self._note(send, _say(report))
        return after

    def _note(self, send: Send, reason: str, *, is_lasting: bool = False) -> None:
        self.attempts.append(Attempt(send.url, reason, is_lasting))


def _rank(report: Report) -> int:
    return _RANK.get(report.verdict, 0)


def _say(report: Report) -> str:
    if not report.failures:
        return f"the answer is {report.verdict}"
    return "; ".join(f"{check.name} {check.reason}" for check in report.failures)


def _after_status(status: int, *, may_post: bool) -> _Next:
    """Any status but 200 carries no answer (O33); many old responders know POST alone."""
    if status >= 500 or status in {408, 425, 429}:
        return _Next.RETRY
    return _Next.OTHER_METHOD if may_post else _Next.OTHER_URL


def _after_report(report: Report, send: Send, now: datetime, *, may_post: bool) -> _Next:
    if report.verdict in {Verdict.GOOD, Verdict.REVOKED} or _is_pending(report):
        return _Next.DONE
    if report.verdict is Verdict.REFUSED and report.response is not None:
        return _AFTER_STATUS.get(report.response.response_status, _Next.OTHER_URL)
    if report.verdict is Verdict.UNKNOWN:
        # A responder that keeps SHA-1 alone knows nobody by SHA-256 (L1); another may know.
        return _Next.OTHER_HASH
    if report.verdict is Verdict.MALFORMED and may_post:
        return _Next.OTHER_METHOD
    is_first = "cache-control" not in {name.lower() for name in send.headers}
    return _Next.NO_CACHE if is_first and _is_stale(report, now) else _Next.OTHER_URL


def _is_pending(report: Report) -> bool:
    """Whether nothing is missing but the delegate's own status (O24)."""
    return report.pending is not None and all(one.rule == "O24" for one in report.failures)


def _is_stale(report: Report, now: datetime) -> bool:
    """Whether an answer failed for its age alone: some cache on the way kept it (L13)."""
    names = {check.name for check in report.failures}
    if not names or names - {"nextUpdate", "age"} or report.single is None:
        return False
    end = report.single.next_update
    return "age" in names or (end is not None and end < now)


def _past_caches(send: Send) -> Send:
    return replace(
        send, headers={**send.headers, "Cache-Control": "no-cache", "Pragma": "no-cache"}
    )


def _retry_after(received: Received, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date."""
    value = received.headers.get("retry-after", "")
    if value.isdecimal() and len(value) < 10:
        return timedelta(seconds=int(value))
    try:
        return max(parsedate_to_datetime(value) - now, timedelta(0))
    except (ValueError, TypeError, OverflowError):
        return None
