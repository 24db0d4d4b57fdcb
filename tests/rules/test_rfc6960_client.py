"""What a client must check before it believes a response (RFC 6960 §3.2, §4.2.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Unpack

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.errors import MalformedError, RefusedError, UntrustedError
from certstatus.ocsp import (
    ByKey,
    ByName,
    CertID,
    CrlID,
    Extension,
    Extensions,
    Good,
    Nonce,
    OCSPRequest,
    OCSPResponseStatus,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    ReasonCode,
    Revoked,
    Unknown,
    encode_error_response,
    encode_request,
    parse_request,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, CRLReason, HashAlgorithm
from certstatus.testing import (
    LIES,
    Forge,
    Issued,
    TinyCA,
    contradicting,
    never_issued,
    plain_algorithm,
)
from certstatus.testing.ca import Wishes, key_usage
from certstatus.verify import (
    DEFAULT_POLICY,
    DelegateStatus,
    Outcome,
    Report,
    Verdict,
    VerifiedResponse,
    VerifyPolicy,
    verify_response,
)
from certstatus.verify.report import VerifiedResponse as Proof

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Issuing CA")
LEAF = CA.issue_server("leaf.example")
DELEGATE = CA.issue_responder()


def honest() -> Forge:
    return Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)


def request_of(forge: Forge, *extensions: Nonce | PreferredSignatureAlgorithms) -> OCSPRequest:
    der = encode_request(forge.cert_ids, request_extensions=Extensions.of(*extensions))
    return parse_request(der)


def judge(
    response: bytes,
    *,
    policy: VerifyPolicy = DEFAULT_POLICY,
    request: OCSPRequest | None = None,
    **more: object,
) -> Report:
    return verify_response(
        response,
        issuer=CA.certificate,
        certificate=LEAF.certificate,
        now=NOW,
        policy=policy,
        request=request,
        **more,  # type: ignore[arg-type]
    )


def outcome(report: Report, rule: str) -> Outcome:
    return report.check(rule).outcome


@pytest.mark.rule("O9", "O10", "O15", "O16", "O21", "O22", "O25")
def test_an_honest_answer_by_a_delegate_passes_every_check() -> None:
    report = judge(honest().der)

    assert report.verdict is Verdict.GOOD
    assert report.failures == ()
    assert report.findings == ()
    assert report.verified is not None
    assert report.verified.signer == DELEGATE.certificate


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.rule(
    "O1", "O3", "O9", "O10", "O15", "O16", "O19", "O21", "O22", "O23", "O25", "O29", "L10", "N3"
)
def test_every_lie_is_refused_for_its_own_reason_alone(lie: str) -> None:
    rule, tell = LIES[lie]
    request = request_of(honest(), Nonce(b"\x5a" * 32))

    report = judge(tell(honest()).der, request=request)

    assert report.verified is None
    assert rule in {check.rule for check in report.failures}
    assert len({check.name for check in report.failures}) == 1
    with pytest.raises((UntrustedError, RefusedError)):
        report.require()


@pytest.mark.rule("O22")
def test_the_ca_itself_may_answer() -> None:
    report = judge(honest().but(signer=CA.issued).der)

    assert report.verdict is Verdict.GOOD
    assert report.check("O22").reason == "the issuing CA"


@pytest.mark.rule("O22")
def test_a_responder_trusted_by_configuration_may_answer_and_no_other() -> None:
    stranger = TinyCA("Stranger").issue("our own responder")
    forged = honest().but(signer=stranger).der

    assert judge(forged).verdict is Verdict.UNTRUSTED
    policy = VerifyPolicy(trusted_responders=(stranger.certificate,))
    assert judge(forged, policy=policy).verdict is Verdict.GOOD


@pytest.mark.rule("O22")
def test_every_embedded_certificate_is_tried() -> None:
    others = tuple(CA.issue(f"other {n}").certificate.der for n in range(3))
    report = judge(honest().but(certs=(*others, b"\x30\x00", DELEGATE.certificate.der)).der)

    assert report.verdict is Verdict.GOOD
    told = [str(finding.where) for finding in report.findings]
    assert "BasicOCSPResponse.certs[3]" in told
    assert "BasicOCSPResponse.certs" in told


@pytest.mark.rule("O23")
def test_a_delegate_of_a_rekeyed_ca_with_the_same_name_is_refused() -> None:
    rekeyed = TinyCA("Issuing CA")

    report = judge(honest().but(signer=rekeyed.issue_responder()).der)

    assert outcome(report, "O23") is Outcome.FAIL
    assert outcome(report, "O22") is Outcome.PASS


@pytest.mark.rule("O23", "L9")
def test_a_certificate_that_the_issuer_did_not_sign_is_refused() -> None:
    other = TinyCA("Issuing CA").issue_server("leaf.example", serial_number=7)
    forged = Forge.honest(CA, 7, DELEGATE)

    report = verify_response(
        forged.der, issuer=CA.certificate, certificate=other.certificate, now=NOW
    )

    assert [check.rule for check in report.failures] == ["O23"]


@pytest.mark.rule("O16")
def test_the_responder_id_must_fit_the_signers_certificate_by_name_and_by_key() -> None:
    by_name = ByName(DELEGATE.certificate.subject)
    assert judge(honest().but(responder_id=by_name).der).verdict is Verdict.GOOD
    for wrong in (
        ByName(CA.certificate.subject),
        ByKey(CA.certificate.key_hash(HashAlgorithm.SHA1)),
    ):
        assert judge(honest().but(responder_id=wrong).der).verdict is Verdict.UNTRUSTED


@pytest.mark.rule("O17")
def test_by_key_is_sha1_and_nothing_else() -> None:
    assert honest().data.responder_id == ByKey.of(DELEGATE.certificate)
    by_sha256 = ByKey(DELEGATE.certificate.key_hash(HashAlgorithm.SHA256))

    report = judge(honest().but(responder_id=by_sha256).der)

    assert report.verdict is Verdict.MALFORMED
    assert report.failures[0].rule == "O17"


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O1", "O15")
def test_an_answer_under_any_of_the_four_hashes_names_the_certificate(
    algorithm: HashAlgorithm,
) -> None:
    cert_id = CertID.for_certificate(LEAF.certificate, CA.certificate, algorithm)

    assert judge(honest().but(cert_ids=(cert_id,)).der).verdict is Verdict.GOOD


@pytest.mark.rule("O1")
def test_hash_parameters_null_and_absent_are_one() -> None:
    (cert_id,) = honest().cert_ids
    with_null = AlgorithmIdentifier(cert_id.hash_algorithm.oid, b"\x05\x00")
    twin = CertID(
        with_null, cert_id.issuer_name_hash, cert_id.issuer_key_hash, cert_id.serial_number
    )

    assert twin == cert_id
    assert twin.encode() != cert_id.encode()
    assert judge(honest().but(cert_ids=(twin,)).der).verdict is Verdict.GOOD


@pytest.mark.rule("O1")
def test_an_unknown_hash_algorithm_names_nobody() -> None:
    (cert_id,) = honest().cert_ids
    foreign = CertID(
        AlgorithmIdentifier(oids.ID_MGF1),
        cert_id.issuer_name_hash,
        cert_id.issuer_key_hash,
        cert_id.serial_number,
    )

    report = judge(honest().but(cert_ids=(foreign,)).der)

    assert "not known" in report.check("O1").reason


@pytest.mark.rule("O12")
def test_of_contradicting_answers_the_strictest_counts() -> None:
    report = judge(contradicting(honest()).der)

    assert report.verdict is Verdict.REVOKED
    assert "contradict" in report.check("O12").reason


@pytest.mark.parametrize(
    ("status", "verdict", "exit_code"),
    [
        (Good(), Verdict.GOOD, 0),
        (Revoked(NOW - timedelta(days=3), CRLReason.KEY_COMPROMISE), Verdict.REVOKED, 1),
        (Revoked(NOW - timedelta(days=3), CRLReason.CERTIFICATE_HOLD), Verdict.REVOKED, 1),
        (Unknown(), Verdict.UNKNOWN, 2),
    ],
)
@pytest.mark.rule("O12")
def test_the_three_answers_are_three_verdicts(
    status: Good | Revoked | Unknown, verdict: Verdict, exit_code: int
) -> None:
    report = judge(honest().but(cert_status=status).der)

    assert report.verdict is verdict
    assert report.verdict.exit_code == exit_code
    assert report.require().cert_status == status


@pytest.mark.rule("O13")
def test_extended_revoke_reads_as_revoked_and_is_explained() -> None:
    report = judge(never_issued(honest()).der)

    assert report.verdict is Verdict.REVOKED
    assert report.check("O13").reason == "the responder says that it was never issued"


@pytest.mark.parametrize("status", [status for status in OCSPResponseStatus if status])
@pytest.mark.rule("O10")
def test_an_unsigned_error_status_never_becomes_an_answer(status: OCSPResponseStatus) -> None:
    report = judge(encode_error_response(status))

    assert report.verdict is Verdict.REFUSED
    with pytest.raises(RefusedError) as caught:
        report.require()
    assert caught.value.status == status


@pytest.mark.rule("O24")
def test_nocheck_settles_the_delegates_own_status() -> None:
    policy = VerifyPolicy(delegate_status=DelegateStatus.REQUIRED)

    assert judge(honest().der, policy=policy).verdict is Verdict.GOOD


def unchecked(**wishes: Unpack[Wishes]) -> Forge:
    wishes["nocheck"] = False
    return honest().but(signer=CA.issue_responder(**wishes))


@pytest.mark.rule("O24")
def test_a_delegate_that_names_where_to_ask_must_be_asked_for() -> None:
    forged = unchecked(ocsp_uris=["http://ocsp.example/"])

    report = judge(forged.der)

    assert [check.rule for check in report.failures] == ["O24"]
    assert report.pending == forged.signer.certificate


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(Good(), Verdict.GOOD), (Revoked(NOW), Verdict.UNTRUSTED), (Unknown(), Verdict.UNTRUSTED)],
)
@pytest.mark.rule("O24")
def test_the_delegates_own_status_decides(
    status: Good | Revoked | Unknown, verdict: Verdict
) -> None:
    forged = unchecked(crl_uris=["http://crl.example/"])

    report = judge(forged.der, delegate_status=lambda _: status)

    assert report.verdict is verdict
    assert report.pending is None


@pytest.mark.rule("O24")
def test_a_delegate_with_neither_nocheck_nor_a_place_to_ask_is_local_policy() -> None:
    forged = unchecked()

    assert judge(forged.der).verdict is Verdict.GOOD
    for demand in (DelegateStatus.REQUIRED, DelegateStatus.NOCHECK):
        policy = VerifyPolicy(delegate_status=demand)
        assert judge(forged.der, policy=policy).verdict is Verdict.UNTRUSTED


@pytest.mark.rule("O24")
def test_an_answer_about_a_delegate_ends_the_recursion() -> None:
    asks: list[Certificate] = []

    def ask(delegate: Certificate) -> Good:
        asks.append(delegate)
        return Good()

    forged = unchecked(ocsp_uris=["http://ocsp.example/"])
    policy = VerifyPolicy(delegate_status=DelegateStatus.NOCHECK)

    report = judge(forged.der, policy=policy, delegate_status=ask)

    assert report.verdict is Verdict.UNTRUSTED
    assert asks == []
    assert report.pending is None


@pytest.mark.rule("O24")
def test_nocheck_with_another_value_than_null_is_no_nocheck() -> None:
    odd = x509.UnrecognizedExtension(oids.ID_PKIX_OCSP_NOCHECK, b"\x04\x00")
    signer = CA.issue(
        "odd", extended_key_usages=(oids.ID_KP_OCSP_SIGNING,), extensions=((odd, True),)
    )

    report = judge(honest().but(signer=signer).der)

    assert outcome(report, "O24") is Outcome.SKIP
    assert {"ignored", "critical"} <= {
        word for finding in report.findings for word in finding.text.replace(";", "").split()
    }


@pytest.mark.rule("O25")
def test_a_delegate_without_digital_signature_is_refused() -> None:
    signer = CA.issue(
        "no signing",
        nocheck=True,
        extended_key_usages=(oids.ID_KP_OCSP_SIGNING,),
        usage=key_usage("key_encipherment"),
    )

    report = judge(honest().but(signer=signer).der)

    assert [check.name for check in report.failures] == ["responder's key usage"]


@pytest.mark.rule("O25", "O3")
def test_a_delegate_with_an_unknown_critical_extension_is_refused() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    signer = CA.issue_responder()
    odd_signer = CA.issue(
        "odd",
        nocheck=True,
        key=signer.key,
        extended_key_usages=(oids.ID_KP_OCSP_SIGNING,),
        extensions=((odd, True),),
    )

    report = judge(honest().but(signer=odd_signer).der)

    assert [check.name for check in report.failures] == ["responder's extensions"]


@pytest.mark.rule("O25")
def test_a_delegate_whose_extensions_cannot_be_read_is_refused_without_raising() -> None:
    odd = x509.UnrecognizedExtension(oids.ID_CE_KEY_USAGE, b"\x30\x03\x02\x01")
    signer = CA.issue(
        "broken", extended_key_usages=(oids.ID_KP_OCSP_SIGNING,), extensions=((odd, True),)
    )

    report = judge(honest().but(signer=signer).der)

    assert report.verdict is Verdict.UNTRUSTED
    assert outcome(report, "O25") is Outcome.FAIL


@pytest.mark.parametrize(
    ("moved", "verdict"),
    [
        (timedelta(minutes=4, seconds=59), Verdict.GOOD),
        (timedelta(minutes=5, seconds=1), Verdict.UNTRUSTED),
    ],
)
@pytest.mark.rule("O19", "L10")
def test_the_skew_is_allowed_on_both_ends_and_not_a_second_more(
    moved: timedelta, verdict: Verdict
) -> None:
    late = honest().but(
        this_update=NOW - timedelta(days=1), next_update=NOW - moved, produced_at=NOW
    )
    early = honest().but(this_update=NOW + moved, produced_at=NOW + moved)

    assert judge(late.der).verdict is verdict
    assert judge(early.der).verdict is verdict


@pytest.mark.rule("O19")
def test_max_age_bounds_this_update() -> None:
    old = honest().but(this_update=NOW - timedelta(hours=30)).der

    assert judge(old, policy=VerifyPolicy(max_age=timedelta(days=2))).verdict is Verdict.GOOD
    assert judge(old, policy=VerifyPolicy(max_age=timedelta(days=1))).verdict is Verdict.UNTRUSTED


@pytest.mark.rule("L10")
def test_next_update_before_this_update_is_refused() -> None:
    report = judge(honest().but(next_update=NOW - timedelta(hours=1), this_update=NOW).der)

    assert report.check("L10").reason == "is before thisUpdate"


@pytest.mark.rule("O19")
def test_this_update_after_produced_at_is_a_finding() -> None:
    report = judge(honest().but(this_update=NOW, produced_at=NOW - timedelta(minutes=1)).der)

    assert report.verdict is Verdict.GOOD
    assert [finding.text for finding in report.findings] == ["is later than producedAt"]


@pytest.mark.rule("O15")
def test_the_request_must_have_asked_for_this_certificate() -> None:
    other = parse_request(encode_request([CertID.of(CA.certificate, 99)]))

    report = judge(honest().der, request=other)

    assert [check.name for check in report.failures] == ["request and response"]


@pytest.mark.rule("O15")
def test_answers_not_asked_for_and_questions_unanswered_are_findings() -> None:
    forged = honest().but(cert_ids=(*honest().cert_ids, CertID.of(CA.certificate, 98)))
    request = parse_request(encode_request([*honest().cert_ids, CertID.of(CA.certificate, 97)]))

    report = judge(forged.der, request=request)

    assert report.verdict is Verdict.GOOD
    assert len(report.findings) == 2


@pytest.mark.rule("O3", "O26")
def test_known_extensions_may_be_critical_at_home_and_nowhere_else() -> None:
    crl_id = Extension(CrlID.oid, CrlID(crl_num=4).encode(), critical=True)

    at_home = judge(honest().but(single_extensions=Extensions.of(crl_id)).der)
    abroad = judge(honest().but(response_extensions=Extensions.of(crl_id)).der)

    assert at_home.verdict is Verdict.GOOD
    assert [finding.text for finding in at_home.findings] == ["is critical; it should not be (O3)"]
    assert outcome(abroad, "O3") is Outcome.FAIL


@pytest.mark.rule("O28", "B5")
def test_a_reason_code_among_the_single_extensions_is_a_finding() -> None:
    extensions = Extensions.of(ReasonCode(CRLReason.SUPERSEDED))

    report = judge(honest().but(single_extensions=extensions).der)

    assert "Baseline" in report.findings[0].text


@pytest.mark.rule("O29")
def test_sha1_signatures_are_believed_only_where_allowed() -> None:
    forged = LIES["SHA-1 signature"][1](honest()).der

    assert judge(forged).verdict is Verdict.UNTRUSTED
    assert judge(forged, policy=VerifyPolicy(allow_sha1=True)).verdict is Verdict.GOOD


@pytest.mark.rule("O30")
def test_a_signature_that_was_not_preferred_is_a_finding() -> None:
    wish = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ID_ED25519))
    request = request_of(honest(), PreferredSignatureAlgorithms((wish,)))

    report = judge(honest().der, request=request)

    assert report.verdict is Verdict.GOOD
    assert "O30" in report.findings[0].text


def test_only_verification_makes_a_verified_response() -> None:
    verified = judge(honest().der).require()

    assert verified.expires == min(
        verified.single.next_update or NOW, DELEGATE.certificate.not_after
    )
    with pytest.raises(TypeError, match="makes a VerifiedResponse"):
        Proof(
            response=verified.response,
            single=verified.single,
            signer=verified.signer,
            verified_at=NOW,
            expires=None,
            seal=object(),
        )
    assert VerifiedResponse is Proof


def test_bytes_that_are_no_response_are_malformed_and_raise_nothing() -> None:
    for junk in (b"", b"\x30", b"hello", honest().der + b"\0", honest().der[:-1]):
        report = judge(junk)

        assert report.verdict is Verdict.MALFORMED
        assert report.verdict.exit_code == 65
        with pytest.raises(MalformedError):
            report.require()


def test_neither_certificate_nor_serial_number_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="serial number"):
        verify_response(honest().der, issuer=CA.certificate, now=NOW)


def test_the_report_reads_as_json() -> None:
    told = judge(honest().but(cert_status=Revoked(NOW, CRLReason.SUPERSEDED)).der).as_json()

    assert told["verdict"] == "revoked"
    status = told["status"]
    assert isinstance(status, dict)
    assert status["revocationReason"] == "superseded"
    assert status["revocationTime"] == "2026-11-21T12:00:00Z"


def signed_by(kind: str) -> tuple[TinyCA, Issued, Certificate]:
    ca = TinyCA(f"CA with {kind}", kind=kind)
    return ca, ca.issue_responder(kind=kind), ca.issue_server().certificate


@pytest.mark.parametrize(
    "kind", ["rsa2048", "p384", "p521", "ed25519", "ed448", "mldsa44", "mldsa65", "mldsa87"]
)
@pytest.mark.rule("O29", "A1", "A2", "A3")
def test_every_kind_of_key_is_verified(kind: str) -> None:
    ca, delegate, leaf = signed_by(kind)
    forged = Forge.honest(ca, leaf.serial_number, delegate)

    report = verify_response(forged.der, issuer=ca.certificate, certificate=leaf, now=NOW)

    assert report.failures == ()
    assert report.verdict is Verdict.GOOD


@pytest.mark.parametrize("kind", ["ed25519", "ed448", "mldsa44"])
@pytest.mark.rule("A1", "A2")
def test_parameters_beside_an_algorithm_that_has_none_are_refused(kind: str) -> None:
    ca, delegate, leaf = signed_by(kind)
    forged = Forge.honest(ca, leaf.serial_number, delegate)
    odd = AlgorithmIdentifier(plain_algorithm(delegate.key).oid, b"\x05\x00")
    report = verify_response(
        forged.but(algorithm=odd).der, issuer=ca.certificate, certificate=leaf, now=NOW
    )

    assert report.failures[0].rule == "A1"


@pytest.mark.rule("A2")
def test_hash_ml_dsa_is_refused() -> None:
    ca, delegate, leaf = signed_by("mldsa44")
    forged = Forge.honest(ca, leaf.serial_number, delegate).but(
        algorithm=AlgorithmIdentifier(oids.ID_HASH_ML_DSA_44)
    )

    report = verify_response(forged.der, issuer=ca.certificate, certificate=leaf, now=NOW)

    assert report.failures[0].rule == "A2"
