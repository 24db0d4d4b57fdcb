"""Every fault of ``certstatus fault`` is judged rightly by our own clients, with its rule named.

The list of faults is the parameter: a fault without a right judgment fails here.
"""

from __future__ import annotations

import queue
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from certstatus.fetch import HTTPDoor
from certstatus.handshake import TLS12, TLS13, AlertDescription, Flight, check_flight, version_text
from certstatus.pkix import Certificate
from certstatus.requestor import AskPolicy, CheckPolicy, CheckResult, Requestor
from certstatus.tls import Demand, PeerStatus, StatusPolicy, judge_peer, require_status
from certstatus.tls.fault import FAULTS, Asks, Fault, Pace, Where
from certstatus.tls.fault_host import FaultHost, Visit
from certstatus.verify import Outcome, Report, Verdict, verify_response
from tests.faults import in_tls, running, shake_hands

IMPATIENT = timedelta(milliseconds=200)
OF_A_RESPONSE = {Verdict.GOOD, Verdict.REVOKED, Verdict.UNKNOWN}


def label(value: object) -> str | None:
    return version_text(value) if isinstance(value, int) else None


@pytest.fixture(scope="module")
def host() -> Iterator[FaultHost]:
    with running() as served:
        yield served


def is_named(rule: str | None, report: Report) -> bool:
    """Whether a report names the rule: by a check that failed, or by the status that counts."""
    if rule is None:
        return not report.failures
    if report.verdict in OF_A_RESPONSE:
        return not report.failures and any(check.rule == rule for check in report.checks)
    return report.check(rule).outcome is Outcome.FAIL


# --- what is stapled, by the wire client -----------------------------------------------------


def judged(host: FaultHost, flight: Flight, demand: Demand = Demand.MUST_STAPLE) -> PeerStatus:
    return judge_peer(
        [Certificate.from_der(der) for der in flight.chain],
        flight.staples,
        now=datetime.now(UTC),
        anchors=[host.pki.root.certificate],
        policy=StatusPolicy(demand=demand),
    )


STAPLED = [one for one in in_tls() if Where.STAPLE in FAULTS[one[0]].where]


@pytest.mark.parametrize(("name", "version"), STAPLED, ids=label)
@pytest.mark.rule("T4", "T5", "T7", "O1", "O3", "O9", "O10", "O12", "O13", "O15", "O16")
@pytest.mark.rule("O19", "O21", "O22", "O23", "O24", "O25", "O29", "L10")
def test_every_stapled_fault_is_judged_by_its_rule(
    name: str, version: int, host: FaultHost
) -> None:
    fault = FAULTS[name]
    flight, error = shake_hands(host, fault, version)
    assert error is None

    staple = flight.staples[0]
    assert staple is not None
    certificate, issuer = (Certificate.from_der(der) for der in flight.chain)
    report = verify_response(staple, issuer=issuer, certificate=certificate, now=datetime.now(UTC))
    peer = judged(host, flight)

    assert report.verdict is fault.verdict
    assert is_named(fault.rule_in(version), report)
    assert peer.alert == fault.alert_in(version)
    in_order = {check.rule for check in check_flight(flight) if check.outcome is Outcome.FAIL}
    assert in_order == ({"T7"} if name == "truncated" else set())


# --- the handshake around it -----------------------------------------------------------------


SHAKEN = [
    one
    for one in in_tls()
    if Where.HANDSHAKE in FAULTS[one[0]].where and FAULTS[one[0]].how.pace is Pace.PROMPT
]


@pytest.mark.parametrize(("name", "version"), SHAKEN, ids=label)
@pytest.mark.rule("T3", "T4", "T5", "T9", "T10", "T11")
def test_every_fault_of_the_handshake_is_judged_by_its_rule(
    name: str, version: int, host: FaultHost
) -> None:
    fault = FAULTS[name]
    flight, _ = shake_hands(host, fault, version)

    failed = {
        (check.rule, check.facts["alert"])
        for check in check_flight(flight)
        if check.outcome is Outcome.FAIL
    }
    rule, alert = fault.rule_in(version), fault.alert_in(version)
    if failed:
        assert failed == {(rule, str(alert))}
    elif alert is not None:
        peer = judged(host, flight)
        assert (peer.failures[0].rule, peer.alert) == (rule, alert)
    else:
        assert judged(host, flight).is_accepted
        firm = judged(host, flight, Demand.ALWAYS)
        assert {check.rule for check in firm.failures} == {"T11"}
        assert rule in {"T11", *(check.rule for check in check_flight(flight))}


@pytest.mark.parametrize("version", [TLS12, TLS13], ids=label)
@pytest.mark.parametrize("name", ["slow-handshake", "drip-handshake"])
@pytest.mark.rule("T12")
def test_a_client_does_not_wait_for_a_slow_handshake(
    name: str, version: int, host: FaultHost
) -> None:
    _, error = shake_hands(host, FAULTS[name], version, timeout=IMPATIENT)

    assert error is not None
    assert error.exit_code == Verdict.UNREACHABLE.exit_code


