"""The judge: every check in one report, in one order, whatever came."""

from __future__ import annotations

import pytest

from certstatus.ocsp import CertID, OCSPResponse, parse_response
from certstatus.pkix import Certificate
from certstatus.testing import LIES, Forge, TinyCA
from certstatus.verify import Outcome, Verdict, verify_response
from tests import der as hand
from tests.courtroom import CA, LEAF, NOW, failed, findings, honest, judge, outcomes

EVERY_CHECK = [
    ("O10", "response status"),
    ("O9", "response type"),
    ("O23", "certificate and issuer"),
    ("O1", "issuer of the certID"),
    ("O15", "certID"),
    ("O12", "one answer"),
    ("O15", "request and response"),
    ("O29", "signature algorithm"),
    ("O16", "responderID"),
    ("O21", "signature"),
    ("O22", "authorised responder"),
    ("O23", "issued by the same key"),
    ("O25", "responder's validity"),
    ("O25", "responder's key usage"),
    ("O25", "responder's extensions"),
    ("O24", "responder's own status"),
    ("N3", "nonce"),
    ("O3", "responseExtensions"),
    ("O3", "singleExtensions"),
    ("O13", "extended-revoke"),
    ("O19", "thisUpdate"),
    ("L10", "nextUpdate"),
    ("O19", "producedAt"),
    ("O19", "age"),
]


def test_every_check_stands_in_the_report_in_one_order() -> None:
    """What ``--json`` prints: programs rely on it."""
    assert [(check.rule, check.name) for check in judge(honest().der).checks] == EVERY_CHECK


def test_bytes_and_what_was_read_of_them_are_judged_alike() -> None:
    der = honest().der
    read: OCSPResponse = parse_response(der)

    by_value = verify_response(read, issuer=CA.certificate, certificate=LEAF, now=NOW)

    assert by_value.checks == judge(der).checks
    assert by_value.response is read


@pytest.mark.parametrize("lie", LIES)
def test_verification_goes_on_after_a_failure(lie: str) -> None:
    """A report names everything that is wrong, not the first thing alone."""
    _, tell = LIES[lie]
    report = judge(tell(honest().but(has_next_update=False)).der)

    if report.response is not None and report.response.basic is not None and report.single:
        assert "nextUpdate" in failed(report)
    assert report.verified is None


def test_two_lies_are_two_failures() -> None:
    _, serial = LIES["wrong serial number"]
    _, signature = LIES["signature of other bytes"]

    assert failed(judge(signature(serial(honest())).der)) == ["certID", "signature"]


@pytest.mark.rule("O23", "L9")
def test_a_certificate_of_another_issuer_is_told_before_its_answer() -> None:
    other = TinyCA("Other CA")
    leaf = other.issue_server(serial_number=LEAF.serial_number).certificate

    report = judge(honest().der, certificate=leaf)

    assert outcomes(report)["certificate and issuer"] is Outcome.FAIL
    assert report.verdict is Verdict.UNTRUSTED


@pytest.mark.rule("O1")
def test_the_certificate_decides_over_a_serial_number() -> None:
    report = judge(honest().der, serial_number=LEAF.serial_number + 1)

    assert report.verdict is Verdict.GOOD


def test_departures_are_told_as_findings() -> None:
    zero = CA.issue_server(serial_number=5).certificate
    der = hand.changed(zero.der, (0, 1), lambda _: hand.integer(0))
    certificate = Certificate.from_der(der)
    forged = honest().but(cert_ids=(CertID.for_certificate(certificate, CA.certificate),))

    report = judge(forged.der, certificate=None, serial_number=0)

    assert report.verdict is Verdict.GOOD
    assert findings(report) == {"SingleResponse.certID.serialNumber": "is zero (RFC 5280 §4.1.2.2)"}


def test_a_delegate_may_be_judged_like_any_certificate() -> None:
    """The question that a pending report asks: what of the delegate itself?"""
    delegate = CA.issue_responder(nocheck=False).certificate
    about = Forge.honest(CA, delegate.serial_number)

    assert judge(about.der, certificate=delegate).verdict is Verdict.GOOD
