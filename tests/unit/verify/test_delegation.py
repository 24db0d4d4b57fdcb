"""Who signed, and whether they may: every certificate at hand, and every way to be odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.asn1 import oids
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import ByKey, ByName, Good
from certstatus.pkix import Certificate
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage
from certstatus.verify import DelegateStatus, Outcome, Verdict, VerifyPolicy
from tests import der as hand
from tests.courtroom import (
    CA,
    DELEGATE,
    NOW,
    SECOND,
    failed,
    findings,
    honest,
    judge,
    outcomes,
    resigned,
)

SIGNING = (oids.ID_KP_OCSP_SIGNING,)


def broken(oid: x509.ObjectIdentifier) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(oid, b"\x30\x03\x02\x01")


def delegate_with(*extensions: x509.ExtensionType, **wishes: Any) -> Issued:
    return CA.issue(
        "delegate",
        nocheck=True,
        extended_key_usages=SIGNING,
        extensions=[(one, False) for one in extensions],
        **wishes,
    )


# --- candidates ---------------------------------------------------------------------------


@pytest.mark.rule("O22")
def test_the_issuer_is_tried_before_those_that_the_response_carries() -> None:
    """The CA's own certificate among certs is passed over: it is at hand already."""
    report = judge(honest().but(signer=CA.issued, certs=(CA.certificate.der,)).der)

    assert report.verdict is Verdict.GOOD
    assert report.check("O22").reason == "the issuing CA"
    assert report.findings == ()


@pytest.mark.rule("O22")
def test_another_certificate_of_the_same_ca_and_key_is_the_ca() -> None:
    """A CA that was certified anew: same name, same key, another certificate."""
    renewed = TinyCA("Issuing CA", key=CA.key).issued
    assert renewed.certificate != CA.certificate

    report = judge(honest().but(signer=renewed, certs=(renewed.certificate.der,)).der)

    assert report.check("O22").reason == "the issuing CA"


@pytest.mark.rule("O22")
def test_the_ca_under_another_name_is_not_the_ca() -> None:
    """Same key and another name: a delegate would need the purpose, and to be issued by it."""
    other = TinyCA("Other CA", key=CA.key).issued

    report = judge(honest().but(signer=other, responder_id=ByName(other.certificate.subject)).der)

    assert failed(report) == ["authorised responder"]


@pytest.mark.rule("O22", "O23")
def test_another_ca_with_the_name_of_the_issuer_is_not_the_issuer() -> None:
    """Anyone can make a self-signed certificate of that name; the key is another."""
    impostor = TinyCA("Issuing CA").issued

    report = judge(honest().but(signer=impostor, certs=(impostor.certificate.der,)).der)

    assert failed(report) == ["authorised responder", "issued by the same key"]


@pytest.mark.rule("O22")
def test_a_certificate_of_the_ca_without_any_purpose_is_no_delegate() -> None:
    """An absent extKeyUsage allows everything but this."""
    signer = CA.issue("no purpose", nocheck=True)

    report = judge(honest().but(signer=signer).der)

    assert failed(report) == ["authorised responder"]
    assert "lacks id-kp-OCSPSigning" in report.failures[0].reason


@pytest.mark.rule("O16")
def test_one_that_the_responder_id_does_not_name_is_not_tried() -> None:
    """The signature is by the delegate, and the ID names a sibling that stands beside it."""
    sibling = CA.issue_responder("sibling")
    certs = (DELEGATE.certificate.der, sibling.certificate.der)
    forged = honest().but(responder_id=ByKey.of(sibling.certificate), certs=certs)

    report = judge(forged.der)

    assert failed(report) == ["signature"]
    assert f"is {sibling.certificate.subject}" in report.check("O16").reason


@pytest.mark.rule("O16", "O22")
def test_of_several_with_the_same_name_the_one_that_signed_is_found() -> None:
    twins = [CA.issue_responder() for _ in range(3)]
    certs = (*(one.certificate.der for one in twins), DELEGATE.certificate.der)
    forged = honest().but(responder_id=ByName(DELEGATE.certificate.subject), certs=certs)

    report = judge(forged.der)

    assert report.verdict is Verdict.GOOD
    assert report.require().signer == DELEGATE.certificate
    assert findings(report) == {"BasicOCSPResponse.certs": "the signer does not stand first"}


@pytest.mark.rule("O16")
def test_without_its_certificate_nobody_is_judged() -> None:
    report = judge(honest().but(certs=()).der)

    ended = outcomes(report)
    assert ended["responderID"] is Outcome.FAIL
    assert ended["signature"] is ended["authorised responder"] is Outcome.SKIP


@pytest.mark.rule("O22")
def test_the_one_that_came_furthest_is_reported() -> None:
    """A stranger of the same name, and the real delegate whose certificate has run out."""
    late = CA.issue_responder("same", not_after=NOW - timedelta(days=1))
    stranger = TinyCA("Stranger").issue("same")
    forged = honest().but(
        signer=late,
        responder_id=ByName(late.certificate.subject),
        certs=(stranger.certificate.der, late.certificate.der),
    )

    assert failed(judge(forged.der)) == ["responder's validity"]


