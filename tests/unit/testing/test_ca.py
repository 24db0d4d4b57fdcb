"""The tiny CA issues what is asked of it, as others read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from certstatus.asn1 import oids
from certstatus.pkix import (
    CertificateList,
    CRLReason,
    HashAlgorithm,
    issuance_problem,
    signature_algorithm,
    signature_problem,
)
from certstatus.testing import (
    KEY_KINDS,
    Issued,
    TinyCA,
    generate_key,
    plain_algorithm,
    sign_plain,
)
from certstatus.testing.ca import EPOCH
from certstatus.verify.delegation import NOCHECK_VALUE

CA = TinyCA("Issuing CA")
DAY = timedelta(days=1)


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_ca_of_any_kind_issues_for_keys_of_any_kind(kind: str) -> None:
    ca = TinyCA(kind=kind)
    issued = CA.issue(kind=kind)

    assert ca.certificate.is_ca
    assert issuance_problem(ca.certificate, ca.certificate) is None
    assert issuance_problem(ca.issue().certificate, ca.certificate) is None
    assert issuance_problem(issued.certificate, CA.certificate) is None


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_the_plain_signature_holds_by_the_plain_algorithm(kind: str) -> None:
    issued = TinyCA(kind=kind).issued

    algorithm = signature_algorithm(plain_algorithm(issued.key))

    signature = sign_plain(issued.key, b"data")
    assert signature_problem(algorithm, issued.certificate.public_key, signature, b"data") is None


@pytest.mark.parametrize("digest", [one for one in HashAlgorithm if one is not HashAlgorithm.SHA1])
def test_the_digest_is_the_one_that_the_ca_signs_with(digest: HashAlgorithm) -> None:
    leaf = TinyCA(kind="rsa2048", digest=digest).issue().certificate

    assert str(leaf.signature_algorithm) == f"{digest.label}WithRSAEncryption"


def test_a_ca_below_is_issued_by_its_parent() -> None:
    below = TinyCA("Sub CA", parent=CA)

    assert issuance_problem(below.certificate, CA.certificate) is None
    assert below.certificate.is_ca
    assert below.issue().certificate.issuer == below.certificate.subject


def test_serial_numbers_count_up_or_are_given() -> None:
    ca = TinyCA()

    assert [ca.issue().certificate.serial_number for _ in range(2)] == [1000, 1001]
    assert ca.issue(serial_number=7).certificate.serial_number == 7


def test_a_certificate_carries_what_was_wished_for() -> None:
    leaf = CA.issue_server(
        "a.example",
        not_before=EPOCH + DAY,
        not_after=EPOCH + 2 * DAY,
        ocsp_uris=["http://ocsp.example/"],
        crl_uris=["http://crl.example/"],
        tls_features=[x509.TLSFeatureType.status_request],
    ).certificate

    assert (leaf.not_before, leaf.not_after) == (EPOCH + DAY, EPOCH + 2 * DAY)
    assert leaf.ocsp_uris == ("http://ocsp.example/",)
    assert leaf.crl_uris == ("http://crl.example/",)
    assert leaf.tls_features == (5,)
    assert leaf.extended_key_usages == frozenset({ExtendedKeyUsageOID.SERVER_AUTH})
    assert not leaf.is_ca


def test_a_responder_is_as_the_baseline_requirements_want_it() -> None:
    """BR 7.1.2.8: the one purpose, digitalSignature alone and critical, nocheck, AKI."""
    responder = CA.issue_responder().certificate

    assert responder.extended_key_usages == frozenset({oids.ID_KP_OCSP_SIGNING})
    assert responder.nocheck == NOCHECK_VALUE
    critical, _ = responder.extensions[oids.ID_CE_KEY_USAGE]
    assert critical
    assert responder.key_usage is not None
    assert responder.key_usage.digital_signature
    assert not responder.key_usage.key_cert_sign
    assert oids.ID_CE_AUTHORITY_KEY_IDENTIFIER in responder.extensions
    assert (responder.ocsp_uris, responder.crl_uris, responder.is_ca) == ((), (), False)
    assert CA.issue_responder(nocheck=False).certificate.nocheck is None


def test_a_crl_lists_what_is_revoked() -> None:
    revoked = [(7, EPOCH + DAY, CRLReason.KEY_COMPROMISE), (8, EPOCH, None)]

    crl = CertificateList.from_der(CA.crl(revoked, number=3))

    assert crl.signature_problem(CA.certificate) is None
    assert crl.crl_number == 3
    assert [
        (one.serial_number, one.revocation_date, one.reason) for one in crl.entries()
    ] == revoked
    assert crl.next_update is not None
    assert crl.next_update - crl.this_update == 7 * DAY


@pytest.mark.parametrize("reason", CRLReason)
def test_a_crl_knows_every_reason(reason: CRLReason) -> None:
    (entry,) = CertificateList.from_der(CA.crl([(7, EPOCH, reason)])).entries()

    assert entry.reason is reason


@pytest.mark.parametrize("password", [None, b"secret"])
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_keys_are_written_plain_or_encrypted(kind: str, password: bytes | None) -> None:
    key = generate_key(kind)

    pem = Issued(CA.certificate, key).key_pem(password)

    assert (b"ENCRYPTED" in pem) is (password is not None)
    assert type(load_pem_private_key(pem, password)) is type(key)


def test_a_certificate_is_written_as_pem() -> None:
    loaded = x509.load_pem_x509_certificate(CA.issued.certificate_pem)

    assert loaded.public_bytes(Encoding.DER) == CA.certificate.der
