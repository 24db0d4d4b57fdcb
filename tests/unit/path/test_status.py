from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pytest
from cryptography import x509

from certstatus.ocsp import (
    CertID,
    CertStatus,
    Good,
    OCSPResponse,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    parse_response,
)
from certstatus.path import (
    CertificateReport,
    HeldCRL,
    PathInputs,
    RevocationRule,
    RevocationStatus,
    ValidationError,
    Work,
    WorkLimits,
)
from certstatus.pkix import Certificate, CRLReason
from certstatus.testing import Forge, Issued, TinyCA
from tests.paths import DAY, NOW, checked, crl, cross

ROOT: Final = TinyCA("Root")
LEAF: Final = ROOT.issue("leaf").certificate
RESPONDER: Final = ROOT.issue_responder("responder")
INPUTS: Final = PathInputs(anchors=(ROOT.certificate,))


def answer(
    status: CertStatus = Good(),  # noqa: B008 - a value, frozen
    *,
    about: Certificate = LEAF,
    signer: Issued = RESPONDER,
    now: datetime = NOW,
) -> OCSPResponse:
    cert_id = CertID.for_certificate(about, ROOT.certificate)
    forge = Forge(ca=ROOT, signer=signer, cert_ids=(cert_id,), now=now, cert_status=status)
    return parse_response(forge.der)


def told(certificate: Certificate = LEAF, **evidence: Any) -> CertificateReport:
    found = checked(certificate, INPUTS, **evidence)
    assert found.report is not None
    (report,) = found.report.certificates
    assert found.is_valid == report.status.is_fine
    return report


# --- by OCSP -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Good(), RevocationStatus.GOOD),
        (Revoked(NOW - DAY, CRLReason.SUPERSEDED), RevocationStatus.REVOKED),
        (Revoked(NOW - DAY), RevocationStatus.REVOKED),
        (Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD), RevocationStatus.ON_HOLD),
        (Unknown(), RevocationStatus.OFF_LINE),
    ],
    ids=["good", "revoked", "revoked for nothing", "on hold", "unknown"],
)
def test_a_response_is_put_into_the_report(status: CertStatus, expected: RevocationStatus) -> None:
    report = told(ocsp_responses=[answer(status)])
    assert report.status is expected
    if isinstance(status, Revoked):
        assert report.revocation_date == NOW - DAY
        assert report.revocation_reason is status.reason


def test_a_response_that_is_not_to_be_believed_tells_why() -> None:
    stranger = TinyCA("Root").issue_responder("responder")
    report = told(ocsp_responses=[answer(signer=stranger)])
    assert report.status is RevocationStatus.OFF_LINE
    assert report.reason.startswith("an OCSP response is not to be believed: ")


def test_responses_about_others_and_error_statuses_are_passed_over() -> None:
    other = ROOT.issue("other").certificate
    refused = parse_response(encode_error_response(OCSPResponseStatus.TRY_LATER))
    report = told(ocsp_responses=[answer(about=other), refused])
    assert report.status is RevocationStatus.NO_SOURCE


def test_of_several_responses_the_strictest_stands() -> None:
    responses = [answer(), answer(Revoked(NOW - DAY)), answer()]
    assert told(ocsp_responses=responses).status is RevocationStatus.REVOKED


@pytest.mark.rule("O24")
def test_a_responders_own_status_counts() -> None:
    delegate = ROOT.issue_responder("responder", nocheck=False, crl_uris=("http://crl.example/",))
    responses = [answer(signer=delegate)]
    assert told(ocsp_responses=responses).status is RevocationStatus.OFF_LINE
    clean = told(ocsp_responses=responses, crls=[crl(ROOT)])
    assert clean.status is RevocationStatus.GOOD
    only = PathInputs(anchors=(ROOT.certificate,), end_entity_revocation=RevocationRule.OCSP)
    listed = crl(ROOT, delegate.certificate)
    assert not checked(LEAF, only, ocsp_responses=responses, crls=[listed]).is_valid


