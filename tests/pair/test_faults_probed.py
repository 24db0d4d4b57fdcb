"""The probe before the host of faults: each that a usual question brings up is named by its rule."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from certstatus.handshake import TLS12
from certstatus.tls.fault import FAULTS, Asks
from certstatus.tls.fault_host import FaultHost
from certstatus.tls.host import Host
from certstatus.tls.peer import Demand, StatusPolicy
from certstatus.tls.probe import ProbeOptions, probe
from certstatus.tls.probed import ProbeResult
from certstatus.verify import Verdict
from tests.faults import in_tls, running

USUAL = {Asks.STATUS, Asks.ANYHOW}
DUE = [(name, version) for name, version in in_tls() if FAULTS[name].alert_in(version) is not None]


@pytest.fixture(scope="module")
def host() -> Iterator[FaultHost]:
    with running() as started:
        yield started


def look(host: FaultHost, name: str, version: int, *, uses_v2: bool = False) -> ProbeResult:
    options = ProbeOptions(
        versions=(version,),
        server_name=f"{name}.fault.test",
        uses_v2=uses_v2,
        anchors=(host.pki.root.certificate,),
        policy=StatusPolicy(demand=Demand.MUST_STAPLE),
        is_compared=False,
        time_limit=timedelta(seconds=10),
    )
    return asyncio.run(probe(Host("127.0.0.1", host.port), options))


def named(result: ProbeResult) -> set[str]:
    """Return every rule that failed, of the handshake or within a staple."""
    found = {check.rule for one in result.handshakes for check in one.failures}
    reports = [
        status.report for one in result.handshakes for status in one.statuses if status.report
    ]
    return found | {check.rule for report in reports for check in report.failures}


@pytest.mark.parametrize(
    ("name", "version"),
    [(name, version) for name, version in DUE if FAULTS[name].needs_in(version) in USUAL],
)
@pytest.mark.rule("T3", "T4", "T5", "T10")
def test_each_fault_is_named(host: FaultHost, name: str, version: int) -> None:
    fault = FAULTS[name]

    result = look(host, name, version)

    assert result.exit_code != 0
    if fault.verdict is not None:
        assert result.verdict is fault.verdict
    # An answer that says revoked or unknown breaks no rule by it.
    if fault.verdict not in {Verdict.REVOKED, Verdict.UNKNOWN}:
        assert fault.rule_in(version) in named(result)


@pytest.mark.parametrize(
    "name", [name for name, version in DUE if FAULTS[name].needs_in(version) is Asks.V2]
)
@pytest.mark.rule("T9")
def test_each_fault_of_status_request_v2_is_named(host: FaultHost, name: str) -> None:
    result = look(host, name, TLS12, uses_v2=True)

    assert FAULTS[name].rule_in(TLS12) in named(result)
    assert result.exit_code != 0


def test_where_nothing_is_wrong_nothing_is_named(host: FaultHost) -> None:
    result = look(host, "none", TLS12, uses_v2=True)

    assert (named(result), result.exit_code) == (set(), 0)
