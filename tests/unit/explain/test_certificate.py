from __future__ import annotations

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.explain import Field, explain
from certstatus.explain.certificate import certs_field
from certstatus.pkix import HashAlgorithm
from certstatus.testing import KEY_KINDS, Issued, TinyCA

CA = TinyCA()


def extension(issued: Issued, name: str) -> Field:
    return explain(issued.certificate.der).at("tbsCertificate", "extensions", name)


def unrecognized(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def test_a_certificate_is_told_field_by_field() -> None:
    issued = CA.issue_server("leaf.example", ocsp_uris=["http://ocsp.example/"])
    tree = explain(issued.certificate.der)
    tbs = tree.at("tbsCertificate")
    assert tbs.at("version").text == "v3 (2)"
    assert tbs.at("issuer").text == "CN=Tiny CA"
    assert tbs.at("subject").text == "CN=leaf.example"
    assert tbs.at("validity", "notAfter").value == issued.certificate.not_after
    assert tbs.at("extensions", "subjectAltName", "GeneralName").text == "dNSName:leaf.example"
    assert tbs.der == issued.certificate.tbs_der
    assert "names 1 responder" in tree.meaning
    assert all(field.section.startswith("RFC ") for field in tree.walk())
    assert not [field for field in tree.walk() if field.departures or field.problem]


@pytest.mark.rule("O1")
def test_a_ca_says_how_cert_ids_name_it() -> None:
    tbs = explain(CA.certificate.der).at("tbsCertificate")
    names = [one.value for one in tbs.at("subject").children]
    keys = [
        one.value
        for one in tbs.at("subjectPublicKeyInfo", "subjectPublicKey").children
        if one.name == "issuerKeyHash"
    ]
    hashes = (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    assert names == [CA.certificate.subject_name_hash(one) for one in hashes]
    assert keys == [CA.certificate.key_hash(one) for one in hashes]


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_every_kind_of_key_is_told(kind: str) -> None:
    issued = CA.issue(kind=kind)
    key = explain(issued.certificate.der).at("tbsCertificate", "subjectPublicKeyInfo")
    assert key.at("algorithm").text
    assert key.at("subjectPublicKey", "byKey").value == issued.certificate.key_hash(
        HashAlgorithm.SHA1
    )
    assert not key.at("subjectPublicKey").departures


@pytest.mark.rule("O24")
def test_a_responder_is_known_by_its_purpose_and_nocheck() -> None:
    responder = CA.issue_responder()
    assert "lets it sign OCSP responses" in extension(responder, "extKeyUsage").meaning
    assert "don't ask" in extension(responder, "NoCheck").meaning
    assert extension(responder, "authorityKeyIdentifier").value == CA.certificate.key_hash(
        HashAlgorithm.SHA1
    )


def test_the_extensions_that_matter_to_status_are_told() -> None:
    issued = CA.issue(
        ocsp_uris=["http://ocsp.example/"],
        ca_issuers_uris=["http://ca.example/ca.cer"],
        crl_uris=["http://crl.example/ca.crl"],
        tls_features=[x509.TLSFeatureType.status_request],
        extensions=[
            (x509.SubjectKeyIdentifier(b"key"), False),
            (
                x509.CertificatePolicies(
                    [x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]
                ),
                False,
            ),
            (unrecognized("1.2.3.4", b"\x05\x00"), True),
        ],
    )
    access = extension(issued, "authorityInfoAccess")
    assert access.at("id-ad-ocsp").text == "uniformResourceIdentifier:http://ocsp.example/"
    assert access.at("id-ad-caIssuers").meaning == "where the issuer's certificate is"
    assert extension(issued, "cRLDistributionPoints").at("fullName").text.endswith("ca.crl")
    assert "must-staple" in extension(issued, "tlsfeature").meaning
    assert extension(issued, "subjectKeyIdentifier").value == b"key"
    assert extension(issued, "certificatePolicies").text == "2.23.140.1.2.1"
    unknown = extension(issued, "1.2.3.4")
    assert unknown.value == b"\x05\x00"
    assert unknown.at("critical").text == "TRUE"


def test_a_certificate_without_status_says_so() -> None:
    issued = CA.issue(extensions=[(unrecognized("2.5.29.56", b"\x05\x00"), False)])
    assert "never published" in explain(issued.certificate.der).meaning
    assert "names no responder" in explain(CA.issue().certificate.der).meaning


def test_a_broken_extension_spoils_no_other() -> None:
    issued = CA.issue(
        extensions=[
            (unrecognized(oids.ID_CE_EXT_KEY_USAGE.dotted_string, b"junk"), False),
            (unrecognized(oids.ID_PKIX_OCSP_NOCHECK.dotted_string, b"\x01\x01\xff"), False),
            (x509.SubjectKeyIdentifier(b"key"), False),
        ]
    )
    assert extension(issued, "extKeyUsage").problem
    assert "[O24]" in extension(issued, "NoCheck").problem
    assert extension(issued, "subjectKeyIdentifier").value == b"key"


def test_certificates_of_a_message_are_shown_though_one_is_broken() -> None:
    good = CA.issue_responder().certificate.der
    field = certs_field((b"junk", good), present="", missing="", section="RFC 6960 §4.2.1")
    broken, whole = field.children
    assert broken.problem
    assert whole.text == "CN=OCSP responder"
