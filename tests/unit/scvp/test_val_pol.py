"""ValPolRequest and ValPolResponse: every field both ways, octet for octet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.x509 import ObjectIdentifier
from pyasn1.codec.der.decoder import decode as judge_decode
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.errors import MalformedError
from certstatus.limits_scvp import (
    MAX_CLOCK_SKEW,
    MAX_SCVP_OIDS,
    MAX_VAL_POL_REQUEST_BYTES,
    MAX_VAL_POL_RESPONSE_BYTES,
)
from certstatus.scvp import (
    RevocationInfoTypes,
    ValPolRequest,
    encode_val_pol_request,
    encode_val_pol_response,
    parse_val_pol_request,
    parse_val_pol_response,
    val_pol_request_version,
)
from tests import der as hand
from tests import scvp_messages as of


def with_member(position: int, *members: bytes) -> bytes:
    """Write the response with others in the place of one member."""
    before, after = (
        of.VAL_POL_RESPONSE_MEMBERS[:position],
        of.VAL_POL_RESPONSE_MEMBERS[position + 1 :],
    )
    return hand.sequence(*before, *members, *after)


# --- the request ------------------------------------------------------------------------------


def test_a_request_is_the_octets_of_the_standard_both_ways() -> None:
    assert encode_val_pol_request(of.VAL_POL_REQUEST) == of.VAL_POL_REQUEST_OCTETS
    assert parse_val_pol_request(of.VAL_POL_REQUEST_OCTETS) == of.VAL_POL_REQUEST
    assert val_pol_request_version(of.VAL_POL_REQUEST_OCTETS) == 1
    judged, _ = judge_decode(of.VAL_POL_REQUEST_OCTETS, asn1Spec=judge.ValPolRequest())
    assert bytes(judged["requestNonce"]) == b"nonce"


def test_a_version_written_out_is_read_and_noted() -> None:
    der = hand.sequence(hand.integer(1), hand.octet_string(b"nonce"))
    found = parse_val_pol_request(der)

    assert found == of.VAL_POL_REQUEST
    assert [one.where for one in found.departures] == ["ValPolRequest.vpRequestVersion"]


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.sequence(),
        hand.sequence(hand.integer(1)),
        hand.sequence(hand.octet_string(b"x"), hand.octet_string(b"y")),
        of.VAL_POL_REQUEST_OCTETS + b"\0",
        hand.sequence(hand.octet_string(bytes(MAX_VAL_POL_REQUEST_BYTES))),
    ],
    ids=["nothing", "empty", "no nonce", "two nonces", "an octet more", "too large"],
)
def test_a_request_that_breaks_its_grammar_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_val_pol_request(der)


def test_another_version_is_told_before_all_else() -> None:
    der = hand.sequence(hand.integer(2), hand.NULL)

    assert val_pol_request_version(der) == 2
    with pytest.raises(MalformedError, match="2 is not 1"):
        parse_val_pol_request(der)


def test_a_nonce_too_large_is_not_written() -> None:
    with pytest.raises(MalformedError, match="larger"):
        encode_val_pol_request(ValPolRequest(request_nonce=bytes(MAX_VAL_POL_REQUEST_BYTES)))


# --- the response -----------------------------------------------------------------------------


def test_a_response_is_the_octets_of_the_standard_both_ways() -> None:
    assert encode_val_pol_response(of.VAL_POL_RESPONSE) == of.VAL_POL_RESPONSE_OCTETS
    assert parse_val_pol_response(of.VAL_POL_RESPONSE_OCTETS) == of.VAL_POL_RESPONSE
    assert parse_val_pol_response(of.VAL_POL_RESPONSE_OCTETS).departures == ()


def test_a_response_without_its_optional_items() -> None:
    optional = {5, 17, 18, 19}
    members = [
        one for place, one in enumerate(of.VAL_POL_RESPONSE_MEMBERS) if place not in optional
    ]
    found = parse_val_pol_response(hand.sequence(*members))

    assert found.next_update is None
    assert found.server_public_keys is None
    assert found.clock_skew == timedelta(minutes=10)
    assert found.request_nonce is None
    assert encode_val_pol_response(found) == hand.sequence(*members)


def test_another_reader_reads_the_same() -> None:
    found, rest = judge_decode(of.VAL_POL_RESPONSE_OCTETS, asn1Spec=judge.ValPolResponse())

    assert rest == b""
    assert [int(found[name]) for name in list(found)[:4]] == [1, 2, 3, 7]
    assert found["responseTypes"] == 2
    assert list(found["revocationInfoTypes"]) == [1, 0, 0, 1]
    assert [str(oid) for oid in found["validationAlgs"]] == [f"{of.SVP}.3", f"{of.SVP}.2"]
    assert found["clockSkew"] == 5
    assert len(found["serverPublicKeys"]) == 1


@pytest.mark.parametrize("number", range(16))
def test_types_of_revocation_information_are_named_bits(number: int) -> None:
    types = RevocationInfoTypes(number)
    der = encode_val_pol_response(replace(of.VAL_POL_RESPONSE, revocation_info_types=types))
    found, _ = judge_decode(der, asn1Spec=judge.ValPolResponse())
    bits = list(found["revocationInfoTypes"])

    assert parse_val_pol_response(der).revocation_info_types == types
    assert parse_val_pol_response(der).departures == ()
    assert bits == [int(digit) for digit in f"{number:04b}".rstrip("0")]


@pytest.mark.parametrize("bits", [hand.bit_string(b"\x90", 0), hand.bit_string(b"\x98", 3)])
def test_bits_without_a_name_are_passed_over_and_noted(bits: bytes) -> None:
    found = parse_val_pol_response(with_member(13, bits))

    assert found.revocation_info_types == of.VAL_POL_RESPONSE.revocation_info_types
    assert [one.where for one in found.departures] == ["ValPolResponse.revocationInfoTypes"]


def test_a_clock_skew_at_its_default_written_out_is_noted() -> None:
    found = parse_val_pol_response(with_member(18, hand.integer(10)))

    assert found.clock_skew == timedelta(minutes=10)
    assert [one.where for one in found.departures] == ["ValPolResponse.clockSkew"]
    assert timedelta(days=365) == MAX_CLOCK_SKEW
    longest = parse_val_pol_response(with_member(18, hand.integer(365 * 24 * 60)))
    assert longest.clock_skew == MAX_CLOCK_SKEW


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(with_member(6, hand.sequence()), id="no check"),
        pytest.param(with_member(7, hand.sequence()), id="no wantBack"),
        pytest.param(with_member(16, hand.sequence()), id="no hash"),
        pytest.param(with_member(11, hand.enumerated(3)), id="responseTypes unassigned"),
        pytest.param(with_member(11, hand.integer(1)), id="responseTypes INTEGER"),
        pytest.param(with_member(12), id="no default policy"),
        pytest.param(with_member(12, hand.sequence()), id="a default policy without a name"),
        pytest.param(with_member(18, hand.integer(-1)), id="a skew below zero"),
        pytest.param(with_member(18, hand.integer(365 * 24 * 60 + 1)), id="a skew over a year"),
        pytest.param(
            with_member(
                17,
                hand.sequence(hand.sequence(of.ED25519, hand.bit_string(b"\x80", 7), of.SHA_256)),
            ),
            id="a key with unused bits",
        ),
        pytest.param(
            with_member(8, hand.sequence(*[hand.oid("1.2.3")] * (MAX_SCVP_OIDS + 1))),
            id="too many policies",
        ),
        pytest.param(
            with_member(14, hand.sequence(*[of.ED25519] * (MAX_SCVP_OIDS + 1))),
            id="too many algorithms",
        ),
        pytest.param(of.VAL_POL_RESPONSE_OCTETS + b"\0", id="an octet after its end"),
        pytest.param(bytes(MAX_VAL_POL_RESPONSE_BYTES + 1), id="too large"),
    ],
)
def test_a_response_that_breaks_its_grammar_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_val_pol_response(der)

    assert caught.value.where


def test_a_response_cut_short_anywhere_is_malformed() -> None:
    for size in range(len(of.VAL_POL_RESPONSE_OCTETS)):
        with pytest.raises(MalformedError):
            parse_val_pol_response(of.VAL_POL_RESPONSE_OCTETS[:size])


@pytest.mark.parametrize(
    "wish",
    [
        {"supported_checks": ()},
        {"hash_algorithms": ()},
        {"clock_skew": timedelta(seconds=90)},
        {"clock_skew": timedelta(minutes=-1)},
        {"clock_skew": MAX_CLOCK_SKEW + timedelta(minutes=1)},
        {"auth_policies": (ObjectIdentifier("1.2.3"),) * (MAX_SCVP_OIDS + 1)},
    ],
    ids=["no check", "no hash", "half a minute", "below zero", "over a year", "too many"],
)
def test_what_breaks_the_grammar_is_not_written_either(wish: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        encode_val_pol_response(replace(of.VAL_POL_RESPONSE, **wish))  # type: ignore[arg-type]
