from __future__ import annotations

import pytest

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    OCSPStatusRequest,
    encode_certificate_status_request,
    encode_status_request_v2,
    parse_certificate_status_request,
    parse_status_request_v2,
)
from certstatus.limits_tls import MAX_RESPONDER_IDS
from certstatus.ocsp import ByKey, ByName, Extensions, Nonce, encode_responder_id
from certstatus.pkix import Name

USUAL = bytes.fromhex("0100000000")
BY_KEY = ByKey(bytes(range(20)))
BY_NAME = ByName(Name.from_rfc4514("CN=ocsp.example"))
FULL = OCSPStatusRequest(
    responder_id_list=(BY_KEY, BY_NAME), request_extensions=Extensions.of(Nonce(bytes(32)))
)


def vector(contents: bytes) -> bytes:
    return len(contents).to_bytes(2) + contents


def body(listed: bytes = b"", extensions: bytes = b"") -> bytes:
    return b"\x01" + vector(listed) + vector(extensions)


# --- status_request --------------------------------------------------------------------------


@pytest.mark.rule("T1")
def test_the_usual_request_is_five_octets() -> None:
    assert encode_certificate_status_request(CertificateStatusRequest()) == USUAL
    assert parse_certificate_status_request(USUAL) == CertificateStatusRequest()


@pytest.mark.rule("T1")
def test_responders_and_extensions_come_back_in_order() -> None:
    data = encode_certificate_status_request(CertificateStatusRequest(FULL))
    found = parse_certificate_status_request(data)

    assert found.request == FULL
    assert found.request.request_extensions.get(Nonce) == Nonce(bytes(32))


@pytest.mark.rule("T1")
def test_each_field_stands_where_the_standard_has_it() -> None:
    listed = vector(encode_responder_id(BY_KEY)) + vector(encode_responder_id(BY_NAME))
    extensions = FULL.request_extensions.encode()

    assert encode_certificate_status_request(CertificateStatusRequest(FULL)) == body(
        listed, extensions
    )


BROKEN = {
    "nothing": (b"", "status_type: is cut short"),
    "no list": (b"\x01", "responder_id_list.length: is cut short"),
    "half a length": (b"\x01\0", "responder_id_list.length: is cut short"),
    "no extensions": (b"\x01\0\0", "request_extensions.length: is cut short"),
    "an octet too many": (USUAL + b"\0", "CertificateStatusRequest: has 1 octet after its end"),
    "a list that claims more": (b"\x01\xff\xff\0\0", "responder_id_list: is cut short"),
    "extensions that claim more": (b"\x01\0\0\0\x01", "request_extensions: is cut short"),
    "an empty ResponderID": (body(b"\0\0"), "ResponderID: is empty"),
    "a ResponderID that claims more": (body(b"\0\x05\xa2"), "ResponderID: is cut short"),
    "half a ResponderID length": (body(b"\0"), "ResponderID.length: is cut short"),
}


@pytest.mark.rule("T1")
@pytest.mark.parametrize("name", BROKEN)
def test_broken_framing_is_a_decode_error(name: str) -> None:
    data, said = BROKEN[name]

    with pytest.raises(DecodeError) as caught:
        parse_certificate_status_request(data)

    assert said in str(caught.value)
    assert caught.value.rule == "T1"
    assert caught.value.tls_alert == 50


JUNK = {
    "of another status_type": (b"\x02" + USUAL[1:], "status_type: is 2"),
    "with junk for a ResponderID": (body(vector(b"junk")), r"responder_id_list\[0\]"),
    "with a byKey of 19 octets": (body(vector(b"\xa2\x15\x04\x13" + bytes(19))), "SHA-1"),
    "with junk for extensions": (body(b"", b"junk"), "request_extensions"),
    "with an empty SEQUENCE for extensions": (body(b"", b"\x30\0"), "is an empty SEQUENCE"),
}


