"""Whom the Baseline Requirements let sign answers (BR 7.1.2.8, 7.1.3.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.pkix import HashAlgorithm
from certstatus.signing import Finding, Profile, Severity, check_signer, make_signers
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Public CA")
AKI = x509.AuthorityKeyIdentifier(CA.certificate.key_hash(HashAlgorithm.SHA1), None, None)


def delegate(*extensions: tuple[x509.ExtensionType, bool], **wishes: object) -> Issued:
    wishes = {
        "extended_key_usages": (oids.ID_KP_OCSP_SIGNING,),
        "usage": key_usage("digital_signature"),
        "nocheck": True,
    } | wishes
    everything = (*extensions, (AKI, False))
    return CA.issue("responder", extensions=everything, **wishes)  # type: ignore[arg-type]


def gate(issued: Issued, algorithm: str | None = None, issuer: TinyCA = CA) -> tuple[Finding, ...]:
    algorithms = () if algorithm is None else (algorithm,)
    (signer, *_) = make_signers(
        issued.key, issued.certificate, issuer=issuer.certificate, algorithms=algorithms
    )
    return check_signer(signer, issuer.certificate, now=NOW, profile=Profile.CABF)


def found(findings: tuple[Finding, ...]) -> list[tuple[str | None, Severity]]:
    return [(one.rule, one.severity) for one in findings]


REFUSED = [("B6", Severity.REFUSE)]


@pytest.mark.rule("B6")
def test_a_delegate_as_the_requirements_ask_passes() -> None:
    assert gate(delegate()) == ()
    assert gate(CA.issue_responder()) == ()
    empty = x509.BasicConstraints(ca=False, path_length=None)
    assert gate(delegate((empty, False))) == ()


@pytest.mark.rule("B6")
@pytest.mark.parametrize("also", [oids.ANY_EXTENDED_KEY_USAGE, oids.ID_AD_CA_ISSUERS])
def test_ocsp_signing_is_the_only_purpose(also: x509.ObjectIdentifier) -> None:
    usages = (oids.ID_KP_OCSP_SIGNING, also)

    assert found(gate(delegate(extended_key_usages=usages))) == REFUSED


@pytest.mark.rule("B6")
@pytest.mark.parametrize("place", [{}, {"crl_uris": ("http://crl.example/1",)}])
def test_nocheck_is_a_must(place: dict[str, object]) -> None:
    findings = gate(delegate(nocheck=False, **place))

    assert any("lacks nocheck" in one.text for one in findings)
    assert {one.severity for one in findings} == {Severity.REFUSE}


@pytest.mark.rule("B6")
def test_nocheck_is_a_null() -> None:
    wrong = x509.UnrecognizedExtension(oids.ID_PKIX_OCSP_NOCHECK, b"\x04\x00")

    (finding,) = gate(delegate((wrong, False), nocheck=False))

    assert (finding.rule, finding.severity) == ("O24", Severity.REFUSE)


@pytest.mark.rule("B6")
@pytest.mark.parametrize(
    "usage",
    [
        (key_usage("digital_signature"), False),
        (key_usage("digital_signature", "content_commitment"), True),
        (key_usage("digital_signature", "crl_sign"), True),
    ],
)
def test_key_usage_is_critical_and_digital_signature_alone(
    usage: tuple[x509.KeyUsage, bool],
) -> None:
    assert found(gate(delegate(usage, usage=None))) == REFUSED


@pytest.mark.rule("B6")
def test_key_usage_is_a_must() -> None:
    assert found(gate(delegate(usage=None))) == REFUSED


@pytest.mark.rule("B6")
def test_an_authority_key_identifier_is_a_must() -> None:
    bare = CA.issue(
        "responder",
        extended_key_usages=(oids.ID_KP_OCSP_SIGNING,),
        usage=key_usage("digital_signature"),
        nocheck=True,
    )

    assert found(gate(bare)) == REFUSED


NAME = x509.SubjectAlternativeName([x509.DNSName("ocsp.example")])
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example")], None)


@pytest.mark.rule("B6")
def test_crl_points_names_and_name_constraints_are_not_allowed() -> None:
    assert found(gate(delegate(crl_uris=("http://crl.example/1",)))) == REFUSED
    assert found(gate(delegate((NAME, False)))) == REFUSED
    assert found(gate(delegate((CONSTRAINTS, False)))) == REFUSED


@pytest.mark.rule("B6")
def test_authority_information_access_is_not_recommended() -> None:
    findings = gate(delegate(ca_issuers_uris=("http://ca.example/ca.cer",)))

    assert found(findings) == [("B6", Severity.WARN)]


@pytest.mark.rule("B6")
def test_a_ca_is_no_delegate() -> None:
    constraints = x509.BasicConstraints(ca=True, path_length=0)

    assert ("B6", Severity.REFUSE) in found(gate(delegate((constraints, True))))


@pytest.mark.rule("B6")
def test_the_same_ca_issues_the_delegate() -> None:
    other = TinyCA("Other CA")

    findings = gate(delegate(), issuer=other)

    assert ("O22", Severity.REFUSE) in found(findings)


@pytest.mark.rule("B6")
def test_a_ca_that_signs_itself_needs_digital_signature() -> None:
    narrow = CA.issue("narrow CA", usage=key_usage("key_cert_sign", "crl_sign"))
    (signer, *_) = make_signers(narrow.key, narrow.certificate, issuer=narrow.certificate)

    findings = check_signer(signer, narrow.certificate, now=NOW, profile=Profile.CABF)

    assert found(findings) == [("O25", Severity.REFUSE)]
    assert gate(CA.issued) == ()


@pytest.mark.rule("B7")
@pytest.mark.parametrize(
    ("kind", "algorithm", "allowed"),
    [
        ("rsa2048", "sha256WithRSAEncryption", True),
        ("rsa2048", "sha512WithRSAEncryption", True),
        ("rsa2048", "id-RSASSA-PSS with sha384", True),
        ("p256", "ecdsa-with-SHA256", True),
        ("p384", "ecdsa-with-SHA384", True),
        ("p521", "ecdsa-with-SHA512", True),
        ("p256", "ecdsa-with-SHA384", False),
        ("p384", "ecdsa-with-SHA256", False),
        ("ed25519", "id-Ed25519", False),
        ("mldsa44", "id-ml-dsa-44", False),
    ],
)
def test_only_the_listed_algorithms_sign(kind: str, algorithm: str, allowed: bool) -> None:
    findings = gate(delegate(kind=kind), algorithm)

    assert found(findings) == ([] if allowed else [("B7", Severity.REFUSE)])


@pytest.mark.rule("B7")
@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
def test_a_key_is_loaded_with_what_it_may_sign_with_and_no_more(kind: str) -> None:
    issued = delegate(kind=kind)
    loaded = make_signers(
        issued.key, issued.certificate, issuer=CA.certificate, profile=Profile.CABF
    )

    for signer in loaded:
        assert check_signer(signer, CA.certificate, now=NOW, profile=Profile.CABF) == ()
    assert len(loaded) == (6 if kind == "rsa2048" else 1)


@pytest.mark.rule("B7")
def test_a_key_that_may_not_sign_at_all_is_left_to_the_gate() -> None:
    issued = delegate(kind="ed25519")

    (signer,) = make_signers(
        issued.key, issued.certificate, issuer=CA.certificate, profile=Profile.CABF
    )

    findings = check_signer(signer, CA.certificate, now=NOW, profile=Profile.CABF)
    assert found(findings) == [("B7", Severity.REFUSE)]


FIXED = {
    # BR 7.1.3.2.1 and 7.1.3.2.2, byte for byte.
    "sha256WithRSAEncryption": "300d06092a864886f70d01010b0500",
    "sha384WithRSAEncryption": "300d06092a864886f70d01010c0500",
    "sha512WithRSAEncryption": "300d06092a864886f70d01010d0500",
    "id-RSASSA-PSS with sha256": (
        "304106092a864886f70d01010a3034a00f300d0609608648016503040201"
        "0500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
    ),
    "ecdsa-with-SHA256": "300a06082a8648ce3d040302",
    "ecdsa-with-SHA384": "300a06082a8648ce3d040303",
    "ecdsa-with-SHA512": "300a06082a8648ce3d040304",
}


@pytest.mark.rule("B7")
@pytest.mark.parametrize("algorithm", FIXED)
def test_algorithm_identifiers_have_the_fixed_bytes(algorithm: str) -> None:
    issued = delegate(kind="rsa2048" if "RSA" in algorithm else "p256")
    (signer,) = make_signers(
        issued.key, issued.certificate, issuer=CA.certificate, algorithms=(algorithm,)
    )

    assert encode(signer.algorithm.identifier.declared()).hex() == FIXED[algorithm]


def test_short_life_is_no_matter_of_these_requirements() -> None:
    assert gate(delegate(not_after=NOW + timedelta(days=3000))) == ()
