"""How a server keeps the promise of its certificates: each clause of T12, over loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certstatus.ocsp import OCSPResponseStatus, Revoked, Unknown, encode_error_response
from certstatus.staple import StapleEventKind
from tests.feeding import CA, DAY, HOUR, MUST_STAPLE, NOW, SECOND, Feed, until
from tests.scripted import Reply, ScriptedServer

pytestmark = pytest.mark.rule("T12")


@pytest.fixture
def feed() -> Iterator[Feed]:
    with ScriptedServer() as server:
        yield Feed(server)


@pytest.mark.parametrize("status", list(OCSPResponseStatus)[1:])
def test_no_error_status_is_ever_stapled(feed: Feed, status: OCSPResponseStatus) -> None:
    leaf = feed.leaf()
    feed.reply = lambda: Reply(200, encode_error_response(status))
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        hears.wait(StapleEventKind.FAILED)

        assert stapler.staple(leaf.fingerprint) is None


def test_unknown_is_not_stapled_and_revoked_is(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        feed.change = lambda forge: forge.but(cert_status=Unknown())
        stapler.add(leaf, CA.certificate)
        hears.wait(StapleEventKind.FAILED)
        assert stapler.staple(leaf.fingerprint) is None

        feed.change = lambda forge: forge.but(cert_status=Revoked(NOW - DAY))
        stapler.refresh()
        hears.wait(StapleEventKind.REVOKED)
        staple = stapler.staple(leaf.fingerprint)
        assert staple is not None
        assert isinstance(staple.verified.cert_status, Revoked)


def test_the_last_good_response_is_kept_through_an_outage_until_its_next_update(
    feed: Feed,
) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        good = stapler.staple(leaf.fingerprint)
        assert good is not None
        end = good.verified.single.next_update
        assert end is not None
        feed.reply = lambda: Reply(503)

        feed.later(end - SECOND - NOW, stapler)
        hears.wait(StapleEventKind.FAILED)
        assert stapler.staple(leaf.fingerprint) is good

        feed.later(SECOND, stapler)
        assert stapler.staple(leaf.fingerprint) is None


def test_renewals_come_at_half_life_and_no_two_at_once(feed: Feed) -> None:
    leaves = [feed.leaf(f"{number}.example") for number in range(20)]
    with feed.stapler() as (stapler, hears):
        for leaf in leaves:
            stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        hears.wait(StapleEventKind.RENEWED, len(leaves))

        shares = [
            (state.next_refresh - state.this_update) / (state.end - state.this_update)
            for state in stapler.states()
            if state.next_refresh and state.end and state.this_update
        ]

    assert len(set(shares)) == len(leaves)
    assert all(0.4 <= share <= 0.6 for share in shares)


def test_a_look_up_never_waits_for_a_fetch(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        feed.is_open.clear()
        feed.later(3 * DAY, stapler)
        until(lambda: len(feed.requests) == 2)
        started = time.perf_counter()

        for _round in range(1_000):
            assert stapler.staple(leaf.fingerprint) is not None

        assert time.perf_counter() - started < 1


def test_a_must_staple_certificate_has_its_first_response_before_it_is_served(
    feed: Feed, tmp_path: Path
) -> None:
    leaf = feed.leaf(tls_features=MUST_STAPLE)
    with feed.stapler(tmp_path / "staples") as (stapler, _):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        assert stapler.staple(leaf.fingerprint) is not None
        until(lambda: list((tmp_path / "staples").glob("*.staple")))
    feed.reply = lambda: Reply(503)
    feed.clock.advance(HOUR)

    with feed.stapler(tmp_path / "staples") as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert stapler.wait_ready()
        assert stapler.staple(leaf.fingerprint) is not None
        assert "missing" not in hears.kinds
