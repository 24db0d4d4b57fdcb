from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.explain import Field
from certstatus.explain.extension import extensions_field
from certstatus.ocsp import (
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

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAME = Name.from_rfc4514("CN=CA")
PLACE = AccessDescription(oids.ID_AD_OCSP, GeneralName.uri("http://ocsp.example/"))
WISH = PreferredSignatureAlgorithm(
    AlgorithmIdentifier(oids.ID_ED25519), AlgorithmIdentifier(oids.ID_ED25519)
)
SCT = b"\0" + bytes(32) + (1_700_000_000_000).to_bytes(8) + b"rest"

# Every extension: its list, its value, its name in the explanation, and a part that must show.
CASES: Final[list[tuple[str, ExtensionValue, str, Callable[[Field], bool]]]] = [
    ("requestExtensions", Nonce(bytes(32)), "Nonce", lambda one: one.value == bytes(32)),
    (
        "singleExtensions",
        CrlID("http://crl.example/", 7, MOMENT),
        "CrlID",
        lambda one: (
            (one.at("crlUrl").text, one.at("crlNum").text) == ("http://crl.example/", "7")
            and one.at("crlTime").value == MOMENT
        ),
    ),
    (
        "requestExtensions",
        AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)),
        "AcceptableResponses",
        lambda one: one.at("OBJECT IDENTIFIER").text.startswith("id-pkix-ocsp-basic"),
    ),
    (
        "singleExtensions",
        ArchiveCutoff(MOMENT),
        "ArchiveCutoff",
        lambda one: one.value == MOMENT,
    ),
    (
        "singleExtensions",
        ReasonCode(CRLReason.SUPERSEDED),
        "reasonCode",
        lambda one: one.text == "superseded (4)",
    ),
    (
        "singleExtensions",
        InvalidityDate(MOMENT),
        "invalidityDate",
        lambda one: one.value == MOMENT,
    ),
    (
        "singleExtensions",
        CertificateIssuer((GeneralName.directory_name(NAME),)),
        "certificateIssuer",
        lambda one: one.at("GeneralName").text == "directoryName:CN=CA",
    ),
    (
        "singleRequestExtensions",
        ServiceLocator(NAME, (PLACE,)),
        "ServiceLocator",
        lambda one: one.at("locator", "id-ad-ocsp").text.endswith("http://ocsp.example/"),
    ),
    (
        "requestExtensions",
        PreferredSignatureAlgorithms((WISH,)),
        "PreferredSignatureAlgorithms",
        lambda one: (
            "Ed25519" in one.at("PreferredSignatureAlgorithm", "sigIdentifier").text
            and "Ed25519" in one.at("PreferredSignatureAlgorithm", "certIdentifier").text
        ),
    ),
    (
        "responseExtensions",
        ExtendedRevoke(),
        "ExtendedRevoke",
        lambda one: "never issued" in one.meaning,
    ),
    (
        "singleExtensions",
        SignedCertificateTimestampList((SCT, b"\x01 of another version")),
        "SignedCertificateTimestampList",
        lambda one: (
            one.at("SignedCertificateTimestamp", "timestamp").text == "2023-11-14T22:13:20Z"
        ),
    ),
]


@pytest.mark.parametrize(("place", "value", "name", "shows"), CASES, ids=[one[2] for one in CASES])
def test_every_extension_is_told_by_its_rfc_name(
    place: str, value: ExtensionValue, name: str, shows: Callable[[Field], bool]
) -> None:
    field = extensions_field(place, Extensions.of(value), "none", "RFC 6960 §4.4").at(name)
    assert shows(field)
    assert field.meaning
    assert field.section.startswith("RFC ")
    assert field.at("extnID").text.endswith(f"({value.oid.dotted_string})")
    assert field.departures == ()


@pytest.mark.parametrize(("place", "value", "name", "shows"), CASES, ids=[one[2] for one in CASES])
def test_every_extension_out_of_its_place_is_pointed_out(
    place: str, value: ExtensionValue, name: str, shows: object
) -> None:
    field = extensions_field("elsewhere", Extensions.of(value), "", "").at(name)
    assert "stands in elsewhere; its place is" in field.departures[0]


def test_nocheck_belongs_into_a_certificate() -> None:
    field = extensions_field("singleExtensions", Extensions.of(NoCheck()), "", "").at("NoCheck")
    assert "its place is a certificate" in field.departures[0]


def test_an_empty_crl_id_says_what_is_not_named() -> None:
    field = extensions_field("singleExtensions", Extensions.of(CrlID()), "", "").at("CrlID")
    assert all(part.is_absent for part in field.children if part.name != "extnID")


@pytest.mark.rule("N1")
@pytest.mark.parametrize(
    ("nonce", "word"),
    [
        (Nonce(b""), "0 octets"),
        (Nonce(bytes(129)), "129 octets"),
        (Nonce(bytes(16)), "fewer than 32"),
        (Nonce(bytes(range(1, 33)), is_bare=True), "bare"),
    ],
)
def test_odd_nonces_are_pointed_out(nonce: Nonce, word: str) -> None:
    field = extensions_field("requestExtensions", Extensions.of(nonce), "", "").at("Nonce")
    assert word in " ".join(field.departures)


@pytest.mark.rule("O3")
def test_unknown_extensions_are_kept_as_they_stand() -> None:
    plain = Extension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    field = extensions_field("singleExtensions", Extensions.of(plain), "", "").at("1.2.3.4")
    assert field.value == field.der == b"\x05\x00"
    assert field.departures == ()
    critical = Extension(ObjectIdentifier("1.2.3.4"), b"\x05\x00", critical=True)
    field = extensions_field("singleExtensions", Extensions.of(critical), "", "").at("1.2.3.4")
    assert "not to be ignored" in field.meaning
    assert "is critical" in field.departures[0]


def test_a_broken_value_says_why_and_is_shown() -> None:
    broken = Extension(oids.ID_PKIX_OCSP_ARCHIVE_CUTOFF, b"junk")
    extensions = extensions_field("singleExtensions", Extensions.of(broken), "", "")
    field = extensions.at("id-pkix-ocsp-archive-cutoff")
    assert field.problem
    assert field.value == b"junk"


def test_a_timestamp_beyond_all_time_is_a_problem_and_no_crash() -> None:
    far = b"\0" + bytes(32) + b"\xff" * 8 + b"rest"
    value = SignedCertificateTimestampList((far,))
    field = extensions_field("singleExtensions", Extensions.of(value), "", "")
    assert (
        "is no time"
        in field.at("SignedCertificateTimestampList", "SignedCertificateTimestamp").problem
    )
