"""Another responder as a source: what it says counts, what it does not say is never guessed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import (
    MAX_OCSP_URLS,
    MAX_UPSTREAM_HOPS,
    MAX_UPSTREAM_PAUSE,
    MAX_UPSTREAM_QUESTIONS,
    UPSTREAM_PAUSE,
    UPSTREAM_REFRESH,
    UPSTREAM_TIME,
    UPSTREAM_URL_TIME,
)
from certstatus.ocsp import (
    CertID,
    CertStatus,
    Good,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    parse_request,
)
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.sources import EventKind, Known, NotOurs, Unlisted, Upstream, UpstreamPolicy
from certstatus.sources.via import came_through
from certstatus.testing import LIES, FixedClock, Forge, TinyCA, contradicting, never_issued
from tests.books import NOW, Watcher, ask, status_of
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

SERIAL = 0x1234
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
REVOKED = Revoked(NOW - HOUR, CRLReason.KEY_COMPROMISE)
SHORT = timedelta(milliseconds=300)


def error(status: OCSPResponseStatus) -> Reply:
    return Reply(body=encode_error_response(status), headers={"Content-Type": OCSP})


@dataclass
class Feed:
    """An upstream responder that says what a test wants, and the source that asks it."""

    ca: TinyCA
    server: ScriptedServer
    clock: FixedClock = field(default_factory=FixedClock)
    watcher: Watcher = field(default_factory=Watcher)

    def __post_init__(self) -> None:
        self.forge = Forge.honest(self.ca, SERIAL)
        self.source = self.make(self.server.url)
        self.says(Good())

    def make(self, *urls: str, url_time: timedelta = UPSTREAM_URL_TIME) -> Upstream:
        return Upstream(
            urls,
            self.ca.certificate,
            observer=self.watcher,
            clock=self.clock,
            policy=UpstreamPolicy(url_time=url_time, time_limit=2 * url_time, jitter=0),
        )

    def says(self, cert_status: CertStatus, **more: object) -> None:
        self.tells(self.forge.but(cert_status=cert_status, **more))

    def tells(self, forge: Forge) -> None:
        self.sends(Reply(body=forge.der, headers={"Content-Type": OCSP}))

    def sends(self, reply: Reply) -> None:
        self.server.script = lambda _: reply

    def status(self) -> Good | Revoked:
        return status_of(self.source, self.ca, SERIAL, self.clock.now())

    def known(self) -> Known:
        answer = ask(self.source, self.ca, SERIAL, self.clock.now())
        assert isinstance(answer, Known)
        return answer

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def feed(ca: TinyCA, server: ScriptedServer) -> Feed:
    return Feed(ca, server)


# --- what it says -----------------------------------------------------------------------------


@pytest.mark.parametrize("cert_status", [Good(), REVOKED, Revoked(NOW - HOUR)], ids=str)
@pytest.mark.rule("O12")
def test_status_time_and_reason_are_those_of_the_upstream(
    feed: Feed, cert_status: Good | Revoked
) -> None:
    feed.says(cert_status)

    known = feed.known()

    assert known.cert_status == cert_status
    assert known.origin == feed.source.name == "upstream"


@pytest.mark.rule("O19")
def test_an_answer_is_as_old_as_the_upstreams_and_ends_with_it(feed: Feed) -> None:
    begin, end = NOW - 2 * HOUR, NOW + 3 * HOUR
    feed.says(Good(), this_update=begin, next_update=end)

    known = feed.known()

    assert (known.this_update, known.next_update) == (begin, end)


@pytest.mark.rule("O19", "O25")
def test_an_answer_ends_with_the_upstreams_signer_where_that_is_sooner(feed: Feed) -> None:
    end = NOW + HOUR
    signer = feed.ca.issue_responder(not_after=end)
    feed.tells(replace(feed.forge, signer=signer))

    assert feed.known().next_update == end


@pytest.mark.rule("C10")
def test_unknown_is_unlisted_for_the_authoritys_policy_to_say(feed: Feed) -> None:
    feed.says(Unknown())

    answer = ask(feed.source, feed.ca, SERIAL)

    assert isinstance(answer, Unlisted)
    assert not answer.lists_issued
    assert answer.next_update is not None


@pytest.mark.rule("O13", "C10")
def test_never_issued_is_unlisted_by_who_lists_what_was_issued(feed: Feed) -> None:
    feed.tells(never_issued(feed.forge))

    answer = ask(feed.source, feed.ca, SERIAL)

    assert isinstance(answer, Unlisted)
    assert answer.lists_issued


@pytest.mark.rule("O1")
def test_another_issuer_is_not_ours_and_nobody_is_asked(feed: Feed, other_ca: TinyCA) -> None:
    assert isinstance(ask(feed.source, other_ca, SERIAL), NotOurs)
    assert feed.server.asked == []


@pytest.mark.rule("L1")
def test_an_upstream_that_knows_sha1_alone_is_asked_again_by_sha1(feed: Feed) -> None:
    good = Reply(body=feed.forge.but(cert_ids=(sha1(feed.ca),)).der)

    def script(asked: Asked) -> Reply:
        cert_id = parse_request(asked.body).cert_ids[0]
        is_sha1 = cert_id.hash is HashAlgorithm.SHA1
        return good if is_sha1 else error(OCSPResponseStatus.UNAUTHORIZED)

    feed.server.script = by_post(script)

    assert feed.status() == Good()


def sha1(ca: TinyCA) -> CertID:
    return CertID.of(ca.certificate, SERIAL, HashAlgorithm.SHA1)


def by_post(script: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    """Answer POST alone, as old responders do."""
    return lambda asked: script(asked) if asked.method == "POST" else Reply(status=405)


# --- lies ---------------------------------------------------------------------------------------

NO_LIE = {"wrong nonce"}
"""We send no nonce, and RFC 9919 §5 says to ignore one then: it is no lie to us."""


@pytest.mark.parametrize("name", sorted(LIES.keys() - NO_LIE))
@pytest.mark.rule("O11")
def test_every_lie_of_the_upstream_is_try_later_and_an_alarm(feed: Feed, name: str) -> None:
    _, tell_lie = LIES[name]
    feed.tells(tell_lie(feed.forge))

    with pytest.raises(SourceError):
        feed.status()

    (event,) = feed.watcher.events
    assert event.is_alarm
    assert event.kind in {EventKind.UPSTREAM_UNTRUSTED, EventKind.UPSTREAM_FAILED}
    assert event.facts["url"] == feed.server.url


@pytest.mark.parametrize("name", sorted(LIES.keys() - NO_LIE))
@pytest.mark.rule("O11")
def test_no_lie_replaces_a_good_answer_that_still_counts(feed: Feed, name: str) -> None:
    feed.says(REVOKED, next_update=NOW + HOUR)
    feed.status()
    feed.pass_time(UPSTREAM_REFRESH)
    _, tell_lie = LIES[name]
    feed.tells(tell_lie(feed.forge))

    assert feed.status() == REVOKED
    feed.pass_time(HOUR)
    with pytest.raises(SourceError):
        feed.status()


@pytest.mark.rule("O12")
def test_of_good_and_revoked_in_one_answer_revoked_counts(feed: Feed) -> None:
    feed.tells(contradicting(feed.forge))

    assert isinstance(feed.status(), Revoked)


# --- keeping ------------------------------------------------------------------------------------


def test_a_fresh_answer_is_given_without_asking(feed: Feed) -> None:
    feed.status()
    feed.pass_time(UPSTREAM_REFRESH - timedelta(seconds=1))
    feed.status()

    assert len(feed.server.asked) == 1


@pytest.mark.rule("L14")
def test_the_upstreams_http_says_when_there_may_be_news(feed: Feed) -> None:
    feed.sends(Reply(body=feed.forge.der, headers={"Cache-Control": "max-age=60"}))
    feed.status()
    feed.says(REVOKED)
    feed.pass_time(MINUTE)

    assert feed.status() == REVOKED


def test_a_revocation_counts_at_the_latest_after_the_refresh(feed: Feed) -> None:
    feed.status()
    feed.says(REVOKED)
    feed.pass_time(UPSTREAM_REFRESH)

    assert feed.status() == REVOKED


@pytest.mark.rule("O11")
def test_an_answer_is_not_given_past_its_end_when_the_upstream_is_gone(feed: Feed) -> None:
    feed.says(Good(), next_update=NOW + HOUR)
    feed.status()
    feed.sends(Reply(status=503))
    feed.pass_time(HOUR - timedelta(seconds=1))
    assert feed.status() == Good()
    feed.pass_time(timedelta(seconds=1))

    with pytest.raises(SourceError):
        feed.status()


def test_an_older_answer_does_not_replace_what_is_kept(feed: Feed) -> None:
    feed.says(REVOKED, this_update=NOW - MINUTE)
    feed.status()
    feed.says(Good(), this_update=NOW - HOUR)
    feed.pass_time(UPSTREAM_REFRESH)

    assert feed.status() == REVOKED


def test_unknown_does_not_replace_what_is_kept(feed: Feed) -> None:
    feed.status()
    feed.says(Unknown())
    feed.pass_time(UPSTREAM_REFRESH)

    assert feed.status() == Good()


def test_never_issued_ends_what_is_kept_as_good(feed: Feed) -> None:
    feed.status()
    feed.tells(never_issued(feed.forge))
    feed.pass_time(UPSTREAM_REFRESH)

    assert isinstance(ask(feed.source, feed.ca, SERIAL, feed.clock.now()), Unlisted)


# --- many at once -------------------------------------------------------------------------------


def test_many_who_ask_about_one_serial_are_one_question(feed: Feed) -> None:
    cert_id = CertID.of(feed.ca.certificate, SERIAL)

    async def crowd() -> list[object]:
        return list(await asyncio.gather(*(feed.source.status(cert_id, NOW) for _ in range(50))))

    assert len(asyncio.run(crowd())) == 50
    assert len(feed.server.asked) == 1


def test_one_who_goes_away_takes_the_question_from_nobody(feed: Feed) -> None:
    cert_id = CertID.of(feed.ca.certificate, SERIAL)

    async def first_leaves() -> object:
        first = asyncio.ensure_future(feed.source.status(cert_id, NOW))
        second = asyncio.ensure_future(feed.source.status(cert_id, NOW))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert isinstance(asyncio.run(first_leaves()), Known)
    assert len(feed.server.asked) == 1


@pytest.mark.rule("O11")
def test_past_the_limit_of_questions_the_next_is_try_later(feed: Feed) -> None:
    gate = threading.Event()

    def wait(_: Asked) -> Reply:
        gate.wait(5)
        return Reply(status=503)

    feed.server.script = wait
    feed.source = feed.make(feed.server.url, url_time=SHORT)

    async def crowd() -> list[object]:
        ids = [
            CertID.of(feed.ca.certificate, serial)
            for serial in range(1, MAX_UPSTREAM_QUESTIONS + 2)
        ]
        return await asyncio.gather(
            *(feed.source.status(one, NOW) for one in ids), return_exceptions=True
        )

    outcomes = asyncio.run(crowd())
    gate.set()

    assert all(isinstance(one, SourceError) for one in outcomes)
    assert sum("too many" in str(one) for one in outcomes) == 1


# --- failures, and recovery -----------------------------------------------------------------------


def stuck(gate: threading.Event) -> Callable[[Asked], Reply]:
    def script(_: Asked) -> Reply:
        gate.wait(5)
        return Reply(status=503)

    return script


@pytest.mark.rule("O11")
def test_a_slow_upstream_is_try_later_in_time(feed: Feed) -> None:
    gate = threading.Event()
    feed.server.script = stuck(gate)
    feed.source = feed.make(feed.server.url, url_time=SHORT)

    with pytest.raises(SourceError, match="no answer in time"):
        feed.status()

    gate.set()
    assert feed.watcher.kinds == [EventKind.UPSTREAM_FAILED]


def test_an_upstream_that_fails_is_left_alone_longer_each_time(feed: Feed) -> None:
    feed.sends(Reply(status=503))
    asked_at: list[datetime] = []
    for _ in range(200):
        before = len(feed.server.asked)
        with pytest.raises(SourceError):
            feed.status()
        if len(feed.server.asked) > before:
            asked_at.append(feed.clock.now())
        feed.pass_time(UPSTREAM_PAUSE)

    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert gaps[:3] == [UPSTREAM_PAUSE, 2 * UPSTREAM_PAUSE, 4 * UPSTREAM_PAUSE]
    assert max(gaps) == MAX_UPSTREAM_PAUSE
    assert feed.watcher.kinds == [EventKind.UPSTREAM_FAILED]


def test_an_upstream_that_is_well_again_is_found_out_by_itself(feed: Feed) -> None:
    feed.sends(Reply(status=503))
    with pytest.raises(SourceError):
        feed.status()
    feed.says(Good())
    with pytest.raises(SourceError, match="a moment ago"):
        feed.status()
    feed.pass_time(UPSTREAM_PAUSE)

    assert feed.status() == Good()
    assert feed.watcher.kinds == [EventKind.UPSTREAM_FAILED, EventKind.RECOVERED]


@pytest.mark.parametrize(
    "reply",
    [error(OCSPResponseStatus.UNAUTHORIZED), Reply(status=404), Reply(body=b"<html>")],
    ids=["unauthorized", "404", "garbage"],
)
def test_what_may_hang_on_one_serial_rests_no_upstream(feed: Feed, reply: Reply) -> None:
    feed.sends(reply)
    with pytest.raises(SourceError):
        ask(feed.source, feed.ca, SERIAL + 1)
    feed.says(Good())

    assert feed.status() == Good()


def test_the_next_upstream_is_asked_where_the_first_one_fails(feed: Feed, ca: TinyCA) -> None:
    with ScriptedServer() as broken:
        broken.script = lambda _: Reply(status=503)
        source = feed.make(broken.url, feed.server.url)

        assert status_of(source, ca, SERIAL) == Good()
        feed.server.script = lambda _: Reply(body=feed.forge.but(cert_ids=(other(ca),)).der)
        assert status_of(source, ca, SERIAL + 1) == Good()

    assert len(broken.asked) == 1, "it rests"
    assert feed.watcher.kinds == [EventKind.UPSTREAM_FAILED]


def other(ca: TinyCA) -> CertID:
    return CertID.of(ca.certificate, SERIAL + 1)


def test_a_look_at_its_health_is_no_alarm_where_unknown_serials_are_refused(feed: Feed) -> None:
    feed.sends(error(OCSPResponseStatus.UNAUTHORIZED))

    assert isinstance(ask(feed.source, feed.ca, 0), NotOurs)
    with pytest.raises(SourceError):
        ask(feed.source, feed.ca, SERIAL)
    assert feed.watcher.events == []


# --- loops ----------------------------------------------------------------------------------------


def test_a_question_goes_on_with_our_mark_behind_those_it_came_through(feed: Feed) -> None:
    with came_through([b"1.1 proxy.example, 1.1 certstatus-00000000000000aa"]):
        feed.status()

    (asked,) = feed.server.asked
    first, second = asked.headers["via"].split(", ")
    assert first == "1.1 certstatus-00000000000000aa"
    assert second.startswith("1.1 certstatus-")


def test_questions_that_came_by_other_ways_do_not_wait_for_each_other(feed: Feed) -> None:
    """Two responders that wait for each other must not join what they wait for."""
    cert_id = CertID.of(feed.ca.certificate, SERIAL)

    async def by(way: bytes) -> object:
        with came_through([way]):
            return await feed.source.status(cert_id, NOW)

    async def both_ways() -> list[object]:
        ways = (f"1.1 certstatus-{number:016x}".encode() for number in range(2))
        return await asyncio.gather(*(by(way) for way in ways))

    assert [type(one) for one in asyncio.run(both_ways())] == [Known, Known]
    assert len(feed.server.asked) == 2


def test_a_question_that_came_through_us_is_refused_and_an_alarm(feed: Feed) -> None:
    feed.status()
    (asked,) = feed.server.asked

    for _ in range(3):
        with (
            came_through([asked.headers["via"].encode()]),
            pytest.raises(SourceError, match="through us before"),
        ):
            feed.status()

    assert feed.watcher.kinds == [EventKind.UPSTREAM_LOOP]
    assert len(feed.server.asked) == 1


def test_a_question_that_came_through_too_many_is_refused(feed: Feed) -> None:
    marks = [f"certstatus-{number:016x}".encode() for number in range(MAX_UPSTREAM_HOPS)]
    with came_through(marks[1:]):
        assert feed.status() == Good()

    with came_through(marks), pytest.raises(SourceError, match=f"through {MAX_UPSTREAM_HOPS}"):
        feed.status()


# --- configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ftp://ca.example/", "ca.example", "http://", "http://user@ca.example/"]
)
def test_what_can_not_be_asked_is_a_config_error(ca: TinyCA, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        Upstream([url], ca.certificate)

    assert error.value.key == "upstream"


def test_the_number_of_upstreams_has_a_limit(ca: TinyCA) -> None:
    urls = [f"http://ca{number}.example/" for number in range(MAX_OCSP_URLS + 1)]
    Upstream(urls[1:], ca.certificate)

    with pytest.raises(ConfigError, match="6 responders"):
        Upstream(urls, ca.certificate)


def test_our_clients_get_try_later_before_their_ten_seconds_end() -> None:
    assert UPSTREAM_URL_TIME < UPSTREAM_TIME < timedelta(seconds=10)
