"""The doorway to the declarative ASN.1: what it refuses, in which words, and what it adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import pytest

from certstatus.asn1.doorway import (
    TLV,
    BitString,
    GeneralizedTime,
    IA5String,
    decode,
    decode_enumerated,
    decode_sequence_of,
    decode_time,
    encode,
    encode_enumerated,
    encode_sequence_of,
    encode_set_of,
    encode_tlv,
    explicit,
    generalized_time,
    put_member,
    read_tlv,
    retag,
    take_enumerated,
)
from certstatus.asn1.ocsp import AcceptableResponses, CertID, CrlID, TBSRequest
from certstatus.asn1.x509 import AlgorithmIdentifier, BasicConstraints, Extension, Features
from certstatus.errors import MalformedError
from certstatus.limits import MAX_INTEGER_OCTETS
from tests import der as hand


@pytest.mark.parametrize(
    ("kind", "der", "words"),
    [
        (int, b"\x02\x02\x01", "is cut short"),
        (int, b"", "is cut short"),
        (int, b"\x02\x01\x00\x00", "has bytes after its end"),
        (int, b"\x02\x02\x00\x01", "has a value that its type does not allow"),
        (int, b"\x02\x81\x01\x01", "has a length that DER does not allow"),
        (bytes, b"\x24\x80\x00\x00", "has a length that DER does not allow"),
        (TLV, b"\x1f\x05\x00", "has a tag that DER does not allow"),
        (bool, b"\x01\x01\x01", "has a value that its type does not allow"),
        (IA5String, b"\x16\x01\xff", "has a value that its type does not allow"),
        (BitString, b"\x03\x02\x01\x01", "has a value that its type does not allow"),
        (
            AlgorithmIdentifier,
            hand.sequence(hand.oid("1.2." + ".".join(["9" * 20] * 10))),
            "has an object identifier that is too long",
        ),
    ],
)
def test_what_is_no_der_is_refused_in_words_that_name_the_field(
    kind: type, der: bytes, words: str
) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(kind, der, "Certificate.serialNumber")

    assert str(caught.value) == f"Certificate.serialNumber: {words}"
    assert caught.value.where == "Certificate.serialNumber"


@pytest.mark.parametrize(
    ("der", "tag"),
    [
        (b"\x04\x01\x01", "[UNIVERSAL 4]"),
        (b"\xa3\x00", "[3]"),
        (b"\x41\x00", "[APPLICATION 1]"),
        (b"\xdf\x81\x00\x00", "[PRIVATE 128]"),
    ],
)
def test_an_element_of_another_type_is_named_by_its_tag(der: bytes, tag: str) -> None:
    with pytest.raises(MalformedError, match="another type") as caught:
        decode(int, der, "CRLNumber")

    assert str(caught.value).endswith(f": {tag}")


def test_declared_values_are_frozen_comparable_and_printable() -> None:
    value = decode(AlgorithmIdentifier, hand.sequence(hand.oid("1.2.3")), "algorithm")

    assert value == decode(AlgorithmIdentifier, encode(value), "algorithm")
    assert "1.2.3" in repr(value)
    with pytest.raises(FrozenInstanceError):
        value.parameters = None  # type: ignore[misc]


@pytest.mark.parametrize("parameters", [b"", hand.NULL, hand.octet_string(b"x"), hand.sequence()])
def test_an_open_optional_field_keeps_whatever_stands_there(parameters: bytes) -> None:
    """The open arm stands last in an optional CHOICE, which nobody upstream tests."""
    der = hand.sequence(hand.oid("1.2.3"), parameters)

    assert encode(decode(AlgorithmIdentifier, der, "algorithm")) == der


def test_an_open_optional_field_holds_one_element_only() -> None:
    der = hand.sequence(hand.oid("1.2.3"), hand.NULL, hand.NULL)

    with pytest.raises(MalformedError, match="bytes after its end"):
        decode(AlgorithmIdentifier, der, "algorithm")


@pytest.mark.parametrize("written", [b"", hand.FALSE, hand.TRUE])
def test_a_default_may_stand_written_out_and_is_kept_as_it_was(written: bytes) -> None:
    der = hand.extension("1.2.3", b"", critical=written)

    assert encode(decode(Extension, der, "extension")) == der


def test_an_explicit_tag_must_be_the_declared_one() -> None:
    entry = hand.sequence(hand.sequence())

    for number in (2, 3):
        odd = hand.sequence(hand.explicit(number, hand.integer(0)), hand.sequence(entry))
        with pytest.raises(MalformedError):
            decode(TBSRequest, odd, "tbsRequest")


# --- INTEGER ------------------------------------------------------------------------------


def number_of(octets: int, sign: int) -> int:
    """Give the longest number of so many octets without its sign bit."""
    return sign * ((1 << 8 * octets) - 1)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_is_read_as_long_as_python_prints_it(sign: int) -> None:
    longest = number_of(MAX_INTEGER_OCTETS, sign)

    assert decode(int, hand.integer(longest), "CRLNumber") == longest
    assert str(longest)
    with pytest.raises(
        MalformedError, match=f"^CRLNumber: has more than {MAX_INTEGER_OCTETS} octets"
    ):
        decode(int, hand.integer(longest + sign), "CRLNumber")


@pytest.mark.parametrize(
    ("kind", "der", "where"),
    [
        (
            CertID,
            lambda number: hand.sequence(
                hand.sequence(hand.oid("1.2.3")),
                hand.octet_string(),
                hand.octet_string(),
                hand.integer(number),
            ),
            "CertID.serialNumber",
        ),
        (
            BasicConstraints,
            lambda number: hand.sequence(hand.integer(number)),
            "BasicConstraints.pathLenConstraint",
        ),
        (
            Features,
            lambda number: hand.sequence(hand.sequence(hand.integer(5), hand.integer(number))),
            "Features.features",
        ),
        (
            CrlID,
            lambda number: hand.sequence(hand.explicit(1, hand.integer(number))),
            "CrlID.crlNum",
        ),
    ],
)
def test_a_longer_number_in_a_field_is_refused_by_its_name(
    kind: type, der: Callable[[int], bytes], where: str
) -> None:
    longest = number_of(MAX_INTEGER_OCTETS, 1)

    decode(kind, der(longest), "message")
    with pytest.raises(MalformedError) as caught:
        decode(kind, der(longest + 1), "message")
    assert caught.value.where == where


# --- ENUMERATED ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 6, 127])
def test_an_enumerated_is_written_and_read(number: int) -> None:
    der = encode(encode_enumerated(number))

    assert der == bytes((0x0A, 1, number))
    assert decode_enumerated(read_tlv(der, "status"), "status") == number


@pytest.mark.parametrize("number", [-1, 128, 256])
def test_an_enumerated_that_one_octet_cannot_hold_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="one octet"):
        encode_enumerated(number)


@pytest.mark.parametrize(
    ("der", "words"),
    [
        (b"\x0a\x00", "has a value that its type does not allow"),
        (b"\x0a\x02\x00\x01", "has a value that its type does not allow"),
        (b"\x02\x01\x01", "is not an ENUMERATED"),
        (b"\x2a\x01\x01", "is not an ENUMERATED"),
        (b"\x8a\x01\x01", "is not an ENUMERATED"),
    ],
)
def test_a_broken_enumerated_is_refused(der: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        decode_enumerated(read_tlv(der, "status"), "status")


@pytest.mark.parametrize(("octets", "number"), [(b"\xff", -1), (b"\x00\x80", 128)])
def test_an_enumerated_is_signed_as_an_integer_is(octets: bytes, number: int) -> None:
    assert decode_enumerated(read_tlv(hand.tlv(0x0A, octets), "status"), "status") == number


# --- times --------------------------------------------------------------------------------


@pytest.mark.rule("O20")
@pytest.mark.parametrize(
    "text",
    [
        "20261121120000.5Z",
        "20261121120000.000001Z",
        "20261121120000+0000",
        "20261121120000-0500",
        "20261121120000",
        "202611211200Z",
        "2026112112Z",
        "261121120000Z",
        "20261121120060Z",
        "20261121240000Z",
        "20260229120000Z",
        "20261301120000Z",
        "00000101000000Z",
        "",
    ],
)
def test_a_time_in_another_form_than_whole_utc_seconds_is_refused(text: str) -> None:
    """RFC 5280 §4.1.2.5.2: "MUST include seconds ... MUST NOT include fractional seconds"."""
    with pytest.raises(MalformedError):
        decode_time(decode(GeneralizedTime, hand.generalized_time(text), "time"), "time")


@pytest.mark.rule("O20")
@pytest.mark.parametrize("text", ["00010101000000Z", "20240229235959Z", "99991231235959Z"])
def test_a_time_is_read_and_written_as_whole_utc_seconds(text: str) -> None:
    der = hand.generalized_time(text)

    moment = decode_time(decode(GeneralizedTime, der, "time"), "time")

    assert f"{moment.year:04}{moment:%m%d%H%M%SZ}" == text
    assert moment.utcoffset() == timedelta(0)
    assert encode(generalized_time(moment)) == der


@pytest.mark.rule("O20")
def test_a_clock_with_microseconds_is_cut_to_the_second() -> None:
    moment = datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC)

    assert encode(generalized_time(moment)) == hand.generalized_time("20261121120000Z")


@pytest.mark.rule("O20")
def test_a_time_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert encode(generalized_time(moment)) == hand.generalized_time("20251231233000Z")


def test_a_time_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="aware"):
        generalized_time(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


# --- elements by hand ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_an_element_has_the_shortest_length(size: int) -> None:
    der = encode_tlv(0x04, bytes(size))

    assert der == encode(bytes(size)) == hand.octet_string(bytes(size))


def test_explicit_tags_wrap_what_stands_in_them() -> None:
    assert explicit(2, hand.NULL) == b"\xa2\x02\x05\x00"


def test_a_sequence_of_at_the_top_is_written_and_read() -> None:
    oids = [hand.oid("1.2.3"), hand.oid("2.5.29.37.0")]

    der = encode_sequence_of(oids)

    assert der == hand.sequence(*oids)
    found = decode_sequence_of(AcceptableResponses, der, "AcceptableResponses")
    assert [one.dotted_string for one in found.response_types] == ["1.2.3", "2.5.29.37.0"]


def test_a_set_of_is_written_in_ders_order() -> None:
    members = [hand.octet_string(b"b"), hand.octet_string(b"aa"), hand.NULL, hand.integer(5)]

    assert encode_set_of(members) == hand.tlv(0x31, *sorted(members))
    assert encode_set_of(iter(())) == hand.tlv(0x31)


@pytest.mark.parametrize("der", [b"", hand.NULL, hand.sequence() + hand.NULL, b"\x31\x00"])
def test_what_is_not_one_sequence_of_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_sequence_of(AcceptableResponses, der, "AcceptableResponses")


# --- an OPTIONAL ENUMERATED, and IMPLICIT tags ------------------------------------------------


@pytest.mark.parametrize(
    ("members", "position", "number", "rest"),
    [
        ((hand.enumerated(7), hand.NULL), 0, 7, (hand.NULL,)),
        ((hand.NULL, hand.enumerated(7), hand.TRUE), 1, 7, (hand.NULL, hand.TRUE)),
        ((hand.NULL, hand.TRUE), 1, None, (hand.NULL, hand.TRUE)),
        ((hand.NULL,), 1, None, (hand.NULL,)),
        ((), 0, None, ()),
        ((hand.enumerated(7), hand.enumerated(7)), 1, 7, (hand.enumerated(7),)),
        ((hand.enumerated(7), hand.NULL), 1, None, (hand.enumerated(7), hand.NULL)),
    ],
)
def test_an_optional_enumerated_is_taken_out_where_it_stands(
    members: tuple[bytes, ...], position: int, number: int | None, rest: tuple[bytes, ...]
) -> None:
    der = hand.sequence(*members)

    assert take_enumerated(der, position, "status") == (number, hand.sequence(*rest))
    if number is not None:
        taken = encode(encode_enumerated(number))
        assert put_member(hand.sequence(*rest), position, taken) == der


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.NULL,
        b"\x30\x05\x0a\x01",
        hand.sequence(hand.enumerated(1)) + b"\0",
        hand.sequence(b"\x0a\0"),
        hand.sequence(b"\x0a\x02\0\x01"),
        hand.sequence(hand.enumerated(1), b"\x05"),
    ],
)
def test_what_holds_no_enumerated_by_its_octets_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        take_enumerated(der, 0, "CVResponse.responseStatus")

    assert caught.value.where == "CVResponse.responseStatus"


def test_another_tag_stands_in_the_place_of_the_element_s_own() -> None:
    der = hand.sequence(hand.octet_string(bytes(200)))

    assert retag(der, 0xA0) == hand.explicit(0, hand.octet_string(bytes(200)))
    assert retag(retag(der, 0xA0), 0x30) == der
