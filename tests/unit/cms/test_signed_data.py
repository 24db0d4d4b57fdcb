from __future__ import annotations

import pytest
from asn1crypto import cms as judge
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import (
    IssuerAndSerialNumber,
    SubjectKeyIdentifier,
    encode_signed_data,
    parse_content_info,
    parse_signed_data,
    signed_data,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.limits_scvp import (
    MAX_CMS_CERTIFICATES,
    MAX_CMS_REVOCATION_INFOS,
    MAX_SIGNER_INFO_BYTES,
    MAX_SIGNER_INFOS,
)
from tests import der
from tests.envelopes import CA, CONTENT, REQUEST, Draft, attribute, issued, signed

CERTIFICATE = issued().certificate


def test_a_signed_message_is_read_field_by_field() -> None:
    whole = signed()

    found = parse_signed_data(whole)

    assert (found.version, found.content_type, found.content) == (3, REQUEST, CONTENT)
    assert [str(one) for one in found.digest_algorithms] == ["id-sha256"]
    assert found.readable_certificates == (CERTIFICATE,)
    assert (found.revocation_infos, found.der, found.departures) == ((), whole, ())
    (info,) = found.signer_infos
    assert info.sid == IssuerAndSerialNumber(CERTIFICATE.issuer, CERTIFICATE.serial_number)
    assert info.sid.names(CERTIFICATE)
    assert not info.sid.names(CA.certificate)
    assert str(info.sid) == f"serial {CERTIFICATE.serial_number:#x} of CN=Signing CA"
    assert info.version == 1
    assert info.is_sorted
    assert info.unsigned_attrs is None
    assert len(info.signed_attrs or ()) == 3
    assert parse_signed_data(parse_content_info(whole)) == found


def test_another_reader_finds_the_same_in_it() -> None:
    theirs = judge.ContentInfo.load(signed())["content"]
    ours = parse_signed_data(signed_again := theirs_der(theirs))

    assert theirs["version"].native == "v3"
    assert theirs["encap_content_info"]["content_type"].native == REQUEST.dotted_string
    assert ours.content == CONTENT
    assert ours.der == signed_again
    (info,) = theirs["signer_infos"]
    assert info["signed_attrs"].untag().dump() == ours.signer_infos[0].signed_octets


def theirs_der(content: judge.SignedData) -> bytes:
    return der.sequence(der.oid("1.2.840.113549.1.7.2"), der.explicit(0, content.untag().dump()))


def test_a_key_identifier_names_every_certificate_of_the_key() -> None:
    value = CERTIFICATE.extensions[oids.ID_CE_SUBJECT_KEY_IDENTIFIER][1][2:]
    sid = SubjectKeyIdentifier(value)

    assert sid.names(CERTIFICATE)
    assert not sid.names(CA.certificate)
    assert not sid.names(CA.issue().certificate)
    assert str(sid) == f"key identifier {value.hex()}"
    found = parse_signed_data(Draft(sid=der.tlv(0x80, value)).der)
    assert found.signer_infos[0].sid == sid


def test_ber_is_read_as_its_der_and_told() -> None:
    whole = signed()
    content = parse_content_info(whole).content
    (outer,) = der.elements(content)
    ber = der.sequence(
        der.oid("1.2.840.113549.1.7.2"),
        der.explicit(0, b"\x30\x80" + outer.contents + b"\0\0"),
    )

    found = parse_signed_data(ber)

    assert found.content == CONTENT
    assert found.signer_infos == parse_signed_data(whole).signer_infos
    assert [one.text for one in found.departures] == ["is BER, not DER"]
    assert found.der == ber


def test_what_is_not_a_certificate_is_passed_over() -> None:
    """ExtendedCertificates and attribute certificates stand in the same set (RFC 5652 §10.2.2)."""
    other = der.tlv(0xA1, der.NULL)

    found = parse_signed_data(Draft(certificates=(other, der.NULL, CERTIFICATE.der)).der)

    assert found.certificates == (other, der.NULL, CERTIFICATE.der)
    assert found.readable_certificates == (CERTIFICATE,)


# --- writing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "infos", "version"),
    [
        (oids.ID_DATA, (), 1),
        (REQUEST, (), 3),
        (REQUEST, (CA.crl(),), 3),
        (REQUEST, (der.tlv(0xA1, der.oid("1.2.3"), der.NULL),), 5),
    ],
)
def test_the_version_follows_what_is_inside(
    content_type: ObjectIdentifier, infos: tuple[bytes, ...], version: int
) -> None:
    """RFC 5652 §5.1."""
    whole = encode_signed_data(content_type, b"", revocation_infos=infos)

    assert parse_signed_data(whole).version == version


def test_sets_are_in_ders_order_and_hold_nothing_twice() -> None:
    certificates = [CA.issue().certificate.der for _ in range(3)]

    whole = encode_signed_data(REQUEST, b"", certificates=[*certificates, *certificates])

    assert parse_signed_data(whole).certificates == tuple(sorted(certificates))


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (der.sequence(der.oid("1.2.3"), der.explicit(0, der.NULL)), "not id-signedData"),
        (signed() + b"\0", "bytes after its end"),
        (Draft(e_content=der.explicit(0, CONTENT)).der, "another type"),
        (Draft(digest=der.NULL).der, "another type"),
        (Draft(sid=der.integer(1)).der, "could not find matching variant"),
        (Draft(sid=der.sequence(der.NULL, der.integer(1))).der, "issuer"),
        (Draft(attributes=(der.NULL,)).der, "signedAttrs"),
        (Draft(unsigned=der.tlv(0xA1, der.NULL)).der, "unsignedAttrs"),
    ],
    ids=[
        "another type",
        "more behind",
        "bare content",
        "digest",
        "sid",
        "issuer",
        "attribute",
        "unsigned attribute",
    ],
)
def test_what_is_no_signed_data_is_malformed(whole: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_signed_data(whole)


@pytest.mark.parametrize(
    ("whole", "limit", "words"),
    [
        (
            Draft(certificates=(der.NULL,) * (MAX_CMS_CERTIFICATES + 1)).der,
            MAX_CMS_CERTIFICATES,
            "certificates: has more than",
        ),
        (
            encode_signed_data(
                REQUEST,
                b"",
                revocation_infos=map(der.integer, range(MAX_CMS_REVOCATION_INFOS + 1)),
            ),
            MAX_CMS_REVOCATION_INFOS,
            "crls: has more than",
        ),
        (Draft(signers=MAX_SIGNER_INFOS + 1).der, MAX_SIGNER_INFOS, "signerInfos: has more than"),
        (
            Draft(attributes=(attribute("1.2.3"),) * (MAX_EXTENSIONS + 1)).der,
            MAX_EXTENSIONS,
            "signedAttrs: has more than",
        ),
        (
            Draft(attributes=(attribute("1.2.3", bytes(0)),) * 9_000).der,
            MAX_SIGNER_INFO_BYTES,
            "is larger than",
        ),
    ],
    ids=["certificates", "revocation information", "signers", "attributes", "signer's size"],
)
def test_so_many_are_read_and_no_more(whole: bytes, limit: int, words: str) -> None:
    with pytest.raises(MalformedError, match=f"{words} {limit}"):
        parse_signed_data(whole)


def test_counts_are_taken_before_anything_is_made_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of a million NULLs costs a walk of a thousand steps."""
    decoded: list[object] = []
    monkeypatch.setattr(signed_data, "decode", lambda *args: decoded.append(args))

    with pytest.raises(MalformedError, match="certificates: has more than"):
        parse_signed_data(Draft(certificates=(der.NULL * 1_000_000,)).der)
    assert not decoded
