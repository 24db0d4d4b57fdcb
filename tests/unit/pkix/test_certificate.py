"""A certificate as OCSP sees it: exact bytes, and the extensions that matter."""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import x509 as judge
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_CERTIFICATE_BYTES
from certstatus.pkix import Certificate, GeneralName, HashAlgorithm
from certstatus.testing import KEY_KINDS, TinyCA
from certstatus.testing.ca import key_usage
from tests import der as hand

CA = TinyCA("Issuing CA")
LEAF = CA.issue_server(
    ocsp_uris=["http://ocsp.example/"],
    ca_issuers_uris=["http://ca.example/ca.cer"],
    crl_uris=["http://ca.example/ca.crl"],
).certificate

TBS = 0
VERSION, SERIAL, ISSUER, VALIDITY, SPKI, EXTENSIONS = (
    (TBS, position) for position in (0, 1, 3, 4, 6, 7)
)


def altered(path: tuple[int, ...], put: bytes) -> Certificate:
    """Read the leaf with another element at a path; nobody verifies its signature here."""
    return Certificate.from_der(hand.changed(LEAF.der, path, lambda _: put))


def with_extensions(*extensions: bytes) -> Certificate:
    return altered(EXTENSIONS, hand.explicit(3, hand.sequence(*extensions)))


def with_extension(oid: ObjectIdentifier, value: bytes) -> Certificate:
    return with_extensions(hand.extension(oid.dotted_string, value))


# --- exact bytes ----------------------------------------------------------------------------


def test_fields_are_those_that_the_cryptography_package_reads() -> None:
    theirs = LEAF.parsed

    assert LEAF.serial_number == theirs.serial_number
    assert LEAF.tbs_der == theirs.tbs_certificate_bytes
    assert LEAF.signature == theirs.signature
    assert LEAF.subject.der == theirs.subject.public_bytes()
    assert LEAF.issuer.der == theirs.issuer.public_bytes()
    assert (LEAF.not_before, LEAF.not_after) == (
        theirs.not_valid_before_utc,
        theirs.not_valid_after_utc,
    )
    assert LEAF.signature_algorithm.oid == theirs.signature_algorithm_oid
    assert LEAF.key_algorithm.oid == theirs.public_key_algorithm_oid
    assert LEAF.fingerprint == hashlib.sha256(LEAF.der).digest()
    assert LEAF.version == 2


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O1", "O17", "A3")
def test_the_key_hash_is_over_the_bits_of_the_key_alone(
    kind: str, algorithm: HashAlgorithm
) -> None:
    """Without tag, length and unused-bits octet, as asn1crypto takes them too."""
    certificate = TinyCA(kind=kind).certificate
    tbs = judge.Certificate.load(certificate.der)["tbs_certificate"]
    _, key = hand.elements(hand.elements(tbs["subject_public_key_info"].dump())[0].contents)
    bits = key.contents

    assert bits[0] == 0
    assert certificate.key_bits == bits[1:]
    assert certificate.key_hash(algorithm) == hashlib.new(algorithm.label, bits[1:]).digest()


@pytest.mark.rule("O17")
def test_the_sha1_key_hash_is_the_key_identifier_of_rfc_5280() -> None:
    theirs = x509.SubjectKeyIdentifier.from_public_key(CA.certificate.parsed.public_key())

    assert CA.certificate.key_hash(HashAlgorithm.SHA1) == theirs.digest


@pytest.mark.rule("O1")
def test_the_name_hash_is_over_the_names_bytes_and_not_over_a_writing_of_our_own() -> None:
    """The DER of an odd name: PrintableString with "@", attributes in an RDN out of order."""
    odd = hand.sequence(
        hand.tlv(
            0x31,
            hand.sequence(hand.oid("2.5.4.10"), hand.tlv(0x13, b"a@b")),
            hand.sequence(hand.oid("2.5.4.3"), hand.tlv(0x0C, b"c")),
        )
    )
    certificate = altered((TBS, 5), odd)

    assert certificate.subject.der == odd
    assert certificate.subject_name_hash(HashAlgorithm.SHA1) == hashlib.sha1(odd).digest()


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_the_key_is_read_whatever_its_kind(kind: str) -> None:
    ca = TinyCA(kind=kind)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert ca.certificate.public_key.public_bytes(*form) == ca.key.public_key().public_bytes(*form)
    assert ca.certificate.spki_der == ca.key.public_key().public_bytes(*form)


