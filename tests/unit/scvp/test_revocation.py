"""RevocationInfo: the tag of its arm stands in the place of the SEQUENCE's, and is put back."""

from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import encode, read_tlv
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_REVOCATION_INFOS
from certstatus.ocsp import parse_response
from certstatus.pkix import CertificateList
from certstatus.scvp import OtherRevInfo, RevocationInfo, RevocationInfoKind
from certstatus.scvp.revocation import declared_revocation_infos, read_revocation_infos
from tests import der as hand
from tests import scvp_messages as of


@pytest.mark.parametrize(
    ("info", "tag", "label"),
    [
        (RevocationInfo.crl(of.FULL_CRL), 0xA0, "crl"),
        (RevocationInfo.delta_crl(of.DELTA_CRL), 0xA1, "delta-crl"),
        (RevocationInfo.ocsp(of.OCSP_RESPONSE), 0xA2, "ocsp"),
        (RevocationInfo.other(ObjectIdentifier("1.2.3"), hand.NULL), 0xA3, "other"),
    ],
)
def test_each_arm_both_ways(info: RevocationInfo, tag: int, label: str) -> None:
    element = info.declared("revInfos")

    assert encode(element) == of.retagged(tag, info.der)
    assert RevocationInfo.from_tlv(element, "revInfos") == info
    assert info.kind.label == label
    assert info.der[0] == 0x30


def test_what_was_restored_is_read_by_its_own_reader() -> None:
    elements = [
        read_tlv(of.retagged(0xA1, of.DELTA_CRL), "x"),
        read_tlv(of.retagged(0xA2, of.OCSP_RESPONSE), "x"),
    ]
    delta, answer = read_revocation_infos(elements, "revInfos")

    assert CertificateList.from_der(delta.der).base_crl_number == 1
    assert parse_response(answer.der).der == of.OCSP_RESPONSE
    assert delta.other_info is None


def test_another_kind_has_a_type_and_a_value() -> None:
    info = RevocationInfo.other(ObjectIdentifier("1.2.3"), hand.octet_string(b"list"))

    assert info.other_info == OtherRevInfo(ObjectIdentifier("1.2.3"), hand.octet_string(b"list"))


@pytest.mark.parametrize(
    "der", [b"\xa4\0", b"\x30\0", b"\x80\0", b"\xa3\0", hand.explicit(3, hand.oid("1.2.3"))]
)
def test_what_is_no_revocation_information_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError):
        RevocationInfo.from_tlv(read_tlv(der, "x"), "revInfos")


def test_what_is_no_sequence_is_not_written() -> None:
    for info in (RevocationInfo.crl(b""), RevocationInfo(RevocationInfoKind.OCSP, hand.NULL)):
        with pytest.raises(MalformedError, match="no SEQUENCE"):
            info.declared("revInfos")
    with pytest.raises(MalformedError):
        RevocationInfo.other(ObjectIdentifier("1.2.3"), b"\x30")


def test_more_than_the_limit_is_neither_read_nor_written() -> None:
    many = (RevocationInfo.crl(b"\x30\0"),) * (MAX_REVOCATION_INFOS + 1)
    elements = [read_tlv(b"\xa0\0", "x")] * (MAX_REVOCATION_INFOS + 1)

    with pytest.raises(MalformedError, match="more than"):
        declared_revocation_infos(many, "revInfos")
    with pytest.raises(MalformedError, match="more than"):
        read_revocation_infos(elements, "revInfos")
    assert read_revocation_infos(None, "revInfos") == ()
    assert declared_revocation_infos((), "revInfos") is None
