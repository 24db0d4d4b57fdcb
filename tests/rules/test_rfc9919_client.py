"""RFC 9919 (the lightweight profile) as a client keeps it when it judges an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import ByKey, ByName, CertID, Good, Revoked, SingleResponse
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.verify import Verdict, VerifyPolicy
from tests.courtroom import CA, DAY, DELEGATE, LEAF, NOW, SECOND, failed, honest, judge, request_of

SHA1, SHA256 = (
    CertID.of(CA.certificate, LEAF.serial_number, one)
    for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
)


@pytest.mark.rule("L1")
def test_a_cert_id_is_sha256_unless_asked_otherwise() -> None:
    """§3.1.1: clients MUST use SHA-256, with parameters absent (RFC 5754 §2)."""
    made = CertID.for_certificate(LEAF, CA.certificate)

    assert made.hash is HashAlgorithm.SHA256
    assert made.hash_algorithm.parameters is None


@pytest.mark.parametrize("asked", [SHA1, SHA256])
@pytest.mark.parametrize("order", [(SHA1, SHA256), (SHA256, SHA1)])
@pytest.mark.rule("L3")
def test_of_answers_under_two_hashes_the_one_for_the_certificate_is_found(
    order: tuple[CertID, CertID], asked: CertID
) -> None:
    """§3.2.1: a responder MAY send two answers for one certificate, under SHA-1 and SHA-256."""
    forged = honest().but(cert_ids=order)

    report = judge(forged.der, request=request_of(honest().but(cert_ids=(asked,))))

    assert report.verdict is Verdict.GOOD


@pytest.mark.rule("L3", "O12")
def test_who_says_revoked_under_one_hash_has_revoked() -> None:
    good = honest().but(cert_ids=(SHA256,))
    revoked = good.but(cert_status=Revoked(NOW)).single(SHA1)

    assert judge(good.but(more=(revoked,)).der).verdict is Verdict.REVOKED


@pytest.mark.rule("L3")
def test_an_answer_under_a_hash_that_nobody_knows_is_passed_over() -> None:
    md5 = AlgorithmIdentifier(ObjectIdentifier("1.2.840.113549.2.5"))
    unknown = replace(SHA256, hash_algorithm=md5)
    revoked = honest().but(cert_status=Revoked(NOW)).single(unknown)

    assert judge(honest().but(more=(revoked,)).der).verdict is Verdict.GOOD


@pytest.mark.rule("L5", "O16")
def test_by_key_and_by_name_are_both_accepted() -> None:
    """§3.2.2: clients MUST support byKey, and SHOULD support byName."""
    for responder_id in (ByKey.of(DELEGATE.certificate), ByName(DELEGATE.certificate.subject)):
        assert judge(honest().but(responder_id=responder_id).der).verdict is Verdict.GOOD


@pytest.mark.rule("L7", "L10")
def test_an_answer_without_next_update_is_rejected() -> None:
    """§5: "clients MUST reject" a response without nextUpdate."""
    report = judge(honest().but(has_next_update=False).der)

    assert report.verdict is Verdict.UNTRUSTED
    assert [check.rule for check in report.failures] == ["L10"]


def interval(start: timedelta, end: timedelta) -> bytes:
    times = {"this_update": NOW + start, "produced_at": NOW + start, "next_update": NOW + end}
    return honest().but(**times).der


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-DAY, DAY, []),
        (timedelta(0), timedelta(0), []),
        (-DAY, -DEFAULT_SKEW, []),
        (DEFAULT_SKEW, DAY, []),
        (-DAY, -DEFAULT_SKEW - SECOND, ["nextUpdate"]),
        (DEFAULT_SKEW + SECOND, DAY, ["thisUpdate", "producedAt"]),
    ],
)
@pytest.mark.rule("L10", "O19")
def test_now_lies_in_the_interval_with_a_small_tolerance(
    start: timedelta, end: timedelta, expected: list[str]
) -> None:
    """§5: "MUST reject" outside [thisUpdate, nextUpdate]; a tolerance MAY be allowed."""
    assert failed(judge(interval(start, end))) == expected


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(hours=1)])
@pytest.mark.rule("L10")
def test_the_tolerance_is_configured(skew: timedelta) -> None:
    policy = VerifyPolicy(skew=skew)

    assert failed(judge(interval(-DAY, -skew), policy=policy)) == []
    assert failed(judge(interval(-DAY, -skew - SECOND), policy=policy)) == ["nextUpdate"]


@pytest.mark.rule("L10")
def test_the_same_answer_is_believed_today_and_not_next_week() -> None:
    der = honest().der

    assert judge(der, now=NOW).verdict is Verdict.GOOD
    assert judge(der, now=NOW + 7 * DAY).verdict is Verdict.UNTRUSTED
    assert judge(der, now=NOW - 7 * DAY).verdict is Verdict.UNTRUSTED


@pytest.mark.rule("L10")
def test_each_answer_is_held_to_its_own_interval() -> None:
    """Another certificate's answer may have run out: it is not the one that counts."""
    stale = SingleResponse(
        cert_id=CertID.of(CA.certificate, 99),
        cert_status=Good(),
        this_update=NOW - 9 * DAY,
        next_update=NOW - 8 * DAY,
    )

    assert judge(honest().but(more=(stale,)).der).verdict is Verdict.GOOD
