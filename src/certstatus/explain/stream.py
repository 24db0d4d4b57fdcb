"""TCP put together again: what each side of a connection sent, from its segments (RFC 9293).

Segments may come late, twice, or overlap; the first copy of an octet counts. Where one is
missing, what follows is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from certstatus.explain.segment import Endpoint, Segment
from certstatus.limits_tls import MAX_CAPTURE_CONNECTIONS, MAX_STREAM_BYTES

__all__ = ["Connection", "Direction", "Traffic", "follow"]

_SEQUENCES: Final = 2**32


class Direction:
    """What one endpoint sent: segments by their place, kept up to ``MAX_STREAM_BYTES``."""

    def __init__(self) -> None:
        self._start: int | None = None
        self._is_start_known = False
        self._pieces: list[tuple[int, bytes]] = []
        self._kept = 0
        self.is_cut = False

    def begins_anew(self, segment: Segment) -> bool:
        """Whether a SYN opens another connection between the same endpoints."""
        if not segment.is_syn or self._start is None:
            return False
        late = 0 if self._is_start_known else MAX_STREAM_BYTES
        return not 0 <= _distance(segment.sequence + 1, self._start) <= late

    def take(self, segment: Segment) -> None:
        """Keep a segment's payload at its place."""
        sequence = segment.sequence
        if segment.is_syn:
            sequence = (sequence + 1) % _SEQUENCES
            if not self._is_start_known:
                self._rebase(sequence)
                self._is_start_known = True
        if not segment.payload:
            return
        if self._start is None:
            self._start = sequence
        self._keep(_distance(self._start, sequence), segment.payload)

    def _rebase(self, start: int) -> None:
        """Count places from the true beginning, where segments came before their SYN."""
        if self._start is not None:
            shift = _distance(start, self._start)
            self._pieces = [(place + shift, data) for place, data in self._pieces]
        self._start = start

    def _keep(self, place: int, payload: bytes) -> None:
        if place > MAX_STREAM_BYTES or self._kept + len(payload) > 2 * MAX_STREAM_BYTES:
            self.is_cut = True
            return
        self._pieces.append((place, payload))
        self._kept += len(payload)

    def put_together(self) -> tuple[bytes, str]:
        """Return the octets without a gap from the first on, and what is missing behind them."""
        stream = bytearray()
        pieces = sorted(self._pieces, key=lambda piece: piece[0])
        first = 0 if self._is_start_known or not pieces else min(pieces[0][0], 0)
        for place, payload in pieces:
            at = place - first
            if at > len(stream):
                return bytes(stream), f"packets are missing after octet {len(stream)}"
            stream += payload[max(len(stream) - at, 0) :]
        if self.is_cut or len(stream) > MAX_STREAM_BYTES:
            return bytes(stream[:MAX_STREAM_BYTES]), f"only the first {MAX_STREAM_BYTES} are read"
        return bytes(stream), ""


def _distance(start: int, sequence: int) -> int:
    """Return how far a sequence number is behind another one, at most half the circle."""
    ahead = (sequence - start) % _SEQUENCES
    return ahead - _SEQUENCES if ahead >= _SEQUENCES // 2 else ahead


@dataclass(frozen=True)
class Connection:
    """Two endpoints, and what each sent; ``first`` is the one that was seen first."""

    first: Endpoint
    second: Endpoint
    of_first: Direction
    of_second: Direction


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The TCP connections of a capture; ``left_out`` counts segments of others past the limit."""

    connections: tuple[Connection, ...]
    left_out: int = 0


def follow(segments: Iterable[Segment]) -> Traffic:
    """Sort segments into connections, ``MAX_CAPTURE_CONNECTIONS`` at the most."""
    found: list[Connection] = []
    current: dict[tuple[Endpoint, Endpoint], tuple[Direction, Direction]] = {}
    left_out = 0
    for segment in segments:
        ends = (segment.source, segment.destination)
        directions = current.get(ends)
        if directions is None or directions[0].begins_anew(segment):
            if len(found) == MAX_CAPTURE_CONNECTIONS:
                left_out += 1
                continue
            directions = (Direction(), Direction())
            found.append(Connection(*ends, *directions))
            current[ends] = directions
            current[ends[::-1]] = directions[::-1]
        directions[0].take(segment)
    return Traffic(connections=tuple(found), left_out=left_out)
