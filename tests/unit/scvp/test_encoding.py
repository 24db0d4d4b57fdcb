"""BER is read, as far as it is not large, and told; what is hashed is what was received."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_SCVP_BER_BYTES
from certstatus.pkix import HashAlgorithm
from certstatus.scvp import (
    CVRequest,
    CVResponse,
    ValPolRequest,
    ValPolResponse,
    parse_cv_request,
    parse_cv_response,
    parse_val_pol_request,
    parse_val_pol_response,
    request_hash,
)
from tests import der as hand
from tests import scvp_messages as of

Message = CVRequest | CVResponse | ValPolRequest | ValPolResponse
READERS: dict[str, tuple[Callable[[bytes], Message], bytes]] = {
    "CVRequest": (parse_cv_request, of.CV_REQUEST_OCTETS),
    "CVResponse": (parse_cv_response, of.CV_RESPONSE_OCTETS),
    "ValPolRequest": (parse_val_pol_request, of.VAL_POL_REQUEST_OCTETS),
    "ValPolResponse": (parse_val_pol_response, of.VAL_POL_RESPONSE_OCTETS),
}


def indefinite(der: bytes) -> bytes:
    """Write every SEQUENCE on the way to the first primitive with an indefinite length."""
    (outer,) = hand.elements(der)
    if not outer.tag & 0x20 or outer.tag == 0xA0:
        return der
    first, *rest = hand.elements(outer.contents)
    contents = indefinite(first.der) + b"".join(member.der for member in rest)
    return bytes((outer.tag, 0x80)) + contents + b"\0\0"


def long_length(der: bytes) -> bytes:
    """Write the outermost length in five octets."""
    (outer,) = hand.elements(der)
    return b"\x30\x84" + len(outer.contents).to_bytes(4) + outer.contents


@pytest.mark.rule("S5")
@pytest.mark.parametrize("form", [indefinite, long_length])
@pytest.mark.parametrize("name", READERS)
def test_a_message_in_ber_is_read_as_the_same_and_told(
    name: str, form: Callable[[bytes], bytes]
) -> None:
    read, der = READERS[name]
    ber = form(der)
    found = read(ber)

    assert ber != der
    assert found == read(der)
    assert found.der == ber
    assert [one.where for one in found.departures] == [name]
    assert "BER" in found.departures[0].text


@pytest.mark.rule("S5")
def test_a_request_in_ber_is_hashed_as_it_was_received() -> None:
    ber = indefinite(of.MINIMAL_REQUEST_OCTETS)

    assert request_hash(parse_cv_request(ber).der).value == HashAlgorithm.SHA256.digest(ber)


@pytest.mark.parametrize("name", READERS)
def test_what_is_wrong_in_der_is_told_of_it_and_not_of_ber(name: str) -> None:
    read, der = READERS[name]

    with pytest.raises(MalformedError, match=r"cut short|bytes after its end") as caught:
        read(der + b"\0")
    assert caught.value.where == name


def test_ber_that_means_nothing_is_malformed_too() -> None:
    with pytest.raises(MalformedError):
        parse_cv_request(b"\x30\x80\x05\0\0\0")
    with pytest.raises(MalformedError):
        parse_cv_request(b"\x30\x80\x05\0")


def test_large_ber_is_not_put_in_order() -> None:
    reference = of.retagged(0xA0, of.LEAF.der)
    several = MAX_SCVP_BER_BYTES // len(reference) + 1
    query = hand.sequence(hand.explicit(0, *[reference] * several), *of.MINIMAL_QUERY_MEMBERS[1:])
    der = hand.sequence(query)

    assert len(parse_cv_request(der).query.queried_certs) == several
    with pytest.raises(MalformedError, match="length that DER does not allow"):
        parse_cv_request(b"\x30\x80" + query + b"\0\0")
