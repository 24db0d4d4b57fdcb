"""The issuer is told by name and signature, in whatever form its certificate comes."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate
from certstatus.requestor import find_issuer, read_certificates
from certstatus.testing import TinyCA

CA: Final = TinyCA("Issuing CA")
LEAF: Final = CA.issue_server()
BOTH: Final = [LEAF.certificate.parsed, CA.certificate.parsed]
CMS: Final = pkcs7.serialize_certificates(BOTH, Encoding.DER)


def in_ber(der: bytes) -> bytes:
    """Write the outermost length as old servers do, without telling it."""
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return b"\x30\x80" + der[header:] + b"\0\0"


def with_version(certificate: Certificate, version: int) -> bytes:
    return certificate.der.replace(b"\xa0\x03\x02\x01\x02", bytes([0xA0, 3, 2, 1, version]), 1)


@pytest.mark.rule("C14")
def test_the_issuer_is_the_one_whose_key_signed_not_the_one_of_that_name() -> None:
    twin = TinyCA("Issuing CA").certificate

    assert find_issuer(LEAF.certificate, [twin, LEAF.certificate, CA.certificate]) == CA.certificate
    assert find_issuer(LEAF.certificate, [twin]) is None


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (CA.certificate.der, 1),
        (CA.issued.certificate_pem, 1),
        (LEAF.certificate_pem + CA.issued.certificate_pem, 2),
        (CMS, 2),
        (in_ber(CMS), 2),
        (pkcs7.serialize_certificates(BOTH, Encoding.PEM), 2),
    ],
    ids=["DER", "PEM", "PEM chain", "CMS", "CMS in BER", "CMS in PEM"],
)
@pytest.mark.rule("C14")
def test_every_form_is_told_by_its_content(data: bytes, count: int) -> None:
    found = read_certificates(data)

    assert len(found) == count
    assert CA.certificate in found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<html>not found</html>",
        b"-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PKCS7-----\nnothing\n-----END PKCS7-----\n",
        CMS[:-1],
        with_version(CA.certificate, 9),
        pkcs7.serialize_certificates(BOTH, Encoding.DER).replace(
            CA.certificate.der, with_version(CA.certificate, 9)
        ),
    ],
)
@pytest.mark.rule("C14")
def test_what_is_no_certificate_is_malformed_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(MalformedError, match="caIssuers: holds neither"):
        read_certificates(data)


@given(
    st.sampled_from([CMS, CA.certificate.der, CA.issued.certificate_pem]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_no_damage_makes_reading_raise_anything_else(
    data: bytes, damage: list[tuple[int, int]]
) -> None:
    spoilt = bytearray(data)
    for position, octet in damage:
        spoilt[position % len(spoilt)] = octet

    try:
        found = read_certificates(bytes(spoilt))
    except MalformedError:
        return
    assert all(isinstance(one, Certificate) for one in found)
