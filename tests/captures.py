"""Packet captures written by hand: a conversation over TCP, in any link layer and file format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

Order = Literal["big", "little"]
Talk = Sequence[tuple[str, bytes]]
"""Who speaks, ``client`` or ``server``, and what, in turn."""

CLIENT: Final = ("192.0.2.1", 50_000)
SERVER: Final = ("192.0.2.2", 443)
CLIENT6: Final = ("2001:db8::1", 50_000)
SERVER6: Final = ("2001:db8::2", 443)

SYN: Final = 0x02
ACK: Final = 0x10
FIN: Final = 0x01

ETHERNET, LOOPBACK, RAW, COOKED, COOKED_2 = 1, 0, 101, 113, 276


# --- packets ----------------------------------------------------------------------------------


def tcp(
    source: tuple[str, int],
    destination: tuple[str, int],
    sequence: int,
    payload: bytes = b"",
    *,
    flags: int = ACK,
) -> bytes:
    """An IP packet with one TCP segment; checksums are left 0, as network cards leave them."""
    head = source[1].to_bytes(2) + destination[1].to_bytes(2) + (sequence % 2**32).to_bytes(4)
    head += bytes(4) + bytes((5 << 4, flags)) + bytes(6)
    addresses = ip_address(source[0]), ip_address(destination[0])
    return ip(addresses[0], addresses[1], head + payload)


def ip(
    source: IPv4Address | IPv6Address, destination: IPv4Address | IPv6Address, body: bytes
) -> bytes:
    ends = source.packed + destination.packed
    if source.version == 6:
        return b"\x60\0\0\0" + len(body).to_bytes(2) + bytes((6, 64)) + ends + body
    total = (20 + len(body)).to_bytes(2)
    return b"\x45\0" + total + bytes(4) + bytes((64, 6)) + bytes(2) + ends + body


def conversation(
    talk: Talk,
    *,
    client: tuple[str, int] = CLIENT,
    server: tuple[str, int] = SERVER,
    start: tuple[int, int] = (1_000, 2_000),
    largest: int = 1_200,
) -> list[bytes]:
    """The IP packets of one connection, from SYN to FIN, in segments of a usual size."""
    ends = {"client": (client, server), "server": (server, client)}
    at = {"client": start[0], "server": start[1]}
    packets = [
        tcp(*ends["client"], at["client"], flags=SYN),
        tcp(*ends["server"], at["server"], flags=SYN | ACK),
    ]
    at = {who: sequence + 1 for who, sequence in at.items()}
    for who, data in talk:
        for begin in range(0, len(data), largest):
            piece = data[begin : begin + largest]
            packets.append(tcp(*ends[who], at[who], piece))
            at[who] += len(piece)
    packets.append(tcp(*ends["client"], at["client"], flags=FIN | ACK))
    return packets


def framed(packet: bytes, link_type: int) -> bytes:
    """Put an IP packet behind the header of a link layer."""
    is_six = packet[0] >> 4 == 6
    kind = (0x86DD if is_six else 0x0800).to_bytes(2)
    return {
        ETHERNET: bytes(12) + kind + packet,
        LOOPBACK: (30 if is_six else 2).to_bytes(4, "little") + packet,
        RAW: packet,
        COOKED: bytes(14) + kind + packet,
        COOKED_2: kind + bytes(18) + packet,
    }[link_type]


# --- files ------------------------------------------------------------------------------------


def pcap(
    packets: Iterable[bytes],
    *,
    link_type: int = ETHERNET,
    order: Order = "little",
    magic: int = 0xA1B2C3D4,
) -> bytes:
    """A pcap file of IP packets."""
    frames = (framed(packet, link_type) for packet in packets)
    return pcap_of_frames(frames, link_type=link_type, order=order, magic=magic)


def pcap_of_frames(
    frames: Iterable[bytes],
    *,
    link_type: int = ETHERNET,
    order: Order = "little",
    magic: int = 0xA1B2C3D4,
) -> bytes:
    """A pcap file of packets that have their link layer's header already."""

    def number(value: int, size: int = 4) -> bytes:
        return value.to_bytes(size, order)

    head = number(magic) + number(2, 2) + number(4, 2) + bytes(8) + number(65_535)
    data = head + number(link_type)
    for frame in frames:
        data += bytes(8) + number(len(frame)) * 2 + frame
    return data


def pcapng(
    packets: Iterable[bytes],
    *,
    link_type: int = ETHERNET,
    order: Order = "little",
    kind: int = 6,
) -> bytes:
    """A pcapng file of IP packets, in blocks of one kind: enhanced 6, simple 3, old 2."""

    def number(value: int, size: int = 4) -> bytes:
        return value.to_bytes(size, order)

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = number(len(body) + 12)
        return number(kind) + length + body + length

    data = block(0x0A0D0D0A, number(0x1A2B3C4D) + number(1, 2) + bytes(2) + b"\xff" * 8)
    data += block(1, number(link_type, 2) + bytes(6))
    data += block(5, bytes(12))  # statistics, which hold no packet
    for packet in packets:
        frame = framed(packet, link_type)
        sizes = number(len(frame)) * 2
        head = {6: bytes(12) + sizes, 3: number(len(frame)), 2: bytes(12) + sizes}[kind]
        data += block(kind, head + frame)
    return data