@pytest.mark.rule("O24")
def test_a_responder_does_not_vouch_for_itself() -> None:
    delegate = ROOT.issue_responder("responder", nocheck=False, ocsp_uris=("http://ocsp.example/",))
    own = answer(about=delegate.certificate, signer=delegate)
    report = told(ocsp_responses=[answer(signer=delegate), own])
    assert report.status is RevocationStatus.OFF_LINE
    vouched = answer(about=delegate.certificate)
    responses = [answer(signer=delegate), vouched]
    assert told(ocsp_responses=responses).status is RevocationStatus.GOOD


# --- by CRLs -----------------------------------------------------------------------------------


def test_a_delta_counts_where_deltas_do() -> None:
    full = crl(ROOT, LEAF, reason=CRLReason.CERTIFICATE_HOLD, number=3)
    released = crl(ROOT, LEAF, reason=CRLReason.REMOVE_FROM_CRL, number=4, delta_of=3)
    assert told(crls=[full]).status is RevocationStatus.ON_HOLD
    assert told(crls=[full, released]).status is RevocationStatus.GOOD
    strict = PathInputs(anchors=(ROOT.certificate,), end_entity_revocation=RevocationRule.CRL)
    assert not checked(LEAF, strict, crls=[full, released]).is_valid


@pytest.mark.parametrize(
    ("number", "base"), [(4, 5), (3, 3), (2, 1)], ids=["adds to a later one", "same", "older"]
)
def test_a_delta_that_does_not_combine_counts_for_nothing(number: int, base: int) -> None:
    full = crl(ROOT, LEAF, reason=CRLReason.CERTIFICATE_HOLD, number=3)
    delta = crl(ROOT, LEAF, reason=CRLReason.REMOVE_FROM_CRL, number=number, delta_of=base)
    assert told(crls=[full, delta]).status is RevocationStatus.ON_HOLD


def test_a_forged_delta_counts_for_nothing() -> None:
    full = crl(ROOT, LEAF, reason=CRLReason.CERTIFICATE_HOLD, number=3)
    forged = crl(TinyCA("Root"), LEAF, reason=CRLReason.REMOVE_FROM_CRL, number=4, delta_of=3)
    assert told(crls=[full, forged]).status is RevocationStatus.ON_HOLD


def test_the_newest_crl_counts() -> None:
    before = crl(ROOT, number=1, this_update=NOW - 2 * DAY)
    after = crl(ROOT, LEAF, number=2, this_update=NOW - DAY)
    assert told(crls=[before, after]).status is RevocationStatus.REVOKED


@pytest.mark.rule("C8")
def test_a_crl_by_a_key_of_another_anchor_is_not_believed() -> None:
    elsewhere = TinyCA("Elsewhere")
    foreign = TinyCA("Root")
    report = told(crls=[crl(foreign)], pool=[cross(elsewhere, foreign), elsewhere.certificate])
    assert report.status is RevocationStatus.OFF_LINE
    assert "there is no path to it" in report.reason


def second_key(ca: TinyCA, **wishes: Any) -> tuple[TinyCA, Certificate]:
    """Make a second key of a CA, and let the first certify it."""
    second = TinyCA(ca.common_name)
    return second, cross(ca, second, **wishes)


def test_whatever_crl_lists_the_certificate_counts() -> None:
    second, certified = second_key(ROOT)
    lists = [crl(second, number=9), crl(ROOT, LEAF, this_update=NOW - 2 * DAY)]
    assert told(crls=lists, pool=[certified]).status is RevocationStatus.REVOKED
    lists = [crl(second, LEAF, this_update=NOW - 2 * DAY), crl(ROOT)]
    assert told(crls=lists, pool=[certified]).status is RevocationStatus.REVOKED


@pytest.mark.rule("C8")
def test_a_crl_issuer_that_is_revoked_is_not_saved_by_its_own_newer_crl() -> None:
    second, certified = second_key(ROOT)
    ours = crl(ROOT, certified, this_update=NOW - 2 * DAY)
    theirs = crl(second, number=9)
    report = told(crls=[theirs, ours], pool=[certified])
    assert report.status is RevocationStatus.GOOD
    assert [one.der for one in report.proof.crls] == [ours.der]
    assert told(crls=[theirs], pool=[certified]).status is RevocationStatus.GOOD


def test_a_broken_crl_spoils_no_other() -> None:
    bad = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"\x30\x03\x80\x01")
    broken = crl(ROOT, this_update=NOW, extensions=((bad, True),))
    assert told(crls=[broken, crl(ROOT)]).status is RevocationStatus.GOOD
    alone = told(crls=[broken])
    assert alone.status is RevocationStatus.OFF_LINE
    assert "can't be read" in alone.reason


