"""The report: what it says, what it raises, and the proof that only it can give."""

from __future__ import annotations

import json
import threading
from copy import copy
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta

import pytest

from certstatus.asn1 import Departure
from certstatus.errors import CertStatusError, MalformedError, RefusedError, UntrustedError
from certstatus.ocsp import (
    Good,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    parse_response,
)
from certstatus.pkix import CRLReason
from certstatus.verify import (
    DEFAULT_POLICY,
    Check,
    Finding,
    Outcome,
    Report,
    Verdict,
    VerifyPolicy,
    judge_again,
)
from certstatus.verify.report import VerifiedResponse, seal, telling, wire_time
from tests.courtroom import CA, DAY, DELEGATE, LEAF, NOW, honest, judge

GOOD = Check.passed("O1", "first", "holds")
BAD = Check.failed("O1", "second", "does not hold", fact="7")
SKIPPED = Check.skipped("O2", "third", "did not apply")


def report(*checks: Check) -> Report:
    return Report(verdict=Verdict.UNTRUSTED, checks=checks)


def test_a_check_carries_rule_name_outcome_reason_and_facts() -> None:
    assert [one.outcome for one in (GOOD, BAD, SKIPPED)] == [
        Outcome.PASS,
        Outcome.FAIL,
        Outcome.SKIP,
    ]
    assert (BAD.rule, BAD.name, BAD.reason, dict(BAD.facts)) == (
        "O1",
        "second",
        "does not hold",
        {"fact": "7"},
    )
    with pytest.raises(FrozenInstanceError):
        GOOD.outcome = Outcome.FAIL  # type: ignore[misc]
    plain = Check("O1", "name", Outcome.PASS, "reason")
    with pytest.raises(TypeError):
        plain.facts["more"] = ""  # type: ignore[index]


def test_of_a_rules_checks_the_one_that_failed_is_found_first() -> None:
    assert report(GOOD, BAD, SKIPPED).check("O1") is BAD
    assert report(GOOD, SKIPPED).check("O1") is GOOD
    assert report(GOOD, BAD).failures == (BAD,)
    with pytest.raises(KeyError):
        report(GOOD).check("O9")


def test_a_finding_takes_over_a_departure() -> None:
    assert Finding.of(Departure("version", "is written out")) == Finding(
        "version", "is written out"
    )


# --- what is told when it is read -----------------------------------------------------------------


HONEST = honest().der


def usual() -> Report:
    """Judge what is believed the short way."""
    return judge(HONEST)


def test_the_checks_of_a_usual_answer_are_told_when_they_are_read_and_then_kept() -> None:
    report = usual()
    assert "checks" not in vars(report)

    told = report.checks

    assert report.checks is told
    assert {check.outcome for check in told} == {Outcome.PASS, Outcome.SKIP}
    assert report.check("O21").reason == f"holds, by the key of {DELEGATE.certificate.subject}"


def test_the_proof_says_that_none_failed_without_telling_any() -> None:
    report = usual()

    assert report.failures == ()
    assert report.require() is report.verified
    assert "checks" not in vars(report)


def test_a_report_is_the_same_told_or_not() -> None:
    told = usual()
    assert told.checks

    assert usual() == told
    assert repr(usual()) == repr(told)
    assert usual().as_json() == told.as_json()
    assert copy(usual()) == copy(told) == told
    assert replace(usual(), findings=()) == told
    assert replace(usual(), checks=()) != told


def test_a_report_judged_again_and_again_is_told_at_its_own_time_and_keeps_no_earlier_one() -> None:
    first, hour = usual(), timedelta(hours=1)
    later = judge_again(first, now=NOW + hour, policy=DEFAULT_POLICY)
    assert later is not None
    latest = judge_again(later, now=NOW + 2 * hour, policy=DEFAULT_POLICY)
    assert latest is not None

    assert telling(latest) is telling(first)
    assert latest.checks == judge(HONEST, now=NOW + 2 * hour).checks != first.checks


def test_nobody_writes_into_a_report_told_or_not() -> None:
    report = usual()
    for _ in range(2):
        with pytest.raises(FrozenInstanceError):
            report.checks = ()  # type: ignore[misc]
        assert report.checks


def test_threads_that_read_at_once_read_the_same() -> None:
    report, start = usual(), threading.Barrier(8)
    found: list[tuple[Check, ...]] = []

    def read() -> None:
        start.wait(10)
        found.append(report.checks)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert found == [report.checks] * 8


# --- verdicts ---------------------------------------------------------------------------------


def test_every_verdict_has_its_exit_code() -> None:
    assert {str(verdict): verdict.exit_code for verdict in Verdict} == {
        "good": 0,
        "revoked": 1,
        "unknown": 2,
        "untrusted": 3,
        "refused": 4,
        "malformed": 65,
        "unreachable": 69,
    }


