"""Where elements begin and end, by DER's tags and lengths alone."""

from __future__ import annotations

import pytest

from certstatus.asn1.doorway import encode_tlv, read_tlv
from certstatus.asn1.walk import (
    Element,
    contents_at,
    element_at,
    elements_in,
    is_positive,
    members_of,
)
from certstatus.errors import MalformedError


@pytest.mark.parametrize("size", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000])
def test_an_element_of_any_length_is_found(size: int) -> None:
    der = b"before" + encode_tlv(0x04, bytes(size)) + b"after"

    found = element_at(der, 6, len(der), "here")

    assert found == Element(0x04, 6, len(der) - 5 - size, len(der) - 5)


@pytest.mark.parametrize(
    ("der", "problem"),
    [
        (b"", "cut short"),
        (b"\x30", "cut short"),
        (b"\x30\x01", "cut short"),
        (b"\x30\x82\x01", "cut short"),
        (b"\x30\x84\x7f\xff\xff\xff\0", "cut short"),
        (b"\x1f\x01\0", "a tag that DER does not allow"),
        (b"\x30\x80\0\0", "a length that DER does not allow"),
        (b"\x30\x81\x7f" + bytes(127), "a length that DER does not allow"),
        (b"\x30\x82\x00\x80" + bytes(128), "a length that DER does not allow"),
        (b"\x30\x85\x01\0\0\0\0", "a length that DER does not allow"),
        (b"\x30\xff" + bytes(127), "a length that DER does not allow"),
    ],
)
def test_what_is_no_element_is_refused_as_the_declarations_refuse_it(
    der: bytes, problem: str
) -> None:
    with pytest.raises(MalformedError, match=rf"^here: .*{problem}"):
        element_at(der, 0, len(der), "here")
    with pytest.raises(MalformedError):
        read_tlv(der, "here")


def test_an_element_ends_where_its_parent_ends() -> None:
    der = encode_tlv(0x30, encode_tlv(0x04, b"abc"))

    with pytest.raises(MalformedError, match="cut short"):
        element_at(der, 2, len(der) - 1, "here")


def test_elements_fill_their_range_to_the_last_octet() -> None:
    parts = [encode_tlv(tag, bytes(tag)) for tag in (2, 4, 0x30)]
    der = b"x" + b"".join(parts)

    found = list(elements_in(der, 1, len(der), "here"))

    assert [der[one.start : one.end] for one in found] == parts
    with pytest.raises(MalformedError, match="cut short"):
        list(elements_in(der + b"\x30", 1, len(der) + 1, "here"))


def test_so_many_members_are_taken_out_whole_and_no_more() -> None:
    der = encode_tlv(0x31, b"\x05\x00\x04\x01a")

    assert members_of(der, 2, "here") == [b"\x05\x00", b"\x04\x01a"]
    with pytest.raises(MalformedError, match="here: has more than 1 members"):
        members_of(der, 1, "here")


@pytest.mark.parametrize("der", [b"", b"\x30\x00\x00", b"\x30\x01\x05", b"\x30\x80\x00\x00"])
def test_members_are_those_of_one_whole_element(der: bytes) -> None:
    with pytest.raises(MalformedError, match="here"):
        members_of(der, 9, "here")


@pytest.mark.parametrize("size", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000])
def test_the_usual_element_is_found_by_its_tag(size: int) -> None:
    der = b"before" + encode_tlv(0x04, bytes(size)) + b"after"

    if size > 0xFFFF:
        with pytest.raises(MalformedError):
            contents_at(der, 6, 0x04)
    else:
        assert contents_at(der, 6, 0x04) == (len(der) - 5 - size, len(der) - 5)
    with pytest.raises(MalformedError):
        contents_at(der, 6, 0x30)


@pytest.mark.parametrize(
    "der",
    [
        b"\x30\x01",
        b"\x30\x80\0\0",
        b"\x30\x81\x7f" + bytes(127),
        b"\x30\x82\x00\x80" + bytes(128),
        b"\x30\x82\x01\x00" + bytes(255),
    ],
    ids=lambda der: der[:4].hex(),
)
def test_what_is_no_usual_element_is_left_to_other_readers(der: bytes) -> None:
    with pytest.raises(MalformedError):
        contents_at(der, 0, 0x30)


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x81", b"\x30\x82\x01"], ids=bytes.hex)
def test_what_ends_within_its_head_is_no_element(der: bytes) -> None:
    with pytest.raises(IndexError):
        contents_at(der, 0, 0x30)


@pytest.mark.parametrize("number", [-129, -128, -1, 0, 1, 127, 128, 255, 256, 2**64])
def test_a_number_above_zero_is_told_by_its_contents(number: int) -> None:
    contents = number.to_bytes(
        (number if number >= 0 else ~number).bit_length() // 8 + 1, signed=True
    )

    assert is_positive(contents) == (number > 0)
    assert not is_positive(b"\0" + contents) or contents[0] >= 0x80
    assert not is_positive(b"")
