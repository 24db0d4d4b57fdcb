from __future__ import annotations

import asyncio
import socket
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509

from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateStatusRequest,
    ExtensionType,
    Flight,
    OCSPStatusRequest,
)
from certstatus.limits_tls import MAX_PROBE_CONCURRENCY
from certstatus.ocsp import ByKey, ByName, Extensions, Nonce, Revoked, parse_request
from certstatus.requestor import AskPolicy, CheckPolicy, Requestor
from certstatus.testing import Forge, TinyCA
from certstatus.tls.host import Host
from certstatus.tls.peer import Demand, StapleReport, StatusPolicy
from certstatus.tls.probe import ProbeOptions, probe, probe_many
from certstatus.tls.probed import Agreement, HandshakeResult, MustStaple, ProbeResult, must_staple
from certstatus.tls.starttls import StartTLS
from certstatus.tls.wire import Manner, ServerStaples
from certstatus.verify import Outcome, Report, Verdict
from tests.scripted import Asked, Reply, Script, ScriptedServer
from tests.stapling import HOUR, StaplingPKI, build_pki
from tests.tlshost import Listener, TLSHost

REQUIRED = StatusPolicy(demand=Demand.ALWAYS)
DAY = timedelta(days=1)
each_version = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])


@pytest.fixture(scope="module")
def responder() -> Iterator[ScriptedServer]:
    """A responder; what it answers, the test says."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="module")
def pki(responder: ScriptedServer) -> StaplingPKI:
    return build_pki(ocsp_uris=[responder.url])


@pytest.fixture
def ask(pki: StaplingPKI) -> Callable[..., ProbeResult]:
    """Probe a host; what is not told is an option of the probe's."""

    def run(host: Host, *, requestor: Requestor | None = None, **wishes: Any) -> ProbeResult:
        anchors = (pki.root.certificate,)
        usual: dict[str, Any] = {"server_name": "localhost", "is_compared": False}
        options = ProbeOptions(**{**usual, "anchors": anchors, **wishes})
        asking = requestor or Requestor(
            policy=CheckPolicy(ask=AskPolicy(attempts=1), allow_private=True)
        )
        return asyncio.run(probe(host, options, requestor=asking))

    return run


def answering(forge: Forge) -> Script:
    """Answer so, of whatever is asked."""

    def answer(asked: Asked) -> Reply:
        der = asked.body or b64decode(unquote(asked.path.rpartition("/")[2]))
        return Reply(200, forge.but(cert_ids=parse_request(der).cert_ids).der)

    return answer


def only(result: ProbeResult) -> HandshakeResult:
    (handshake,) = result.handshakes
    return handshake


def flight(handshake: HandshakeResult) -> Flight:
    assert handshake.flight is not None
    return handshake.flight


def report(status: StapleReport) -> Report:
    assert status.report is not None
    return status.report


def problem(handshake: HandshakeResult) -> str | None:
    assert handshake.observation.trust is not None
    return handshake.observation.trust.problem


def failed_rules(result: ProbeResult) -> set[str]:
    return {check.rule for one in result.handshakes for check in one.failures}


# --- what was stapled -----------------------------------------------------------------------


