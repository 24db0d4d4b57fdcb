"""The one doorway to ``cryptography.hazmat.asn1``; nothing else may import it.

Its law: declarations are frozen; decoding raises MalformedError and nothing else; what
the declarative module lacks (ENUMERATED, whole seconds, a SEQUENCE OF at the top) is
made here, once.

The module beneath is "usable, but unstable"; when it changes, this file changes alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, dataclass_transform

from cryptography.hazmat import asn1
from cryptography.hazmat.asn1 import (
    TLV,
    BitString,
    Default,
    Explicit,
    GeneralizedTime,
    IA5String,
    Implicit,
    Null,
    Size,
    UTCTime,
    Variant,
)

from certstatus.asn1.walk import Element, element_at, elements_in
from certstatus.errors import MalformedError
from certstatus.limits import MAX_INTEGER_OCTETS

__all__ = [
    "TLV",
    "BitString",
    "Default",
    "Explicit",
    "GeneralizedTime",
    "IA5String",
    "Implicit",
    "Null",
    "Size",
    "UTCTime",
    "Variant",
    "decode",
    "decode_enumerated",
    "decode_sequence_of",
    "decode_time",
    "encode",
    "encode_enumerated",
    "encode_sequence_of",
    "encode_set_of",
    "encode_tlv",
    "explicit",
    "generalized_time",
    "put_member",
    "read_tlv",
    "retag",
    "sequence",
    "take_enumerated",
]

T = TypeVar("T")

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_ENUMERATED: Final = 0x0A
_ENUMERATED_TAG: Final = bytes((_ENUMERATED,))
_LONG_FORM: Final = 0x80


@dataclass_transform(kw_only_default=True, frozen_default=True)
def sequence(cls: type[T]) -> type[T]:
    """Declare a SEQUENCE: a frozen, comparable, printable dataclass with named fields.

    Making one raises MalformedError where a number in it has more than
    ``MAX_INTEGER_OCTETS``: Python refuses to print longer ones, so whoever shows or logs
    a serial number would fail.
    """
    numbers = [name for name, kind in cls.__annotations__.items() if _NUMBER.search(str(kind))]
    if numbers:
        cls.__post_init__ = _check_numbers(cls.__name__, numbers)  # type: ignore[attr-defined]
    return asn1.sequence(dataclass(frozen=True, kw_only=True)(cls))


_NUMBER: Final = re.compile(r"\bint\b")


def _check_numbers(declaration: str, names: Sequence[str]) -> Callable[[object], None]:
    places = [(name, f"{declaration}.{_field_name(name)}") for name in names]

    def check(declared: object) -> None:
        for name, where in places:
            value = getattr(declared, name)
            for number in value if isinstance(value, list) else (value,):
                _check_number(number, where)

    return check


def _check_number(number: int | None, where: str) -> None:
    if number is not None and number.bit_length() > 8 * MAX_INTEGER_OCTETS:
        raise MalformedError(f"has more than {MAX_INTEGER_OCTETS} octets", where=where)


def _field_name(name: str) -> str:
    """Write a field as the RFC does: serial_number is serialNumber."""
    first, *rest = name.split("_")
    return "".join((first, *map(str.title, rest)))


def decode(kind: type[T], der: bytes, where: str) -> T:
    """Read the whole of ``der`` as one value of ``kind``.

    Raises:
        MalformedError: ``der`` is not the DER of that type, or has bytes after it, or holds a
            number of more than ``MAX_INTEGER_OCTETS``.
    """
    try:
        value = asn1.decode_der(kind, der)
    except (ValueError, OverflowError) as error:
        raise MalformedError(_reason(error), where=where) from error
    if isinstance(value, int):
        _check_number(value, where)
    return value


def encode(value: Any) -> bytes:
    """Write a declared value, or an ASN.1 primitive, as DER."""
    return asn1.encode_der(value)


def decode_sequence_of(wrapper: type[T], der: bytes, where: str) -> T:
    """Read a top-level SEQUENCE OF through ``wrapper``, whose one field is that list."""
    return decode(wrapper, encode_tlv(_SEQUENCE, der), where)


def encode_sequence_of(members: list[bytes]) -> bytes:
    """Write a SEQUENCE OF whose members are DER already."""
    return encode_tlv(_SEQUENCE, b"".join(members))


def encode_set_of(members: Iterable[bytes]) -> bytes:
    """Write a SET OF whose members are DER already, in DER's order (X.690 clause 11.6)."""
    return encode_tlv(_SET, b"".join(sorted(members)))


def encode_tlv(tag: int, contents: bytes) -> bytes:
    """Write one element with a one-byte tag and the shortest length."""
    size = len(contents)
    if size < _LONG_FORM:
        return bytes((tag, size)) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(length))) + length + contents