@pytest.mark.parametrize(
    ("der", "error", "code"),
    [
        (b"junk", MalformedError, 65),
        (encode_error_response(OCSPResponseStatus.TRY_LATER), RefusedError, 4),
        (honest().but(certs=()).der, UntrustedError, 3),
    ],
    ids=["malformed", "refused", "untrusted"],
)
def test_what_is_not_believed_is_raised_when_the_proof_is_required(
    der: bytes, error: type[CertStatusError], code: int
) -> None:
    judged = judge(der)

    with pytest.raises(error) as caught:
        judged.require()
    assert caught.value.exit_code == judged.verdict.exit_code == code


def test_an_untrusted_response_carries_its_report_and_every_reason() -> None:
    judged = judge(honest().but(certs=(), has_next_update=False).der)

    with pytest.raises(UntrustedError) as caught:
        judged.require()

    assert caught.value.report is judged
    assert "responderID: no certificate at hand" in str(caught.value)
    assert "nextUpdate: is absent" in str(caught.value)


# --- the proof --------------------------------------------------------------------------------


def test_the_proof_holds_what_was_believed() -> None:
    der = honest().der

    proof = judge(der).require()

    assert (proof.der, proof.verified_at) == (der, NOW)
    assert proof.signer == DELEGATE.certificate
    assert proof.cert_status == Good() == proof.single.cert_status
    assert proof.data.responses == (proof.single,)


@pytest.mark.parametrize(
    ("next_update", "not_after", "expires"),
    [
        (NOW + DAY, NOW + 2 * DAY, NOW + DAY),
        (NOW + 2 * DAY, NOW + DAY, NOW + DAY),
        (None, NOW + DAY, NOW + DAY),
    ],
)
def test_the_proof_ends_with_the_answer_or_its_signer(
    next_update: datetime | None, not_after: datetime, expires: datetime
) -> None:
    signer = CA.issue_responder(not_after=not_after)
    forged = honest().but(
        signer=signer, next_update=next_update, has_next_update=next_update is not None
    )

    proof = judge(forged.der, policy=VerifyPolicy(require_next_update=False)).require()

    assert proof.expires == expires


def test_a_proof_cannot_be_made_or_copied_by_hand() -> None:
    proof = judge(honest().der).require()
    fields = {
        "response": proof.response,
        "single": proof.single,
        "signer": proof.signer,
        "verified_at": NOW + timedelta(days=99),
        "expires": None,
    }

    for token in (None, object(), "seal"):
        with pytest.raises(TypeError, match=r"only certstatus\.verify"):
            VerifiedResponse(**fields, seal=token)  # type: ignore[arg-type]
    remade = seal(proof.response, proof.single, proof.signer, NOW)
    assert remade == proof


# --- for programs -----------------------------------------------------------------------------


def test_a_report_is_json_with_stable_keys() -> None:
    status = Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    told = judge(honest().but(cert_status=status).der).as_json()

    assert json.loads(json.dumps(told)) == told
    assert list(told) == ["verdict", "status", "responseStatus", "checks", "findings"]
    assert told["verdict"] == "revoked"
    assert told["responseStatus"] == "successful"
    assert told["status"] == {
        "serialNumber": f"{LEAF.serial_number:x}",
        "thisUpdate": "2026-11-21T11:50:00Z",
        "nextUpdate": "2026-11-25T11:50:00Z",
        "certStatus": "revoked",
        "revocationTime": "2026-11-20T12:00:00Z",
        "revocationReason": "keyCompromise",
    }
    checks = told["checks"]
    assert isinstance(checks, list)
    assert all(list(check) == ["rule", "name", "outcome", "reason", "facts"] for check in checks)


@pytest.mark.parametrize(("status", "word"), [(Good(), "good"), (Unknown(), "unknown")])
def test_the_other_answers_have_neither_time_nor_reason(status: Good | Unknown, word: str) -> None:
    forged = honest().but(cert_status=status, has_next_update=False)
    told = judge(forged.der, policy=VerifyPolicy(require_next_update=False)).as_json()["status"]

    assert isinstance(told, dict)
    assert (told["certStatus"], told["nextUpdate"]) == (word, None)
    assert "revocationTime" not in told


def test_without_an_answer_there_is_no_status() -> None:
    refused = judge(encode_error_response(OCSPResponseStatus.UNAUTHORIZED)).as_json()
    malformed = judge(b"junk").as_json()

    assert (refused["status"], refused["responseStatus"]) == (None, "unauthorized")
    assert (malformed["status"], malformed["responseStatus"]) == (None, None)


def test_an_answer_that_is_not_believed_is_shown_all_the_same() -> None:
    judged = judge(honest().but(certs=()).der)

    assert judged.verified is None
    assert judged.single is not None
    assert judged.as_json()["verdict"] == "untrusted"


@pytest.mark.rule("O10")
def test_departures_of_a_refusal_are_told_too() -> None:
    der = honest().der.replace(b"\x0a\x01\x00", b"\x0a\x01\x03", 1)

    judged = judge(der)

    assert judged.verdict is Verdict.REFUSED
    assert [finding.where for finding in judged.findings] == ["OCSPResponse.responseBytes"]
    assert parse_response(der).basic is None


def test_times_are_written_in_utc_with_a_z() -> None:
    assert wire_time(NOW) == "2026-11-21T12:00:00Z"
