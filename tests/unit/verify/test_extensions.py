"""Extensions of a response: unknown critical ones are refused, odd ones told."""

from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.ocsp import (
    NEVER_ISSUED,
    AcceptableResponses,
    ArchiveCutoff,
    CertID,
    CertificateIssuer,
    CrlID,
    ExtendedRevoke,
    Extension,
    Extensions,
    InvalidityDate,
    NoCheck,
    Nonce,
    ReasonCode,
    Revoked,
    SignedCertificateTimestampList,
)
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.pkix import CRLReason, GeneralName
from certstatus.verify import Outcome, Verdict
from tests.courtroom import CA, NOW, failed, findings, honest, judge, outcomes

UNKNOWN = Extension(ObjectIdentifier("1.2.3.4"), b"")
RESPONSE: list[ExtensionValue] = [Nonce(b"\1" * 16), ExtendedRevoke()]
SINGLE: list[ExtensionValue] = [
    CrlID(crl_num=1),
    ArchiveCutoff(NOW),
    ReasonCode(CRLReason.SUPERSEDED),
    InvalidityDate(NOW),
    CertificateIssuer((GeneralName.dns_name("a.example"),)),
    SignedCertificateTimestampList((b"sct",)),
]
ABROAD: list[ExtensionValue] = [AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)), NoCheck()]


def critical(value: ExtensionValue | Extension) -> Extension:
    octets = value.value if isinstance(value, Extension) else value.encode()
    return Extension(value.oid, octets, critical=True)


@pytest.mark.parametrize("place", ["response_extensions", "single_extensions"])
@pytest.mark.rule("O3")
def test_unknown_ones_are_ignored_unless_critical(place: str) -> None:
    """RFC 6960 §4.1.2 says it of requests; a client holds a response to no less."""
    assert judge(honest().but(**{place: Extensions.of(UNKNOWN)}).der).verdict is Verdict.GOOD

    report = judge(honest().but(**{place: Extensions.of(critical(UNKNOWN))}).der)

    assert report.verdict is Verdict.UNTRUSTED
    assert report.check("O3").reason == "critical and not known here: 1.2.3.4"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *(("response_extensions", value) for value in RESPONSE),
        *(("single_extensions", value) for value in SINGLE),
    ],
    ids=lambda case: type(case).__name__ if not isinstance(case, str) else case,
)
@pytest.mark.rule("O3", "O26", "O27", "O28")
def test_known_ones_may_be_critical_at_home_and_it_is_told(
    place: str, value: ExtensionValue
) -> None:
    report = judge(honest().but(**{place: Extensions.of(critical(value))}).der)

    assert report.verdict is Verdict.GOOD
    assert any("is critical" in finding.text for finding in report.findings)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *(("single_extensions", value) for value in [*RESPONSE, *ABROAD]),
        *(("response_extensions", value) for value in [*SINGLE, *ABROAD]),
    ],
    ids=lambda case: type(case).__name__ if not isinstance(case, str) else case,
)
@pytest.mark.rule("O3", "O13")
def test_abroad_a_critical_one_is_not_known(place: str, value: ExtensionValue) -> None:
    plain = judge(honest().but(**{place: Extensions.of(value)}).der)
    must = judge(honest().but(**{place: Extensions.of(critical(value))}).der)

    assert plain.verdict is Verdict.GOOD
    assert must.verdict is Verdict.UNTRUSTED
    is_ours = type(value) not in {type(one) for one in ABROAD}
    assert ("does not belong here" in findings(plain).values()) is is_ours


@pytest.mark.rule("O3")
def test_a_critical_extension_of_another_answer_does_not_spoil_ours() -> None:
    """Each answer stands for itself; only what is counted is held to its extensions."""
    forged = honest()
    other = forged.but(single_extensions=Extensions.of(critical(UNKNOWN)))
    more = other.single(CertID.of(CA.certificate, 99))

    assert judge(forged.but(more=(more,)).der).verdict is Verdict.GOOD


@pytest.mark.rule("O13")
def test_extended_revoke_is_looked_for_in_the_response_extensions_alone() -> None:
    said = honest().but(cert_status=NEVER_ISSUED)
    right = judge(said.but(response_extensions=Extensions.of(ExtendedRevoke())).der)
    wrong = judge(said.but(single_extensions=Extensions.of(ExtendedRevoke())).der)

    assert right.verdict is wrong.verdict is Verdict.REVOKED
    assert outcomes(right)["extended-revoke"] is Outcome.PASS
    assert outcomes(wrong)["extended-revoke"] is Outcome.SKIP


@pytest.mark.rule("O13")
def test_revoked_is_revoked_with_extended_revoke_or_without() -> None:
    extensions = Extensions.of(ExtendedRevoke())
    forged = honest().but(cert_status=Revoked(NOW), response_extensions=extensions)

    report = judge(forged.der)

    assert report.verdict is Verdict.REVOKED
    assert failed(report) == []
    assert outcomes(report)["extended-revoke"] is Outcome.SKIP
