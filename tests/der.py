"""DER by hand, for what our own writer never makes. It knows nothing of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

NULL = b"\x05\x00"
FALSE = b"\x01\x01\x00"
TRUE = b"\x01\x01\xff"


def tlv(tag: int, *contents: bytes) -> bytes:
    """Write one element with the shortest length; ``tag`` is one octet."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + body


def sequence(*members: bytes) -> bytes:
    return tlv(0x30, *members)


def explicit(number: int, *contents: bytes) -> bytes:
    return tlv(0xA0 | number, *contents)


def integer(number: int) -> bytes:
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return tlv(0x02, number.to_bytes(size, signed=True))


def enumerated(number: int) -> bytes:
    return tlv(0x0A, bytes((number,)))


def octet_string(*contents: bytes) -> bytes:
    return tlv(0x04, *contents)


def bit_string(octets: bytes, unused: int = 0) -> bytes:
    return tlv(0x03, bytes((unused,)), octets)


def oid(dotted: str) -> bytes:
    first, second, *arcs = map(int, dotted.split("."))
    return tlv(0x06, *map(_arc, (40 * first + second, *arcs)))


def _arc(number: int) -> bytes:
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.append(0x80 | number & 0x7F)
    return bytes(reversed(septets))


def generalized_time(text: str) -> bytes:
    return tlv(0x18, text.encode())


def extension(dotted: str, value: bytes, critical: bytes = b"") -> bytes:
    """Write an Extension; ``critical`` is the DER of its flag, or nothing."""
    return sequence(oid(dotted), critical, octet_string(value))


@dataclass(frozen=True)
class Element:
    """One element with a one-octet tag, at ``start`` in the bytes that were read."""

    tag: int
    contents: bytes
    start: int
    header: int

    @property
    def der(self) -> bytes:
        return tlv(self.tag, self.contents)


def elements(der: bytes) -> list[Element]:
    """Split a run of elements."""
    found, at = [], 0
    while at < len(der):
        size, header = der[at + 1], 2
        if size & 0x80:
            octets = size & 0x7F
            header += octets
            size = int.from_bytes(der[at + 2 : at + header])
        end = at + header + size
        assert end <= len(der), "cut short"
        found.append(Element(der[at], der[at + header : end], at, header))
        at = end
    return found


def at(der: bytes, *path: int) -> bytes:
    """Return the element at a path of positions; the first is that of the outermost's members."""
    (element,) = elements(der)
    for position in path:
        element = elements(element.contents)[position]
    return element.der


def changed(der: bytes, path: Sequence[int], change: Callable[[bytes], bytes]) -> bytes:
    """Put what ``change`` makes of the element at ``path`` in its place, and mend all lengths.

    A path leads into OCTET STRINGs too; what is put may be no element, or several.
    """
    if not path:
        return change(der)
    (outer,) = elements(der)
    members = [member.der for member in elements(outer.contents)]
    members[path[0]] = changed(members[path[0]], path[1:], change)
    return tlv(outer.tag, *members)


def with_member(der: bytes, path: Sequence[int], position: int, member: bytes) -> bytes:
    """Insert a member into the SEQUENCE at ``path``."""

    def insert(parent: bytes) -> bytes:
        (outer,) = elements(parent)
        members = [one.der for one in elements(outer.contents)]
        members.insert(position, member)
        return tlv(outer.tag, *members)

    return changed(der, path, insert)
