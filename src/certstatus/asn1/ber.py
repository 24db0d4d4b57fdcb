"""BER made DER, within bounds: what peers may write around signed content (RFC 5652 §2).

Its law: what is DER comes back as the same object; what is BER comes back with shortest
definite lengths, strings in one piece and TRUE as DER has it. Nothing else is changed, so
the order in a SET and defaults written out are left for their readers to judge. A string
under an implicit tag can't be told from a structure, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from certstatus.asn1.doorway import encode_tlv
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BER_BYTES, MAX_BER_DEPTH, MAX_BER_ELEMENTS

__all__ = ["BERElement", "element_at", "normalize", "read_lenient"]

T = TypeVar("T")

_CONSTRUCTED: Final = 0x20
_HIGH_TAG: Final = 0x1F
_LONG_FORM: Final = 0x80
_INDEFINITE: Final = 0x80
_MOST_LENGTH_OCTETS: Final = 8
_MOST_TAG_OCTETS: Final = 5
_END_OF_CONTENTS: Final = b"\0\0"

_BOOLEAN: Final = 0x01
_BIT_STRING: Final = 0x03
_OCTET_STRING: Final = 0x04
# BIT STRING, OCTET STRING, ObjectDescriptor, the character strings, and times, which are such.
_STRINGS: Final = frozenset({3, 4, 7, 12, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30})
# EXTERNAL, EMBEDDED PDV, SEQUENCE, SET, CHARACTER STRING.
_STRUCTURES: Final = frozenset({8, 11, 16, 17, 29})


class BERElement(NamedTuple):
    """An element by its places: the octet of its tag, where its contents begin and end, its end."""

    tag: int
    start: int
    contents: int
    contents_end: int
    end: int


class _Head(NamedTuple):
    """Tag octets, where the contents begin, and their length: None where it is indefinite."""

    tag: bytes
    contents: int
    length: int | None


def element_at(data: bytes, start: int, end: int, where: str) -> BERElement:
    """Find the element that begins at ``start`` and ends at ``end`` or before; take none apart.

    Raises:
        MalformedError: there is none, or it is past a limit of BER.
    """
    head = _head(data, start, end, where)
    if head.length is not None:
        stop = head.contents + head.length
        return BERElement(data[start], start, head.contents, stop, stop)
    stop = _end_of_contents(data, head.contents, end, where)
    return BERElement(data[start], start, head.contents, stop, stop + 2)


def _end_of_contents(data: bytes, at: int, end: int, where: str) -> int:
    """Find the end-of-contents octets of an element of indefinite length."""
    depth = 1
    for _ in range(MAX_BER_ELEMENTS):
        if data[at : at + 2] == _END_OF_CONTENTS and at + 2 <= end:
            depth -= 1
            if not depth:
                return at
            at += 2
            continue
        head = _head(data, at, end, where)
        at = head.contents
        if head.length is not None:
            at += head.length
            continue
        depth += 1
        if depth > MAX_BER_DEPTH:
            raise _too_deep(where)
    raise _too_many(where)


def read_lenient(data: bytes, parse: Callable[[bytes], T], where: str) -> T:
    """Parse DER, or else BER once it has been normalised.

    Raises:
        MalformedError: ``parse`` refuses ``data``, and what it is as DER too.
    """
    try:
        return parse(data)
    except MalformedError as error:
        refusal = error
    try:
        der = normalize(data, where)
    except MalformedError:
        raise refusal from None
    if der is data:
        raise refusal
    return parse(der)


def normalize(data: bytes, where: str) -> bytes:
    """Return one element as DER; ``data`` itself where it is DER already.

    Raises:
        MalformedError: it is not one whole element of BER, or is larger than
            ``MAX_BER_BYTES``, deeper than ``MAX_BER_DEPTH``, or of more elements than
            ``MAX_BER_ELEMENTS``.
    """
    if len(data) > MAX_BER_BYTES:
        raise MalformedError(f"is larger than {MAX_BER_BYTES} bytes", where=where)
    tag, contents, stop = _Normalizer(data, where).element(0, len(data), 1)
    if stop != len(data):
        raise MalformedError("has bytes after its end", where=where)
    der = _tlv(tag, contents)
    return data if der == data else der


@dataclass(slots=True)
class _Normalizer:
    """One walk over ``data``, each element seen once."""

    data: bytes
    where: str
    elements: int = 0

    def element(self, at: int, end: int, depth: int) -> tuple[bytes, bytes, int]:
        """Return the tag and the contents of an element as DER, and where it ends."""
        self.elements += 1
        if self.elements > MAX_BER_ELEMENTS:
            raise _too_many(self.where)
        tag, contents, length = _head(self.data, at, end, self.where)
        number = None if tag[0] & 0xC0 else tag[0] & ~_CONSTRUCTED
        if not tag[0] & _CONSTRUCTED:
            assert length is not None
            after = contents + length
            return tag, self._primitive(number, self.data[contents:after]), after
        if depth >= MAX_BER_DEPTH:
            raise _too_deep(self.where)
        stop = None if length is None else contents + length
        if number in _STRINGS:
            return self._string(number, contents, stop, end, depth)
        if number is not None and number != _HIGH_TAG and number not in _STRUCTURES:
            raise MalformedError("takes a value apart that has no parts", where=self.where)
        members, after = self._members(contents, stop, end, depth)
        return tag, b"".join([_tlv(*member) for member in members]), after

    def _primitive(self, number: int | None, octets: bytes) -> bytes:
        if number in _STRUCTURES:
            raise MalformedError("has a structure that is not constructed", where=self.where)
        if number == _BOOLEAN and len(octets) == 1:
            return b"\xff" if octets[0] else octets
        return octets

    def _members(
        self, at: int, stop: int | None, end: int, depth: int
    ) -> tuple[list[tuple[bytes, bytes]], int]:
        """Return tags and contents of the elements inside one, and where that one ends."""
        found: list[tuple[bytes, bytes]] = []
        while at != stop:
            if stop is None and self.data[at : at + 2] == _END_OF_CONTENTS and at + 2 <= end:
                return found, at + 2
            tag, contents, at = self.element(at, end if stop is None else stop, depth + 1)
            found.append((tag, contents))
        return found, at

    def _string(
        self, number: int, at: int, stop: int | None, end: int, depth: int
    ) -> tuple[bytes, bytes, int]:
        """Put a string in pieces together (X.690 clauses 8.6.4, 8.7.3, 8.23.3)."""
        pieces, after = self._members(at, stop, end, depth)
        kind = _BIT_STRING if number == _BIT_STRING else _OCTET_STRING
        if any(tag != bytes((kind,)) for tag, _ in pieces):
            raise MalformedError("has a string with pieces of another type", where=self.where)
        octets = [contents for _, contents in pieces]
        joined = self._bits(octets) if kind == _BIT_STRING else b"".join(octets)
        return bytes((number,)), joined, after

    def _bits(self, pieces: list[bytes]) -> bytes:
        """Join pieces of bits: each begins with its unused bits, none but in the last."""
        if not all(pieces) or any(piece[0] for piece in pieces[:-1]):
            raise MalformedError("has a BIT STRING with a gap between its pieces", where=self.where)
        unused = pieces[-1][:1] if pieces else b"\0"
        return unused + b"".join([piece[1:] for piece in pieces])


def _tlv(tag: bytes, contents: bytes) -> bytes:
    return tag[:-1] + encode_tlv(tag[-1], contents)


# --- tags and lengths -----------------------------------------------------------------------


def _head(data: bytes, at: int, end: int, where: str) -> _Head:
    """Read tag and length; the contents lie before ``end``, or their end is indefinite."""
    if end - at < 2:
        raise MalformedError("is cut short", where=where)
    after = at + 1
    if data[at] & _HIGH_TAG == _HIGH_TAG:
        after = _high_tag(data, after, end, where)
    tag = data[at:after]
    if tag == b"\0":
        raise MalformedError("has an end of contents where none belongs", where=where)
    if after >= end:
        raise MalformedError("is cut short", where=where)
    form, contents = data[after], after + 1
    if form == _INDEFINITE:
        if not tag[0] & _CONSTRUCTED:
            raise MalformedError("has an indefinite length, and no elements", where=where)
        return _Head(tag, contents, None)
    length = form
    if form > _LONG_FORM:
        contents += form - _LONG_FORM
        length = _long_length(data[after + 1 : min(contents, end)], form - _LONG_FORM, where)
    if length > end - contents:
        raise MalformedError("is cut short", where=where)
    return _Head(tag, contents, length)


def _high_tag(data: bytes, at: int, end: int, where: str) -> int:
    """Return where a tag of several octets ends (X.690 clause 8.1.2.4)."""
    for after in range(at, min(end, at + _MOST_TAG_OCTETS - 1)):
        if not data[after] & 0x80:
            break
    else:
        raise MalformedError("has a tag that BER does not allow", where=where)
    is_low = after == at and data[at] < _HIGH_TAG
    if is_low or data[at] == 0x80:
        raise MalformedError("has a tag that BER does not allow", where=where)
    return after + 1


def _long_length(octets: bytes, count: int, where: str) -> int:
    if count > _MOST_LENGTH_OCTETS:
        raise MalformedError("has a length of too many octets", where=where)
    if len(octets) != count:
        raise MalformedError("is cut short", where=where)
    return int.from_bytes(octets)


def _too_deep(where: str) -> MalformedError:
    return MalformedError(f"has elements more than {MAX_BER_DEPTH} deep", where=where)


def _too_many(where: str) -> MalformedError:
    return MalformedError(f"has more than {MAX_BER_ELEMENTS} elements", where=where)