@pytest.mark.parametrize(
    "spki",
    [
        hand.sequence(hand.sequence(hand.oid("1.2.3.4")), hand.bit_string(b"key")),
        hand.sequence(
            hand.sequence(hand.oid("1.2.840.10045.2.1"), hand.oid("1.2.840.10045.3.1.7")),
            hand.bit_string(b"\x04" + bytes(64)),  # no point of the curve
        ),
        hand.sequence(
            hand.sequence(hand.oid("1.2.840.113549.1.1.1"), hand.NULL), hand.bit_string(b"")
        ),
    ],
)
def test_an_unusable_key_spoils_only_itself(spki: bytes) -> None:
    certificate = altered(SPKI, spki)

    assert certificate.serial_number == LEAF.serial_number
    assert certificate.spki_der == spki
    with pytest.raises(MalformedError, match="unusable key") as caught:
        _ = certificate.public_key
    assert caught.value.where == "subjectPublicKeyInfo"


# --- odd serials, versions and algorithms -------------------------------------------------


@pytest.mark.parametrize("number", [1, 0, -1, -(2**63), 2**159, 2**160, 2**168 - 1, 2**1000])
def test_every_serial_number_is_read(number: int) -> None:
    """RFC 5280 §4.1.2.2: positive and at most 20 octets; users must cope with others."""
    assert altered(SERIAL, hand.integer(number)).serial_number == number


def test_an_odd_serial_reaches_the_cryptography_package_without_a_warning() -> None:
    odd = altered(SERIAL, hand.integer(-5))

    assert odd.parsed.subject.public_bytes() == odd.subject.der


@pytest.mark.parametrize("oid", [oids.ECDSA_WITH_SHA256, oids.DSA_WITH_SHA256])
def test_null_parameters_where_none_belong_are_read(oid: ObjectIdentifier) -> None:
    """Java once wrote them; the cryptography package refuses the certificate for them."""
    algorithm = hand.sequence(hand.oid(oid.dotted_string), hand.NULL)
    inner = hand.changed(LEAF.der, (TBS, 2), lambda _: algorithm)
    certificate = Certificate.from_der(hand.changed(inner, (1,), lambda _: algorithm))

    assert certificate.signature_algorithm.parameters == hand.NULL
    assert certificate.not_after == LEAF.not_after


@pytest.mark.parametrize(("number", "name"), [(0, "v1"), (1, "v2"), (2, "v3")])
def test_the_three_versions_are_read(number: int, name: str) -> None:
    assert altered(VERSION, hand.explicit(0, hand.integer(number))).version == number, name


def test_a_version_left_out_is_v1() -> None:
    assert altered(VERSION, b"").version == 0


@pytest.mark.parametrize("number", [-1, 3, 2**64])
def test_another_version_is_refused(number: int) -> None:
    with pytest.raises(MalformedError, match=r"none of v1\(0\), v2\(1\), v3\(2\)"):
        altered(VERSION, hand.explicit(0, hand.integer(number)))


# --- validity -----------------------------------------------------------------------------


def validity(not_before: bytes, not_after: bytes) -> Certificate:
    return altered(VALIDITY, hand.sequence(not_before, not_after))


def utc_time(text: str) -> bytes:
    return hand.tlv(0x17, text.encode())


END = hand.generalized_time("20500101000000Z")


def test_both_kinds_of_time_are_read_with_the_century_of_rfc_5280() -> None:
    """§4.1.2.5.1: a year of two digits from 50 on is of the last century."""
    past = validity(utc_time("500101000000Z"), utc_time("491231235959Z"))

    assert past.not_before == datetime(1950, 1, 1, tzinfo=UTC)
    assert past.not_after == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert validity(utc_time("500101000000Z"), END).not_after == datetime(2050, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd",
    [
        hand.generalized_time("20260101000000.5Z"),
        hand.generalized_time("20260101000000+0900"),
        utc_time("2601010000Z"),
        utc_time("261301000000Z"),
        hand.NULL,
        b"",
    ],
)
def test_a_broken_time_is_refused_by_name(odd: bytes) -> None:
    with pytest.raises(MalformedError, match="Certificate: validity"):
        validity(odd, END)


