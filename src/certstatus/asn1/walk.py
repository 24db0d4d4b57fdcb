"""Where elements begin and end, for DER that is too long to be taken apart whole.

What a walk finds is read by its declaration afterwards; here tags and lengths alone count,
and they are DER's: one octet of tag, the shortest form of the length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from certstatus.errors import MalformedError

__all__ = [
    "Element",
    "contents_at",
    "element_at",
    "elements_in",
    "is_positive",
    "members_of",
]

_LONG_FORM: Final = 0x80
_HIGH_TAG: Final = 0x1F
_MOST_LENGTH_OCTETS: Final = 4


@dataclass(frozen=True, slots=True)
class Element:
    """An element by its places: ``start`` of its tag, of its ``contents``, its ``end``."""

    tag: int
    start: int
    contents: int
    end: int


def element_at(der: bytes, start: int, end: int, where: str) -> Element:
    """Find the element that begins at ``start`` and ends at ``end`` or before.

    Raises:
        MalformedError: there is none, or its tag or length are not DER of few octets.
    """
    if end - start < 2:
        raise MalformedError("is cut short", where=where)
    tag, length, contents = der[start], der[start + 1], start + 2
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise MalformedError("has a tag that DER does not allow", where=where)
    if length >= _LONG_FORM:
        contents += length - _LONG_FORM
        length = _long_length(der[start + 2 : min(contents, end)], length - _LONG_FORM, where)
    if length > end - contents:
        raise MalformedError("is cut short", where=where)
    return Element(tag, start, contents, contents + length)


def _long_length(octets: bytes, count: int, where: str) -> int:
    if len(octets) != count:
        raise MalformedError("is cut short", where=where)
    length = int.from_bytes(octets)
    is_shortest = length >= _LONG_FORM and octets[0] != 0
    if not is_shortest or count > _MOST_LENGTH_OCTETS:
        raise MalformedError("has a length that DER does not allow", where=where)
    return length


def elements_in(der: bytes, start: int, end: int, where: str) -> Iterator[Element]:
    """Yield the elements that fill a range, one after another. Raises as ``element_at``."""
    while start < end:
        element = element_at(der, start, end, where)
        yield element
        start = element.end


def members_of(der: bytes, limit: int, where: str) -> list[bytes]:
    """Return the DER of each element inside the one that ``der`` is, at most ``limit`` of them.

    Raises:
        MalformedError: there are more, or as ``element_at``.
    """
    outer = element_at(der, 0, len(der), where)
    if outer.end != len(der):
        raise MalformedError("has bytes after its end", where=where)
    found: list[bytes] = []
    for element in elements_in(der, outer.contents, outer.end, where):
        if len(found) == limit:
            raise MalformedError(f"has more than {limit} members", where=where)
        found.append(der[element.start : element.end])
    return found


def contents_at(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return where the contents of the element at ``at`` begin and end: 65,535 octets at the most.

    For readers of usual shapes, who leave all others to the declarations, and their reasons too.

    Raises:
        MalformedError: another element stands here, its length is not DER's or greater, or it
            ends after ``der`` does.
        IndexError: ``der`` ends within its head.
    """
    length = der[at + 1]
    if length < _LONG_FORM:
        start = at + 2
    elif length == 0x81 and der[at + 2] >= _LONG_FORM:
        length, start = der[at + 2], at + 3
    elif length == 0x82 and der[at + 2]:
        length, start = der[at + 2] << 8 | der[at + 3], at + 4
    else:
        raise MalformedError("has not the usual length", where="element")
    end = start + length
    if der[at] != tag or end > len(der):
        raise MalformedError("is not the usual element", where="element")
    return start, end


def is_positive(contents: bytes) -> bool:
    """Whether the contents of an INTEGER are a number above zero, in the shortest form."""
    first = contents[0] if contents else 0
    return 0 < first < 0x80 or (len(contents) > 1 and not first and contents[1] >= 0x80)
