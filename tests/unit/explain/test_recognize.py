from __future__ import annotations

import pytest

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode, encode_sequence_of, encode_tlv, explicit
from certstatus.cms import encode_content_info
from certstatus.explain import Kind, is_whole, recognize
from certstatus.ocsp import (
    CertID,
    OCSPResponseStatus,
    encode_error_response,
    encode_request,
    encode_tbs_request,
)
from certstatus.pkix import GeneralName
from certstatus.testing import Forge, TinyCA
from tests import der as hand
from tests import scvp_messages as of
from tests.captures import pcap, pcapng
from tests.envelopes import signed
from tests.flights import (
    ASKED,
    ASKED_V2,
    HELLO_DONE,
    PROMISED,
    STAPLE,
    certificate_status,
    client_hello,
)

CA = TinyCA()
LEAF = CA.issue()
REQUEST = encode_request([CertID.for_certificate(LEAF.certificate, CA.certificate)])
NAMED = encode_request(
    [CertID.of(CA.certificate, 1)], requestor_name=GeneralName.dns_name("me.example")
)
RESPONSE = Forge.honest(CA, 1000).der
ERROR = encode_error_response(OCSPResponseStatus.TRY_LATER)
CRL = CA.crl()
CONTENT_INFO = encode_content_info(oids.ID_CT_SCVP_CERT_VAL_REQUEST, encode_sequence_of([]))
STREAMED = b"\x30\x80" + encode(oids.ID_DATA) + b"\xa0\x80\x24\x80" + bytes(6)

