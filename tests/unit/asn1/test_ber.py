from __future__ import annotations

import pytest

from certstatus.asn1 import ber
from certstatus.asn1.ber import element_at, normalize, read_lenient
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BER_BYTES, MAX_BER_DEPTH, MAX_BER_ELEMENTS
from tests import der

END = b"\0\0"
HELLO = der.octet_string(b"hello")


@pytest.mark.parametrize(
    "data",
    [
        der.NULL,
        der.sequence(),
        der.sequence(der.integer(5), der.sequence(HELLO)),
        der.octet_string(bytes(300)),
        der.sequence(der.FALSE, der.TRUE),
        b"\x1f\x1f\x01a",
        b"\xbf\x81\x00\x03\x02\x01\x05",
        der.explicit(0, der.tlv(0x31, der.NULL)),
        b"\x80\x01a",
    ],
    ids=bytes.hex,
)
def test_der_comes_back_as_the_same_object(data: bytes) -> None:
    assert normalize(data, "it") is data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x30\x80" + HELLO + END, der.sequence(HELLO)),
        (b"\x30\x80" + END, der.sequence()),
        (b"\x30\x80\xa0\x80" + HELLO + END + END, der.sequence(der.explicit(0, HELLO))),
        (b"\x30\x81\x07" + HELLO, der.sequence(HELLO)),
        (b"\x04\x84\0\0\0\x05hello", HELLO),
        (b"\x24\x80\x04\x03hel\x04\x02lo" + END, HELLO),
        (b"\x24\x07\x04\x03hel\x04\0", der.octet_string(b"hel")),
        (b"\x24\x80\x24\x80\x04\x03hel" + END + b"\x04\x02lo" + END, HELLO),
        (b"\x24\0", der.octet_string()),
        (b"\x3a\x09\x04\x03Jon\x04\x02es", der.tlv(0x1A, b"Jones")),
        (b"\x23\x80\x03\x03\0\xaa\xbb\x03\x02\x04\xf0" + END, der.bit_string(b"\xaa\xbb\xf0", 4)),
        (b"\x23\0", der.bit_string(b"")),
        (b"\x01\x01\x07", der.TRUE),
        (b"\xbf\x20\x80" + HELLO + END, b"\xbf\x20\x07" + HELLO),
        (b"\x38\x80\x04\x0f20261121120000Z" + END, der.generalized_time("20261121120000Z")),
    ],
)
def test_ber_becomes_the_der_of_the_same_value(data: bytes, expected: bytes) -> None:
    assert normalize(data, "it") == expected


def test_a_string_under_an_implicit_tag_stays_in_pieces() -> None:
    """Without its declaration nobody can tell it from a structure."""
    assert normalize(b"\xa0\x80" + HELLO + END, "it") == der.tlv(0xA0, HELLO)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is cut short"),
        (b"\x30", "is cut short"),
        (b"\x30\x03\x05\x00", "is cut short"),
        (b"\x30\x82\x01", "is cut short"),
        (b"\x30\x80" + HELLO, "is cut short"),
        (b"\x30\x80" + HELLO + b"\0", "is cut short"),
        (b"\x1f", "is cut short"),
        (b"\x1f\x1f", "is cut short"),
        (der.NULL + b"\0", "has bytes after its end"),
        (b"\x30\x80" + END + END, "has bytes after its end"),
        (END, "an end of contents where none belongs"),
        (der.sequence(END), "an end of contents where none belongs"),
        (b"\x04\x80" + END, "an indefinite length, and no elements"),
        (b"\x30\xff" + bytes(127), "a length of too many octets"),
        (b"\x30\x89" + bytes(9), "a length of too many octets"),
        (b"\x30\x88" + b"\xff" * 8, "is cut short"),
        (b"\x10\0", "a structure that is not constructed"),
        (b"\x11\0", "a structure that is not constructed"),
        (b"\x22\x03\x02\x01\x05", "takes a value apart that has no parts"),
        (b"\x26\0", "takes a value apart that has no parts"),
        (b"\x24\x02\x05\0", "pieces of another type"),
        (b"\x24\x03\x03\x01\0", "pieces of another type"),
        (b"\x23\x03\x04\x01\0", "pieces of another type"),
        (b"\x23\x08\x03\x02\x04\xf0\x03\x02\0\xaa", "a gap between its pieces"),
        (b"\x23\x02\x03\0", "a gap between its pieces"),
        (b"\x1f\x1e\0", "a tag that BER does not allow"),
        (b"\x1f\x80\x1f\0", "a tag that BER does not allow"),
        (b"\x1f\xff\xff\xff\xff\x7f\0", "a tag that BER does not allow"),
    ],
    ids=lambda value: value.hex()[:24] if isinstance(value, bytes) else None,
)
def test_what_is_no_ber_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        normalize(data, "it")