def test_both_ends_of_the_validity_belong_to_it() -> None:
    second = timedelta(seconds=1)

    assert LEAF.is_valid_at(LEAF.not_before)
    assert LEAF.is_valid_at(LEAF.not_after)
    assert not LEAF.is_valid_at(LEAF.not_before - second)
    assert not LEAF.is_valid_at(LEAF.not_after + second)


# --- AIA and distribution points -----------------------------------------------------------


@pytest.mark.rule("O8", "C14")
def test_uris_are_given_in_order_whatever_their_scheme() -> None:
    leaf = CA.issue_server(
        ocsp_uris=["ldap://a.example/", "http://b.example/", "mailto:c@c.example"],
        ca_issuers_uris=["http://d.example/ca.p7c"],
    ).certificate

    assert leaf.ocsp_uris == ("ldap://a.example/", "http://b.example/", "mailto:c@c.example")
    assert leaf.ca_issuers_uris == ("http://d.example/ca.p7c",)
    assert [str(one.access_location) for one in leaf.access_descriptions] == [
        "uniformResourceIdentifier:ldap://a.example/",
        "uniformResourceIdentifier:http://b.example/",
        "uniformResourceIdentifier:mailto:c@c.example",
        "uniformResourceIdentifier:http://d.example/ca.p7c",
    ]


@pytest.mark.rule("O8")
def test_what_is_no_uri_is_passed_over() -> None:
    names = [GeneralName.dns_name("a.example"), GeneralName.uri("http://b.example/")]
    method = hand.oid(oids.ID_AD_OCSP.dotted_string)
    aia = hand.sequence(*(hand.sequence(method, name.encode()) for name in names))

    assert with_extension(oids.ID_PE_AUTHORITY_INFO_ACCESS, aia).ocsp_uris == ("http://b.example/",)


def distribution_points(*points: bytes) -> Certificate:
    return with_extension(oids.ID_CE_CRL_DISTRIBUTION_POINTS, hand.sequence(*points))


def full_name(*uris: str) -> bytes:
    return hand.explicit(0, hand.explicit(0, *(GeneralName.uri(uri).encode() for uri in uris)))


def test_every_name_of_every_distribution_point_is_given_in_order() -> None:
    reasons, relative = hand.tlv(0x81, b"\x06\x40"), hand.explicit(0, hand.tlv(0xA1, b""))
    points = distribution_points(
        hand.sequence(full_name("http://a.example/", "ldap://b.example/")),
        hand.sequence(relative),
        hand.sequence(hand.tlv(0xA2, GeneralName.dns_name("c.example").encode())),
        hand.sequence(full_name("http://d.example/"), reasons),
    )

    assert points.crl_uris == ("http://a.example/", "ldap://b.example/", "http://d.example/")


def test_without_the_extensions_there_is_nowhere_to_ask() -> None:
    bare = altered(EXTENSIONS, b"")

    assert bare.extensions == {}
    assert (bare.ocsp_uris, bare.ca_issuers_uris, bare.crl_uris) == ((), (), ())
    assert (bare.extended_key_usages, bare.key_usage, bare.tls_features) == (None, None, None)
    assert (bare.is_ca, bare.nocheck, bare.has_no_rev_avail) == (False, None, False)


# --- purposes -----------------------------------------------------------------------------


@pytest.mark.rule("O22")
def test_purposes_are_read() -> None:
    purposes = (oids.ID_KP_OCSP_SIGNING, oids.ANY_EXTENDED_KEY_USAGE)

    certificate = CA.issue(extended_key_usages=purposes).certificate

    assert certificate.extended_key_usages == frozenset(purposes)
    assert LEAF.extended_key_usages == frozenset({ExtendedKeyUsageOID.SERVER_AUTH})