def explicit(number: int, der: bytes) -> bytes:
    """Write ``[number] EXPLICIT`` around DER."""
    return encode_tlv(0xA0 | number, der)


def read_tlv(der: bytes, where: str) -> TLV:
    """Read one element of any type, with nothing after it."""
    return decode(TLV, der, where)


def decode_enumerated(element: TLV, where: str) -> int:
    """Read an ENUMERATED, which the declarative module lacks."""
    contents = bytes(element.data)
    if element.tag_bytes != _ENUMERATED_TAG:
        raise MalformedError("is not an ENUMERATED", where=where)
    if len(contents) == 1 and contents[0] < 0x80:
        return contents[0]
    # The contents are an INTEGER's; its reader refuses empty and padded ones.
    return decode(int, encode_tlv(0x02, contents), where)


def encode_enumerated(number: int) -> TLV:
    """Make an ENUMERATED element of a number from 0 to 127.

    Raises:
        ValueError: one octet does not hold the number.
    """
    if not 0 <= number < 0x80:
        raise ValueError(f"one octet does not hold the ENUMERATED {number}")
    return asn1.decode_der(TLV, bytes((_ENUMERATED, 1, number)))


def take_enumerated(der: bytes, position: int, where: str) -> tuple[int | None, bytes]:
    """Take an OPTIONAL ENUMERATED out of a SEQUENCE, whose member ``position`` it may be.

    Returns its number, None where it is absent, and the SEQUENCE without it: a declaration
    can have it as its last field alone.

    Raises:
        MalformedError: ``der`` is no SEQUENCE, or that member no ENUMERATED by its contents.
    """
    members = _members(der, where)
    if position >= len(members) or members[position].tag != _ENUMERATED:
        return None, der
    found = members[position]
    number = decode_enumerated(read_tlv(der[found.start : found.end], where), where)
    return number, encode_sequence_of([der[one.start : one.end] for one in members if one != found])


def put_member(der: bytes, position: int, member: bytes) -> bytes:
    """Write a SEQUENCE with one member more, which is to be number ``position``."""
    members = [der[one.start : one.end] for one in _members(der, "SEQUENCE")]
    return encode_sequence_of([*members[:position], member, *members[position:]])


def _members(der: bytes, where: str) -> list[Element]:
    outer = element_at(der, 0, len(der), where)
    if outer.tag != _SEQUENCE:
        raise MalformedError("is no SEQUENCE", where=where)
    if outer.end != len(der):
        raise MalformedError("has bytes after its end", where=where)
    return list(elements_in(der, outer.contents, outer.end, where))


def retag(der: bytes, tag: int) -> bytes:
    """Write an element with another one-octet tag in the place of its own: what IMPLICIT does."""
    return bytes((tag,)) + der[1:]


def decode_time(value: GeneralizedTime | UTCTime, where: str) -> datetime:
    """Return whole seconds, aware UTC; a fraction is refused (RFC 5280 §4.1.2.5.2, O20)."""
    moment = value.as_datetime()
    if moment.microsecond:
        raise MalformedError("has a fraction of a second", where=where, rule="O20")
    return moment


def generalized_time(moment: datetime) -> GeneralizedTime:
    """Make a GeneralizedTime of an aware time; fractions of a second are cut off (O20)."""
    if moment.tzinfo is None:
        raise TypeError("a time must be aware")
    return GeneralizedTime(moment.astimezone(UTC).replace(microsecond=0))


_KIND: Final = re.compile(r"kind: (\w+)")
_TAG: Final = re.compile(r"actual: Tag \{ value: (\d+), constructed: \w+, class: (\w+)")
_WORDS: Final = {
    "ShortData": "is cut short",
    "ExtraData": "has bytes after its end",
    "InvalidTag": "has a tag that DER does not allow",
    "InvalidLength": "has a length that DER does not allow",
    "InvalidValue": "has a value that its type does not allow",
    "UnexpectedTag": "has an element of another type than the standard's",
    "EncodedDefault": "writes a default value out",
    "IntegerOverflow": "has a number out of range",
    "InvalidSize": "has too few or too many elements",
    "OidTooLong": "has an object identifier that is too long",
    "InvalidSetOrdering": "has a SET out of order",
}


def _reason(error: Exception) -> str:
    """Put the declarative module's error into words; it names a kind, never a field."""
    found = _KIND.search(str(error))
    if found is None:
        return f"is not valid DER: {error}"
    words = _WORDS.get(found[1], f"is not valid DER ({found[1]})")
    tag = _TAG.search(str(error))
    return words if tag is None else f"{words}: {_tag_name(tag[2], tag[1])}"


def _tag_name(class_name: str, number: str) -> str:
    """Write a tag as ASN.1 does: [UNIVERSAL 4], [0]."""
    return f"[{number}]" if class_name == "ContextSpecific" else f"[{class_name.upper()} {number}]"
