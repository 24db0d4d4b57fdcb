"""Every OCSP extension, both ways; asn1crypto and the cryptography package judge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import core as judge_core
from asn1crypto import crl as judge_crl
from asn1crypto import ocsp as judge
from asn1crypto import x509 as judge_x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import Departure, oids
from certstatus.asn1.doorway import decode, encode
from certstatus.asn1.x509 import Extension as DeclaredExtension
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.ocsp import (
    NO_EXTENSIONS,
    AcceptableResponses,
    ArchiveCutoff,
    CertificateIssuer,
    CrlID,
    ExtendedRevoke,
    Extension,
    Extensions,
    InvalidityDate,
    NoCheck,
    Nonce,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    ReasonCode,
    ServiceLocator,
    SignedCertificateTimestampList,
)
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.pkix import AccessDescription, AlgorithmIdentifier, CRLReason, GeneralName, Name
from tests import der as hand

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
WRITTEN_MOMENT = hand.generalized_time("20261121120000Z")
ISSUER = Name.from_rfc4514("CN=Issuing CA")
URI = GeneralName.uri("http://ocsp.example/")
LOCATOR = AccessDescription(oids.ID_AD_OCSP, URI)
WRITTEN_LOCATOR = hand.sequence(
    hand.oid("1.3.6.1.5.5.7.48.1"), hand.tlv(0x86, b"http://ocsp.example/")
)
ED25519, SHA256_RSA = (
    AlgorithmIdentifier(oids.ID_ED25519),
    AlgorithmIdentifier(oids.SHA256_WITH_RSA, hand.NULL),
)
WRITTEN_ED25519 = hand.sequence(hand.oid("1.3.101.112"))
WRITTEN_SHA256_RSA = hand.sequence(hand.oid("1.2.840.113549.1.1.11"), hand.NULL)

# A value, its bytes by hand, the judge's type and what it reads there (None: it knows no such type).
VALUES: list[tuple[str, ExtensionValue, bytes, type | None, Any]] = [
    ("nonce", Nonce(b"\1\2"), b"\x04\x02\1\2", judge_core.OctetString, b"\1\2"),
    (
        "crl id, empty",
        CrlID(),
        hand.sequence(),
        judge.CrlId,
        {"crl_url": None, "crl_num": None, "crl_time": None},
    ),
    (
        "crl id",
        CrlID("http://crl.example/", 7, MOMENT),
        hand.sequence(
            hand.explicit(0, hand.tlv(0x16, b"http://crl.example/")),
            hand.explicit(1, hand.integer(7)),
            hand.explicit(2, WRITTEN_MOMENT),
        ),
        judge.CrlId,
        {"crl_url": "http://crl.example/", "crl_num": 7, "crl_time": MOMENT},
    ),
    (
        "crl id of a number of twenty octets",
        CrlID(crl_num=2**159 - 1),
        hand.sequence(hand.explicit(1, hand.integer(2**159 - 1))),
        judge.CrlId,
        {"crl_url": None, "crl_num": 2**159 - 1, "crl_time": None},
    ),
    (
        "acceptable responses",
        AcceptableResponses((oids.ID_PKIX_OCSP_BASIC, ObjectIdentifier("1.2.3"))),
        hand.sequence(hand.oid("1.3.6.1.5.5.7.48.1.1"), hand.oid("1.2.3")),
        judge.AcceptableResponses,
        ["basic_ocsp_response", "1.2.3"],
    ),
    (
        "archive cutoff",
        ArchiveCutoff(MOMENT),
        WRITTEN_MOMENT,
        judge_core.GeneralizedTime,
        MOMENT,
    ),
    (
        "reason code",
        ReasonCode(CRLReason.AA_COMPROMISE),
        b"\x0a\x01\x0a",
        judge_crl.CRLReason,
        "aa_compromise",
    ),
    (
        "invalidity date",
        InvalidityDate(MOMENT),
        WRITTEN_MOMENT,
        judge_core.GeneralizedTime,
        MOMENT,
    ),
    (
        "certificate issuer",
        CertificateIssuer((URI,)),
        hand.sequence(hand.tlv(0x86, b"http://ocsp.example/")),
        judge_x509.GeneralNames,
        ["http://ocsp.example/"],
    ),
    (
        "service locator",
        ServiceLocator(ISSUER, (LOCATOR,)),
        hand.sequence(ISSUER.der, hand.sequence(WRITTEN_LOCATOR)),
        judge.ServiceLocator,
        {
            "issuer": {"common_name": "Issuing CA"},
            "locator": [{"access_method": "ocsp", "access_location": "http://ocsp.example/"}],
        },
    ),
    (
        "preferred signature algorithms",
        PreferredSignatureAlgorithms(
            (
                PreferredSignatureAlgorithm(ED25519),
                PreferredSignatureAlgorithm(SHA256_RSA, AlgorithmIdentifier(oids.RSA_ENCRYPTION)),
            )
        ),
        hand.sequence(
            hand.sequence(WRITTEN_ED25519),
            hand.sequence(WRITTEN_SHA256_RSA, hand.sequence(hand.oid("1.2.840.113549.1.1.1"))),
        ),
        None,
        None,
    ),
    ("extended revoke", ExtendedRevoke(), hand.NULL, judge_core.Null, None),
    ("nocheck", NoCheck(), hand.NULL, judge_core.Null, None),
    (
        "signed certificate timestamps",
        SignedCertificateTimestampList((b"first", b"second")),
        hand.octet_string(b"\x00\x0f\x00\x05first\x00\x06second"),
        judge_core.OctetString,
        b"\x00\x0f\x00\x05first\x00\x06second",
    ),
]


@pytest.mark.parametrize(
    ("value", "der", "kind", "native"),
    [case[1:] for case in VALUES],
    ids=[case[0] for case in VALUES],
)
@pytest.mark.rule("O6", "O7", "O13", "O24", "O26", "O27", "O28", "O30")
def test_a_value_is_written_and_read_in_the_standards_bytes(
    value: ExtensionValue, der: bytes, kind: type | None, native: object
) -> None:
    assert value.encode() == der
    assert type(value).decode(der, "extension") == value
    if kind is not None:
        assert kind.load(der, strict=True).native == native  # type: ignore[attr-defined]


@pytest.mark.rule("O30")
def test_asn1crypto_reads_our_preferred_algorithms() -> None:
    """Its type of the second item is of our first form alone: it wants it present."""
    wish = PreferredSignatureAlgorithm(
        SHA256_RSA, AlgorithmIdentifier(oids.RSA_ENCRYPTION, hand.NULL)
    )
    judged = judge.PreferredSignatureAlgorithms.load(PreferredSignatureAlgorithms((wish,)).encode())

    assert judged[0]["sig_identifier"]["algorithm"].native == "sha256_rsa"
    assert judged[0]["cert_identifier"]["algorithm"].native == "rsa"


@pytest.mark.rule("O30")
@pytest.mark.parametrize("order", [(ED25519, SHA256_RSA), (SHA256_RSA, ED25519)], ids=["1", "2"])
def test_preferred_algorithms_keep_their_order(order: tuple[AlgorithmIdentifier, ...]) -> None:
    """RFC 6960 §4.4.7.1: the list is in the order of preference."""
    wishes = PreferredSignatureAlgorithms(tuple(map(PreferredSignatureAlgorithm, order)))

    read_again = PreferredSignatureAlgorithms.decode(wishes.encode(), "wishes")

    assert [one.sig_identifier for one in read_again.algorithms] == list(order)


@pytest.mark.rule("O7")
def test_a_service_locator_is_read_without_its_locator_and_written_with_it() -> None:
    """RFC 6960 §4.4.6 makes it OPTIONAL, the modules of Appendix B do not."""
    bare, empty = hand.sequence(ISSUER.der), hand.sequence(ISSUER.der, hand.sequence())

    assert ServiceLocator.decode(bare, "locator") == ServiceLocator(ISSUER)
    assert ServiceLocator.decode(empty, "locator") == ServiceLocator(ISSUER)
    assert ServiceLocator(ISSUER).encode() == empty


BROKEN: list[tuple[type[ExtensionValue], list[bytes]]] = [
    (
        CrlID,
        [
            b"",
            hand.NULL,
            hand.sequence(hand.tlv(0x16, b"http://crl.example/")),
            hand.sequence(hand.explicit(0, hand.tlv(0x0C, b"utf8"))),
            hand.sequence(hand.explicit(0, hand.tlv(0x16, b"\xff"))),
            hand.sequence(hand.explicit(2, hand.generalized_time("20261121120000.5Z"))),
            hand.sequence(hand.explicit(2, WRITTEN_MOMENT), hand.explicit(1, hand.integer(7))),
        ],
    ),
    (AcceptableResponses, [b"", hand.NULL, hand.sequence(hand.NULL), b"\x30\x02\x06\x00"]),
    (
        ArchiveCutoff,
        [b"", hand.tlv(0x17, b"261121120000Z"), hand.generalized_time("20261121120000.0Z")],
    ),
    (ReasonCode, [b"", hand.integer(1), hand.enumerated(7), hand.enumerated(11), b"\x0a\x00"]),
    (InvalidityDate, [b"", hand.NULL, hand.generalized_time("20261121120000+0100")]),
    (CertificateIssuer, [b"", hand.sequence(), hand.sequence(hand.NULL)]),
    (
        ServiceLocator,
        [
            b"",
            hand.sequence(),
            hand.sequence(hand.NULL),
            hand.sequence(hand.sequence(hand.NULL)),
            hand.sequence(ISSUER.der, hand.NULL),
            hand.sequence(ISSUER.der, hand.sequence(hand.sequence(hand.oid("1.2.3"), hand.NULL))),
        ],
    ),
    (
        PreferredSignatureAlgorithms,
        [
            b"",
            hand.NULL,
            WRITTEN_ED25519,
            hand.sequence(hand.sequence()),
            hand.sequence(hand.sequence(WRITTEN_ED25519, WRITTEN_ED25519, WRITTEN_ED25519)),
        ],
    ),
    (ExtendedRevoke, [b"", hand.sequence(), b"\x05\x01\x00", hand.NULL + hand.NULL]),
    (NoCheck, [b"", hand.sequence(), b"\x05\x01\x00"]),
    (
        SignedCertificateTimestampList,
        [
            b"",
            b"\x00\x03\x00\x01a",  # not in an OCTET STRING
            hand.octet_string(b""),
            hand.octet_string(b"\x00"),
            hand.octet_string(b"\x00\x00"),
            hand.octet_string(b"\x00\x04\x00\x01a"),
            hand.octet_string(b"\x00\x03\x00\x01a\x00"),
            hand.octet_string(b"\x00\x03\x00\x02a"),
            hand.octet_string(b"\x00\x02\x00\x00"),
            hand.octet_string(b"\x00\x01\x00"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("kind", "der"),
    [(kind, der) for kind, values in BROKEN for der in values],
    ids=lambda case: case.__name__ if isinstance(case, type) else case.hex()[:16],
)
def test_a_broken_value_is_refused_where_it_stands(kind: type[ExtensionValue], der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        kind.decode(der, "singleExtensions.it")
    assert caught.value.where.startswith("singleExtensions.it")


# --- lists --------------------------------------------------------------------------------


def read(*extensions: bytes) -> tuple[Extensions, list[Departure]]:
    departures: list[Departure] = []
    declared = [decode(DeclaredExtension, one, "extension") for one in extensions]
    return Extensions.from_declared(declared, "requestExtensions", departures), departures


def test_a_list_keeps_its_order_and_what_it_does_not_know() -> None:
    unknown = Extension(ObjectIdentifier("1.2.3"), b"\0anything", critical=True)
    made = Extensions.of(unknown, Nonce(b"1"), ExtendedRevoke())

    found, departures = read(*(encode(one.declared()) for one in made))

    assert found == made
    assert departures == []
    assert [str(one) for one in found] == [
        "1.2.3",
        "id-pkix-ocsp-nonce",
        "id-pkix-ocsp-extended-revoke",
    ]
    assert len(found) == 3


@pytest.mark.rule("O3")
def test_none_of_ours_is_critical() -> None:
    assert not any(one.critical for one in Extensions.of(*(case[1] for case in VALUES)))


def test_a_value_is_found_by_its_kind() -> None:
    found, _ = read(*(encode(one.declared()) for one in Extensions.of(Nonce(b"1"), CrlID())))

    assert found.get(Nonce) == Nonce(b"1")
    assert found.get(CrlID) == CrlID()
    assert found.get(ArchiveCutoff) is None
    assert (found.has(Nonce), found.has(ArchiveCutoff)) == (True, False)
    assert [found.typed(one) for one in found] == [Nonce(b"1"), CrlID()]
    assert found.typed(Extension(ObjectIdentifier("1.2.3"), b"")) is None


@pytest.mark.rule("O3")
def test_unknown_critical_ones_are_listed() -> None:
    unknown = [Extension(ObjectIdentifier(f"1.2.{n}"), b"", critical=n > 3) for n in (3, 4, 5)]
    nonce = Extension(Nonce.oid, Nonce(b"1").encode(), critical=True)

    listed = Extensions.of(*unknown, nonce).unknown_critical([Nonce.oid])

    assert [oid.dotted_string for oid in listed] == ["1.2.4", "1.2.5"]


def test_one_that_stands_twice_is_refused() -> None:
    one = hand.extension("1.2.3", b"a")

    with pytest.raises(MalformedError, match="twice"):
        read(one, hand.extension("1.2.4", b""), hand.extension("1.2.3", b"b"))
    assert len(read(one)[0]) == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, values[0]) for kind, values in BROKEN],
    ids=[kind.__name__ for kind, _ in BROKEN],
)
@pytest.mark.rule("O6", "O7", "O13", "O26", "O27", "O28", "O30")
def test_a_known_one_whose_value_is_broken_is_refused_by_its_name(
    kind: type[ExtensionValue], value: bytes
) -> None:
    with pytest.raises(MalformedError) as caught:
        read(hand.extension(kind.oid.dotted_string, value))
    assert caught.value.where.startswith(f"requestExtensions.{oids.name_of(kind.oid)}")


def test_as_many_as_the_limit_are_read_and_not_one_more() -> None:
    many = [hand.extension(f"1.2.{number}", b"") for number in range(MAX_EXTENSIONS + 1)]

    assert len(read(*many[:-1])[0]) == MAX_EXTENSIONS
    with pytest.raises(MalformedError, match=f"holds more than {MAX_EXTENSIONS} extensions"):
        read(*many)


def test_an_empty_list_is_noted_and_written_as_none() -> None:
    found, departures = read()

    assert (found, found.declared()) == (NO_EXTENSIONS, None)
    assert [str(one.where) for one in departures] == ["requestExtensions"]
    assert Extensions.from_declared(None, "requestExtensions", departures) is NO_EXTENSIONS
    assert len(departures) == 1


def test_a_critical_false_written_out_is_noted_and_not_written_again() -> None:
    written = hand.extension("1.2.3", b"", critical=hand.FALSE)

    found, departures = read(written)

    assert departures == [
        Departure("requestExtensions.1.2.3", "writes the default critical FALSE out")
    ]
    (one,) = found
    assert one.critical is False
    assert encode(one.declared()) == hand.extension("1.2.3", b"")


@pytest.mark.rule("N3")
def test_a_bare_nonce_is_noted() -> None:
    found, departures = read(hand.extension("1.3.6.1.5.5.7.48.1.2", b"bare nonce"))

    assert found.get(Nonce) == Nonce(b"bare nonce", is_bare=True)
    assert [one.where for one in departures] == ["requestExtensions.id-pkix-ocsp-nonce"]


def test_a_flag_that_is_no_boolean_is_refused() -> None:
    for flag in (b"\x01\x01\x01", b"\x01\x00", hand.NULL):
        with pytest.raises(MalformedError):
            read(hand.extension("1.2.3", b"", critical=flag))