MESSAGES = {
    "request": (REQUEST, Kind.REQUEST),
    "request with a name": (NAMED, Kind.REQUEST),
    "response": (RESPONSE, Kind.RESPONSE),
    "error response": (ERROR, Kind.RESPONSE),
    "certificate": (LEAF.certificate.der, Kind.CERTIFICATE),
    "CRL": (CRL, Kind.CRL),
    "ContentInfo": (CONTENT_INFO, Kind.CONTENT_INFO),
    "ContentInfo, signed": (signed(), Kind.CONTENT_INFO),
    "ContentInfo in BER": (STREAMED, Kind.CONTENT_INFO),
    "pcap": (pcap([]), Kind.CAPTURE),
    "pcapng": (pcapng([], order="big"), Kind.CAPTURE),
    "ClientHello": (client_hello(ASKED).encode(), Kind.HANDSHAKE),
    "CertificateStatus": (certificate_status(STAPLE).encode(), Kind.HANDSHAKE),
    "ServerHelloDone": (HELLO_DONE.encode(), Kind.HANDSHAKE),
    "TLS record": (b"\x16\x03\x01\0\4" + HELLO_DONE.encode(), Kind.RECORDS),
    "status_request": (ASKED.encode(), Kind.EXTENSION),
    "status_request, empty": (PROMISED.encode(), Kind.EXTENSION),
    "status_request_v2": (ASKED_V2.encode(), Kind.EXTENSION),
    "CVRequest": (of.CV_REQUEST_OCTETS, Kind.CV_REQUEST),
    "CVRequest, the least": (of.MINIMAL_REQUEST_OCTETS, Kind.CV_REQUEST),
    "CVRequest with its version": (
        hand.sequence(hand.integer(1), *of.CV_REQUEST_MEMBERS),
        Kind.CV_REQUEST,
    ),
    "CVRequest by reference": (
        hand.changed(of.MINIMAL_REQUEST_OCTETS, (0, 0, 0), lambda one: of.retagged(0xA1, one)),
        Kind.CV_REQUEST,
    ),
    "CVRequest about an attribute certificate": (
        hand.changed(
            of.MINIMAL_REQUEST_OCTETS, (0, 0), lambda _: hand.explicit(1, hand.explicit(2))
        ),
        Kind.CV_REQUEST,
    ),
    "CVResponse": (of.CV_RESPONSE_OCTETS, Kind.CV_RESPONSE),
    "CVResponse, an error": (of.MINIMAL_RESPONSE_OCTETS, Kind.CV_RESPONSE),
    "ValPolRequest": (of.VAL_POL_REQUEST_OCTETS, Kind.VAL_POL_REQUEST),
    "ValPolRequest with its version": (
        hand.sequence(hand.integer(1), hand.octet_string(b"nonce")),
        Kind.VAL_POL_REQUEST,
    ),
    "ValPolResponse": (of.VAL_POL_RESPONSE_OCTETS, Kind.VAL_POL_RESPONSE),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_kind_is_told_by_its_front(name: str) -> None:
    der, kind = MESSAGES[name]
    assert recognize(der) is kind


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_cut_short_is_still_told_while_its_front_is_there(name: str) -> None:
    der, kind = MESSAGES[name]
    sizes = range(min(len(der), 80), len(der))
    assert {recognize(der[:size]) for size in sizes} <= {kind}
    assert all(recognize(der[:size]) in {kind, None, *Kind} for size in range(len(der)))


def test_a_version_written_out_does_not_make_a_certificate_of_a_request() -> None:
    tbs = encode_tbs_request([CertID.of(CA.certificate, 1)])
    header = 2 if tbs[1] < 0x80 else 3
    written = encode_tlv(0x30, explicit(0, encode(0)) + tbs[header:])
    assert recognize(encode_sequence_of([written])) is Kind.REQUEST


def test_an_old_certificate_and_an_old_crl_are_told_apart() -> None:
    integer, sequence, time = encode(1), encode_tlv(0x30, b""), encode_tlv(0x17, b"260101000000Z")
    certificate = encode_sequence_of([integer, sequence, sequence, sequence])
    crl = encode_sequence_of([integer, sequence, sequence, time])
    first_crl = encode_sequence_of(
        [encode_sequence_of([encode(LEAF.certificate.key_algorithm.oid)])]
    )
    assert recognize(encode_sequence_of([certificate])) is Kind.CERTIFICATE
    assert recognize(encode_sequence_of([crl])) is Kind.CRL
    assert recognize(encode_sequence_of([first_crl])) is Kind.CRL


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x00", b"\x31\x03\x02\x01\x01", b"junk"])
def test_what_is_no_message_is_of_no_kind(data: bytes) -> None:
    assert recognize(data) is None


def test_a_request_for_a_certificate_is_none_of_ours() -> None:
    integer, sequence = encode(0), encode_tlv(0x30, b"")
    info = encode_sequence_of([integer, sequence, sequence, encode_tlv(0xA0, b"")])
    assert recognize(encode_sequence_of([info])) is None


@pytest.mark.parametrize(
    "members",
    [
        (hand.integer(1), hand.octet_string(bytes(32)), hand.explicit(0, hand.oid("1.2.3"))),
        (hand.integer(0), hand.sequence(hand.oid("1.2.3")), hand.octet_string(b"key")),
        (hand.integer(0), hand.integer(5), hand.integer(3), hand.integer(7), hand.integer(7)),
        (hand.integer(1), hand.sequence(hand.sequence(hand.oid("1.2.3")), hand.NULL)),
        (hand.octet_string(b"a"), hand.octet_string(b"b")),
    ],
    ids=["an EC key", "a PKCS #8 key", "an RSA key", "a time-stamp request", "two strings"],
)
def test_a_key_or_a_time_stamp_request_is_no_message_of_scvp(members: tuple[bytes, ...]) -> None:
    assert recognize(hand.sequence(*members)) is None


def test_a_message_is_whole_from_its_first_octet_to_its_last() -> None:
    assert is_whole(RESPONSE)
    assert not is_whole(RESPONSE + b"\0")
    assert not is_whole(RESPONSE[:-1])
    assert not is_whole(b"")
    assert not is_whole(b"\x30\x84\xff")
