from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from certstatus.limits import DEFAULT_SKEW
from certstatus.limits_tls import MAX_REMEMBERED_PEERS
from certstatus.ocsp import CertStatus, Good, Revoked
from certstatus.pkix import Certificate
from certstatus.requestor import CheckResult, Requestor
from certstatus.testing import FixedClock, Forge, Issued, TinyCA
from certstatus.tls.checker import StatusChecker
from certstatus.tls.openssl import require_status
from certstatus.tls.peer import Demand, PeerStatus, StatusPolicy, judge_peer
from certstatus.verify import Verdict, VerifyPolicy, known
from tests.scripted import OCSP, Asked, Reply, ScriptedServer
from tests.shaking import NOW, Shelf, client_context, server_context, shake_hands
from tests.unit.tls.test_openssl import attach

CA = TinyCA("Root")
LEAF = CA.issue_server("leaf.example")
Ask = Callable[[StatusChecker[Any], Any], CheckResult]


def at_once(checker: StatusChecker[Any], connection: Any) -> CheckResult:
    return checker.check(connection)


def in_a_loop(checker: StatusChecker[Any], connection: Any) -> CheckResult:
    work: Coroutine[Any, Any, CheckResult] = checker.acheck(connection)
    return asyncio.run(work)


@pytest.fixture
def responder() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def answering(status: CertStatus) -> Callable[[Asked], Reply]:
    forge = Forge.honest(CA, LEAF.certificate.serial_number).but(now=NOW, cert_status=status)
    return lambda _: Reply(body=forge.der, headers={"Content-Type": OCSP})


@pytest.mark.rule("T11")
@pytest.mark.parametrize("ask", [at_once, in_a_loop])
@pytest.mark.parametrize(
    ("status", "verdict"), [(Good(), Verdict.GOOD), (Revoked(NOW), Verdict.REVOKED)]
)
def test_where_no_staple_came_the_responder_is_asked_after_the_handshake(
    ask: Ask, status: CertStatus, verdict: Verdict, responder: ScriptedServer, tmp_path: Path
) -> None:
    responder.script = answering(status)
    client = client_context(CA.certificate)
    checker = require_status(client, requestor=Requestor(urls=(responder.url,)))
    connection = shake_hands(server_context(LEAF, [], tmp_path), client)
    assert not responder.asked

    result = ask(checker, connection)

    assert result.verdict is verdict
    assert len(responder.asked) == 1


@pytest.mark.parametrize("ask", [at_once, in_a_loop])
def test_where_a_staple_came_nobody_is_asked(
    ask: Ask, responder: ScriptedServer, tmp_path: Path
) -> None:
    server, shelf = server_context(LEAF, [], tmp_path), Shelf()
    laid = shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client = client_context(CA.certificate)
    checker = require_status(client, requestor=Requestor(urls=(responder.url,)))

    result = ask(checker, shake_hands(server, client))

    assert result.method == "staple"
    assert result.issuer == CA.certificate
    assert result.verdict is Verdict.GOOD
    assert result.require().der == laid.der
    assert not responder.asked


def test_a_listener_hears_of_every_handshake_as_it_happens(tmp_path: Path) -> None:
    heard: list[PeerStatus] = []
    client = client_context(CA.certificate)
    checker = require_status(client, on_status=heard.append)
    server = server_context(LEAF, [], tmp_path)

    connections = [shake_hands(server, client) for _ in range(2)]

    assert [checker.status_of(one) for one in connections] == heard


def test_a_verdict_is_forgotten_with_its_connection(tmp_path: Path) -> None:
    client = client_context(CA.certificate)
    checker = require_status(client)
    connections = [shake_hands(server_context(LEAF, [], tmp_path), client)]
    assert len(checker._by_connection) == 1

    connections.clear()

    assert len(checker._by_connection) == 0


def checker_of(**settings: Any) -> StatusChecker[Any]:
    return require_status(client_context(CA.certificate), **settings)


def good_staple() -> bytes:
    return Forge.honest(CA, LEAF.certificate.serial_number).but(now=NOW).der


CHAIN = (LEAF.certificate.der, CA.certificate.der)


