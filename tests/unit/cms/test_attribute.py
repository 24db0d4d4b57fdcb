from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha1, sha512

import pytest
from asn1crypto import cms as judge
from asn1crypto import tsp
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import read_tlv
from certstatus.cms import Attribute, parse_signing_certificate
from certstatus.cms.attribute import (
    encode_content_type,
    encode_message_digest,
    encode_signing_certificate,
    encode_signing_time,
    parse_content_type,
    parse_message_digest,
    parse_signing_time,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from tests import der
from tests.envelopes import (
    CA,
    REQUEST,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    attribute,
    issued,
)

CERTIFICATE = issued().certificate


def read(encoded: bytes) -> Attribute:
    return Attribute.from_tlv(read_tlv(encoded, "it"), "it")


def test_attributes_read_back_as_they_were_written() -> None:
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    written = (
        encode_content_type(REQUEST),
        encode_message_digest(b"digest"),
        encode_signing_time(moment),
    )

    kind, digest, time = (read(one.der) for one in written)

    assert (kind, digest, time) == written
    assert parse_content_type(kind) == REQUEST
    assert parse_message_digest(digest) == b"digest"
    assert parse_signing_time(time) == moment


@pytest.mark.parametrize(
    ("moment", "tag"),
    [
        (datetime(1950, 1, 1, tzinfo=UTC), 0x17),
        (datetime(2049, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 0x17),
        (datetime(2050, 1, 1, tzinfo=UTC), 0x18),
        (datetime(2050, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), 0x17),
    ],
)
def test_signing_time_is_utc_time_through_2049(moment: datetime, tag: int) -> None:
    written = encode_signing_time(moment)

    assert written.value[0] == tag
    assert parse_signing_time(written) == moment.replace(microsecond=0)


def test_signing_certificate_v2_names_the_signer_for_other_readers_too() -> None:
    """SHA-256 is the default, and so not written (RFC 5035 §4)."""
    written = encode_signing_certificate(CERTIFICATE)

    (value,) = judge.CMSAttribute.load(written.der)["values"]
    assert isinstance(value, tsp.SigningCertificateV2)
    (entry,) = value["certs"]
    assert entry["cert_hash"].native == CERTIFICATE.fingerprint
    assert entry["hash_algorithm"].native == {"algorithm": "sha256", "parameters": None}
    assert b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" not in written.der
    assert entry["issuer_serial"]["serial_number"].native == CERTIFICATE.serial_number
    assert parse_signing_certificate(read(written.der)).problem_with(CERTIFICATE) is None
    assert "another certificate" in str(
        parse_signing_certificate(written).problem_with(CA.certificate)
    )


def issuer_serial(serial_number: int) -> bytes:
    issuer = der.sequence(der.explicit(4, CERTIFICATE.issuer.der))
    return der.sequence(issuer, der.integer(serial_number))


SHA512 = der.sequence(der.oid("2.16.840.1.101.3.4.2.3"))
MD5 = der.sequence(der.oid("1.2.840.113549.2.5"), der.NULL)


@pytest.mark.parametrize(
    ("kind", "entry", "problem"),
    [
        (SIGNING_CERTIFICATE, (der.octet_string(sha1(CERTIFICATE.der).digest()),), None),
        (SIGNING_CERTIFICATE, (der.octet_string(bytes(20)),), "another certificate"),
        (SIGNING_CERTIFICATE_V2, (der.octet_string(CERTIFICATE.fingerprint),), None),
        (
            SIGNING_CERTIFICATE_V2,
            (SHA512, der.octet_string(sha512(CERTIFICATE.der).digest())),
            None,
        ),
        (
            SIGNING_CERTIFICATE_V2,
            (
                der.octet_string(CERTIFICATE.fingerprint),
                issuer_serial(CERTIFICATE.serial_number),
            ),
            None,
        ),
        (
            SIGNING_CERTIFICATE_V2,
            (der.octet_string(CERTIFICATE.fingerprint), issuer_serial(7)),
            "another issuer and serial number",
        ),
        (SIGNING_CERTIFICATE_V2, (MD5, der.octet_string(bytes(16))), "which is not supported"),
    ],
    ids=["SHA-1", "other SHA-1", "SHA-256", "SHA-512", "with serial", "other serial", "MD5"],
)
def test_a_reference_is_held_against_a_certificate(
    kind: str, entry: tuple[bytes, ...], problem: str | None
) -> None:
    value = der.sequence(der.sequence(der.sequence(*entry)))

    found = parse_signing_certificate(read(attribute(kind, value))).problem_with(CERTIFICATE)

    assert found is None if problem is None else problem in str(found)


def test_the_first_entry_is_the_signers() -> None:
    entries = [der.sequence(der.octet_string(octets)) for octets in (CERTIFICATE.fingerprint, b"x")]
    first = attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(*entries)))
    second = attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(*reversed(entries))))

    assert parse_signing_certificate(read(first)).problem_with(CERTIFICATE) is None
    assert parse_signing_certificate(read(second)).problem_with(CERTIFICATE) is not None


@pytest.mark.parametrize(
    "encoded",
    [
        attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence())),
        attribute(SIGNING_CERTIFICATE, der.sequence(der.sequence())),
        attribute(SIGNING_CERTIFICATE_V2, der.NULL),
        attribute(SIGNING_CERTIFICATE_V2),
        attribute(SIGNING_CERTIFICATE_V2, der.NULL, der.sequence()),
    ],
    ids=["no entry", "no entry of v1", "no sequence", "no value", "two values"],
)
def test_a_broken_reference_is_malformed(encoded: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_signing_certificate(read(encoded))


@pytest.mark.parametrize(
    "encoded",
    [
        der.sequence(der.oid("1.2.3")),
        der.sequence(der.oid("1.2.3"), der.sequence(der.NULL)),
        attribute("1.2.3", *[der.NULL] * (MAX_EXTENSIONS + 1)),
        der.NULL,
    ],
    ids=["no values", "no SET", "too many values", "no attribute"],
)
def test_a_broken_attribute_is_malformed(encoded: bytes) -> None:
    with pytest.raises(MalformedError):
        read(encoded)


def test_values_are_read_in_whatever_order_they_stand() -> None:
    found = read(attribute("1.2.3", der.integer(5), der.NULL, der.integer(1)))

    assert found.attr_values == (der.integer(5), der.NULL, der.integer(1))
    assert found.attr_type == ObjectIdentifier("1.2.3")