@pytest.mark.parametrize(
    "bits",
    [
        ("digital_signature",),
        ("key_cert_sign", "crl_sign"),
        ("key_agreement", "decipher_only"),
        ("content_commitment", "data_encipherment", "key_encipherment"),
    ],
)
def test_key_usage_is_what_the_cryptography_package_reads(bits: tuple[str, ...]) -> None:
    certificate = CA.issue(usage=key_usage(*bits)).certificate

    assert certificate.key_usage == key_usage(*bits)
    theirs = certificate.parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert certificate.key_usage == theirs


@pytest.mark.parametrize(
    ("octets", "unused", "expected"),
    [
        (b"", 0, key_usage()),
        (b"\x80", 7, key_usage("digital_signature")),
        (b"\x01\x00", 0, key_usage()),  # encipherOnly without keyAgreement says nothing
        (b"\x80\x00\xff", 0, key_usage("digital_signature")),  # bits past the ninth
    ],
)
def test_key_usage_of_any_length_is_read(
    octets: bytes, unused: int, expected: x509.KeyUsage
) -> None:
    value = hand.bit_string(octets, unused)

    assert with_extension(oids.ID_CE_KEY_USAGE, value).key_usage == expected


@pytest.mark.parametrize(
    ("value", "is_ca"),
    [
        (hand.sequence(), False),
        (hand.sequence(hand.FALSE), False),
        (hand.sequence(hand.TRUE), True),
        (hand.sequence(hand.TRUE, hand.integer(0)), True),
        (hand.sequence(hand.integer(3)), False),
    ],
)
def test_a_ca_is_what_basic_constraints_say(value: bytes, *, is_ca: bool) -> None:
    assert with_extension(oids.ID_CE_BASIC_CONSTRAINTS, value).is_ca is is_ca


@pytest.mark.parametrize("value", [hand.NULL, b"", b"\x04\x00"])
@pytest.mark.rule("O24")
def test_nocheck_is_given_as_it_stands(value: bytes) -> None:
    assert with_extension(oids.ID_PKIX_OCSP_NOCHECK, value).nocheck == value


@pytest.mark.parametrize("features", [(5,), (5, 17), ()])
def test_tls_features_are_read(features: tuple[int, ...]) -> None:
    value = hand.sequence(*map(hand.integer, features))

    assert with_extension(oids.ID_PE_TLS_FEATURE, value).tls_features == features


def test_no_rev_avail_is_seen() -> None:
    assert with_extension(oids.ID_CE_NO_REV_AVAIL, hand.NULL).has_no_rev_avail


# --- one broken extension spoils no other ---------------------------------------------------

BREAKABLE: list[tuple[ObjectIdentifier, Callable[[Certificate], Any]]] = [
    (oids.ID_PE_AUTHORITY_INFO_ACCESS, lambda one: one.ocsp_uris),
    (oids.ID_CE_CRL_DISTRIBUTION_POINTS, lambda one: one.crl_uris),
    (oids.ID_CE_EXT_KEY_USAGE, lambda one: one.extended_key_usages),
    (oids.ID_CE_KEY_USAGE, lambda one: one.key_usage),
    (oids.ID_CE_BASIC_CONSTRAINTS, lambda one: one.is_ca),
    (oids.ID_PE_TLS_FEATURE, lambda one: one.tls_features),
]


def read_nocheck(certificate: Certificate) -> bytes | None:
    return certificate.nocheck


@pytest.mark.parametrize("value", [b"", b"junk", hand.TRUE, hand.sequence(hand.TRUE) + hand.NULL])
@pytest.mark.parametrize(("oid", "read_broken"), BREAKABLE)
def test_a_broken_extension_is_named_and_spoils_no_other(
    oid: ObjectIdentifier, read_broken: Callable[[Certificate], Any], value: bytes
) -> None:
    certificate = with_extension(oid, value)

    with pytest.raises(MalformedError) as caught:
        read_broken(certificate)

    assert caught.value.where == oids.name_of(oid)
    for other, read in BREAKABLE:
        if other != oid:
            read(certificate)


def test_an_extension_that_stands_twice_is_refused_when_extensions_are_asked_for() -> None:
    """RFC 5280 §4.2: "A certificate MUST NOT include more than one instance"."""
    nocheck = hand.extension(oids.ID_PKIX_OCSP_NOCHECK.dotted_string, hand.NULL)
    certificate = with_extensions(nocheck, nocheck)

    assert certificate.serial_number == LEAF.serial_number
    for read in (*(read for _, read in BREAKABLE), read_nocheck):
        with pytest.raises(MalformedError, match="id-pkix-ocsp-nocheck stands twice"):
            read(certificate)


