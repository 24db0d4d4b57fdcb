"""What answers have in common that say the same of different certificates, octet by octet. Pure.

Law: where the octets of two answers differ in the serial number alone, and in the signature, one
breaks whatever rule the other breaks, but for the signature's own. So one of them is read and
judged, and the others are compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from certstatus.asn1.walk import Element, element_at, elements_in

__all__ = ["Mould", "serial_octets"]

_WHERE: Final = "OCSPResponse"
_SEQUENCE: Final = 0x30


@dataclass(frozen=True, slots=True)
class Mould:
    """A successful response within an entry, without the serial numbers and the signature in it.

    ``parts`` stand around the serial numbers, each ``width`` octets, up to the signature;
    ``tail`` stands behind that, up to the response's end. ``signed`` is the place of the
    ResponseData. ``size`` is the entry's.
    """

    parts: tuple[bytes, ...]
    tail: bytes
    width: int
    size: int
    signed: slice
    signature: slice

    @classmethod
    def of(cls, entry: bytes, response: slice) -> Mould:
        """Take the mould of a ``response`` that was read and judged, about one certificate."""
        start, end, _ = response.indices(len(entry))
        tbs, bits = _signed_parts(entry, start, end)
        numbers = list(_serial_numbers(entry, tbs))
        (width,) = {one.end - one.contents for one in numbers}
        starts = [0, *(one.end for one in numbers)]
        ends = [*(one.contents for one in numbers), bits.contents + 1]
        return cls(
            parts=tuple(entry[one:other] for one, other in zip(starts, ends, strict=True)),
            tail=entry[bits.end : end],
            width=width,
            size=len(entry),
            signed=slice(tbs.start, tbs.end),
            signature=slice(bits.contents + 1, bits.end),
        )

    def fits(self, entry: bytes, serial: bytes) -> bool:
        """Whether an entry differs in ``serial`` alone, in the signature and behind the response."""
        return (
            len(entry) == self.size
            and len(serial) == self.width
            and entry.startswith(serial.join(self.parts))
            and entry.startswith(self.tail, self.signature.stop)
        )


def serial_octets(serial_number: int) -> bytes:
    """Write a serial number as the contents of an INTEGER."""
    magnitude = serial_number if serial_number >= 0 else ~serial_number
    return serial_number.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


# --- where what stands ----------------------------------------------------------------------


def _within(der: bytes, outer: Element) -> list[Element]:
    return list(elements_in(der, outer.contents, outer.end, _WHERE))


def _signed_parts(der: bytes, start: int, end: int) -> tuple[Element, Element]:
    """Find tbsResponseData and signature (RFC 6960 §4.2.1)."""
    _, response_bytes = _within(der, element_at(der, start, end, _WHERE))
    (content,) = _within(der, response_bytes)
    _, octets = _within(der, content)
    (basic,) = _within(der, octets)
    tbs, _, bits, *_ = _within(der, basic)
    return tbs, bits


def _serial_numbers(der: bytes, tbs: Element) -> Iterator[Element]:
    """Find the serial number of each answer: responses is the one SEQUENCE of ResponseData."""
    (responses,) = [one for one in _within(der, tbs) if one.tag == _SEQUENCE]
    for single in _within(der, responses):
        cert_id, *_ = _within(der, single)
        *_, serial_number = _within(der, cert_id)
        yield serial_number