def test_both_versions_are_shown_side_by_side(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(server.host)

    assert [one.version for one in result.handshakes] == ["TLS 1.2", "TLS 1.3"]
    assert [flight(one).version for one in result.handshakes] == [TLS12, TLS13]
    assert [one.verdict for one in result.handshakes] == [Verdict.GOOD] * 2
    assert (result.verdict, result.exit_code) == (Verdict.GOOD, 0)


@pytest.mark.rule("T1", "T3")
def test_tls12_is_asked_promises_and_staples_to_the_leaf(pki: StaplingPKI, ask: Any) -> None:
    staple = pki.honest().der
    with TLSHost(pki, [staple]) as server:
        handshake = only(ask(server.host, versions=(TLS12,)))

    assert handshake.asked == ("status_request",)
    assert handshake.is_promised is True
    assert [one.staple for one in handshake.statuses] == [staple, None]
    assert {"T1", "T3"} <= {check.rule for check in handshake.flight_checks}
    assert handshake.failures == ()


@pytest.mark.rule("T5")
def test_tls13_staples_to_every_certificate_of_the_chain(pki: StaplingPKI, ask: Any) -> None:
    for_ca = Forge.honest(pki.root, pki.ca.certificate.serial_number).but(now=pki.now)
    with TLSHost(pki, [pki.honest().der, for_ca.der]) as server:
        handshake = only(ask(server.host, versions=(TLS13,)))

    assert handshake.is_promised is None
    assert [report(one).verdict for one in handshake.statuses] == [Verdict.GOOD] * 2


def test_no_staple_says_nothing_and_is_no_error(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki) as server:
        result = ask(server.host)

    assert (result.verdict, result.exit_code) == (None, 0)
    assert result.handshakes[0].is_promised is False


@pytest.mark.rule("T11")
def test_a_missing_staple_is_an_error_where_it_is_required(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki) as server:
        result = ask(server.host, policy=REQUIRED)

    assert (result.verdict, result.exit_code) == (Verdict.UNTRUSTED, 3)
    assert failed_rules(result) == {"T11"}


@each_version
@pytest.mark.rule("T4")
def test_a_revoked_certificate_is_told_before_all(pki: StaplingPKI, ask: Any, version: int) -> None:
    with TLSHost(pki, [pki.wrong_staples["revoked"]]) as server:
        result = ask(server.host, versions=(version,))

    assert (result.verdict, result.exit_code) == (Verdict.REVOKED, 1)


@pytest.mark.parametrize("kind", ["expired", "of another certificate", "tampered with"])
@each_version
@pytest.mark.rule("T4")
def test_a_wrong_staple_is_not_believed(
    pki: StaplingPKI, ask: Any, kind: str, version: int
) -> None:
    with TLSHost(pki, [pki.wrong_staples[kind]]) as server:
        result = ask(server.host, versions=(version,))

    assert (result.verdict, result.exit_code) == (Verdict.UNTRUSTED, 3)
    assert failed_rules(result) == {"T4"}


def test_a_staple_that_is_no_response_is_malformed(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki, [b"\x30\x03\x0a\x01\x09"]) as server:
        result = ask(server.host, versions=(TLS13,))

    assert (result.verdict, result.exit_code) == (Verdict.MALFORMED, 65)


# --- must-staple ------------------------------------------------------------------------------


@each_version
@pytest.mark.rule("T10")
def test_must_staple_is_kept_or_broken(pki: StaplingPKI, ask: Any, version: int) -> None:
    staple = pki.honest(pki.must_staple).der
    with (
        TLSHost(pki, [staple], issued=pki.must_staple) as keeping,
        TLSHost(pki, issued=pki.must_staple) as breaking,
    ):
        kept, broken = (ask(one.host, versions=(version,)) for one in (keeping, breaking))

    assert must_staple(only(kept).statuses, 0) is MustStaple.KEPT
    assert kept.verdict is Verdict.GOOD
    assert must_staple(only(broken).statuses, 0) is MustStaple.BROKEN
    assert (broken.verdict, failed_rules(broken)) == (Verdict.UNTRUSTED, {"T10"})
    assert must_staple(only(kept).statuses, 1) is None


@pytest.mark.parametrize("is_bound", [True, False])
@pytest.mark.rule("T10")
def test_a_must_staple_ca_binds_those_below(ask: Any, pki: StaplingPKI, is_bound: bool) -> None:
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    ca = TinyCA("Binding CA", not_before=pki.now - HOUR, parent=pki.root)
    binding = pki.root.issue("Binding CA", key=ca.key, extensions=((feature, False),))
    features = [x509.TLSFeatureType.status_request] if is_bound else []
    leaf = ca.issue_server("localhost", tls_features=features)
    staple = Forge.honest(ca, leaf.certificate.serial_number).but(now=pki.now)
    with TLSHost(pki, [staple.der], issued=leaf, chain=[binding]) as server:
        result = ask(server.host, versions=(TLS13,))

    promise = must_staple(only(result).statuses, 1)
    assert promise is (MustStaple.KEPT if is_bound else MustStaple.BROKEN)
    assert ("T10" in failed_rules(result)) is not is_bound


# --- what was asked -----------------------------------------------------------------------------


@each_version
@pytest.mark.rule("T1", "T2")
def test_responder_ids_and_extensions_reach_the_server(
    pki: StaplingPKI, ask: Any, version: int
) -> None:
    delegate = pki.responder.certificate
    nonce = Nonce(bytes(range(32)))
    wanted = OCSPStatusRequest(
        responder_id_list=(ByKey.of(delegate), ByName(delegate.subject)),
        request_extensions=Extensions.of(nonce),
    )
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(server.host, versions=(version,), request=CertificateStatusRequest(wanted))

    (hello,) = server.hellos
    assert hello.status_request == CertificateStatusRequest(wanted)
    assert flight(only(result)).asked == CertificateStatusRequest(wanted)


@pytest.mark.rule("T2")
def test_a_staple_by_another_responder_than_those_named_is_told(pki: StaplingPKI, ask: Any) -> None:
    def naming(responder: ByKey) -> CertificateStatusRequest:
        return CertificateStatusRequest(OCSPStatusRequest(responder_id_list=(responder,)))

    with TLSHost(pki, [pki.honest().der]) as server:
        named, other = (
            ask(server.host, versions=(TLS13,), request=naming(responder))
            for responder in (ByKey.of(pki.responder.certificate), ByKey(bytes(20)))
        )

    outcomes = [
        [check.outcome for check in only(one).checks if check.rule == "T2"]
        for one in (named, other)
    ]
    assert outcomes == [[Outcome.PASS], [Outcome.SKIP]]
    # RFC 6066 §8 only says SHOULD.
    assert other.verdict is Verdict.GOOD


@pytest.mark.rule("T9")
def test_status_request_v2_brings_staples_for_the_chain_over_tls12(
    pki: StaplingPKI, ask: Any
) -> None:
    for_ca = Forge.honest(pki.root, pki.ca.certificate.serial_number)
    staples = [pki.honest().der, for_ca.but(now=pki.now).der]
    with TLSHost(pki, staples) as server:
        result = ask(server.host, versions=(TLS12,), uses_v2=True)

    usual, v2 = result.handshakes
    assert [usual.version, v2.version] == ["TLS 1.2", "TLS 1.2 v2"]
    assert v2.asked == ("status_request", "status_request_v2")
    assert [one.staple is not None for one in usual.statuses] == [True, False]
    assert [one.staple is not None for one in v2.statuses] == [True, True]
    assert v2.verdict is Verdict.GOOD


@each_version
def test_the_server_is_asked_for_by_name(pki: StaplingPKI, ask: Any, version: int) -> None:
    with TLSHost(pki) as server:
        ask(server.host, versions=(version,), server_name="other.example")

    assert [hello.server_name for hello in server.hellos] == ["other.example"]


@pytest.mark.parametrize("uses_v2", [False, True])
def test_an_address_is_not_sent_as_a_name(pki: StaplingPKI, ask: Any, uses_v2: bool) -> None:
    with TLSHost(pki) as server:
        ask(server.host, versions=(TLS12,), server_name=None, uses_v2=uses_v2)

    assert {hello.server_name for hello in server.hellos} == {None}


def test_another_place_can_be_connected_to(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(
            Host("localhost", 9), versions=(TLS13,), server_name=None, connect_to=server.host
        )

    assert result.verdict is Verdict.GOOD
    assert (result.host, result.server_name) == (Host("localhost", 9), "localhost")


# --- order and negotiation ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manner", "version", "rule"),
    [
        (Manner.UNSOLICITED, TLS12, "T3"),
        (Manner.MISPLACED, TLS12, "T3"),
        (Manner.TOO_EARLY, TLS12, "T3"),
        (Manner.TWICE, TLS12, "T3"),
        (Manner.EMPTY, TLS12, "T3"),
        (Manner.LYING_LENGTH, TLS12, "T3"),
        (Manner.MISPLACED, TLS13, "T5"),
        (Manner.EMPTY, TLS13, "T5"),
        (Manner.MESSAGE_IN_TLS13, TLS13, "T5"),
    ],
)
@pytest.mark.rule("T3", "T5")
def test_a_broken_rule_is_named_though_openssl_ends_the_handshake(
    pki: StaplingPKI, ask: Any, manner: Manner, version: int, rule: str
) -> None:
    staples = ServerStaples(responses=(pki.honest().der,), manner=manner)
    with TLSHost(pki, staples) as server:
        result = ask(server.host, versions=(version,))

    assert rule in failed_rules(result)
    assert result.verdict is Verdict.UNTRUSTED


@pytest.mark.rule("T3")
def test_a_promise_that_is_not_kept_is_allowed(pki: StaplingPKI, ask: Any) -> None:
    staples = ServerStaples(manner=Manner.PROMISED_ABSENT)
    with TLSHost(pki, staples) as server:
        result = ask(server.host, versions=(TLS12,))

    assert only(result).is_promised is True
    assert result.verdict is None


def test_a_version_that_is_not_spoken_spoils_nothing(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki, [pki.honest().der], versions=(TLS12,)) as server:
        result = ask(server.host)

    assert [one.observation.is_complete for one in result.handshakes] == [True, False]
    assert "protocol version" in str(result.handshakes[1].observation.failure)
    assert result.verdict is Verdict.GOOD


# --- trust, and who issued what ---------------------------------------------------------------------


@each_version
def test_a_chain_that_does_not_hold_is_told_and_judged(
    pki: StaplingPKI, ask: Any, version: int
) -> None:
    with TLSHost(pki, [pki.honest().der]) as server:
        stranger = ask(server.host, versions=(version,), anchors=(TinyCA("Stranger").certificate,))
        misnamed = ask(server.host, versions=(version,), server_name="other.example")
        trusted = ask(server.host, versions=(version,))

    problems = [problem(only(one)) for one in (stranger, misnamed, trusted)]
    assert problems[0] is not None
    assert "issuer certificate" in problems[0]
    assert problems[1:] == ["hostname mismatch", None]
    assert {one.verdict for one in (stranger, misnamed, trusted)} == {Verdict.GOOD}


def test_the_issuer_may_stand_among_the_anchors_alone(pki: StaplingPKI, ask: Any) -> None:
    with TLSHost(pki, [pki.honest().der], chain=[]) as server:
        without = ask(server.host, versions=(TLS13,))
        result = ask(server.host, versions=(TLS13,), anchors=(pki.ca.certificate,))

    assert without.verdict is Verdict.UNTRUSTED
    assert result.verdict is Verdict.GOOD


@pytest.mark.rule("C14")
def test_the_issuer_is_fetched_from_where_the_certificate_says(
    pki: StaplingPKI, ask: Any, responder: ScriptedServer
) -> None:
    leaf = pki.ca.issue_server("localhost", ca_issuers_uris=[f"{responder.url}ca.cer"])
    responder.script = lambda _: Reply(200, pki.ca.certificate.der)
    with TLSHost(pki, [pki.honest(leaf).der], issued=leaf, chain=[]) as server:
        result = ask(server.host, versions=(TLS13,))

    assert result.verdict is Verdict.GOOD
    assert only(result).statuses[0].issuer == pki.ca.certificate


@pytest.mark.rule("O24")
def test_a_delegates_own_status_is_asked_for(
    pki: StaplingPKI, ask: Any, responder: ScriptedServer
) -> None:
    delegate = pki.ca.issue_responder(nocheck=False, ocsp_uris=[responder.url])
    responder.script = pki.answer
    staple = pki.honest().but(signer=delegate)
    with TLSHost(pki, [staple.der]) as server:
        result = ask(server.host, versions=(TLS13,))

    assert result.verdict is Verdict.GOOD
    assert report(only(result).statuses[0]).check("O24").outcome is Outcome.PASS


# --- the responder asked, too -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "agreement"),
    [(timedelta(0), Agreement.SAME), (HOUR, Agreement.OLDER), (-HOUR, Agreement.NEWER)],
)
@pytest.mark.rule("T12")
def test_the_staple_is_older_or_newer_than_the_responders_answer(
    pki: StaplingPKI,
    ask: Any,
    responder: ScriptedServer,
    age: timedelta,
    agreement: Agreement,
) -> None:
    fresh = pki.now - DAY / 2
    responder.script = answering(pki.honest().but(this_update=fresh))
    staple = pki.honest().but(this_update=fresh - age)
    with TLSHost(pki, [staple.der]) as server:
        result = ask(server.host, is_compared=True)

    (comparison,) = result.comparisons
    assert comparison.agreement is agreement
    assert comparison.check.outcome is Outcome.PASS
    assert result.verdict is Verdict.GOOD


