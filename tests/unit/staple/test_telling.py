"""What is told of a staple, to whom, and that no listener breaks what it listens to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from certstatus.errors import Attempt
from certstatus.meter import Levels
from certstatus.ocsp import CertID
from certstatus.pkix import HashAlgorithm
from certstatus.requestor import CheckResult
from certstatus.staple import StapleEvent, StapleEventKind
from certstatus.staple.held import Held, Origin, hold
from certstatus.staple.record import Record
from certstatus.staple.telling import Teller, facts_of, why_not
from certstatus.testing import FixedClock, Forge
from certstatus.verify import Check, Report, Verdict, VerifyPolicy, verify_response
from tests.feeding import CA, NOW

LEAF = CA.issue_server().certificate
URL = "http://ocsp.example"


@dataclass
class Meter:
    """Keeps what it is told, or breaks."""

    is_broken: bool = False
    told: list[object] = field(default_factory=list)

    def count(self, name: str, /, **labels: str) -> None:
        self._keep(name, labels)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self._keep(name, seconds, labels)

    def gauge(self, name: str, read: Levels, /) -> None:
        self._keep(name, read())

    def _keep(self, *told: object) -> None:
        if self.is_broken:
            raise RuntimeError("broken")
        self.told.append(told)


def tell(teller: Teller) -> None:
    teller.tell(StapleEventKind.RENEWED, LEAF, "why", url=URL)


def test_an_event_goes_to_the_log_the_meter_and_the_listener(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "certstatus.staple")
    meter = Meter()
    heard: list[StapleEvent] = []

    tell(Teller(FixedClock(NOW), meter, heard.append))

    (event,), (record,) = heard, caplog.records
    assert (event.kind, event.certificate, event.at) == (StapleEventKind.RENEWED, LEAF, NOW)
    assert (event.reason, event.facts) == ("why", {"url": URL})
    assert record.message == str(event)
    assert (vars(record)["staple_event"], vars(record)["url"]) == ("renewed", URL)
    assert vars(record)["fingerprint"] == LEAF.fingerprint.hex()
    assert meter.told == [("staple_events", {"kind": "renewed"})]


def test_nobody_need_listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "certstatus.staple")

    tell(Teller(FixedClock(NOW), Meter(), None))

    assert not caplog.records


def test_the_time_of_a_fetch_is_told_with_its_outcome() -> None:
    meter = Meter()

    Teller(FixedClock(NOW), meter, None).time(0.5, "newer")

    assert meter.told == [("staple_fetch_seconds", 0.5, {"outcome": "newer"})]


def test_a_broken_meter_is_logged_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(FixedClock(NOW), Meter(is_broken=True), None)
    caplog.set_level("ERROR", "certstatus.staple")

    tell(teller)
    teller.time(0.5, "newer")

    assert [one.message for one in caplog.records] == [
        "a listener of the stapler failed",
        "the stapler's meter failed",
    ]


def held(hash_: HashAlgorithm = HashAlgorithm.SHA1, count: int = 1, **changes: object) -> Held:
    ids = tuple(
        CertID.of(CA.certificate, LEAF.serial_number + place, hash_) for place in range(count)
    )
    forge = Forge.honest(CA, LEAF.serial_number).but(cert_ids=ids, this_update=NOW, **changes)
    policy = VerifyPolicy(require_next_update=False)
    report = verify_response(
        forge.der, issuer=CA.certificate, certificate=LEAF, now=NOW, policy=policy
    )
    found = hold(
        report.require(), LEAF, CA.certificate, policy=policy, url=URL, origin=Origin.RESPONDER
    )
    assert found is not None
    return found


def test_the_facts_of_a_staple_are_its_status_its_times_and_its_responder() -> None:
    end = NOW + timedelta(days=4)

    assert facts_of(held(next_update=end)) == {
        "status": "good",
        "thisUpdate": "2026-11-21T12:00:00Z",
        "nextUpdate": "2026-11-25T12:00:00Z",
        "end": "2026-11-25T12:00:00Z",
        "url": URL,
    }
    assert facts_of(held(has_next_update=False))["nextUpdate"] == ""


def test_what_some_clients_refuse_is_remarked() -> None:
    facts = facts_of(held(HashAlgorithm.SHA256, 2))

    assert facts["remarks"] == (
        "holds 2 answers, and some clients take only one; "
        "its CertID is not by SHA-1, and some clients know no other"
    )


def result(report: Report | None, *attempts: Attempt) -> CheckResult:
    return CheckResult(
        certificate=LEAF, verdict=Verdict.UNTRUSTED, report=report, url=URL, attempts=attempts
    )


def test_why_nothing_can_be_stapled_is_said_in_a_line() -> None:
    record = Record.of(LEAF, (), (URL,), NOW)
    failed = Check.failed("O22", "signature", "does not hold")
    passed = Check.passed("O19", "thisUpdate", "is past")
    tried = Attempt(URL, "refused")

    refused = Report(verdict=Verdict.UNTRUSTED, checks=(passed, failed))
    assert why_not(result(refused, tried), record) == f"{URL}: signature: does not hold [O22]"
    held_all = Report(verdict=Verdict.REFUSED, checks=(passed,))
    assert why_not(result(held_all, tried, tried), record) == f"{URL}: refused"
    assert why_not(result(None), record) == "no responder answered"
