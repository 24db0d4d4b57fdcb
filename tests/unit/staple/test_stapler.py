"""The stapler at work, over loopback: what it fetches, keeps, serves and tells."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certstatus.limits import (
    BACKGROUND_CLOSE_TIME,
    BACKGROUND_WAKE_TIME,
    FIRST_STAPLE_TIME,
    MAX_STAPLE_FETCHES,
    MIN_STAPLE_PAUSE,
)
from certstatus.ocsp import OCSPResponseStatus, Revoked, Unknown, encode_error_response
from certstatus.pkix import Certificate, CRLReason, HashAlgorithm
from certstatus.requestor import Requestor
from certstatus.server.metrics import Tally
from certstatus.staple import Origin, Pace, StapleEvent, StapleEventKind, Stapler
from certstatus.testing import LIES, FixedClock, Forge, TinyCA
from tests.feeding import (
    CA,
    DAY,
    DELEGATE,
    HOUR,
    MUST_STAPLE,
    NOW,
    PATIENCE,
    POLICY,
    SECOND,
    Change,
    Feed,
    until,
)
from tests.scripted import Reply, ScriptedServer

REVOKED = Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
FIRST, RENEWED, FAILED = (
    StapleEventKind.LOADED,
    StapleEventKind.RENEWED,
    StapleEventKind.FAILED,
)


def error_status(status: OCSPResponseStatus) -> Change:
    return lambda forge: forge.but(finish=lambda _: encode_error_response(status))


# --- the first staple ----------------------------------------------------------------------


@pytest.mark.rule("T12")
def test_the_first_staple_is_there_when_waiting_ends(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        assert stapler.staple(leaf.fingerprint) is None

        stapler.add(leaf, CA.certificate)

        assert stapler.wait_ready()
        staple = stapler.staple(leaf.fingerprint)
        assert staple is not None
        assert staple.der == staple.verified.der
        assert staple.verified.single.cert_id.serial_number == leaf.serial_number
        assert staple.responder_id.names(DELEGATE.certificate)
        assert hears.kinds == ["renewed"]


def test_an_added_certificate_is_fetched_once_however_often_it_is_added(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, _):
        for _round in range(3):
            stapler.add(Certificate.from_der(leaf.der), CA.certificate)
            assert stapler.wait_ready()

        assert len(feed.requests) == 1
        assert len(stapler.states()) == 1


def test_the_default_asks_by_sha1_and_by_sha256_where_sha1_is_not_known(feed: Feed) -> None:
    def by_sha256_alone(forge: Forge) -> Forge:
        is_sha1 = forge.cert_ids[0].hash is HashAlgorithm.SHA1
        return error_status(OCSPResponseStatus.UNAUTHORIZED)(forge) if is_sha1 else forge

    feed.change = by_sha256_alone
    leaf = feed.leaf()
    with feed.stapler(requestor=None, clock=feed.clock) as (stapler, hears):
        stapler.add(leaf, CA.certificate, urls=[feed.server.url])
        assert stapler.wait_ready()

        asked = [request.cert_ids for request in feed.requests]
        assert [[one.hash for one in each] for each in asked] == [
            [HashAlgorithm.SHA1],
            [HashAlgorithm.SHA256],
        ]
        assert "not by SHA-1" in hears.events[-1].facts["remarks"]


@pytest.mark.parametrize("requestor", [None, Requestor()])
def test_a_certificate_leads_to_private_addresses_only_where_that_is_allowed(
    feed: Feed, requestor: Requestor | None
) -> None:
    leaf = feed.leaf()
    with feed.stapler(requestor=requestor, clock=feed.clock) as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert "leads inside" in hears.wait(FAILED).reason

    with feed.stapler(requestor=requestor, clock=feed.clock, allow_private=True) as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()


def test_an_answer_about_several_is_stapled_with_a_remark(feed: Feed) -> None:
    other = feed.leaf()
    feed.change = lambda forge: forge.but(
        more=(
            forge.single(
                Forge.honest(CA, other.serial_number, DELEGATE).cert_ids[0],
            ),
        )
    )
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert stapler.wait_ready()
        assert "holds 2 answers" in hears.events[-1].facts["remarks"]


@pytest.mark.parametrize("way", ["chain", "caIssuers"])
def test_the_issuer_is_taken_from_the_chain_or_from_where_the_certificate_says(
    feed: Feed, way: str
) -> None:
    leaf = feed.leaf(ca_issuers_uris=[f"{feed.server.url}ca"])
    chain = [TinyCA("Other CA").certificate, CA.certificate] if way == "chain" else []
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, chain=chain)

        assert stapler.wait_ready()
        paths = [asked.path for asked in feed.server.asked]
        assert ("/ca" in paths) == (way == "caIssuers")


def test_a_missing_issuer_is_told_and_may_be_brought_later(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf)
        assert not stapler.wait_ready()
        assert "no issuer was given" in hears.wait(FAILED).reason

        stapler.add(leaf, CA.certificate)

        hears.wait(RENEWED)
        assert stapler.staple(leaf.fingerprint) is not None


@pytest.mark.rule("T12")
def test_waiting_ends_in_time_while_the_responder_hangs(feed: Feed) -> None:
    assert timedelta(seconds=10) == FIRST_STAPLE_TIME
    leaf = feed.leaf(tls_features=MUST_STAPLE)
    feed.is_open.clear()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert not stapler.wait_ready(timedelta(milliseconds=20))

        assert stapler.staple(leaf.fingerprint) is None
        assert "not come in time" in hears.wait(StapleEventKind.MISSING).reason


def test_waiting_ends_early_where_a_failure_makes_it_vain(feed: Feed) -> None:
    feed.reply = lambda: Reply(404)
    with feed.stapler() as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)
        started = time.monotonic()

        assert not stapler.wait_ready(MIN_STAPLE_PAUSE)

        assert time.monotonic() - started < MIN_STAPLE_PAUSE.total_seconds() / 2


def test_a_slow_responder_holds_up_no_other_certificate(feed: Feed) -> None:
    assert MAX_STAPLE_FETCHES == 8
    feed.is_open.clear()
    slow = [feed.leaf(f"slow{number}.example") for number in range(MAX_STAPLE_FETCHES - 1)]
    with feed.stapler() as (stapler, _):
        for leaf in slow:
            stapler.add(leaf, CA.certificate)
        with ScriptedServer() as other:
            quick_feed = Feed(other, feed.clock)
            quick = quick_feed.leaf("quick.example")
            stapler.add(quick, CA.certificate)

            until(lambda: stapler.staple(quick.fingerprint))

        assert all(stapler.staple(leaf.fingerprint) is None for leaf in slow)


def test_so_many_are_asked_for_at_once_and_no_more(feed: Feed) -> None:
    leaves = [feed.leaf(f"{number}.example") for number in range(MAX_STAPLE_FETCHES + 4)]
    feed.is_open.clear()
    with feed.stapler() as (stapler, _):
        for leaf in leaves:
            stapler.add(leaf, CA.certificate)
        until(lambda: len(feed.requests) == MAX_STAPLE_FETCHES)
        feed.is_open.set()

        assert stapler.wait_ready(timedelta(seconds=PATIENCE))
        assert feed.most_at_once == MAX_STAPLE_FETCHES
        assert len(feed.requests) == len(leaves)


# --- renewal -------------------------------------------------------------------------------


@pytest.mark.rule("T12")
def test_a_staple_is_renewed_around_half_its_life(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        first = stapler.staple(leaf.fingerprint)

        feed.later(1.5 * DAY, stapler)
        (state,) = stapler.states()
        assert state.next_refresh is not None
        assert NOW + 1.5 * DAY < state.next_refresh < NOW + 2.5 * DAY

        feed.later(DAY, stapler)
        hears.wait(RENEWED, 2)
        second = stapler.staple(leaf.fingerprint)
        assert first is not None
        assert second is not None
        assert second.verified.single.this_update > first.verified.single.this_update
        assert len(feed.requests) == 2


@pytest.mark.rule("L14")
def test_http_freshness_puts_the_renewal_off(feed: Feed) -> None:
    feed.headers = {"Cache-Control": f"max-age={3 * 86_400}"}
    with feed.stapler() as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)
        assert stapler.wait_ready()

        (state,) = stapler.states()

    assert state.next_refresh is not None
    assert state.next_refresh > NOW + 2.9 * DAY


@pytest.mark.parametrize("lie", sorted(LIES))
@pytest.mark.rule("T12")
def test_no_lie_takes_the_place_of_a_good_staple(feed: Feed, lie: str) -> None:
    rule, twist = LIES[lie]
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        good = stapler.staple(leaf.fingerprint)
        feed.change = twist
        stapler.refresh()

        if lie == "wrong nonce":  # nobody asked for one: RFC 9919 §5 lets it pass unseen
            hears.wait(StapleEventKind.UNCHANGED)
        else:
            assert f"[{rule}]" in hears.wait(FAILED).reason

        assert good is not None
        assert stapler.staple(leaf.fingerprint) is good


@pytest.mark.parametrize(
    "change",
    [
        error_status(OCSPResponseStatus.TRY_LATER),
        error_status(OCSPResponseStatus.INTERNAL_ERROR),
        error_status(OCSPResponseStatus.UNAUTHORIZED),
        lambda forge: forge.but(cert_status=Unknown()),
        lambda forge: forge.but(finish=lambda _: b"<html>"),
        lambda forge: forge.but(finish=lambda der: der[:-1]),
        lambda forge: forge.but(this_update=NOW - 2 * DAY, next_update=NOW - SECOND),
    ],
    ids=["tryLater", "internalError", "unauthorized", "unknown", "html", "cut", "ended"],
)
@pytest.mark.rule("T12")
def test_what_is_no_good_answer_is_never_stapled(feed: Feed, change: Change) -> None:
    leaf = feed.leaf()
    feed.change = change
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert not stapler.wait_ready()

        assert stapler.staple(leaf.fingerprint) is None
        assert hears.wait(FAILED).reason == stapler.states()[0].last_error


def test_an_older_answer_changes_nothing(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        held = stapler.staple(leaf.fingerprint)
        feed.change = lambda forge: forge.but(this_update=NOW - DAY)
        stapler.refresh(leaf.fingerprint)

        hears.wait(StapleEventKind.UNCHANGED)

        assert stapler.staple(leaf.fingerprint) is held
        assert stapler.states()[0].last_error is None


def test_revoked_takes_the_place_of_good_at_once_and_good_of_revoked_only_when_newer(
    feed: Feed,
) -> None:
    leaf = feed.leaf()

    def status() -> str | None:
        return stapler.states()[0].status

    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()

        feed.change = lambda forge: forge.but(cert_status=REVOKED)
        stapler.refresh()
        assert hears.wait(StapleEventKind.REVOKED).facts["status"] == "revoked"
        assert status() == "revoked"
        staple = stapler.staple(leaf.fingerprint)
        assert staple is not None
        assert staple.verified.cert_status == REVOKED

        feed.change = lambda forge: forge
        stapler.refresh()
        hears.wait(StapleEventKind.UNCHANGED)
        assert status() == "revoked"

        feed.clock.advance(HOUR)
        stapler.refresh()
        hears.wait(StapleEventKind.RELEASED)
        assert status() == "good"


@pytest.mark.rule("T12")
def test_the_last_good_staple_is_served_to_its_end_and_no_longer(feed: Feed) -> None:
    leaf = feed.leaf(tls_features=MUST_STAPLE)
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        end = stapler.states()[0].end
        assert end is not None
        feed.reply = lambda: Reply(503)

        feed.later(end - NOW - SECOND, stapler)
        hears.wait(FAILED)
        assert stapler.staple(leaf.fingerprint) is not None
        assert StapleEventKind.MISSING not in hears.kinds

        feed.later(SECOND, stapler)
        assert stapler.staple(leaf.fingerprint) is None
        hears.wait(StapleEventKind.EXPIRED)
        assert "its staple has ended" in hears.wait(StapleEventKind.MISSING).reason
        feed.later(SECOND, stapler)
        stapler.refresh()
        hears.wait(FAILED, 2)
        assert hears.kinds.count("expired") == 1


def test_after_a_failure_the_least_pause_is_kept_and_then_it_is_tried_again(feed: Feed) -> None:
    leaf = feed.leaf()
    feed.reply = lambda: Reply(503)
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        hears.wait(FAILED)

        feed.later(MIN_STAPLE_PAUSE - SECOND, stapler)
        feed.later(MIN_STAPLE_PAUSE, stapler)
        hears.wait(FAILED, 2)

        assert len(feed.requests) == 2
        assert stapler.states()[0].failures == 2


def test_the_thread_wakes_by_itself_when_a_try_is_due(feed: Feed) -> None:
    assert timedelta(minutes=1) == BACKGROUND_WAKE_TIME
    feed.reply = lambda: Reply(503)
    quick = Pace(min_pause=timedelta(milliseconds=5), max_pause=timedelta(milliseconds=10))
    requestor = Requestor(policy=POLICY)
    with feed.stapler(requestor=requestor, pace=quick) as (stapler, hears):
        stapler.add(feed.leaf(), CA.certificate)

        hears.wait(FAILED, 4)


def test_a_refresh_during_a_fetch_is_followed_by_another(feed: Feed) -> None:
    leaf = feed.leaf()
    feed.is_open.clear()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        until(lambda: feed.requests)
        stapler.refresh(leaf.fingerprint)
        feed.is_open.set()

        hears.wait(RENEWED)
        hears.wait(StapleEventKind.UNCHANGED)
        assert len(feed.requests) == 2


def test_a_refresh_of_another_certificate_asks_nobody(feed: Feed) -> None:
    with feed.stapler() as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)
        assert stapler.wait_ready()

        stapler.refresh(bytes(32))

        assert stapler.wait_ready()
        assert len(feed.requests) == 1


def test_a_discarded_certificate_is_neither_served_nor_asked_for(feed: Feed) -> None:
    leaf, other = feed.leaf(), feed.leaf("other.example")
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()

        stapler.discard(leaf.fingerprint)
        stapler.discard(leaf.fingerprint)
        stapler.add(other, CA.certificate)
        feed.later(3 * DAY, stapler)
        hears.wait(RENEWED, 2)

        assert stapler.staple(leaf.fingerprint) is None
        assert [state.certificate for state in stapler.states()] == [other]


def test_a_certificate_discarded_during_its_fetch_is_not_served_after_it(feed: Feed) -> None:
    leaf = feed.leaf()
    feed.is_open.clear()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        until(lambda: feed.requests)
        stapler.discard(leaf.fingerprint)
        feed.is_open.set()

        hears.wait(RENEWED)

        assert stapler.staple(leaf.fingerprint) is None


def test_nobody_asks_about_a_certificate_that_has_ended(feed: Feed) -> None:
    leaf = feed.leaf(not_after=NOW + DAY)
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        assert stapler.states()[0].end == NOW + DAY + SECOND

        feed.later(DAY + 2 * SECOND, stapler)

        hears.wait(StapleEventKind.CERTIFICATE_EXPIRED)
        stapler.refresh()
        stapler.add(leaf, CA.certificate)
        feed.later(9000 * DAY, stapler)
        assert stapler.states()[0].next_refresh is None
        assert len(feed.requests) == 1
        assert hears.kinds.count("certificate-expired") == 1


def test_a_certificate_that_had_ended_before_is_told_of_at_once(feed: Feed) -> None:
    with feed.stapler() as (stapler, hears):
        stapler.add(feed.leaf(not_after=NOW - DAY), CA.certificate)

        assert hears.kinds == ["certificate-expired"]
        assert not stapler.wait_ready()
        assert feed.requests == []


# --- what is told --------------------------------------------------------------------------


@pytest.mark.parametrize("feature", list(x509.TLSFeatureType))
@pytest.mark.rule("T12")
def test_a_must_staple_certificate_without_a_staple_is_told_loudly(
    feed: Feed, feature: x509.TLSFeatureType, caplog: pytest.LogCaptureFixture
) -> None:
    feed.reply = lambda: Reply(503)
    leaf = feed.leaf(tls_features=[feature])
    with caplog.at_level(logging.ERROR, "certstatus.staple"), feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        event = hears.wait(StapleEventKind.MISSING)

    assert event.certificate == leaf
    assert "HTTP status 503" in event.reason
    (line, *_) = caplog.records
    assert line.levelno == logging.ERROR
    assert line.__dict__["staple_event"] == "missing"
    assert line.__dict__["fingerprint"] == leaf.fingerprint.hex()
    assert "promises a staple (RFC 7633)" in line.getMessage()


def test_one_that_promises_none_fails_without_alarm(feed: Feed) -> None:
    feed.reply = lambda: Reply(503)
    with feed.stapler() as (stapler, hears):
        stapler.add(feed.leaf(), CA.certificate)
        hears.wait(FAILED)
        assert not stapler.wait_ready()

        assert hears.kinds == ["failed"]


def test_a_certificate_that_names_no_responder_is_told_of_once_and_never_asked_for(
    feed: Feed,
) -> None:
    leaf = feed.leaf(ocsp_uris=[], tls_features=MUST_STAPLE)
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        stapler.add(leaf, CA.certificate)
        stapler.refresh()
        assert stapler.wait_ready()

        assert hears.kinds == ["no-responder", "missing"]
        (state,) = stapler.states()
        assert (state.next_refresh, state.last_error) == (
            None,
            "the certificate names no responder",
        )

        stapler.add(leaf, urls=[feed.server.url])
        hears.wait(RENEWED)
        assert stapler.staple(leaf.fingerprint) is not None


def test_what_no_status_is_published_for_is_not_asked_for(feed: Feed) -> None:
    marker = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.56"), b"\x05\x00")
    leaf = CA.issue(ocsp_uris=[feed.server.url], extensions=[(marker, False)]).certificate
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert "noRevAvail" in hears.wait(StapleEventKind.NO_RESPONDER).reason
        assert feed.requests == []


def test_a_listener_that_fails_harms_nobody(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    def listen(event: StapleEvent) -> None:
        raise RuntimeError("deaf")

    with feed.stapler(on_event=listen) as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)

        assert stapler.wait_ready()
        until(lambda: "a listener of the stapler failed" in caplog.text)


def test_a_defect_ends_one_try_and_not_the_thread(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a planted defect")

    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        with monkeypatch.context() as patch:
            patch.setattr(Requestor, "acheck", broken)
            stapler.add(leaf, CA.certificate)
            event = hears.wait(StapleEventKind.DEFECT)
            assert "ZeroDivisionError: a planted defect" in event.reason

        feed.later(HOUR, stapler)
        hears.wait(RENEWED)


def test_events_and_fetches_are_metered_by_names_of_the_table(feed: Feed) -> None:
    tally = Tally()
    with feed.stapler(meter=tally) as (stapler, hears):
        stapler.add(feed.leaf(), CA.certificate)
        assert stapler.wait_ready()
        stapler.refresh()
        hears.wait(StapleEventKind.UNCHANGED)

    told = tally.snapshot().decode()
    assert '["staple_events", "renewed"], 1' in told
    assert '["staple_fetch_seconds", "newer"]' in told


def test_states_tell_how_things_stand(feed: Feed) -> None:
    leaf = feed.leaf("www.example", tls_features=MUST_STAPLE)
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()

        (state,) = stapler.states()

    assert (state.certificate, state.names) == (leaf, ("www.example",))
    assert (state.is_must_staple, state.is_served, state.status) == (True, True, "good")
    assert (state.origin, state.url) == (Origin.RESPONDER, feed.server.url)
    assert (state.last_try, state.failures, state.last_error) == (NOW, 0, None)
    assert state.next_update == state.end
    assert state.produced_at == NOW - timedelta(minutes=5)
    assert state.this_update == NOW - timedelta(minutes=10)


# --- one thread, and its end ---------------------------------------------------------------


def test_there_is_one_daemon_thread_and_it_ends_with_the_stapler(feed: Feed) -> None:
    def threads() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "certstatus-stapler"]

    with feed.stapler() as (stapler, _):
        assert threads() == []
        for number in range(3):
            stapler.add(feed.leaf(f"{number}.example"), CA.certificate)
        assert stapler.wait_ready()
        (thread,) = threads()
        assert thread.daemon
    assert threads() == []


def test_closing_ends_a_fetch_that_hangs_and_serves_what_is_held(feed: Feed) -> None:
    assert timedelta(seconds=1) == BACKGROUND_CLOSE_TIME
    leaf = feed.leaf()
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        feed.is_open.clear()
        stapler.refresh()
        until(lambda: len(feed.requests) == 2)
        started = time.monotonic()

        stapler.close()

        assert time.monotonic() - started < BACKGROUND_CLOSE_TIME.total_seconds()
        assert stapler.staple(leaf.fingerprint) is not None
        stapler.close()
        with pytest.raises(ValueError, match="closed"):
            stapler.add(leaf)
        assert stapler.wait_ready()


def test_closing_ends_those_who_wait(feed: Feed) -> None:
    feed.is_open.clear()
    with feed.stapler() as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)
        answers: list[bool] = []
        waiter = threading.Thread(
            target=lambda: answers.append(stapler.wait_ready(timedelta(seconds=PATIENCE)))
        )
        waiter.start()
        stapler.close()
        waiter.join(PATIENCE)

        assert answers == [False]


def test_a_listener_may_close_the_stapler(feed: Feed) -> None:
    closed = threading.Event()

    def listen(_: StapleEvent) -> None:
        stapler.close()
        closed.set()

    with feed.stapler(on_event=listen) as (stapler, _):
        stapler.add(feed.leaf(), CA.certificate)

        assert closed.wait(PATIENCE)


@pytest.mark.rule("T12")
def test_a_handshake_waits_for_no_lock(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()

        with stapler._changed:
            assert stapler.staple(leaf.fingerprint) is not None


def test_a_signals_handler_may_call_in_the_midst_of_a_call(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        before = signal.signal(signal.SIGUSR1, lambda *_: stapler.refresh())
        try:
            with stapler._changed:
                os.kill(os.getpid(), signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)

        until(lambda: len(feed.requests) == 2)


def test_a_clock_put_back_delays_no_try(feed: Feed) -> None:
    feed.reply = lambda: Reply(503)
    with feed.stapler() as (stapler, hears):
        stapler.add(feed.leaf(), CA.certificate)
        hears.wait(FAILED)
        feed.later(-100 * DAY, stapler)
        until(lambda: (stapler.states()[0].next_refresh or NOW) < NOW)

        feed.later(2 * MIN_STAPLE_PAUSE, stapler)

        hears.wait(FAILED, 2)


# --- on disk -------------------------------------------------------------------------------


def test_a_restart_serves_at_once_what_was_fetched_before(feed: Feed, tmp_path: Path) -> None:
    leaf = feed.leaf()
    with feed.stapler(tmp_path / "staples") as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        before = stapler.staple(leaf.fingerprint)
    feed.is_open.clear()

    with feed.stapler(tmp_path / "staples") as (stapler, hears):
        stapler.add(leaf)  # the issuer is on disk too

        after = stapler.staple(leaf.fingerprint)
        assert before is not None
        assert after is not None
        assert after.der == before.der
        assert stapler.wait_ready()
        assert hears.kinds == ["loaded"]
        assert stapler.states()[0].origin is Origin.DISK
        assert len(feed.requests) == 1


def test_what_another_process_fetched_is_taken_up_without_asking(
    feed: Feed, tmp_path: Path
) -> None:
    leaf = feed.leaf()
    file = tmp_path / "staples" / f"{leaf.fingerprint.hex()}.staple"
    slow_clock = FixedClock(NOW)
    with (
        feed.stapler(file.parent) as (one, _),
        feed.stapler(file.parent, clock=slow_clock) as (other, other_hears),
    ):
        one.add(leaf, CA.certificate)
        until(file.exists)
        other.add(leaf, CA.certificate)
        assert other_hears.kinds == ["loaded"]
        first = file.read_bytes()
        feed.later(2.5 * DAY, one)
        until(lambda: file.read_bytes() != first)

        slow_clock.advance(2.5 * DAY)
        other.wake()
        other_hears.wait(FIRST, 2)

        assert one.states()[0].this_update == other.states()[0].this_update
        assert len(feed.requests) == 2


def test_a_revocation_that_comes_from_disk_is_told_as_loudly(feed: Feed, tmp_path: Path) -> None:
    leaf = feed.leaf()
    feed.change = lambda forge: forge.but(cert_status=REVOKED)
    with feed.stapler(tmp_path / "staples") as (stapler, _):
        stapler.add(leaf, CA.certificate)
        until(lambda: list((tmp_path / "staples").glob("*.staple")))

    with feed.stapler(tmp_path / "staples") as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert hears.kinds == ["loaded", "revoked"]


def test_in_memory_nothing_is_written(feed: Feed, tmp_path: Path) -> None:
    requestor = Requestor(policy=POLICY, clock=feed.clock)
    with Stapler(requestor=requestor, directory=tmp_path, in_memory=True) as stapler:
        stapler.add(feed.leaf(), CA.certificate)
        assert stapler.wait_ready()

    assert list(tmp_path.iterdir()) == []