def test_a_revocation_that_the_staple_hides_is_found(
    pki: StaplingPKI, ask: Any, responder: ScriptedServer
) -> None:
    responder.script = answering(pki.honest().but(cert_status=Revoked(pki.now - HOUR)))
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(server.host, is_compared=True)

    (comparison,) = result.comparisons
    assert comparison.agreement is Agreement.CONTRADICTION
    assert comparison.check.outcome is Outcome.FAIL
    assert (result.verdict, result.exit_code) == (Verdict.REVOKED, 1)


def test_without_a_staple_the_responders_word_counts(
    pki: StaplingPKI, ask: Any, responder: ScriptedServer
) -> None:
    responder.script = pki.answer
    with TLSHost(pki) as server:
        result = ask(server.host, is_compared=True)

    (comparison,) = result.comparisons
    assert comparison.agreement is Agreement.NO_STAPLE
    assert result.verdict is Verdict.GOOD


def test_a_responder_that_is_down_spoils_no_staple(
    pki: StaplingPKI, ask: Any, responder: ScriptedServer
) -> None:
    responder.script = lambda _: Reply(503)
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(server.host, is_compared=True)

    (comparison,) = result.comparisons
    assert comparison.agreement is Agreement.NO_ANSWER
    assert "503" in comparison.check.reason
    assert result.verdict is Verdict.GOOD