# --- limits ---------------------------------------------------------------------------------


def nested(depth: int, *, definite: bool) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = der.sequence(inner) if definite else b"\x30\x80" + inner + END
    return inner


@pytest.mark.parametrize("definite", [True, False], ids=["definite", "indefinite"])
def test_elements_nest_so_deep_and_no_deeper(*, definite: bool) -> None:
    whole = nested(MAX_BER_DEPTH - 1, definite=definite)

    assert normalize(whole, "it") == nested(MAX_BER_DEPTH - 1, definite=True)
    with pytest.raises(MalformedError, match=f"more than {MAX_BER_DEPTH} deep"):
        normalize(nested(MAX_BER_DEPTH, definite=definite), "it")


def test_a_million_deep_is_refused_at_once() -> None:
    for walk in (
        lambda data: normalize(data, "it"),
        lambda data: element_at(data, 0, len(data), "it"),
    ):
        with pytest.raises(MalformedError, match=f"more than {MAX_BER_DEPTH} deep"):
            walk(b"\x30\x80" * 1_000_000)


def test_so_many_elements_are_read_and_no_more() -> None:
    most = der.sequence(der.NULL * (MAX_BER_ELEMENTS - 1))

    assert normalize(most, "it") is most
    with pytest.raises(MalformedError, match=f"more than {MAX_BER_ELEMENTS} elements"):
        normalize(der.sequence(der.NULL * MAX_BER_ELEMENTS), "it")


def test_an_indefinite_length_is_not_followed_for_ever() -> None:
    endless = b"\x30\x80" + der.NULL * MAX_BER_ELEMENTS

    with pytest.raises(MalformedError, match=f"more than {MAX_BER_ELEMENTS} elements"):
        element_at(endless, 0, len(endless), "it")


def test_larger_input_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_BER_BYTES == 2**24
    monkeypatch.setattr(ber, "MAX_BER_BYTES", 9)

    assert normalize(der.octet_string(bytes(7)), "it")
    with pytest.raises(MalformedError, match="is larger than 9 bytes"):
        normalize(der.octet_string(bytes(8)), "it")


# --- one element at its place ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "contents", "end"),
    [
        (b"\x30\x02\x05\0", (2, 4), 4),
        (b"\x30\x81\x02\x05\0", (3, 5), 5),
        (b"\x30\x80\x05\0\0\0", (2, 4), 6),
        (b"\x30\x80\x30\x80\x05\0\0\0\0\0", (2, 8), 10),
    ],
    ids=["short", "long", "indefinite", "both indefinite"],
)
def test_an_element_is_found_and_not_taken_apart(
    data: bytes, contents: tuple[int, int], end: int
) -> None:
    found = element_at(b"\x05\0" + data + b"\xff", 2, len(data) + 3, "it")

    assert (found.tag, found.start, found.end) == (0x30, 2, end + 2)
    assert (found.contents, found.contents_end) == (contents[0] + 2, contents[1] + 2)


# --- DER first, then BER --------------------------------------------------------------------


def strict(data: bytes) -> bytes:
    if data != der.sequence(HELLO):
        raise MalformedError("is no greeting", where="it")
    return data


def test_der_is_parsed_as_it_stands_and_ber_once_it_is_normalised() -> None:
    assert read_lenient(der.sequence(HELLO), strict, "it") == der.sequence(HELLO)
    assert read_lenient(b"\x30\x80" + HELLO + END, strict, "it") == der.sequence(HELLO)


@pytest.mark.parametrize("data", [der.NULL, b"\x30\x80", b"\x30\x80" + END], ids=bytes.hex)
def test_what_no_form_of_it_can_be_is_refused_in_the_parsers_words(data: bytes) -> None:
    with pytest.raises(MalformedError, match="is no greeting"):
        read_lenient(data, strict, "it")