def test_the_peer_that_was_met_longest_ago_is_forgotten_first() -> None:
    checker = checker_of()
    names = [f"{number}.example" for number in range(MAX_REMEMBERED_PEERS)]
    for name in (*names, names[0], "one-more.example"):
        checker.full_handshake(None, CHAIN, [], server_name=name)

    assert checker.latest(names[0]) is not None
    assert checker.latest(names[1]) is None


def test_a_peer_whose_name_is_not_known_is_judged_and_kept_under_no_name() -> None:
    checker = checker_of()

    assert checker.full_handshake(None, CHAIN, [], server_name=None).is_accepted
    assert checker._by_name == {}


def test_certificates_that_cannot_be_read_are_told_under_the_peers_name() -> None:
    checker, connection = checker_of(), Event()

    checker.full_handshake(connection, [b"junk"], [], server_name="a.example")

    told = checker.latest("a.example")
    assert told is not None
    assert not told.is_accepted
    with pytest.raises(ValueError, match="no certificate"):
        checker.check(connection)


@pytest.mark.rule("T8")
@pytest.mark.parametrize("certificate", [None, b"another"])
@pytest.mark.parametrize("demand", [Demand.IF_PRESENT, Demand.MUST_STAPLE])
def test_a_resumed_session_that_nobody_knows_is_judged_by_the_policy(
    demand: Demand, certificate: bytes | None
) -> None:
    checker = checker_of(policy=StatusPolicy(demand=demand))
    checker.full_handshake(None, CHAIN, [good_staple()], server_name="a.example")

    status = checker.resumption(None, certificate, server_name="a.example")

    assert status.is_accepted is (demand is Demand.IF_PRESENT)
    assert status.certificate is None


@pytest.mark.rule("T8")
def test_a_resumption_that_is_refused_does_not_stand_for_the_full_handshake() -> None:
    """The clock may be put right, or another server's staple may have come."""
    clock = FixedClock(NOW)
    checker = checker_of(clock=clock)
    checker.full_handshake(None, CHAIN, [good_staple()], server_name="a.example")

    def resume() -> PeerStatus:
        return checker.resumption(None, CHAIN[0], server_name="a.example")

    clock.moment = NOW + timedelta(days=365)
    late = resume()
    clock.moment = NOW

    assert [check.rule for check in late.failures] == ["T8"]
    assert resume().is_accepted


def test_what_threads_find_at_once_is_all_kept() -> None:
    """Without a lock the order in which peers were met breaks, or one is lost."""
    checker = checker_of()
    staple = good_staple()

    def judge(number: int) -> None:
        for again in range(5):
            checker.full_handshake(None, CHAIN, [staple], server_name=f"{number}-{again}.example")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(judge, range(8)))

    assert len(checker._by_name) == 40
    assert all(status.is_accepted for status in checker._by_name.values())


def test_whoever_names_no_requestor_has_one_all_the_same() -> None:
    assert isinstance(StatusChecker[Event]()._requestor, Requestor)


def test_a_responder_is_asked_with_the_issuers_that_the_peer_has_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[object] = []

    def check(_: Requestor, certificate: Certificate, *, chain: object) -> None:
        shown.extend((certificate, chain))

    monkeypatch.setattr(Requestor, "check", check)
    checker, connection = checker_of(), Event()
    checker.full_handshake(connection, CHAIN, [], server_name=None)

    checker.check(connection)

    assert shown == [LEAF.certificate, (CA.certificate,)]


# --- the same staple again ------------------------------------------------------------------------


@dataclass
class Seen:
    """A checker that is shown handshakes, and each signature that it verifies for them."""

    checker: StatusChecker[Any]
    clock: FixedClock
    verified: list[str]

    def shake(self, staple: bytes | None, *, leaf: Issued = LEAF) -> PeerStatus:
        """Show the leaf with a staple; ``verified`` holds what this one cost."""
        self.verified.clear()
        chain = (leaf.certificate.der, CA.certificate.der)
        return self.checker.full_handshake(None, chain, (staple,), server_name="leaf.example")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    clock, verified = FixedClock(NOW), []
    for name in ("signature_problem", "issuance_problem"):
        verify = getattr(known, name)

        def note(*given: Any, name: str = name, verify: Any = verify) -> str | None:
            verified.append(name)
            problem: str | None = verify(*given)
            return problem

        monkeypatch.setattr(known, name, note)
    return Seen(StatusChecker(clock=clock), clock, verified)


