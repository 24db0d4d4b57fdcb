"""From a captured packet to its TCP segment: link layer, IPv4 or IPv6, TCP.

What is no TCP is None: a capture holds many things. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from certstatus.explain.capture_file import Packet

__all__ = ["Endpoint", "Segment", "read_segment"]

_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD
_VLANS: Final = (0x8100, 0x88A8, 0x9100)
_TCP: Final = 6
_HEADERS_AHEAD: Final = (0, 43, 60)
"""Hop-by-hop options, routing, destination options: headers of IPv6 that others follow."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        host = str(self.address)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment (RFC 9293 §3.1)."""

    source: Endpoint
    destination: Endpoint
    sequence: int
    is_syn: bool
    payload: bytes = field(repr=False)


def read_segment(packet: Packet) -> Segment | None:
    """Return the TCP segment of a packet, or None where it has none that is whole."""
    find = _LINKS.get(packet.link_type)
    found = None if find is None else find(packet.data)
    if found is None:
        return None
    protocol, data = found
    if protocol == _IPV4:
        return _ipv4(data)
    return _ipv6(data) if protocol == _IPV6 else None


# --- link layers: to the protocol's number, and what it carries -----------------------------


def _ethernet(data: bytes) -> tuple[int, bytes]:
    return _tagged(data, 12)


def _cooked(data: bytes) -> tuple[int, bytes]:
    return _tagged(data, 14)


def _cooked_2(data: bytes) -> tuple[int, bytes]:
    return int.from_bytes(data[:2]), data[20:]


def _tagged(data: bytes, at: int) -> tuple[int, bytes]:
    """Read an EtherType, behind as many VLAN tags as there are."""
    protocol = int.from_bytes(data[at : at + 2])
    while protocol in _VLANS and at + 6 <= len(data):
        at += 4
        protocol = int.from_bytes(data[at : at + 2])
    return protocol, data[at + 2 :]


def _raw(data: bytes) -> tuple[int, bytes]:
    version = data[0] >> 4 if data else 0
    return {4: _IPV4, 6: _IPV6}.get(version, 0), data


def _loopback(data: bytes) -> tuple[int, bytes]:
    """Read BSD's loopback header: an address family, whose number for IPv6 differs by system."""
    return _raw(data[4:])


_LINKS: Final[dict[int, Callable[[bytes], tuple[int, bytes]]]] = {
    0: _loopback,
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    108: _loopback,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked_2,
}

# --- IP and TCP -----------------------------------------------------------------------------


def _ipv4(data: bytes) -> Segment | None:
    if len(data) < 20 or data[0] >> 4 != 4 or data[9] != _TCP:
        return None
    header = (data[0] & 0x0F) * 4
    is_fragment = int.from_bytes(data[6:8]) & 0x3FFF
    if header < 20 or is_fragment:
        return None
    # A length of 0 is what a network card that cuts segments itself leaves behind.
    total = int.from_bytes(data[2:4]) or len(data)
    addresses = IPv4Address(data[12:16]), IPv4Address(data[16:20])
    return _tcp(data[header:total], *addresses)


def _ipv6(data: bytes) -> Segment | None:
    if len(data) < 40 or data[0] >> 4 != 6:
        return None
    following, at = data[6], 40
    length = int.from_bytes(data[4:6]) or len(data)
    end = min(len(data), 40 + length)
    while following in _HEADERS_AHEAD and at + 8 <= end:
        following, at = data[at], at + 8 * (data[at + 1] + 1)
    if following != _TCP or at > end:  # a fragment too, which nothing here puts together
        return None
    return _tcp(data[at:end], IPv6Address(data[8:24]), IPv6Address(data[24:40]))


def _tcp(
    data: bytes, source: IPv4Address | IPv6Address, destination: IPv4Address | IPv6Address
) -> Segment | None:
    if len(data) < 20:
        return None
    offset = (data[12] >> 4) * 4
    if offset < 20 or offset > len(data):
        return None
    return Segment(
        source=Endpoint(source, int.from_bytes(data[0:2])),
        destination=Endpoint(destination, int.from_bytes(data[2:4])),
        sequence=int.from_bytes(data[4:8]),
        is_syn=bool(data[13] & 0x02),
        payload=data[offset:],
    )