def test_nobody_is_asked_unless_told(pki: StaplingPKI, ask: Any, responder: ScriptedServer) -> None:
    before = len(responder.asked)
    with TLSHost(pki, [pki.honest().der]) as server:
        result = ask(server.host)

    assert result.comparisons == ()
    assert len(responder.asked) == before


# --- hosts that are not there, and many hosts ---------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_host_that_does_not_listen_is_unreachable(ask: Any) -> None:
    result = ask(Host("127.0.0.1", closed_port()))

    assert (result.verdict, result.exit_code) == (Verdict.UNREACHABLE, 69)
    assert "Connection refused" in str(result.handshakes[0].observation.failure)


@pytest.mark.parametrize("name", ["x" * 64, "a..b"])
def test_a_name_that_is_none_is_unreachable(ask: Any, name: str) -> None:
    result = ask(Host(name))

    assert (result.verdict, result.exit_code) == (Verdict.UNREACHABLE, 69)
    assert f"the name {name} was not found" in str(result.failure)


def test_many_hosts_are_probed_a_few_at_once_and_drawn_as_needed(pki: StaplingPKI) -> None:
    drawn = 0

    def hosts() -> Iterator[Host]:
        nonlocal drawn
        for _ in range(20):
            drawn += 1
            yield server.host

    async def run() -> list[int]:
        ahead: list[int] = []
        options = ProbeOptions(versions=(TLS13,), is_compared=False)
        async for result in probe_many(hosts(), options, concurrency=3):
            assert result.is_reached
            ahead.append(drawn - len(ahead))
        return ahead

    with TLSHost(pki) as server:
        ahead = asyncio.run(run())

    assert len(ahead) == 20
    # Three under way or just done, one drawn and waiting, one result in hand.
    assert max(ahead) <= 5


