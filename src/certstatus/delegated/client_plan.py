"""How a server is asked: POST, again where that may help, and who its signer is. Does no I/O.

``ask`` is a generator: it yields what is to be done next (an ``Exchange``, a ``Wait``, or a
``FindSigner``) and takes what became of it; a driver of a few lines, sync or async, carries it
out. The outcome is the report on what came, and every attempt with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from certstatus.delegated.judge_trust import SignerPath
from certstatus.errors import Attempt
from certstatus.fetch import Exchange, HTTPAnswer
from certstatus.limits import BACK_OFF, MAX_ATTEMPTS, MAX_BACK_OFF
from certstatus.limits_scvp import MAX_CMS_BYTES, MAX_VAL_POL_RESPONSE_BYTES
from certstatus.pkix import Certificate
from certstatus.requestor.plan import Failed, Wait

__all__ = [
    "CV_MEDIA",
    "VP_MEDIA",
    "Answered",
    "Event",
    "FindSigner",
    "Judge",
    "Media",
    "Step",
    "ask",
]


@dataclass(frozen=True, slots=True)
class Media:
    """The media types of a request and its reply (RFC 5055 Appendix A; S24), and its size."""

    request: str
    response: str
    max_bytes: int


CV_MEDIA: Final = Media(
    "application/scvp-cv-request", "application/scvp-cv-response", MAX_CMS_BYTES
)
VP_MEDIA: Final = Media(
    "application/scvp-vp-request",
    "application/scvp-vp-response",
    2 * MAX_VAL_POL_RESPONSE_BYTES,
)


@dataclass(frozen=True, slots=True)
class FindSigner:
    """Do: look for a path to this signer, with the certificates that came along."""

    signer: Certificate
    enclosed: tuple[Certificate, ...]


class Report(Protocol):
    """What judging came to, as far as asking has to know it."""

    @property
    def pending(self) -> Certificate | None:
        """The signer to whom a path is to be looked for."""
        ...

    @property
    def enclosed(self) -> tuple[Certificate, ...]:
        """The certificates that came along."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether the server asks to be asked later."""
        ...

    @property
    def trouble(self) -> str:
        """Why it is not the last word."""
        ...


R = TypeVar("R", bound=Report)

Step: TypeAlias = Exchange | Wait | FindSigner
Event: TypeAlias = HTTPAnswer | Failed | SignerPath | None
Judge: TypeAlias = Callable[[bytes, SignerPath | None], R]
"""Judges what came, with what came of looking for a path to its signer."""


@dataclass(frozen=True, kw_only=True)
class Answered(Generic[R]):
    """The outcome: the report, None where nothing came; what came, and every attempt."""

    report: R | None = None
    octets: bytes = field(default=b"", repr=False)
    media_type: str = ""
    attempts: tuple[Attempt, ...] = ()


def ask(
    url: str,
    body: bytes,
    media: Media,
    judge: Judge[R],
    *,
    headers: Mapping[str, str],
    jitter: Callable[[], float],
) -> Generator[Step, Event, Answered[R]]:
    """Ask until there is an answer, or no use in asking.

    ``jitter`` gives a factor for each back-off. The same octets are sent again: a server that
    has answered them answers the same.
    """
    exchange = Exchange(
        url=url,
        method="POST",
        headers={**headers, "Content-Type": media.request, "Accept": media.response},
        body=body,
        max_bytes=media.max_bytes,
    )
    attempts: list[Attempt] = []
    pause = BACK_OFF
    for tried in range(1, MAX_ATTEMPTS + 1):
        event = yield exchange
        assert isinstance(event, HTTPAnswer | Failed)
        problem, is_lasting = _problem(event)
        answered: Answered[R] = Answered()
        if not problem:
            assert isinstance(event, HTTPAnswer)
            answered = yield from _judged(event, judge)
            report = answered.report
            assert report is not None
            if not report.is_busy or tried == MAX_ATTEMPTS:
                return _with_attempts(answered, attempts)
            problem = report.trouble
        attempts.append(Attempt(url, problem, is_lasting))
        if is_lasting or tried == MAX_ATTEMPTS:
            break
        yield Wait(min(pause * jitter(), MAX_BACK_OFF))
        pause = min(pause * 2, MAX_BACK_OFF)
    return _with_attempts(Answered(), attempts)


def _with_attempts(answered: Answered[R], attempts: list[Attempt]) -> Answered[R]:
    return replace(answered, attempts=tuple(attempts))


def _problem(event: HTTPAnswer | Failed) -> tuple[str, bool]:
    """Say why an event is no answer, and whether the next try would end the same way."""
    if isinstance(event, Failed):
        return event.reason, event.is_lasting
    if event.status == 200:
        return "", False
    return f"HTTP status {event.status}", event.status < 500 and event.status not in _LATER


_LATER: Final = frozenset({408, 425, 429})


def _judged(answer: HTTPAnswer, judge: Judge[R]) -> Generator[Step, Event, Answered[R]]:
    """Judge what came; where its signer is not known, look for a path to it, and judge again."""
    report = judge(answer.body, None)
    if report.pending is not None:
        found = yield FindSigner(report.pending, report.enclosed)
        assert isinstance(found, SignerPath)
        report = judge(answer.body, found)
    return Answered(report=report, octets=answer.body, media_type=_media_type(answer))


def _media_type(answer: HTTPAnswer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()