def test_every_fault_that_shows_in_tls_is_judged() -> None:
    paced = {name for name, fault in FAULTS.items() if fault.how.pace is not Pace.PROMPT}

    assert {*STAPLED, *SHAKEN} == {one for one in in_tls() if one[0] not in paced}


# --- what the responder answers, by the requestor --------------------------------------------


def ask(host: FaultHost, fault: Fault) -> CheckResult:
    now = datetime.now(UTC)
    shown = host.pki.identity(fault, host.listing.server_name(fault.name), now)
    is_prompt = fault.how.pace is Pace.PROMPT
    requestor = Requestor(
        policy=CheckPolicy(
            ask=AskPolicy(back_off=timedelta(0)),
            send_nonce=fault.needs is Asks.NONCE,
            allow_private=True,
        ),
        door=HTTPDoor(total_time=timedelta(seconds=20) if is_prompt else IMPATIENT),
    )
    return requestor.check(shown.server.certificate, chain=shown.chain)


ASKED = [name for name, fault in FAULTS.items() if Where.RESPONDER in fault.where]
WHY_UNREACHABLE = {
    "oversize": "larger than",
    "unavailable": "HTTP status 503",
    "slow": "no whole answer within",
    "drip": "no whole answer within",
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.rule("O1", "O3", "O9", "O10", "O12", "O13", "O15", "O16", "O19", "O21", "O22")
@pytest.mark.rule("O23", "O24", "O25", "O29", "O33", "L10", "N3", "B7")
def test_every_fault_of_the_responder_is_judged_by_its_rule(name: str, host: FaultHost) -> None:
    fault = FAULTS[name]

    result = ask(host, fault)

    assert result.verdict is fault.verdict
    if result.verdict is Verdict.UNREACHABLE:
        assert result.report is None
        assert WHY_UNREACHABLE[name] in result.attempts[0].reason
    else:
        assert result.report is not None
        assert is_named(fault.rule, result.report)


def test_faults_that_are_not_the_responders_leave_its_answers_right(host: FaultHost) -> None:
    for fault in FAULTS.values():
        if Where.RESPONDER not in fault.where:
            assert ask(host, fault).verdict is Verdict.GOOD, fault.name


@pytest.mark.rule("O24")
def test_the_status_of_a_revoked_delegate_is_asked_for(host: FaultHost) -> None:
    report = ask(host, FAULTS["revoked-delegate"]).report

    assert report is not None
    assert "revoked" in report.check("O24").reason


# --- in the handshake of Python's own TLS ----------------------------------------------------


def stdlib_client(host: FaultHost, version: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=host.pki.root.issued.certificate_pem.decode())
    context.maximum_version = context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if version == TLS13 else ssl.TLSVersion.TLSv1_2
    )
    return context


STAPLED_IN_ALL_STACKS = [
    # OpenSSL's clients refuse a longer CertificateStatus than 16 kB before anybody sees it.
    one
    for one in STAPLED
    if one != ("oversize-staple", TLS12)
]
MUST_STAPLE = [one for one in in_tls() if one[0] in {"must-staple-absent", "must-staple-ca"}]


@pytest.mark.parametrize(("name", "version"), STAPLED_IN_ALL_STACKS + MUST_STAPLE, ids=label)
@pytest.mark.rule("T4", "T10")
def test_pythons_own_tls_ends_the_handshake_where_it_must(name: str, version: int) -> None:
    fault = FAULTS[name]
    visits: queue.Queue[Visit] = queue.Queue()
    with running(on_visit=visits.put) as host:
        server_name = host.listing.server_name(name)
        context = stdlib_client(host, version)
        checker = require_status(context)
        try:
            read_list(context, host.port, server_name)
            is_refused = False
        except ssl.SSLError:
            is_refused = True
        visit = visits.get(timeout=10)

    status = checker.latest(server_name)
    assert status is not None
    if fault.verdict is None:
        assert [check.rule for check in status.failures] == [fault.rule_in(version)]
    else:
        assert status.report is not None
        assert status.report.verdict is fault.verdict
        assert is_named(fault.rule_in(version), status.report)
    alert = fault.alert_in(version)
    assert alert in {None, AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE}
    assert is_refused == (alert is not None)
    assert (visit.fault, visit.version, visit.alert) == (fault, version, alert)


def read_list(context: ssl.SSLContext, port: int, server_name: str) -> None:
    with (
        socket.create_connection(("127.0.0.1", port)) as sock,
        context.wrap_socket(sock, server_hostname=server_name) as tls,
    ):
        tls.sendall(b"GET /faults.json HTTP/1.1\r\n\r\n")
        while tls.recv(65_536):
            pass
