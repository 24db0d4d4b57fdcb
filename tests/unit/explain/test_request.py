from __future__ import annotations

from dataclasses import replace

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode, encode_sequence_of, encode_tlv, explicit
from certstatus.explain import Field, explain, explain_request
from certstatus.ocsp import (
    CertID,
    Extensions,
    Nonce,
    Signature,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
)
from certstatus.pkix import AlgorithmIdentifier, GeneralName, HashAlgorithm
from certstatus.testing import TinyCA

CA = TinyCA()
LEAF = CA.issue()
CERT_ID = CertID.for_certificate(LEAF.certificate, CA.certificate)


def explained(*cert_ids: CertID, nonce: Nonce | None = None) -> Field:
    extensions = Extensions() if nonce is None else Extensions.of(nonce)
    der = encode_request(cert_ids or (CERT_ID,), request_extensions=extensions)
    return explain(der)


def test_a_bare_request_says_what_is_absent_and_what_that_means() -> None:
    tree = explained()
    for path in (
        ("tbsRequest", "requestorName"),
        ("tbsRequest", "requestExtensions"),
        ("tbsRequest", "requestList", "Request", "singleRequestExtensions"),
        ("optionalSignature",),
    ):
        field = tree.at(*path)
        assert field.is_absent
        assert field.meaning
    assert "no nonce" in tree.at("tbsRequest", "requestExtensions").meaning


def test_the_cert_id_is_told_in_its_four_parts() -> None:
    cert_id = explained().at("tbsRequest", "requestList", "Request", "reqCert")
    assert cert_id.at("hashAlgorithm").text == "id-sha256 (2.16.840.1.101.3.4.2.1)"
    assert cert_id.at("issuerNameHash").value == CERT_ID.issuer_name_hash
    assert cert_id.at("issuerKeyHash").value == CERT_ID.issuer_key_hash
    assert cert_id.at("serialNumber").text == "0x3e8 (1000)"
    assert cert_id.der == CERT_ID.encode()


def test_every_request_is_told() -> None:
    many = [CertID.of(CA.certificate, number) for number in range(1, 8)]
    tree = explained(*many)
    assert len(tree.at("tbsRequest", "requestList").children) == 7
    assert "7 certificates" in tree.meaning


def test_odd_serial_numbers_and_hashes_are_pointed_out() -> None:
    for number, word in ((0, "zero"), (-1, "negative"), (2**160, "longer")):
        cert_id = replace(CERT_ID, serial_number=number)
        tree = explained(cert_id).at("tbsRequest", "requestList", "Request", "reqCert")
        assert word in " ".join(tree.at("serialNumber").departures)
    short = replace(CERT_ID, issuer_name_hash=b"short")
    tree = explained(short).at("tbsRequest", "requestList", "Request", "reqCert")
    assert tree.at("issuerNameHash").departures == ("has 5 octets, which is no sha256 hash",)


def test_an_unknown_hash_is_said_to_be_unknown() -> None:
    cert_id = replace(CERT_ID, hash_algorithm=AlgorithmIdentifier(ObjectIdentifier("1.2.3")))
    tree = explained(cert_id).at("tbsRequest", "requestList", "Request", "reqCert")
    assert "does not know" in tree.at("hashAlgorithm").meaning


def test_a_name_without_a_signature_proves_nothing() -> None:
    name = GeneralName.rfc822_name("me@example.com")
    der = encode_request([CERT_ID], requestor_name=name)
    field = explain(der).at("tbsRequest", "requestorName")
    assert field.text == "rfc822Name:me@example.com"
    assert "anyone may say so" in field.meaning


def test_a_signature_without_a_name_departs_from_the_standard() -> None:
    signature = Signature(AlgorithmIdentifier(oids.ID_ED25519), bytes(64), (b"\x30\x00",))
    der = encode_signed_request(encode_tbs_request([CERT_ID]), signature)
    field = explain(der).at("optionalSignature")
    assert "(O4)" in field.departures[0]
    assert field.at("signature").text == "64 octets"
    assert field.at("signature").der == bytes(64)
    broken = field.at("certs", "Certificate")
    assert broken.problem
    assert broken.der == b"\x30\x00"


def test_weak_and_unknown_signature_algorithms_are_pointed_out() -> None:
    for oid, word in ((oids.SHA1_WITH_RSA, "SHA-1"), (ObjectIdentifier("1.2.3"), "support")):
        signature = Signature(AlgorithmIdentifier(oid), b"x")
        der = encode_signed_request(encode_tbs_request([CERT_ID]), signature)
        field = explain(der).at("optionalSignature", "signatureAlgorithm")
        assert word in field.departures[0]


def test_a_version_that_is_written_out_is_pointed_out() -> None:
    tbs = encode_tbs_request([CERT_ID])
    header = 2 if tbs[1] < 0x80 else 3
    written = encode_tlv(0x30, explicit(0, encode(0)) + tbs[header:])
    tree = explain_request(parse_request(encode_sequence_of([written])))
    assert tree.departures == ("TBSRequest.version writes the default v1 out",)
    assert "not written" not in tree.at("tbsRequest", "version").meaning
    assert "not written" in explained().at("tbsRequest", "version").meaning


def test_other_hashes_are_named() -> None:
    for algorithm in HashAlgorithm:
        cert_id = CertID.of(CA.certificate, 1, algorithm)
        field = explained(cert_id).at("tbsRequest", "requestList", "Request", "reqCert")
        assert field.at("hashAlgorithm").text.startswith(f"id-{algorithm.label}")