def test_a_list_may_be_drawn_from_asynchronously() -> None:
    port = closed_port()

    async def hosts() -> AsyncIterator[Host]:
        for _ in range(5):
            await asyncio.sleep(0)
            yield Host("127.0.0.1", port)

    async def run() -> list[ProbeResult]:
        return [one async for one in probe_many(hosts(), ProbeOptions(is_compared=False))]

    assert [one.verdict for one in asyncio.run(run())] == [Verdict.UNREACHABLE] * 5


def test_who_stops_early_leaves_nothing_running(pki: StaplingPKI) -> None:
    async def run() -> int:
        many = probe_many([server.host] * 50, ProbeOptions(is_compared=False), concurrency=5)
        await anext(many)
        await many.aclose()
        return len(asyncio.all_tasks())

    with Listener(lambda connection: connection.close()) as server:
        assert asyncio.run(run()) == 1


@pytest.mark.parametrize("concurrency", [0, MAX_PROBE_CONCURRENCY + 1])
def test_concurrency_is_bounded(concurrency: int) -> None:
    async def run() -> None:
        await anext(probe_many([], concurrency=concurrency))

    with pytest.raises(ValueError, match=f"from 1 to {MAX_PROBE_CONCURRENCY}"):
        asyncio.run(run())


# --- STARTTLS -----------------------------------------------------------------------------------------


def speak_smtp(connection: socket.socket) -> None:
    for line in (b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n"):
        connection.sendall(line)
        if line != b"220 go\r\n":
            connection.recv(1000)


@pytest.mark.parametrize("uses_v2", [False, True])
def test_tls_is_asked_for_in_the_protocol_of_the_host(
    pki: StaplingPKI, ask: Any, uses_v2: bool
) -> None:
    with TLSHost(pki, [pki.honest().der], preamble=speak_smtp) as server:
        result = ask(server.host, starttls=StartTLS.SMTP, uses_v2=uses_v2)

    assert [one.verdict for one in result.handshakes] == [Verdict.GOOD] * (3 if uses_v2 else 2)
    assert ExtensionType.STATUS_REQUEST in {one.type for one in server.hellos[0].extensions}
