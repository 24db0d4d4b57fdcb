"""A CRL by its bytes: scope, number, times, entries, signature."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import crl as judge
from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_CRL_BYTES
from certstatus.pkix import (
    ALL_REASONS,
    Certificate,
    CertificateList,
    CRLReason,
    GeneralName,
    IssuingDistributionPoint,
    Name,
    RevokedEntry,
)
from certstatus.testing import KEY_KINDS, TinyCA
from tests import der as hand
from tests.books import DAY, NOW, crl, scope

CA = TinyCA("Issuing CA")
EMPTY = crl(CA)

# Paths into a CRL without entries.
VERSION, THIS_UPDATE, NEXT_UPDATE, EXTENSIONS = ((0, position) for position in (0, 3, 4, 5))


def entry(serial_number: int, *extensions: bytes, when: bytes = b"") -> bytes:
    """Write a member of revokedCertificates."""
    moment = when or hand.tlv(0x17, b"261120120000Z")
    listed = hand.sequence(*extensions) if extensions else b""
    return hand.sequence(hand.integer(serial_number), moment, listed)


def listing(*entries: bytes, extensions: tuple[bytes, ...] = ()) -> bytes:
    """Write a CRL with these entries and extensions; nobody verifies its signature."""
    listed = hand.sequence(*entries) if entries else b""
    wrapped = hand.explicit(0, hand.sequence(*extensions)) if extensions else b""
    return hand.changed(EMPTY, EXTENSIONS, lambda _: listed + wrapped)


def of(oid: ObjectIdentifier, value: bytes, critical: bytes = b"") -> bytes:
    return hand.extension(oid.dotted_string, value, critical)


def read(*entries: bytes, extensions: tuple[bytes, ...] = ()) -> CertificateList:
    return CertificateList.from_der(listing(*entries, extensions=extensions))


# --- fields -------------------------------------------------------------------------------


def test_fields_are_those_that_others_read() -> None:
    der = crl(CA, 7, 2**158, number=42)
    ours, theirs = CertificateList.from_der(der), x509.load_der_x509_crl(der)

    assert ours.tbs_der == theirs.tbs_certlist_bytes
    assert ours.signature == theirs.signature
    assert ours.signature_algorithm.oid == theirs.signature_algorithm_oid
    assert (ours.this_update, ours.next_update) == (NOW - DAY, NOW + DAY)
    assert ours.issuer.der == theirs.issuer.public_bytes()
    assert ours.crl_number == judge.CertificateList.load(der).crl_number_value.native == 42
    assert [one.serial_number for one in ours.entries()] == [one.serial_number for one in theirs]
    assert ours.entry_count == 2
    assert ours.version == 1
    assert ours.base_crl_number is None


@pytest.mark.parametrize(
    ("extensions", "number", "base"),
    [
        ((), None, None),
        ((of(oids.ID_CE_CRL_NUMBER, hand.integer(0)),), 0, None),
        ((of(oids.ID_CE_CRL_NUMBER, hand.integer(2**160)),), 2**160, None),
        (
            (
                of(oids.ID_CE_CRL_NUMBER, hand.integer(9)),
                of(oids.ID_CE_DELTA_CRL_INDICATOR, hand.integer(8), hand.TRUE),
            ),
            9,
            8,
        ),
    ],
)
@pytest.mark.rule("C1")
def test_the_number_and_the_base_number_are_read(
    extensions: tuple[bytes, ...], number: int | None, base: int | None
) -> None:
    read_crl = read(extensions=extensions)

    assert (read_crl.crl_number, read_crl.base_crl_number) == (number, base)


@pytest.mark.rule("C2", "C14")
def test_key_identifier_and_kept_certificates_are_read() -> None:
    identifier = hand.sequence(hand.tlv(0x80, b"key"))
    since = hand.generalized_time("20200101000000Z")
    known = read(
        extensions=(
            of(oids.ID_CE_AUTHORITY_KEY_IDENTIFIER, identifier),
            of(oids.ID_CE_EXPIRED_CERTS_ON_CRL, since),
        )
    )

    assert known.authority_key_identifier == identifier
    assert known.expired_certs_on_crl == datetime(2020, 1, 1, tzinfo=UTC)
    assert (read().authority_key_identifier, read().expired_certs_on_crl) == (None, None)


def test_a_crl_of_version_1_has_neither_version_nor_extensions() -> None:
    der = hand.changed(listing(entry(5)), VERSION, lambda _: b"")
    old = CertificateList.from_der(der)

    assert old.version == 0
    assert old.extensions == {}
    assert [one.serial_number for one in old.entries()] == [5]


@pytest.mark.parametrize("number", [-1, 2, 2**64])
def test_another_version_is_refused(number: int) -> None:
    der = hand.changed(EMPTY, VERSION, lambda _: hand.integer(number))

    with pytest.raises(MalformedError, match=r"is neither v1\(0\) nor v2\(1\)"):
        CertificateList.from_der(der)


def test_an_absent_next_update_is_none() -> None:
    der = hand.changed(EMPTY, NEXT_UPDATE, lambda _: b"")

    assert CertificateList.from_der(der).next_update is None


@pytest.mark.parametrize("path", [THIS_UPDATE, NEXT_UPDATE])
def test_times_are_read_in_both_kinds_and_refused_with_fractions(path: tuple[int, ...]) -> None:
    later = hand.changed(EMPTY, path, lambda _: hand.generalized_time("20500101000000Z"))
    odd = hand.changed(EMPTY, path, lambda _: hand.generalized_time("20500101000000.1Z"))

    moments = (
        CertificateList.from_der(later).this_update,
        CertificateList.from_der(later).next_update,
    )
    assert datetime(2050, 1, 1, tzinfo=UTC) in moments
    with pytest.raises(MalformedError, match="fraction of a second"):
        CertificateList.from_der(odd)


def test_no_entries_at_all_and_an_empty_list_are_the_same() -> None:
    empty = hand.with_member(EMPTY, (0,), 5, hand.sequence())

    for der in (EMPTY, empty):
        assert CertificateList.from_der(der).entry_count == 0
        assert list(CertificateList.from_der(der).entries()) == []


# --- entries ------------------------------------------------------------------------------

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("number", [1, 0, -1, 2**160, 2**168])
def test_every_serial_number_is_read(number: int) -> None:
    assert list(read(entry(number)).entries()) == [
        RevokedEntry(serial_number=number, revocation_date=WHEN)
    ]


@pytest.mark.rule("C6")
def test_the_extensions_of_an_entry_are_read() -> None:
    issuer = GeneralName.directory_name(Name.from_rfc4514("CN=Other"))
    (found,) = read(
        entry(
            5,
            of(oids.ID_CE_CRL_REASONS, hand.enumerated(9)),
            of(oids.ID_CE_INVALIDITY_DATE, hand.generalized_time("20261101000000Z")),
            of(oids.ID_CE_CERTIFICATE_ISSUER, hand.sequence(issuer.encode()), hand.TRUE),
            of(ObjectIdentifier("1.2.3"), b"anything"),
        )
    ).entries()

    assert found.reason is CRLReason.PRIVILEGE_WITHDRAWN
    assert found.invalidity_date == datetime(2026, 11, 1, tzinfo=UTC)
    assert found.certificate_issuer == (issuer,)


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (of(oids.ID_CE_CRL_REASONS, hand.integer(1)), "crlEntryExtensions.reasonCode"),
        (of(oids.ID_CE_CRL_REASONS, hand.enumerated(7)), "crlEntryExtensions.reasonCode"),
        (of(oids.ID_CE_CRL_REASONS, b""), "crlEntryExtensions.reasonCode"),
        (
            of(oids.ID_CE_INVALIDITY_DATE, hand.tlv(0x17, b"261101000000Z")),
            "crlEntryExtensions.invalidityDate",
        ),
        (of(oids.ID_CE_CERTIFICATE_ISSUER, hand.sequence()), "crlEntryExtensions"),
    ],
)
def test_a_broken_extension_of_an_entry_is_named(broken: bytes, where: str) -> None:
    broken_crl = read(entry(4), entry(5, broken))

    with pytest.raises(MalformedError) as caught:
        list(broken_crl.entries())
    assert caught.value.where == where


@pytest.mark.rule("C8")
def test_an_unknown_critical_extension_of_an_entry_makes_the_crl_unusable() -> None:
    """RFC 5280 §5.3: it must not be used for the status of any certificate."""
    odd = of(ObjectIdentifier("1.2.3.4"), b"", hand.TRUE)

    with pytest.raises(MalformedError, match=r"unknown critical extension 1\.2\.3\.4") as caught:
        list(read(entry(4), entry(5, odd)).entries())
    assert caught.value.rule == "C8"


def test_an_extension_of_an_entry_that_stands_twice_is_refused() -> None:
    reason = of(oids.ID_CE_CRL_REASONS, hand.enumerated(1))

    with pytest.raises(MalformedError, match="stands twice"):
        list(read(entry(5, reason, reason)).entries())


@pytest.mark.parametrize(
    "broken",
    [
        hand.NULL,
        hand.sequence(),
        hand.sequence(hand.integer(1)),
        entry(1, when=hand.NULL),
        entry(1, when=hand.generalized_time("20261101000000.5Z")),
        hand.sequence(hand.integer(1), hand.tlv(0x17, b"261120120000Z"), hand.NULL),
    ],
)
def test_a_broken_entry_is_refused(broken: bytes) -> None:
    with pytest.raises(MalformedError):
        list(read(broken).entries())


# --- scope --------------------------------------------------------------------------------


def idp(*fields: bytes) -> CertificateList:
    value = hand.sequence(*fields)
    return read(extensions=(of(oids.ID_CE_ISSUING_DISTRIBUTION_POINT, value, hand.TRUE),))


URI = GeneralName.uri("http://a.example/1.crl")
POINT = hand.explicit(0, hand.explicit(0, URI.encode()))


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), IssuingDistributionPoint()),
        ((POINT,), IssuingDistributionPoint(full_name=(URI,))),
        (
            (hand.explicit(0, hand.tlv(0xA1, b"rdn")),),
            IssuingDistributionPoint(name_relative_to_issuer=b"rdn"),
        ),
        ((hand.tlv(0x81, b"\xff"),), IssuingDistributionPoint(only_contains_user_certs=True)),
        ((hand.tlv(0x82, b"\xff"),), IssuingDistributionPoint(only_contains_ca_certs=True)),
        (
            (hand.tlv(0x83, b"\x06\x40"),),
            IssuingDistributionPoint(only_some_reasons=frozenset({CRLReason.KEY_COMPROMISE})),
        ),
        ((hand.tlv(0x84, b"\xff"),), IssuingDistributionPoint(indirect_crl=True)),
        ((hand.tlv(0x85, b"\xff"),), IssuingDistributionPoint(only_contains_attribute_certs=True)),
        (
            (hand.tlv(0x81, b"\x00"), hand.tlv(0x85, b"\x00")),
            IssuingDistributionPoint(),
        ),
    ],
)
def test_every_field_of_the_scope_is_read(
    fields: tuple[bytes, ...], expected: IssuingDistributionPoint
) -> None:
    assert idp(*fields).scope == expected


@pytest.mark.rule("C4")
def test_the_scope_is_the_one_that_the_cryptography_package_writes() -> None:
    point = scope(
        full_name="http://a.example/1.crl",
        some=[x509.ReasonFlags.ca_compromise, x509.ReasonFlags.aa_compromise],
        only_contains_ca_certs=True,
    )
    found = CertificateList.from_der(crl(CA, extensions=[point]))

    assert found.scope == IssuingDistributionPoint(
        full_name=(URI,),
        only_contains_ca_certs=True,
        only_some_reasons=frozenset({CRLReason.CA_COMPROMISE, CRLReason.AA_COMPROMISE}),
    )
    assert found.reasons == {CRLReason.CA_COMPROMISE, CRLReason.AA_COMPROMISE}


def test_without_a_scope_a_crl_covers_everything() -> None:
    assert read().scope == IssuingDistributionPoint()
    assert read().reasons == ALL_REASONS


@pytest.mark.parametrize(
    "fields",
    [
        (hand.tlv(0x86, b"\xff"),),
        (hand.tlv(0x81, b"\x01"),),
        (hand.tlv(0x82, b"\xff"), hand.tlv(0x81, b"\xff")),
        (hand.explicit(0, hand.NULL),),
        (hand.explicit(0, hand.tlv(0xA0)),),
        (hand.tlv(0x83, b""),),
    ],
)
@pytest.mark.rule("C4")
def test_a_broken_scope_is_refused(fields: tuple[bytes, ...]) -> None:
    broken = idp(*fields)

    with pytest.raises(MalformedError, match=r"^issuingDistributionPoint"):
        _ = broken.scope


@pytest.mark.rule("C8")
def test_unknown_critical_extensions_are_listed() -> None:
    odd = of(ObjectIdentifier("1.2.3.4"), b"", hand.TRUE)
    fine = of(ObjectIdentifier("1.2.3.5"), b"")
    known = of(oids.ID_CE_ISSUING_DISTRIBUTION_POINT, hand.sequence(), hand.TRUE)

    assert read(extensions=(odd, fine, known)).unknown_critical() == (ObjectIdentifier("1.2.3.4"),)


# --- reading ------------------------------------------------------------------------------


def test_an_extension_that_stands_twice_is_refused() -> None:
    number = of(oids.ID_CE_CRL_NUMBER, hand.integer(1))

    with pytest.raises(MalformedError, match="id-ce-cRLNumber stands twice"):
        read(extensions=(number, number))


@pytest.mark.parametrize(
    ("oid", "look"),
    [
        (oids.ID_CE_CRL_NUMBER, lambda one: one.crl_number),
        (oids.ID_CE_DELTA_CRL_INDICATOR, lambda one: one.base_crl_number),
        (oids.ID_CE_EXPIRED_CERTS_ON_CRL, lambda one: one.expired_certs_on_crl),
        (oids.ID_CE_ISSUING_DISTRIBUTION_POINT, lambda one: one.scope),
    ],
)
def test_a_broken_extension_is_refused_when_it_is_asked_for(
    oid: ObjectIdentifier, look: Callable[[CertificateList], Any]
) -> None:
    broken = read(entry(5), extensions=(of(oid, b"junk"),))

    assert broken.entry_count == 1
    with pytest.raises(MalformedError):
        look(broken)


def test_every_prefix_of_a_crl_is_refused() -> None:
    der = crl(CA, 5)

    for size in range(len(der)):
        with pytest.raises(MalformedError):
            CertificateList.from_der(der[:size])


def test_a_byte_after_the_end_is_refused() -> None:
    with pytest.raises(MalformedError, match="bytes after its end"):
        CertificateList.from_der(EMPTY + b"\0")


def test_a_crl_past_the_limit_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match=f"larger than {MAX_CRL_BYTES} bytes"):
        CertificateList.from_der(bytes(MAX_CRL_BYTES + 1))
    with pytest.raises(MalformedError, match="another type"):
        CertificateList.from_der(bytes(MAX_CRL_BYTES))


def pem(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n%b-----END X509 CRL-----\n" % encodebytes(der)


def test_a_file_may_hold_pem_or_der() -> None:
    assert CertificateList.load(EMPTY).der == EMPTY
    assert CertificateList.load(CA.issued.certificate_pem + pem(EMPTY)).der == EMPTY


@pytest.mark.parametrize(("text", "count"), [(CA.issued.certificate_pem, 0), (pem(EMPTY) * 2, 2)])
def test_a_pem_text_holds_one_crl_and_no_more(text: bytes, count: int) -> None:
    with pytest.raises(MalformedError, match=f"holds {count} PEM CRLs, not one"):
        CertificateList.load(text)


# --- signature ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.rule("C8")
def test_the_issuers_signature_holds_whatever_its_key(kind: str) -> None:
    ca = TinyCA(kind=kind)

    assert CertificateList.from_der(crl(ca)).signature_problem(ca.certificate) is None


@pytest.mark.rule("C8")
def test_another_name_and_another_key_did_not_sign_it() -> None:
    whole = CertificateList.from_der(EMPTY)

    stranger, namesake = TinyCA("Stranger"), TinyCA("Issuing CA")
    assert whole.signature_problem(stranger.certificate) == (
        "the CRL is of CN=Issuing CA, not of CN=Stranger"
    )
    assert whole.signature_problem(namesake.certificate) == "the signature does not match"


@pytest.mark.rule("C8")
def test_a_changed_crl_and_an_unknown_algorithm_are_no_proof() -> None:
    later = hand.changed(EMPTY, NEXT_UPDATE, lambda _: hand.generalized_time("20500101000000Z"))
    other = hand.changed(EMPTY, (1,), lambda _: hand.sequence(hand.oid("1.2.3.4")))
    unknown = hand.changed(other, (0, 1), lambda _: hand.sequence(hand.oid("1.2.3.4")))

    for der, problem in (
        (later, "does not match"),
        (other, "names two signature algorithms"),
        (unknown, "is not supported"),
    ):
        told = CertificateList.from_der(der).signature_problem(CA.certificate)
        assert told is not None
        assert problem in told


@pytest.mark.rule("C8")
def test_a_key_without_crl_sign_signs_no_crl() -> None:
    usage = of(oids.ID_CE_KEY_USAGE, hand.bit_string(b"\x84", 2), hand.TRUE)
    mute = hand.changed(
        CA.certificate.der, (0, 7), lambda _: hand.explicit(3, hand.sequence(usage))
    )
    bare = hand.changed(CA.certificate.der, (0, 7), lambda _: b"")
    whole = CertificateList.from_der(EMPTY)

    assert whole.signature_problem(Certificate.from_der(mute)) == (
        "CN=Issuing CA lacks the key usage cRLSign"
    )
    assert whole.signature_problem(Certificate.from_der(bare)) is None
