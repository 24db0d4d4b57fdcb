"""Handshake messages by themselves: one octet of type, a 24-bit length, a body (RFC 9846 §4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import HandshakeType, number_text
from certstatus.limits import MAX_HANDSHAKE_MESSAGES

__all__ = ["HandshakeMessage", "Sender", "message_name", "split_handshake"]

HEADER_OCTETS: Final = 4


class Sender(StrEnum):
    """Who sent a message."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class HandshakeMessage:
    """One handshake message: its type, its body without the header, and who sent it."""

    type: int
    body: bytes = field(repr=False)
    sender: Sender

    @classmethod
    def parse(cls, data: bytes, sender: Sender) -> HandshakeMessage:
        """Read one whole message, header and body. Raises DecodeError."""
        reader = Reader(data, "Handshake")
        kind = reader.number(1, "msg_type")
        body = reader.vector(3, message_name(kind))
        reader.end()
        return cls(kind, body, sender)

    def encode(self) -> bytes:
        """Write header and body."""
        return self.type.to_bytes(1) + vector(3, self.body, str(self))

    def __str__(self) -> str:
        return message_name(self.type)


def message_name(kind: int) -> str:
    """Name a handshake message by its type: ``CertificateStatus``."""
    try:
        return HandshakeType(kind).struct
    except ValueError:
        return number_text(kind, HandshakeType)


def split_handshake(data: bytes) -> tuple[bytes, ...]:
    """Cut what stands one after the other into whole messages, each with its header.

    Raises:
        DecodeError: the last one is cut short, or there are over ``MAX_HANDSHAKE_MESSAGES``.
    """
    reader = Reader(data, "Handshake")
    found: list[bytes] = []
    while reader.has_more:
        if len(found) == MAX_HANDSHAKE_MESSAGES:
            raise reader.broken("messages", f"are more than {MAX_HANDSHAKE_MESSAGES}")
        start = reader.at
        kind = reader.number(1, "msg_type")
        reader.vector(3, message_name(kind))
        found.append(data[start : reader.at])
    return tuple(found)
