"""The packets of a capture file: pcap, and pcapng (draft-ietf-opsawg-pcapng).

Small on purpose: packets and their link type, in order, as far as the file is sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from certstatus.errors import MalformedError
from certstatus.limits_tls import MAX_CAPTURE_PACKETS

__all__ = ["Packet", "is_capture", "read_packets"]

_Order: TypeAlias = Literal["big", "little"]

_PCAP_MAGICS: Final[dict[bytes, _Order]] = {
    bytes.fromhex("a1b2c3d4"): "big",  # microseconds
    bytes.fromhex("d4c3b2a1"): "little",
    bytes.fromhex("a1b23c4d"): "big",  # nanoseconds
    bytes.fromhex("4d3cb2a1"): "little",
}
_PCAP_HEADER_OCTETS: Final = 24
_RECORD_HEADER_OCTETS: Final = 16

_SECTION_HEADER: Final = bytes.fromhex("0a0d0d0a")
_BYTE_ORDERS: Final[dict[bytes, _Order]] = {
    bytes.fromhex("1a2b3c4d"): "big",
    bytes.fromhex("4d3c2b1a"): "little",
}
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_ENHANCED_PACKET: Final = 6
_SHORTEST_BLOCK: Final = 12


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: the LINKTYPE number of its first header, and its octets as captured."""

    link_type: int
    data: bytes = field(repr=False)


def is_capture(data: bytes) -> bool:
    """Whether bytes begin as a pcap or pcapng file does."""
    return data[:4] in _PCAP_MAGICS or (data[:4] == _SECTION_HEADER and data[8:12] in _BYTE_ORDERS)


def read_packets(data: bytes) -> Iterator[Packet]:
    """Yield the packets of a capture file, ``MAX_CAPTURE_PACKETS`` at the most.

    Raises:
        MalformedError: the file is cut short, or a length in it lies.
    """
    packets = _pcap(data) if data[:4] in _PCAP_MAGICS else _pcapng(data)
    for count, packet in enumerate(packets):
        if count == MAX_CAPTURE_PACKETS:
            raise MalformedError(f"has more than {MAX_CAPTURE_PACKETS} packets", where="capture")
        if packet is not None:
            yield packet


def _cut(where: str) -> MalformedError:
    return MalformedError("is cut short", where=where)


def _pcap(data: bytes) -> Iterator[Packet | None]:
    order = _PCAP_MAGICS[data[:4]]
    if len(data) < _PCAP_HEADER_OCTETS:
        raise _cut("pcap header")
    # The upper bits hold the length of a frame check sequence, where there is one.
    link_type = int.from_bytes(data[20:24], order) & 0xFFFF
    at = _PCAP_HEADER_OCTETS
    while at < len(data):
        start = at + _RECORD_HEADER_OCTETS
        length = int.from_bytes(data[at + 8 : at + 12], order)
        if start + length > len(data):
            raise _cut("pcap packet")
        yield Packet(link_type, data[start : start + length])
        at = start + length


def _pcapng(data: bytes) -> Iterator[Packet | None]:
    """Yield the packet of each block; None for a block that holds none, so that all count."""
    at, order = 0, _BYTE_ORDERS.get(data[8:12], "little")
    link_types: list[int] = []
    while at < len(data):
        if data[at : at + 4] == _SECTION_HEADER:
            order = _section_order(data, at)
            link_types = []
        kind = int.from_bytes(data[at : at + 4], order)
        length = int.from_bytes(data[at + 4 : at + 8], order)
        if length < _SHORTEST_BLOCK or length % 4 or at + length > len(data):
            raise MalformedError("has a length that can't be", where="pcapng block")
        body = data[at + 8 : at + length - 4]
        at += length
        if kind == _INTERFACE:
            link_types.append(int.from_bytes(body[:2], order))
        yield _block(kind, body, order, link_types)


def _section_order(data: bytes, at: int) -> _Order:
    order = _BYTE_ORDERS.get(data[at + 8 : at + 12])
    if order is None:
        raise MalformedError("has no byte order", where="pcapng section header")
    return order


def _block(kind: int, body: bytes, order: _Order, link_types: list[int]) -> Packet | None:
    """Return the packet of a block, if it holds one."""
    if kind == _ENHANCED_PACKET:
        interface, start = int.from_bytes(body[:4], order), 20
        length = int.from_bytes(body[12:16], order)
    elif kind == _OLD_PACKET:
        interface, start = int.from_bytes(body[:2], order), 20
        length = int.from_bytes(body[12:16], order)
    elif kind == _SIMPLE_PACKET:
        interface, start = 0, 4
        length = min(int.from_bytes(body[:4], order), len(body) - start)
    else:
        return None
    if interface >= len(link_types):
        raise MalformedError("is of an interface that is not described", where="pcapng packet")
    if start + length > len(body):
        raise _cut("pcapng packet")
    return Packet(link_types[interface], body[start : start + length])
