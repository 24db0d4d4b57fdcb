from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509

from certstatus.explain import Field, explain
from certstatus.pkix import CRLReason
from certstatus.testing import TinyCA

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA()


def tbs(der: bytes, entries: int | None = None) -> Field:
    return explain(der, entries=entries).at("tbsCertList")


def test_a_crl_is_told_field_by_field() -> None:
    der = CA.crl([(1000, MOMENT, CRLReason.KEY_COMPROMISE), (1001, MOMENT, None)], number=7)
    tree = tbs(der)
    assert tree.at("version").text == "v2 (1)"
    assert tree.at("issuer").text == "CN=Tiny CA"
    assert tree.at("crlExtensions", "cRLNumber").text == "7"
    first, second = tree.at("revokedCertificates").children
    assert first.at("userCertificate").text == "0x3e8 (1000)"
    assert first.at("revocationDate").value == MOMENT
    assert first.at("reasonCode").text == "keyCompromise (1)"
    assert [one.name for one in second.children] == ["userCertificate", "revocationDate"]
    assert all(field.section.startswith("RFC ") for field in explain(der).walk())


def test_a_crl_without_entries_revokes_nothing() -> None:
    field = tbs(CA.crl()).at("revokedCertificates")
    assert field.is_absent
    assert "no certificate is revoked" in field.meaning


def test_a_long_crl_is_shown_as_far_as_asked_and_counted_whole() -> None:
    der = CA.crl([(number, MOMENT, None) for number in range(1, 51)])
    field = tbs(der, entries=3).at("revokedCertificates")
    assert field.text == "50 entries"
    assert field.meaning == "the first 3 follow"
    assert len(field.children) == 3
    assert len(tbs(der).at("revokedCertificates").children) == 50


def test_scope_and_delta_are_told() -> None:
    scope = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://crl.example/")],
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}),
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    der = CA.crl(
        extensions=[
            (scope, True),
            (x509.DeltaCRLIndicator(6), True),
            (x509.AuthorityKeyIdentifier(b"key", None, None), False),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False),
        ]
    )
    extensions = tbs(der).at("crlExtensions")
    point = extensions.at("issuingDistributionPoint")
    assert point.at("fullName").text.endswith("http://crl.example/")
    assert point.at("onlyContainsUserCerts").text == "TRUE"
    assert point.at("onlySomeReasons").text == "keyCompromise"
    assert point.at("critical").text == "TRUE"
    assert extensions.at("deltaCRLIndicator").text == "6"
    assert extensions.at("authorityKeyIdentifier").value == b"key"
    assert extensions.at("1.2.3.4").value == b"\x05\x00"
    assert "delta CRL" in explain(der).meaning


def test_a_broken_extension_is_a_problem_of_its_own() -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"junk")
    field = tbs(CA.crl(extensions=[(broken, True)])).at("crlExtensions", "issuingDistributionPoint")
    assert field.problem
