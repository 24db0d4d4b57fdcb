"""Which answer counts: by issuer, by serial number, and of several the strictest."""

from __future__ import annotations

from itertools import permutations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.ocsp import (
    AcceptableResponses,
    CertID,
    Good,
    Revoked,
    SingleResponse,
    Unknown,
    encode_request,
    parse_request,
)
from certstatus.pkix import HashAlgorithm
from certstatus.testing import TinyCA
from certstatus.verify import Outcome, Verdict
from certstatus.verify.matching import find_answer
from certstatus.verify.question import Target
from tests.courtroom import CA, LEAF, NOW, failed, findings, honest, judge, outcomes, request_of

STATUSES: tuple[Good | Revoked | Unknown, ...] = (Good(), Unknown(), Revoked(NOW))
TARGET = Target(CA.certificate, LEAF.serial_number, LEAF)


def answer(
    status: Good | Revoked | Unknown = Good(),  # noqa: B008 - frozen
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    serial_number: int = LEAF.serial_number,
    ca: TinyCA = CA,
) -> SingleResponse:
    cert_id = CertID.of(ca.certificate, serial_number, algorithm)
    return SingleResponse(cert_id=cert_id, cert_status=status, this_update=NOW)


@pytest.mark.parametrize("order", list(permutations(STATUSES)))
@pytest.mark.rule("O12")
def test_the_strictest_counts_in_whatever_order_they_stand(
    order: tuple[Good | Revoked | Unknown, ...],
) -> None:
    counted, checks = find_answer([answer(status) for status in order], TARGET)

    assert counted is not None
    assert isinstance(counted.cert_status, Revoked)
    assert checks[-1].facts["counted"].startswith("revoked")
    for pair in permutations(STATUSES[:2]):
        counted, _ = find_answer([answer(status) for status in pair], TARGET)
        assert counted is not None
        assert isinstance(counted.cert_status, Unknown)


@pytest.mark.rule("L3", "O12")
def test_two_answers_under_two_hashes_are_one() -> None:
    """RFC 9919 §3.2.1 lets a responder answer under SHA-1 and SHA-256 at once."""
    both = [answer(algorithm=one) for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)]

    counted, checks = find_answer(both, TARGET)

    assert counted == both[0]
    assert checks[-1].reason == "2 matching, all good"


@pytest.mark.rule("L3", "O12")
def test_under_two_hashes_too_the_strictest_counts() -> None:
    """Who revokes under one hash, and says good under the other, has revoked."""
    sha1, sha256 = (
        CertID.of(CA.certificate, LEAF.serial_number, one)
        for one in (
            HashAlgorithm.SHA1,
            HashAlgorithm.SHA256,
        )
    )
    revoked = honest().but(cert_status=Revoked(NOW)).single(sha1)

    report = judge(honest().but(cert_ids=(sha256,), more=(revoked,)).der)

    assert report.verdict is Verdict.REVOKED


@pytest.mark.rule("O15")
def test_answers_about_others_do_not_count() -> None:
    """Same serial of another CA; another serial of the same; same name, another key."""
    others = [
        answer(Revoked(NOW), ca=TinyCA("Other CA")),
        answer(Revoked(NOW), serial_number=LEAF.serial_number + 1),
        answer(Revoked(NOW), ca=TinyCA("Issuing CA")),
    ]

    counted, _ = find_answer([*others, answer()], TARGET)
    nothing, checks = find_answer(others, TARGET)

    assert counted == answer()
    assert nothing is None
    assert [(check.rule, check.outcome) for check in checks] == [
        ("O1", Outcome.PASS),
        ("O15", Outcome.FAIL),
    ]


@pytest.mark.rule("O1", "O15")
def test_an_answer_of_another_issuer_with_the_same_serial_is_refused() -> None:
    other = CertID.of(TinyCA("Other CA").certificate, LEAF.serial_number)

    report = judge(honest().but(cert_ids=(other,)).der)

    assert failed(report) == ["issuer of the certID"]
    assert outcomes(report)["certID"] is Outcome.SKIP
    assert report.single is None


@pytest.mark.parametrize("half", ["issuer_name_hash", "issuer_key_hash"])
@pytest.mark.rule("O1")
def test_both_hashes_must_be_the_issuers(half: str) -> None:
    """FIELD: a lookup by serial number and one hash answers for the wrong CA."""
    own = CertID.of(CA.certificate, LEAF.serial_number)
    halves = {name: getattr(own, name) for name in ("issuer_name_hash", "issuer_key_hash")}
    wrong = CertID(
        own.hash_algorithm, serial_number=own.serial_number, **halves | {half: bytes(32)}
    )

    assert failed(judge(honest().but(cert_ids=(wrong,)).der)) == ["issuer of the certID"]


@pytest.mark.rule("O1")
def test_by_serial_number_alone_the_issuers_own_name_counts() -> None:
    report = judge(honest().der, certificate=None, serial_number=LEAF.serial_number)

    assert report.verdict is Verdict.GOOD
    assert outcomes(report)["certificate and issuer"] is Outcome.SKIP


@pytest.mark.rule("O15")
def test_a_serial_number_is_compared_as_a_number() -> None:
    for serial_number in (0, -1, 2**160, 2**167):
        cert_id = CertID.of(CA.certificate, serial_number)
        forged = honest().but(cert_ids=(cert_id,)).der
        report = judge(forged, certificate=None, serial_number=serial_number)
        other = judge(forged, certificate=None, serial_number=serial_number + 256)
        assert report.verdict is Verdict.GOOD
        assert failed(other) == ["certID"]


@pytest.mark.rule("O15")
def test_the_answered_serials_are_named_and_no_more_than_five() -> None:
    many = tuple(CertID.of(CA.certificate, number) for number in range(1, 9))

    report = judge(honest().but(cert_ids=many).der)

    assert report.check("O15").reason.endswith("answers for 0x1, 0x2, 0x3, 0x4, 0x5")


# --- request and response -------------------------------------------------------------------


@pytest.mark.rule("O15")
def test_the_request_may_have_asked_under_another_hash() -> None:
    """A responder that has only SHA-1 answers still answers about the certificate."""
    asked = CertID.of(CA.certificate, LEAF.serial_number, HashAlgorithm.SHA384)
    request = parse_request(encode_request([asked]))

    report = judge(honest().der, request=request)

    assert report.verdict is Verdict.GOOD
    assert findings(report) == {"ResponseData.responses": "1 answers were not asked for (O15)"}
    assert len(report.findings) == 2


@pytest.mark.rule("O6")
def test_a_list_of_acceptable_responses_without_basic_is_a_slip_of_the_client() -> None:
    request = request_of(honest(), AcceptableResponses((ObjectIdentifier("1.2.3"),)))

    report = judge(honest().der, request=request)

    assert report.verdict is Verdict.GOOD
    assert report.check("O6").outcome is Outcome.PASS
