"""Algorithms beyond RSA: RFC 8410 (EdDSA), RFC 9881 (ML-DSA), and CAs that have both kinds."""

from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES
from certstatus.ocsp import (
    ByKey,
    CertID,
    Signature,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
)
from certstatus.pkix import (
    AlgorithmIdentifier,
    Certificate,
    GeneralName,
    HashAlgorithm,
    issuance_problem,
)
from certstatus.testing import Forge, Issued, TinyCA, plain_algorithm, sign_plain
from certstatus.verify import Report, Verdict, VerifyPolicy, verify_response
from tests import der as hand
from tests.courtroom import NOW, failed, resigned

EDDSA = ["ed25519", "ed448"]
ML_DSA = ["mldsa44", "mldsa65", "mldsa87"]
PREHASHED = [oids.ID_HASH_ML_DSA_44, oids.ID_HASH_ML_DSA_65, oids.ID_HASH_ML_DSA_87]


def house(kind: str) -> tuple[TinyCA, Issued, Certificate]:
    ca = TinyCA("Issuing CA", kind=kind)
    return ca, ca.issue_responder(kind=kind), ca.issue_server().certificate


def judge(forge: Forge, leaf: Certificate, policy: VerifyPolicy | None = None) -> Report:
    return verify_response(
        forge.der,
        issuer=forge.ca.certificate,
        certificate=leaf,
        now=NOW,
        policy=policy or VerifyPolicy(),
    )


@pytest.mark.parametrize("kind", [*EDDSA, *ML_DSA])
@pytest.mark.rule("A1", "A2")
def test_the_data_itself_is_signed_with_no_digest_before(kind: str) -> None:
    """RFC 8410 §6, RFC 9881 §3: a signature over a digest of the data is another signature."""
    ca, delegate, leaf = house(kind)
    forged = Forge.honest(ca, leaf.serial_number, delegate)
    key, sha512 = delegate.key, HashAlgorithm.SHA512

    prehashed = forged.but(sign=lambda tbs: sign_plain(key, sha512.digest(tbs)))

    assert judge(forged, leaf).verdict is Verdict.GOOD
    assert failed(judge(prehashed, leaf)) == ["signature"]


@pytest.mark.parametrize("parameters", [hand.NULL, hand.sequence(), hand.octet_string(b"ctx")])
@pytest.mark.parametrize("kind", [*EDDSA, *ML_DSA])
@pytest.mark.rule("A1", "A2")
def test_parameters_are_absent_not_null(kind: str, parameters: bytes) -> None:
    ca, delegate, leaf = house(kind)
    algorithm = AlgorithmIdentifier(plain_algorithm(delegate.key).oid, parameters)
    forged = Forge.honest(ca, leaf.serial_number, delegate).but(algorithm=algorithm)

    assert failed(judge(forged, leaf)) == ["signature algorithm"]


@pytest.mark.parametrize("kind", [*EDDSA, *ML_DSA])
@pytest.mark.rule("A1", "A2")
def test_parameters_in_the_delegates_certificate_are_refused_too(kind: str) -> None:
    ca, delegate, leaf = house(kind)
    algorithm = hand.sequence(hand.oid(plain_algorithm(ca.key).oid.dotted_string), hand.NULL)
    der = resigned(delegate.certificate.der, algorithm, lambda tbs: sign_plain(ca.key, tbs))
    forged = Forge.honest(ca, leaf.serial_number, delegate).but(certs=(der,))

    assert failed(judge(forged, leaf)) == ["issued by the same key"]
    problem = issuance_problem(Certificate.from_der(der), ca.certificate)
    assert problem is not None
    assert "must have no parameters" in problem


@pytest.mark.parametrize("oid", PREHASHED, ids=oids.name_of)
@pytest.mark.rule("A2")
def test_hash_ml_dsa_is_refused_whatever_it_signed(oid: ObjectIdentifier) -> None:
    """RFC 9881 §2: HashML-DSA is not for X.509."""
    ca, delegate, leaf = house("mldsa65")
    algorithm = AlgorithmIdentifier(oid)
    forged = Forge.honest(ca, leaf.serial_number, delegate).but(algorithm=algorithm)

    report = judge(forged, leaf)

    assert [check.rule for check in report.failures] == ["A2"]