def stapled(**wishes: Any) -> bytes:
    return Forge.honest(CA, LEAF.certificate.serial_number).but(now=NOW, **wishes).der


@pytest.mark.rule("T4")
def test_the_same_staple_again_is_judged_by_its_times_alone(seen: Seen) -> None:
    staple = stapled()
    first = seen.shake(staple)
    assert seen.verified
    seen.clock.advance(timedelta(minutes=90))

    again = seen.shake(staple)

    assert seen.verified == []
    assert again.verdict is Verdict.GOOD
    assert again.judged_at == NOW + timedelta(minutes=90)
    assert (
        again.report
        == judge_peer([LEAF.certificate, CA.certificate], [staple], now=again.judged_at).report
    )
    assert again.report != first.report


@pytest.mark.rule("T4")
def test_the_same_staple_within_the_same_second_is_judged_once(seen: Seen) -> None:
    staple = stapled()
    first = seen.shake(staple)
    seen.clock.advance(timedelta(milliseconds=999))
    assert seen.shake(staple) is first
    seen.clock.advance(timedelta(milliseconds=1))

    again = seen.shake(staple)

    assert again is not first
    assert again.judged_at == NOW + timedelta(seconds=1)


@pytest.mark.rule("T4", "T11")
def test_within_the_same_second_another_staple_policy_or_name_is_judged_by_itself(
    seen: Seen,
) -> None:
    staple = stapled()
    first = seen.shake(staple)
    chain = (LEAF.certificate.der, CA.certificate.der)

    renamed = seen.checker.full_handshake(None, chain, (staple,), server_name="www.example")
    assert renamed.server_name == "www.example"
    assert seen.shake(stapled(cert_status=Revoked(NOW - timedelta(days=1)))) != first
    seen.checker.policy = StatusPolicy(demand=Demand.ALWAYS)
    assert seen.shake(None).is_accepted is False


@pytest.mark.rule("T4", "L10")
def test_the_same_staple_is_refused_once_it_has_ended(seen: Seen) -> None:
    staple = stapled(next_update=NOW + timedelta(hours=1))
    assert seen.shake(staple).is_accepted
    seen.clock.advance(timedelta(hours=1) + DEFAULT_SKEW + timedelta(seconds=1))

    ended = seen.shake(staple)

    assert not ended.is_accepted
    assert "nextUpdate" in str(ended)


@pytest.mark.rule("T4")
def test_a_spoiled_staple_is_refused_after_a_good_one_and_each_time(seen: Seen) -> None:
    good = stapled()
    spoiled = good[:-1] + bytes((good[-1] ^ 1,))
    assert seen.shake(good).is_accepted

    assert [seen.shake(spoiled).is_accepted for _ in range(2)] == [False, False]
    assert seen.shake(good).is_accepted


@pytest.mark.rule("T4")
def test_the_staple_of_a_good_certificate_serves_no_other(seen: Seen) -> None:
    staple, other = stapled(), CA.issue_server("leaf.example")
    assert seen.shake(staple).is_accepted

    assert not seen.shake(staple, leaf=other).is_accepted


@pytest.mark.rule("T4", "O12")
def test_news_of_a_revocation_are_judged_at_once(seen: Seen) -> None:
    assert seen.shake(stapled()).verdict is Verdict.GOOD

    assert seen.shake(stapled(cert_status=Revoked(NOW))).verdict is Verdict.REVOKED
    assert seen.shake(None).verdict is None


def test_another_policy_judges_anew_what_was_accepted(seen: Seen) -> None:
    staple = stapled()
    assert seen.shake(staple).is_accepted
    seen.checker.policy = StatusPolicy(verify=VerifyPolicy(max_age=timedelta(seconds=1)))
    seen.clock.advance(timedelta(hours=1))

    assert not seen.shake(staple).is_accepted
