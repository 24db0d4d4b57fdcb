"""The gate in the profile of RFC 6960; the others stand in tests/rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certstatus.asn1 import oids
from certstatus.asn1.doorway import BitString, encode, encode_sequence_of
from certstatus.errors import SignerError
from certstatus.pkix import AlgorithmIdentifier, Certificate, signature_algorithm
from certstatus.signing import (
    Finding,
    LocalSigner,
    Severity,
    check_signer,
    offered_algorithms,
    refuse_unfit,
)
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CA = TinyCA("Issuing CA")
OCSP_SIGNING = (oids.ID_KP_OCSP_SIGNING,)
SIGNING = key_usage("digital_signature")


def signer(issued: Issued, *, direct: bool = False) -> LocalSigner:
    """Make a signer without the checks of the loader, as another kind of key would come."""
    return LocalSigner(
        certificate=issued.certificate,
        certs=() if direct else (issued.certificate,),
        algorithm=offered_algorithms(issued.certificate.public_key)[0],
        key=issued.key,
    )


def gate(issued: Issued, *, trusted_locally: bool = False) -> tuple[Finding, ...]:
    return check_signer(signer(issued), CA.certificate, now=NOW, trusted_locally=trusted_locally)


def refusals(findings: tuple[Finding, ...]) -> list[str | None]:
    return [one.rule for one in findings if one.severity is Severity.REFUSE]


def warnings(findings: tuple[Finding, ...]) -> list[str | None]:
    return [one.rule for one in findings if one.severity is Severity.WARN]


def delegate(**wishes: object) -> Issued:
    wishes = {
        "extended_key_usages": OCSP_SIGNING,
        "usage": SIGNING,
        "nocheck": True,
        "not_after": NOW + 30 * DAY,
    } | wishes
    return CA.issue("responder", **wishes)  # type: ignore[arg-type]


def test_a_right_delegate_and_the_ca_itself_pass_without_a_word() -> None:
    assert gate(delegate()) == ()
    assert gate(CA.issue_responder()) == ()
    assert check_signer(signer(CA.issued, direct=True), CA.certificate, now=NOW) == ()


@pytest.mark.rule("O22")
@pytest.mark.parametrize("usages", [(), (oids.ANY_EXTENDED_KEY_USAGE,), (oids.ID_AD_OCSP,)])
def test_a_delegate_without_the_purpose_is_refused(
    usages: tuple[x509.ObjectIdentifier, ...],
) -> None:
    findings = gate(delegate(extended_key_usages=usages))

    assert refusals(findings) == ["O22"]
    says_any = "anyExtendedKeyUsage does not count" in findings[0].text
    assert says_any == (oids.ANY_EXTENDED_KEY_USAGE in usages)


@pytest.mark.rule("O22")
def test_a_delegate_of_another_ca_above_or_beside_is_refused() -> None:
    sub = TinyCA("Sub CA", parent=CA)
    sibling = TinyCA("Sibling CA")

    for issued in (sub.issue_responder(), sibling.issue_responder()):
        assert refusals(gate(issued)) == ["O22"]
    above = check_signer(signer(CA.issue_responder()), sub.certificate, now=NOW)
    assert refusals(above) == ["O22"]


@pytest.mark.rule("O23")
def test_a_delegate_of_the_same_name_and_another_key_is_refused() -> None:
    rekeyed = TinyCA(CA.common_name)

    assert refusals(gate(rekeyed.issue_responder())) == ["O23"]


@pytest.mark.rule("O22")
def test_local_trust_stands_in_for_delegation_but_not_for_fitness() -> None:
    stranger = TinyCA("Elsewhere").issue("shared responder", not_after=NOW + DAY)
    unfit = TinyCA("Elsewhere").issue("x", usage=key_usage("crl_sign"), not_after=NOW + DAY)

    assert gate(stranger, trusted_locally=True) == ()
    assert refusals(gate(unfit, trusted_locally=True)) == ["O25"]


@pytest.mark.rule("O25")
@pytest.mark.parametrize(
    ("start", "end", "word"),
    [(-2 * DAY, -DAY, "expired on 2026-11-20"), (DAY, 2 * DAY, "is not valid before 2026-11-22")],
)
def test_a_delegate_out_of_its_validity_is_refused(
    start: timedelta, end: timedelta, word: str
) -> None:
    (finding,) = gate(delegate(not_before=NOW + start, not_after=NOW + end))

    assert finding.rule == "O25"
    assert word in finding.text


@pytest.mark.rule("O25")
def test_the_last_second_of_a_certificate_still_counts() -> None:
    assert gate(delegate(not_after=NOW)) == ()
    assert refusals(gate(delegate(not_after=NOW - timedelta(seconds=1)))) == ["O25"]


@pytest.mark.rule("O25")
def test_an_expired_ca_has_nobody_to_speak_for_it() -> None:
    old = TinyCA("Old CA", not_after=NOW - DAY)
    (finding,) = check_signer(
        signer(old.issue_responder(not_after=NOW + DAY)), old.certificate, now=NOW
    )

    assert finding.severity is Severity.REFUSE
    assert finding.text.startswith("the CA expired")


@pytest.mark.rule("O25")
def test_a_key_usage_without_digital_signature_is_refused() -> None:
    assert refusals(gate(delegate(usage=key_usage("crl_sign")))) == ["O25"]
    assert gate(delegate(usage=None)) == ()


@pytest.mark.rule("O25")
def test_a_ca_that_could_answer_for_its_own_issuer_is_refused() -> None:
    constraints = (x509.BasicConstraints(ca=True, path_length=0), True)

    assert refusals(gate(delegate(extensions=(constraints,)))) == ["O25"]


@pytest.mark.rule("O25")
def test_a_critical_extension_that_clients_do_not_know_is_refused() -> None:
    odd = x509.UnrecognizedExtension(oids.ID_PE_TLS_FEATURE, b"\x30\x03\x02\x01\x05")

    assert refusals(gate(delegate(extensions=((odd, True),)))) == ["O25"]
    assert gate(delegate(extensions=((odd, False),))) == ()


@pytest.mark.rule("O24")
def test_a_missing_nocheck_is_warned_of_with_what_follows_from_it() -> None:
    (alone,) = gate(delegate(nocheck=False))
    (named,) = gate(delegate(nocheck=False, crl_uris=("http://crl.example/1",)))

    assert (alone.severity, alone.rule) == (Severity.WARN, "O24")
    assert "each client decides for itself" in alone.text
    assert (named.severity, named.rule) == (Severity.WARN, "O24")
    assert "ask for the responder's own status" in named.text


@pytest.mark.rule("O24")
def test_a_nocheck_other_than_null_is_refused() -> None:
    wrong = x509.UnrecognizedExtension(oids.ID_PKIX_OCSP_NOCHECK, b"\x30\x00")

    findings = gate(delegate(nocheck=False, extensions=((wrong, False),)))

    assert refusals(findings) == ["O24"]
    assert "nocheck holds 3000 where NULL (0500) belongs" in findings[0].text


@pytest.mark.rule("O24")
def test_a_critical_nocheck_is_noted() -> None:
    findings = gate(delegate(nocheck=False, extensions=((x509.OCSPNoCheck(), True),)))

    assert (refusals(findings), warnings(findings)) == ([], ["O24"])


@pytest.mark.rule("L5")
def test_a_delegate_that_is_not_sent_along_is_refused() -> None:
    hidden = replace(signer(delegate()), certs=())
    behind = replace(signer(delegate()), certs=(CA.certificate,))

    for one in (hidden, behind):
        assert refusals(check_signer(one, CA.certificate, now=NOW)) == ["L5"]


@pytest.mark.rule("O29")
def test_a_sha1_signer_is_refused() -> None:
    issued = CA.issue_responder(kind="rsa2048")
    sha1 = signature_algorithm(AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\x00"))

    one = replace(signer(issued), algorithm=sha1)

    assert refusals(check_signer(one, CA.certificate, now=NOW)) == ["O29"]


@pytest.mark.rule("O29")
def test_a_certificate_that_is_itself_signed_with_sha1_is_refused() -> None:
    ca = TinyCA("Old habits", kind="rsa2048")
    issued = ca.issue_responder()
    sha256, sha1 = (encode(oid) for oid in (oids.SHA256_WITH_RSA, oids.SHA1_WITH_RSA))
    tbs = issued.certificate.tbs_der.replace(sha256, sha1)
    assert isinstance(ca.key, rsa.RSAPrivateKey)
    signature = ca.key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    der = encode_sequence_of(
        [tbs, encode_sequence_of([sha1, b"\x05\x00"]), encode(BitString(signature, 0))]
    )
    old = Issued(Certificate.from_der(der), issued.key)

    findings = check_signer(signer(old), ca.certificate, now=NOW)

    assert refusals(findings) == ["O29"]


@pytest.mark.rule("O29")
def test_a_short_rsa_key_is_refused() -> None:
    assert refusals(gate(delegate(key=rsa.generate_private_key(65537, 1024)))) == ["O29"]


@pytest.mark.rule("O16")
def test_an_algorithm_of_another_kind_of_key_is_refused() -> None:
    other = replace(signer(delegate()), algorithm=signer(delegate(kind="ed25519")).algorithm)

    assert refusals(check_signer(other, CA.certificate, now=NOW)) == ["O16"]


def test_a_broken_extension_is_refused_and_not_raised() -> None:
    broken = x509.UnrecognizedExtension(oids.ID_CE_KEY_USAGE, b"\x04\x00")

    assert refusals(gate(delegate(usage=None, extensions=((broken, True),)))) == ["O25"]


def test_a_ca_whose_key_usage_lacks_digital_signature_is_warned_of() -> None:
    issued = TinyCA("x").issue("narrow CA", usage=key_usage("key_cert_sign", "crl_sign"))

    findings = check_signer(signer(issued, direct=True), issued.certificate, now=NOW)

    assert (refusals(findings), warnings(findings)) == ([], ["O25"])


def test_all_refusals_are_told_at_once_and_warnings_stop_nothing() -> None:
    bad = delegate(extended_key_usages=(), usage=key_usage("crl_sign"), nocheck=False)

    with pytest.raises(SignerError, match=r"CN=responder.*\[O25\].*\[O22\]") as caught:
        refuse_unfit(signer(bad), gate(bad))

    assert "nocheck" not in str(caught.value)
    fine = delegate(nocheck=False)
    refuse_unfit(signer(fine), gate(fine))
