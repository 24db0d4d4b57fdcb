from __future__ import annotations

import pytest

from certstatus.errors import DecodeError
from certstatus.handshake import (
    CertificateStatus,
    CertificateStatusType,
    encode_certificate_status,
    parse_certificate_status,
    status_message,
)
from certstatus.limits_tls import MAX_TLS12_STAPLE_BYTES, MAX_TLS13_STAPLE_BYTES

OCSP, MULTI = CertificateStatusType.OCSP, CertificateStatusType.OCSP_MULTI
TRY_LATER = bytes.fromhex("30030a0103")


@pytest.mark.rule("T3")
def test_a_status_is_its_type_a_24_bit_length_and_the_response() -> None:
    status = CertificateStatus.single(TRY_LATER)

    assert encode_certificate_status(status) == bytes.fromhex("01 000005 30030a0103")
    assert parse_certificate_status(encode_certificate_status(status)) == status


@pytest.mark.rule("T3")
def test_the_whole_message_has_type_22() -> None:
    assert status_message(TRY_LATER) == bytes.fromhex("16 000009 01 000005 30030a0103")


@pytest.mark.rule("T9")
def test_several_responses_keep_their_slots() -> None:
    status = CertificateStatus(MULTI, (TRY_LATER, b"", TRY_LATER))
    data = bytes.fromhex("02 000013 000005 30030a0103 000000 000005 30030a0103")

    assert encode_certificate_status(status) == data
    assert parse_certificate_status(data) == status


BROKEN = {
    "nothing": ("", "status_type: is cut short"),
    "no length": ("01", "response.length: is cut short"),
    "an empty response": ("01000000", "response: is empty"),
    "a response that claims more": ("0100000630030a0103", "response: is cut short"),
    "a response that claims less": ("0100000430030a0103", "has 1 octet after its end"),
    "an unknown type": ("0300000530030a0103", "status_type: is 3"),
    "type 0": ("00", "status_type: is 0"),
    "an empty list": ("02000000", "ocsp_response_list: is empty"),
    "a list that claims more": ("02000009 000005 30030a0103", "ocsp_response_list: is cut short"),
    "a list with more behind": ("02000003 000000 00", "has 1 octet after its end"),
    "a slot that claims more": ("02000004 000002 30", "OCSPResponse: is cut short"),
    "half a slot": ("02000002 0000", "OCSPResponse.length: is cut short"),
}


@pytest.mark.rule("T3", "T9")
@pytest.mark.parametrize("name", BROKEN)
def test_broken_framing_is_a_decode_error(name: str) -> None:
    data, said = BROKEN[name]

    with pytest.raises(DecodeError) as caught:
        parse_certificate_status(bytes.fromhex(data))

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "responses"),
    [(OCSP, ()), (OCSP, (b"",)), (OCSP, (TRY_LATER, TRY_LATER)), (MULTI, ())],
)
def test_what_has_no_bytes_on_the_wire_can_not_be_made(
    kind: CertificateStatusType, responses: tuple[bytes, ...]
) -> None:
    with pytest.raises(ValueError, match="CertificateStatus of type"):
        CertificateStatus(kind, responses)


@pytest.mark.rule("T7")
def test_a_staple_of_tls_13_has_at_most_65527_octets() -> None:
    assert MAX_TLS13_STAPLE_BYTES == 65_527
    assert CertificateStatus.single(bytes(MAX_TLS13_STAPLE_BYTES)).fits_tls13
    assert not CertificateStatus.single(bytes(MAX_TLS13_STAPLE_BYTES + 1)).fits_tls13
    assert not CertificateStatus(MULTI, (TRY_LATER,)).fits_tls13


@pytest.mark.rule("T3", "T7")
def test_a_staple_of_tls_12_fills_the_message_and_no_more() -> None:
    whole = status_message(bytes(MAX_TLS12_STAPLE_BYTES))

    assert whole[1:4] == b"\xff\xff\xff"
    assert len(parse_certificate_status(whole[4:]).responses[0]) == MAX_TLS12_STAPLE_BYTES
    with pytest.raises(ValueError, match="CertificateStatus has 16777216 octets"):
        status_message(bytes(MAX_TLS12_STAPLE_BYTES + 1))