def test_a_crl_that_many_searches_go_by_is_verified_once() -> None:
    held, work = HeldCRL(crl(ROOT)), Work()
    for _ in range(2):
        assert told(crls=[held], work=work).status is RevocationStatus.GOOD
    assert held.signature_problem(ROOT.certificate, None, allow_sha1=False) is None
    stranger = TinyCA("Root").certificate
    assert held.signature_problem(stranger, None, allow_sha1=False) is not None


# --- by whatever else knows --------------------------------------------------------------------


def test_a_source_of_ones_own_is_asked_by_certificate_issuer_and_time() -> None:
    asked: list[tuple[Certificate, Certificate, datetime]] = []

    async def knows(certificate: Certificate, issuer: Certificate, at: datetime) -> CertStatus:
        asked.append((certificate, issuer, at))
        return Good()

    report = told(source=knows)
    assert report.status is RevocationStatus.GOOD
    assert not report.proof.crls
    assert not report.proof.ocsp_responses
    assert asked == [(LEAF, ROOT.certificate, NOW)]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (Revoked(NOW), RevocationStatus.REVOKED),
        (Unknown(), RevocationStatus.GOOD),
        (None, RevocationStatus.GOOD),
    ],
    ids=["revoked", "unknown", "nothing"],
)
def test_a_source_does_not_outdo_a_revocation_nor_silence(
    says: CertStatus | None, expected: RevocationStatus
) -> None:
    async def knows(*_: object) -> CertStatus | None:
        return says

    assert told(source=knows, crls=[crl(ROOT)]).status is expected


def test_no_rev_avail_says_that_there_is_nothing_to_ask() -> None:
    never = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.56"), b"\x05\x00")
    certificate = ROOT.issue("short-lived", extensions=((never, False),)).certificate
    report = told(certificate)
    assert report.status is RevocationStatus.NOT_CHECKED
    assert report.reason == "noRevAvail: no status is ever published"


# --- the whole ---------------------------------------------------------------------------------


def test_next_update_is_the_earliest() -> None:
    ca = TinyCA("CA")
    lists = [crl(ROOT, next_update=NOW + 2 * DAY), crl(ca, next_update=NOW + 3 * DAY)]
    leaf = ca.issue("leaf").certificate
    found = checked(leaf, INPUTS, pool=[cross(ROOT, ca)], crls=lists)
    assert found.report is not None
    assert found.report.next_update == NOW + 2 * DAY
    assert len(found.report.proof.crls) == 2


def test_when_the_work_is_done_nothing_more_is_believed() -> None:
    impostors = [TinyCA("Root").certificate for _ in range(20)]
    lists = [crl(TinyCA("Root"), number=one) for one in range(20)]
    work = Work(limits=WorkLimits(signatures=30))
    report = told(pool=impostors, crls=lists, work=work)
    assert report.status is RevocationStatus.OFF_LINE
    assert "it took 30 signature checks" in report.reason
    assert work.signatures < 60


def test_each_path_is_left_out_where_it_was_returned_before() -> None:
    ca = TinyCA("CA")
    leaf = ca.issue("leaf").certificate
    pool = [cross(ROOT, ca), cross(ROOT, ca)]
    given: list[bytes] = []
    for _ in range(2):
        found = checked(leaf, INPUTS, pool=pool, revocation=False, excluded=given)
        assert found.is_valid
        assert found.report is not None
        given.append(found.report.path.digest)
    assert len(set(given)) == 2
    last = checked(leaf, INPUTS, pool=pool, revocation=False, excluded=given)
    assert last.report is None
    assert last.tried == 0


def test_where_no_path_is_valid_the_nearest_is_told_of() -> None:
    ca = TinyCA("CA")
    old = cross(ROOT, ca, not_after=NOW - DAY)
    found = checked(ca.issue("leaf").certificate, INPUTS, pool=[old, cross(ROOT, ca)])
    assert found.tried == 2
    assert found.report is not None
    assert found.report.is_built_valid
    assert found.errors == (ValidationError.NO_VALID_CERT_PATH,)