@pytest.mark.rule("T1")
@pytest.mark.parametrize("name", JUNK)
def test_what_stands_inside_and_is_broken_is_malformed(name: str) -> None:
    data, said = JUNK[name]

    with pytest.raises(MalformedError, match=said) as caught:
        parse_certificate_status_request(data)

    assert not isinstance(caught.value, DecodeError)


def test_the_second_responder_that_is_junk_is_named() -> None:
    listed = vector(encode_responder_id(BY_KEY)) + vector(b"\x05\0")

    with pytest.raises(MalformedError, match=r"responder_id_list\[1\]"):
        parse_certificate_status_request(body(listed))


def test_a_list_of_more_responders_than_the_limit_is_refused() -> None:
    one = vector(encode_responder_id(BY_KEY))

    found = parse_certificate_status_request(body(one * MAX_RESPONDER_IDS))
    assert len(found.request.responder_id_list) == MAX_RESPONDER_IDS
    with pytest.raises(DecodeError, match=f"more than {MAX_RESPONDER_IDS}"):
        parse_certificate_status_request(body(one * (MAX_RESPONDER_IDS + 1)))


@pytest.mark.rule("T1")
def test_a_list_of_65536_octets_can_not_be_written() -> None:
    name = Name.from_rfc4514("CN=" + "x" * 60)
    many = OCSPStatusRequest(responder_id_list=(ByName(name),) * 900)

    with pytest.raises(ValueError, match="more than 65535"):
        encode_certificate_status_request(CertificateStatusRequest(many))


# --- status_request_v2 -----------------------------------------------------------------------

ITEMS = (
    CertificateStatusRequestItemV2(CertificateStatusType.OCSP_MULTI),
    CertificateStatusRequestItemV2(CertificateStatusType.OCSP, FULL),
)
USUAL_V2 = bytes.fromhex("000e 02 0004 0000 0000 01 0004 0000 0000")


@pytest.mark.rule("T9")
def test_requests_of_version_2_stand_by_preference() -> None:
    plain = tuple(CertificateStatusRequestItemV2(item.status_type) for item in ITEMS)

    assert encode_status_request_v2(plain) == USUAL_V2
    assert parse_status_request_v2(USUAL_V2) == plain
    assert parse_status_request_v2(encode_status_request_v2(ITEMS)) == ITEMS


@pytest.mark.rule("T9")
def test_a_status_type_of_the_future_is_passed_over() -> None:
    data = vector(b"\x63" + vector(b"whatever it is") + USUAL_V2[2:])

    assert [item.status_type for item in parse_status_request_v2(data)] == [2, 1]


BROKEN_V2 = {
    "nothing": (b"", "list.length: is cut short"),
    "an empty list": (b"\0\0", "list: is empty"),
    "an octet too many": (USUAL_V2 + b"\0", "has 1 octet after its end"),
    "a list that claims more": (b"\0\xff" + USUAL_V2[2:], "list: is cut short"),
    "a request that claims more": (vector(b"\x01\0\x05\0\0\0\0"), "request: is cut short"),
    "a request with more inside": (vector(b"\x01\0\x05\0\0\0\0\0"), "has 1 octet after its end"),
    "a request without its length": (vector(b"\x01"), "request.length: is cut short"),
    "an empty ResponderID": (vector(b"\x01\0\x06\0\x02\0\0\0\0"), "ResponderID: is empty"),
}


@pytest.mark.rule("T9")
@pytest.mark.parametrize("name", BROKEN_V2)
def test_broken_framing_of_version_2_is_a_decode_error(name: str) -> None:
    data, said = BROKEN_V2[name]

    with pytest.raises(DecodeError) as caught:
        parse_status_request_v2(data)

    assert said in str(caught.value)
    assert caught.value.rule == "T9"


@pytest.mark.rule("T9")
def test_no_request_of_version_2_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="at least one request"):
        encode_status_request_v2(())
