"""How a server is asked, without I/O: again only where that may help, and never for ever."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta

from certstatus.delegated import DelegatedReport, DelegatedVerdict, SignerPath
from certstatus.delegated.client_plan import CV_MEDIA, Answered, Event, FindSigner, Step, ask
from certstatus.fetch import Exchange, HTTPAnswer
from certstatus.limits import BACK_OFF, MAX_ATTEMPTS
from certstatus.requestor.plan import Failed, Wait
from tests.scvp_server import LEAF

GOOD = DelegatedReport(verdict=DelegatedVerdict.GOOD, checks=())
PENDING = DelegatedReport(verdict=DelegatedVerdict.UNTRUSTED, checks=(), pending=LEAF)
ANSWER = HTTPAnswer(
    status=200,
    headers={"content-type": "Application/SCVP-CV-Response; x=y"},
    body=b"reply",
    url="http://scvp.example/",
    elapsed=timedelta(0),
)


def asking() -> Generator[Step, Event, Answered[DelegatedReport]]:
    def judge(octets: bytes, path: SignerPath | None) -> DelegatedReport:
        assert octets == b"reply"
        return GOOD if path == SignerPath(LEAF, None) else PENDING

    return ask("http://scvp.example/", b"request", CV_MEDIA, judge, headers={}, jitter=lambda: 1.0)


def ended(
    steps: Generator[Step, Event, Answered[DelegatedReport]], event: Event
) -> Answered[DelegatedReport]:
    try:
        steps.send(event)
    except StopIteration as stop:
        answered: Answered[DelegatedReport] = stop.value
        return answered
    raise AssertionError("there is more to do")


def test_a_signer_is_looked_for_and_the_reply_judged_again() -> None:
    steps = asking()
    exchange = next(steps)
    assert isinstance(exchange, Exchange)
    assert (exchange.method, exchange.body) == ("POST", b"request")
    assert exchange.max_bytes == CV_MEDIA.max_bytes
    assert steps.send(ANSWER) == FindSigner(LEAF, ())
    answered = ended(steps, SignerPath(LEAF, None))
    assert answered.report == GOOD
    assert answered.media_type == CV_MEDIA.response


def test_it_is_tried_a_few_times_with_growing_pauses() -> None:
    steps = asking()
    next(steps)
    pauses = []
    for _ in range(MAX_ATTEMPTS - 1):
        wait = steps.send(Failed("the peer cut it off"))
        assert isinstance(wait, Wait)
        pauses.append(wait.length)
        assert isinstance(steps.send(None), Exchange)
    answered = ended(steps, Failed("nothing listens there"))
    assert pauses == [BACK_OFF, BACK_OFF * 2]
    assert answered.report is None
    assert len(answered.attempts) == MAX_ATTEMPTS


def test_what_lasts_is_not_tried_again() -> None:
    steps = asking()
    next(steps)
    answered = ended(steps, Failed("no such name", is_lasting=True))
    assert [one.reason for one in answered.attempts] == ["no such name"]
