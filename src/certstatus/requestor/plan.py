"""How to ask: which URL, GET or POST, what to do when it fails. Does no I/O.

``ask`` is a generator: it yields what is to be done next (``Send`` or ``Wait``) and takes
what became of it; a driver of a few lines, sync or async, carries it out. The outcome is
the best report that any responder gave, and every attempt with its reason.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeAlias

from certstatus.errors import Attempt
from certstatus.limits import (
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
    counts the tries at one URL; between them ``back_off`` doubles up to ``MAX_BACK_OFF``.
    """

    method: Method = Method.AUTO
    hashes: tuple[HashAlgorithm, ...] = (HashAlgorithm.SHA256, HashAlgorithm.SHA1)
    attempts: int = MAX_ATTEMPTS
    back_off: timedelta = BACK_OFF


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
    """No HTTP answer, and why."""

    reason: str


Step: TypeAlias = Send | Wait
Event: TypeAlias = Received | Failed | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The outcome: the best report, None where no responder answered at all.

    ``send`` and ``received`` are the exchange that gave it, ``request`` what was asked.
    """

    report: Report | None
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
    return f"{base.rstrip('/')}/{escaped}"


def is_get_length(base: str, request_der: bytes) -> bool:
    """Whether the whole URL, with the base64 as it is, has at most 255 bytes (L11)."""
    joint = len(base.rstrip("/")) + 1
    return joint + 4 * ((len(request_der) + 2) // 3) <= MAX_GET_URL_BYTES


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
    OTHER_URL = "try the next URL"


_RANK: Final = {
    Verdict.GOOD: 5,
    Verdict.REVOKED: 5,
    Verdict.UNKNOWN: 4,
    Verdict.UNTRUSTED: 3,
    Verdict.REFUSED: 2,
    Verdict.MALFORMED: 1,
}
_OF_HASH: Final = frozenset(
    {
        OCSPResponseStatus.MALFORMED_REQUEST,
        OCSPResponseStatus.INTERNAL_ERROR,
        OCSPResponseStatus.UNAUTHORIZED,
    }
)

Judge: TypeAlias = Callable[[bytes, OCSPRequest], Report]
MakeRequest: TypeAlias = Callable[[HashAlgorithm], OCSPRequest]


def ask(
    urls: Iterable[str],
    make_request: MakeRequest,
    judge: Judge,
    *,
    policy: AskPolicy,
    jitter: Callable[[], float],
    now: Callable[[], datetime],
) -> Generator[Step, Event, Asked]:
    """Ask the responders in order until one gives an answer to be believed.

    ``make_request`` makes a new request for each hash; ``judge`` verifies a body.
    ``jitter`` gives a factor for each back-off, 0.5 to 1.5 from a shell's dice.
    """
    return (yield from _Asking(make_request, judge, policy, jitter, now).all(urls))


class _Asking:
    """The state of one asking: the best outcome so far, and every attempt."""

    def __init__(
        self,
        make_request: MakeRequest,
        judge: Judge,
        policy: AskPolicy,
        jitter: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._make_request = make_request
        self._judge = judge
        self._policy = policy
        self._jitter = jitter
        self._now = now
        self._attempts: list[Attempt] = []
        self._best = Asked(report=None)

    def all(self, urls: Iterable[str]) -> Generator[Step, Event, Asked]:
        """Go through URLs and hashes."""
        is_done = False
        for url in urls:
            for algorithm in self._policy.hashes:
                after = yield from self._at(url, self._make_request(algorithm))
                is_done = after is _Next.DONE
                if after is not _Next.OTHER_HASH:
                    break
            if is_done:
                break
        best = self._best
        return Asked(
            report=best.report,
            request=best.request,
            send=best.send,
            received=best.received,
            attempts=tuple(self._attempts),
        )

    def _at(self, url: str, request: OCSPRequest) -> Generator[Step, Event, _Next]:
        """Ask one URL with one request, again where that may help."""
        send, pause = sends(url, request.der, self._policy.method), self._policy.back_off
        for attempt in range(1, self._policy.attempts + 1):
            event = yield send
            after = self._weigh(send, request, event)
            if after is _Next.OTHER_METHOD:
                send = sends(url, request.der, Method.POST)
            elif after is _Next.NO_CACHE:
                send = _past_caches(send)
            elif after is not _Next.RETRY:
                return after
            if after is _Next.RETRY and attempt < self._policy.attempts:
                yield Wait(self._pause(event, pause))
                pause = min(pause * 2, MAX_BACK_OFF)
        return _Next.OTHER_URL

    def _pause(self, event: Event, pause: timedelta) -> timedelta:
        """Wait as long as the server asks, within bounds; else by the back-off."""
        asked = _retry_after(event, self._now()) if isinstance(event, Received) else None
        return min(asked, MAX_BACK_OFF) if asked is not None else pause * self._jitter()

    def _weigh(self, send: Send, request: OCSPRequest, event: Event) -> _Next:
        """Judge what came back, keep the best, and say what to do next."""
        if not isinstance(event, Received):
            self._note(send, event.reason if isinstance(event, Failed) else "nothing came back")
            return _Next.RETRY
        if event.status != 200:
            self._note(send, f"HTTP status {event.status}")
            return _after_status(event.status, send)
        report = self._judge(event.body, request)
        found = Asked(report=report, request=request, send=send, received=event)
        if self._best.report is None or _rank(report) >= _rank(self._best.report):
            self._best = found
        after = _after_report(report, send)
        if after is not _Next.DONE:
            self._note(send, _say(report))
        return after

    def _note(self, send: Send, reason: str) -> None:
        self._attempts.append(Attempt(send.url, reason))


def _rank(report: Report) -> int:
    return _RANK.get(report.verdict, 0)


def _say(report: Report) -> str:
    if not report.failures:
        return f"the answer is {report.verdict}"
    return "; ".join(f"{check.name} {check.reason}" for check in report.failures)


def _after_status(status: int, send: Send) -> _Next:
    """Any status but 200 carries no answer (O33); many old responders know POST alone."""
    if status >= 500 or status in {408, 425, 429}:
        return _Next.RETRY
    return _Next.OTHER_METHOD if send.method == "GET" else _Next.OTHER_URL


def _after_report(report: Report, send: Send) -> _Next:
    if report.verdict in {Verdict.GOOD, Verdict.REVOKED}:
        return _Next.DONE
    if report.verdict is Verdict.REFUSED:
        return _after_refusal(report)
    if report.verdict is Verdict.UNKNOWN:
        # A responder that keeps SHA-1 alone knows nobody by SHA-256 (L1); another may know.
        return _Next.OTHER_HASH
    if report.verdict is Verdict.MALFORMED and send.method == "GET":
        return _Next.OTHER_METHOD
    is_first = "Cache-Control" not in send.headers
    return _Next.NO_CACHE if _is_stale(report) and is_first else _Next.OTHER_URL


def _after_refusal(report: Report) -> _Next:
    assert report.response is not None
    status = report.response.response_status
    if status is OCSPResponseStatus.TRY_LATER:
        return _Next.RETRY
    return _Next.OTHER_HASH if status in _OF_HASH else _Next.OTHER_URL


def _is_stale(report: Report) -> bool:
    """Whether an answer failed for its age alone: some cache on the way kept it (L13)."""
    return bool(report.failures) and all(
        check.rule == "L10" or check.name == "age" for check in report.failures
    )


def _past_caches(send: Send) -> Send:
    headers = {**send.headers, "Cache-Control": "no-cache", "Pragma": "no-cache"}
    return Send(method=send.method, url=send.url, headers=headers, body=send.body)


def _retry_after(received: Received, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date."""
    value = received.headers.get("retry-after", "")
    if value.isdecimal() and len(value) < 10:
        return timedelta(seconds=int(value))
    try:
        return max(parsedate_to_datetime(value) - now, timedelta(0))
    except (ValueError, TypeError):
        return None