# --- by the same key ------------------------------------------------------------------------


@pytest.mark.rule("O22", "O23")
def test_a_delegate_of_another_ca_is_refused_for_its_issuer() -> None:
    report = judge(honest().but(signer=TinyCA("Other CA").issue_responder()).der)

    assert failed(report) == ["authorised responder"]
    assert outcomes(report)["issued by the same key"] is Outcome.SKIP


@pytest.mark.rule("O23")
def test_a_delegate_whose_certificate_was_changed_is_refused() -> None:
    der = bytearray(DELEGATE.certificate.der)
    der[-1] ^= 1

    report = judge(honest().but(certs=(bytes(der),)).der)

    assert failed(report) == ["issued by the same key"]


@pytest.mark.rule("O29")
def test_a_delegate_certified_with_sha1_is_believed_only_where_sha1_is_allowed() -> None:
    """SHA-1 in the delegate's certificate forges as well as in the response."""
    key = CA.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    ecdsa_with_sha1 = hand.sequence(hand.oid("1.2.840.10045.4.1"))
    der = resigned(
        DELEGATE.certificate.der,
        ecdsa_with_sha1,
        lambda tbs: key.sign(tbs, ec.ECDSA(hashes.SHA1())),
    )
    forged = honest().but(certs=(der,)).der

    report = judge(forged)

    assert failed(report) == ["issued by the same key"]
    assert report.failures[0].rule == "O29"
    assert judge(forged, policy=VerifyPolicy(allow_sha1=True)).verdict is Verdict.GOOD


@pytest.mark.rule("O23")
def test_a_delegate_that_names_two_signature_algorithms_is_refused() -> None:
    """RFC 5280 §4.1.1.2: the one outside, which nobody signed, MUST be the one inside."""
    other = hand.sequence(hand.oid("1.2.840.10045.4.3.3"))
    der = hand.changed(DELEGATE.certificate.der, (1,), lambda _: other)

    report = judge(honest().but(certs=(der,)).der)

    assert failed(report) == ["issued by the same key"]
    assert "two signature algorithms" in report.failures[0].reason


# --- fitness ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("not_before", "not_after", "is_fit"),
    [
        (NOW, NOW, True),
        (NOW - SECOND, NOW - DEFAULT_SKEW, True),
        (NOW - timedelta(days=9), NOW - DEFAULT_SKEW - SECOND, False),
        (NOW + DEFAULT_SKEW, NOW + timedelta(days=9), True),
        (NOW + DEFAULT_SKEW + SECOND, NOW + timedelta(days=9), False),
    ],
)
@pytest.mark.rule("O25")
def test_a_delegate_is_valid_to_the_second_with_the_skew_on_its_side(
    not_before: datetime, not_after: datetime, *, is_fit: bool
) -> None:
    not_before = min(not_before, not_after)
    signer = CA.issue_responder(not_before=not_before, not_after=not_after)

    report = judge(honest().but(signer=signer).der)

    assert failed(report) == ([] if is_fit else ["responder's validity"])


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [("20260101000000Z", "99991231235959Z"), ("00010101000000Z", "20500101000000Z")],
)
@pytest.mark.rule("O25")
def test_a_validity_to_the_end_of_time_is_read_without_raising(
    not_before: str, not_after: str
) -> None:
    """RFC 5280 §4.1.2.5: 99991231235959Z says that a certificate has no end."""
    validity = hand.sequence(hand.generalized_time(not_before), hand.generalized_time(not_after))
    der = hand.changed(DELEGATE.certificate.der, (0, 4), lambda _: validity)

    report = judge(honest().but(certs=(der,)).der)

    assert outcomes(report)["responder's validity"] is Outcome.PASS
    assert failed(report) == ["issued by the same key"]  # changed by hand


@pytest.mark.rule("O25")
def test_a_delegate_without_an_end_is_believed() -> None:
    endless = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    signer = CA.issue_responder(not_after=endless)

    assert judge(honest().but(signer=signer).der).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("bits", "is_fit"),
    [
        ((), True),
        (("digital_signature",), True),
        (("digital_signature", "key_cert_sign"), True),
        (("content_commitment",), False),
        (("key_cert_sign", "crl_sign"), False),
    ],
)
@pytest.mark.rule("O25")
def test_key_usage_is_absent_or_has_digital_signature(
    bits: tuple[str, ...], *, is_fit: bool
) -> None:
    signer = delegate_with(usage=key_usage(*bits) if bits else None)

    report = judge(honest().but(signer=signer).der)

    assert failed(report) == ([] if is_fit else ["responder's key usage"])


