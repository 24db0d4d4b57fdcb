"""A packet capture in words: each TLS handshake in it, as far as it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from certstatus.errors import MalformedError
from certstatus.explain.capture_file import Packet, read_packets
from certstatus.explain.field import Field, count_text
from certstatus.explain.segment import Endpoint, Segment, read_segment
from certstatus.explain.stream import Connection, Direction, follow
from certstatus.explain.tls_flight import Seen, flight_field
from certstatus.handshake import (
    HandshakeMessage,
    HandshakeType,
    Sender,
    Transcript,
    read_transcript,
)

__all__ = ["explain_capture"]

_CLIENT_START: Final = re.compile(rb"\x16\x03[\x00-\x04]..\x01", re.DOTALL)
_SERVER_START: Final = re.compile(
    rb"\x16\x03[\x00-\x04]..\x02|\x15\x03[\x00-\x04]\x00\x02", re.DOTALL
)
"""A record that begins with a hello, or an alert; before it STARTTLS may have talked."""


def explain_capture(data: bytes) -> Field:
    """Explain the TLS connections of a pcap or pcapng file.

    A file that is cut short is explained up to there.
    """
    packets, problem = _collected(data)
    segments = [one for one in map(read_segment, packets) if one is not None]
    traffic = follow(segments)
    shown = [one for one in map(_connection, traffic.connections) if one is not None]
    others = len(traffic.connections) - len(shown)
    meaning = f"{count_text(others, 'other TCP connection')} beside" if others else ""
    if not shown:
        meaning = _why_none(packets, segments)
    departures = (
        (f"{traffic.left_out} segments are of connections past those shown",)
        if traffic.left_out
        else ()
    )
    return Field(
        "packet capture",
        f"{count_text(len(packets), 'packet')}, {count_text(len(shown), 'TLS connection')}",
        meaning,
        "",
        children=tuple(shown),
        departures=departures,
        problem=problem,
    )


def _collected(data: bytes) -> tuple[list[Packet], str]:
    packets: list[Packet] = []
    try:
        packets.extend(read_packets(data))
    except MalformedError as error:
        return packets, str(error)
    return packets, ""


def _why_none(packets: list[Packet], segments: list[Segment]) -> str:
    if segments:
        return "there is TCP, and no TLS handshake begins in it"
    links = ", ".join(str(kind) for kind in sorted({packet.link_type for packet in packets}))
    return f"there is no TCP over IP in it (link types: {links})" if packets else "it is empty"


def _connection(connection: Connection) -> Field | None:
    """Explain a connection that begins with a ClientHello of either endpoint; None: no TLS."""
    one, other = connection.of_first.put_together()[0], connection.of_second.put_together()[0]
    if _CLIENT_START.search(one):
        return _tls(connection.first, connection.second, connection.of_first, connection.of_second)
    if _CLIENT_START.search(other):
        return _tls(connection.second, connection.first, connection.of_second, connection.of_first)
    return None


def _tls(client: Endpoint, server: Endpoint, asks: Direction, answers: Direction) -> Field | None:
    asked, asked_gap = _transcript(asks, _CLIENT_START)
    answered, answered_gap = _transcript(answers, _SERVER_START)
    if not asked.messages:
        return None
    gaps = (
        *(f"from the client: {gap}" for gap in (asked_gap, asked.rest) if gap),
        *(f"from the server: {gap}" for gap in (answered_gap, answered.rest) if gap),
    )
    seen = Seen(
        ends=f"{client} to {server}",
        encrypted=asked.encrypted + answered.encrypted,
        alerts=(*asked.alerts, *answered.alerts),
        gaps=gaps,
    )
    messages = tuple(_in_turn(asked, answered))
    return flight_field("TLS connection", messages, seen)


def _transcript(direction: Direction, start: re.Pattern[bytes]) -> tuple[Transcript, str]:
    stream, gap = direction.put_together()
    begins = start.search(stream)
    if begins is None:
        return Transcript(), gap
    try:
        return read_transcript(stream[begins.start() :]), gap
    except MalformedError as error:
        return Transcript(rest=str(error)), gap


def _in_turn(asked: Transcript, answered: Transcript) -> Iterator[HandshakeMessage]:
    """Put both sides in the order of a handshake: hello, answer, and so on after a retry."""
    clients = [HandshakeMessage.parse(data, Sender.CLIENT) for data in asked.messages]
    servers = [HandshakeMessage.parse(data, Sender.SERVER) for data in answered.messages]
    yield from clients[:1]
    rest = clients[1:]
    if rest and rest[0].type == HandshakeType.CLIENT_HELLO:  # asked for by a HelloRetryRequest
        yield from servers[:1]
        yield from rest[:1]
        servers, rest = servers[1:], rest[1:]
    ends = [at for at, one in enumerate(servers, 1) if one.type == HandshakeType.SERVER_HELLO_DONE]
    end = ends[0] if ends else len(servers)
    yield from (*servers[:end], *rest, *servers[end:])