@pytest.mark.parametrize(
    ("written", "critical"), [(b"", False), (hand.FALSE, False), (hand.TRUE, True)]
)
def test_the_critical_flag_may_be_left_out_or_written(written: bytes, *, critical: bool) -> None:
    certificate = with_extensions(hand.extension("1.2.3", b"value", critical=written))

    assert certificate.extensions == {ObjectIdentifier("1.2.3"): (critical, b"value")}


# --- reading ------------------------------------------------------------------------------


def test_every_prefix_of_a_certificate_is_refused() -> None:
    for size in range(len(LEAF.der)):
        with pytest.raises(MalformedError):
            Certificate.from_der(LEAF.der[:size])


@pytest.mark.parametrize("octet", [b"\x00", b"\x30", b"\xff"])
def test_a_byte_after_the_end_is_refused(octet: bytes) -> None:
    with pytest.raises(MalformedError, match="bytes after its end"):
        Certificate.from_der(LEAF.der + octet)


def test_the_place_of_a_broken_field_is_named() -> None:
    odd = hand.changed(LEAF.der, SERIAL, lambda _: hand.NULL)

    with pytest.raises(MalformedError) as caught:
        Certificate.from_der(odd, "issuer.pem")
    assert caught.value.where == "issuer.pem: Certificate.tbsCertificate"


def test_a_certificate_past_the_limit_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match=f"larger than {MAX_CERTIFICATE_BYTES} bytes"):
        Certificate.from_der(bytes(MAX_CERTIFICATE_BYTES + 1))

    filling = hand.extension("1.2.3", bytes(MAX_CERTIFICATE_BYTES - len(LEAF.der)))
    assert len(with_extensions(filling).der) <= MAX_CERTIFICATE_BYTES


def test_a_file_may_hold_pem_or_der() -> None:
    pem = CA.issued.certificate_pem

    assert Certificate.load(pem) == Certificate.load(CA.certificate.der) == (CA.certificate,)
    leaf = CA.issue()
    both = b"text\n" + CA.issued.key_pem() + pem + leaf.certificate_pem + b"text"
    assert Certificate.load(both) == (CA.certificate, leaf.certificate)


def test_a_certificate_that_others_refuse_is_read_from_pem_too() -> None:
    odd = altered(SERIAL, hand.integer(-1))
    pem = b"-----BEGIN CERTIFICATE-----\n%b-----END CERTIFICATE-----\n" % encodebytes(odd.der)

    assert Certificate.from_pem(pem) == (odd,)


@pytest.mark.parametrize("pem", [b"", b"text", CA.issued.key_pem()])
def test_a_pem_text_without_a_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^ca\.pem: holds no PEM certificate$"):
        Certificate.from_pem(pem, "ca.pem")


def test_a_certificate_of_the_cryptography_package_is_taken_over() -> None:
    assert Certificate.from_x509(LEAF.parsed) == LEAF


def test_a_certificate_that_the_cryptography_package_refuses_is_malformed_there_alone() -> None:
    odd = altered(VERSION, hand.explicit(0, hand.integer(1)))  # v2, which it does not know

    assert odd.not_after == LEAF.not_after
    with pytest.raises(MalformedError, match="is not readable"):
        _ = odd.parsed


def test_certificates_are_equal_where_their_bytes_are() -> None:
    assert Certificate.from_der(LEAF.der) == LEAF
    assert len({Certificate.from_der(LEAF.der), LEAF, CA.certificate}) == 2


def test_a_certificate_is_shown_by_subject_and_serial() -> None:
    assert str(CA.certificate) == "CN=Issuing CA (serial 0x1)"
    assert CA.certificate.is_self_issued
    assert not LEAF.is_self_issued


def test_an_rsa_key_is_an_rsa_key() -> None:
    assert isinstance(TinyCA(kind="rsa2048").certificate.public_key, rsa.RSAPublicKey)