@pytest.mark.parametrize(
    "oid",
    [
        oids.ID_CE_KEY_USAGE,
        oids.ID_CE_BASIC_CONSTRAINTS,
        oids.ID_PE_AUTHORITY_INFO_ACCESS,
        oids.ID_CE_CRL_DISTRIBUTION_POINTS,
        oids.ID_PE_TLS_FEATURE,
        oids.ID_CE_SUBJECT_ALT_NAME,
    ],
    ids=oids.name_of,
)
@pytest.mark.parametrize("nocheck", [True, False])
@pytest.mark.rule("O25")
def test_a_broken_extension_of_a_delegate_raises_nothing(
    oid: x509.ObjectIdentifier, *, nocheck: bool
) -> None:
    signer = CA.issue(
        "delegate",
        nocheck=nocheck,
        extended_key_usages=SIGNING,
        extensions=[(broken(oid), False)],
    )

    report = judge(honest().but(signer=signer).der, delegate_status=lambda _: Good())

    assert report.verdict in {Verdict.GOOD, Verdict.UNTRUSTED}
    assert (report.verified is None) == bool(report.failures)


@pytest.mark.rule("O25")
def test_broken_basic_constraints_of_a_delegate_are_told() -> None:
    signer = delegate_with(broken(oids.ID_CE_BASIC_CONSTRAINTS))

    report = judge(honest().but(signer=signer).der)

    assert report.verdict is Verdict.GOOD
    assert "id-ce-basicConstraints" in findings(report)["responder's certificate"]


@pytest.mark.rule("O22")
def test_an_issuer_whose_extensions_stand_twice_raises_nothing() -> None:
    usage = hand.extension("2.5.29.15", hand.bit_string(b"\x80", 7))
    twice = hand.explicit(3, hand.sequence(usage, usage))
    odd = Certificate.from_der(hand.changed(CA.certificate.der, (0, 7), lambda _: twice))

    report = judge(honest().but(signer=CA.issued).der, issuer=odd)

    assert report.verdict is Verdict.GOOD
    assert "stands twice" in findings(report)["responder's certificate"]


@pytest.mark.rule("O22", "O25")
def test_a_responder_trusted_by_configuration_must_be_valid_and_fit_to_sign() -> None:
    stranger = TinyCA("Stranger")
    for signer, name in (
        (stranger.issue("late", not_after=NOW - timedelta(days=1)), "responder's validity"),
        (stranger.issue("unfit", usage=key_usage("crl_sign")), "responder's key usage"),
    ):
        policy = VerifyPolicy(trusted_responders=(signer.certificate,))
        assert failed(judge(honest().but(signer=signer).der, policy=policy)) == [name]


@pytest.mark.rule("O22")
def test_trust_by_configuration_is_in_one_certificate_and_in_no_other_of_its_name() -> None:
    trusted, namesake = (TinyCA("Stranger").issue("our own") for _ in range(2))
    policy = VerifyPolicy(trusted_responders=(trusted.certificate,))

    assert judge(honest().but(signer=trusted).der, policy=policy).verdict is Verdict.GOOD
    assert judge(honest().but(signer=namesake).der, policy=policy).verdict is Verdict.UNTRUSTED


@pytest.mark.rule("O22")
def test_a_trusted_responder_needs_no_certificate_in_the_response() -> None:
    trusted = TinyCA("Stranger").issue("our own")
    policy = VerifyPolicy(trusted_responders=(trusted.certificate,))

    report = judge(honest().but(signer=trusted, certs=()).der, policy=policy)

    assert report.require().signer == trusted.certificate


# --- the delegate's own status ----------------------------------------------------------------


@pytest.mark.rule("O24")
def test_a_delegate_is_asked_for_only_where_everything_else_holds() -> None:
    """Who cannot be believed anyway causes no traffic."""
    asked: list[Certificate] = []

    def ask(delegate: Certificate) -> Good:
        asked.append(delegate)
        return Good()

    stranger = TinyCA("Stranger").issue(
        "stranger", extended_key_usages=SIGNING, ocsp_uris=["http://evil.example/"]
    )
    forged = honest().but(signer=stranger).der

    report = judge(forged, delegate_status=ask)

    assert asked == []
    assert report.pending is None


@pytest.mark.rule("O24")
def test_a_policy_that_does_not_look_does_not_ask() -> None:
    signer = CA.issue_responder(nocheck=False, ocsp_uris=["http://ocsp.example/"])
    policy = VerifyPolicy(delegate_status=DelegateStatus.OFF)

    report = judge(honest().but(signer=signer).der, policy=policy)

    assert report.verdict is Verdict.GOOD
    assert report.check("O24").reason == "not looked at, by policy"


# --- findings -------------------------------------------------------------------------------


def test_a_ca_that_may_answer_for_its_issuer_is_told_of() -> None:
    """Any sub-CA with the purpose can revoke and un-revoke its siblings."""
    key = TinyCA("Sub CA", parent=CA).key
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    signer = delegate_with(constraints, key=key)

    report = judge(honest().but(signer=signer).der)

    assert report.verdict is Verdict.GOOD
    assert "a CA with id-kp-OCSPSigning" in findings(report)["responder's certificate"]