@pytest.mark.parametrize(("signed", "named"), [("mldsa44", "mldsa65"), ("ed25519", "ed448")])
@pytest.mark.rule("A1", "A2")
def test_the_size_that_is_named_is_the_size_of_the_key(signed: str, named: str) -> None:
    ca, delegate, leaf = house(signed)
    other = plain_algorithm(TinyCA(kind=named).key)
    forged = Forge.honest(ca, leaf.serial_number, delegate).but(algorithm=other)

    assert failed(judge(forged, leaf)) == ["signature"]


@pytest.mark.parametrize("classic", ["rsa2048", "p256"])
@pytest.mark.rule("A3", "O1", "O23")
def test_a_ca_with_a_classic_and_an_ml_dsa_key_is_two_issuers(classic: str) -> None:
    """One name, two keys: two key hashes, and a delegate of one does not speak for the other."""
    old, _, leaf = house(classic)
    new, new_delegate, _ = house("mldsa65")
    old_id = CertID.for_certificate(leaf, old.certificate)
    new_id = CertID.of(new.certificate, leaf.serial_number)

    assert old_id.issuer_name_hash == new_id.issuer_name_hash
    assert old_id.issuer_key_hash != new_id.issuer_key_hash
    by_other_id = Forge.honest(old, leaf.serial_number).but(cert_ids=(new_id,))
    assert failed(judge(by_other_id, leaf)) == ["issuer of the certID"]
    by_other_key = Forge.honest(old, leaf.serial_number, new_delegate)
    assert failed(judge(by_other_key, leaf)) == ["issued by the same key"]
    both = Forge.honest(old, leaf.serial_number)
    both = both.but(more=(both.single(new_id),))
    assert judge(both, leaf).verdict is Verdict.GOOD


@pytest.mark.parametrize(("ca_kind", "signer_kind"), [("rsa2048", "mldsa87"), ("mldsa87", "p256")])
@pytest.mark.rule("A3")
def test_a_delegate_may_have_a_key_of_another_kind_than_its_ca(
    ca_kind: str, signer_kind: str
) -> None:
    ca = TinyCA(kind=ca_kind)
    leaf = ca.issue_server().certificate
    forged = Forge.honest(ca, leaf.serial_number, ca.issue_responder(kind=signer_kind))

    assert judge(forged, leaf).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("kind", "octets"), [("mldsa44", 1312), ("mldsa65", 1952), ("mldsa87", 2592)]
)
@pytest.mark.rule("A3", "O17")
def test_by_key_is_sha1_over_the_raw_key(kind: str, octets: int) -> None:
    """RFC 9881 §4: the BIT STRING holds the raw bytes of the key."""
    certificate = TinyCA(kind=kind).certificate

    assert len(certificate.key_bits) == octets
    assert ByKey.of(certificate).key_hash == HashAlgorithm.SHA1.digest(certificate.key_bits)


@pytest.mark.parametrize("kind", ML_DSA)
@pytest.mark.rule("A3")
def test_the_limits_hold_the_larger_sizes(kind: str) -> None:
    ca, delegate, leaf = house(kind)
    name = GeneralName.directory_name(delegate.certificate.subject)
    many = [CertID.of(ca.certificate, number) for number in range(1, 101)]
    tbs = encode_tbs_request(many, requestor_name=name)
    certs = (delegate.certificate.der, ca.certificate.der)
    signature = Signature(plain_algorithm(delegate.key), sign_plain(delegate.key, tbs), certs)
    request = encode_signed_request(tbs, signature)
    response = Forge.honest(ca, leaf.serial_number, delegate).but(cert_ids=tuple(many)).der

    assert len(request) < MAX_REQUEST_BYTES
    assert parse_request(request).cert_ids == parse_request(encode_request(many)).cert_ids
    assert len(response) < MAX_RESPONSE_BYTES
