"""Handshake messages by themselves: one octet of type, a 24-bit length, a body (RFC 9846 §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import HandshakeType, number_text
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES

__all__ = ["HandshakeMessage", "Sender", "guess_senders", "message_name", "split_handshake"]

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


_OF_CLIENT: Final = frozenset(
    (
        HandshakeType.CLIENT_HELLO,
        HandshakeType.CLIENT_KEY_EXCHANGE,
        HandshakeType.END_OF_EARLY_DATA,
    )
)
_OF_EITHER: Final = frozenset(
    (
        HandshakeType.CERTIFICATE,
        HandshakeType.COMPRESSED_CERTIFICATE,
        HandshakeType.CERTIFICATE_VERIFY,
        HandshakeType.FINISHED,
    )
)


def guess_senders(messages: Iterable[bytes]) -> tuple[HandshakeMessage, ...]:
    """Tell who sent each message of one handshake, in order, by the messages alone.

    A server's flight ends with ServerHelloDone, or in TLS 1.3 with its Finished; what both
    sides may send is the server's before that and the client's after.

    Raises:
        DecodeError: one of them is not a whole message.
    """
    found: list[HandshakeMessage] = []
    is_servers_turn = True
    for data in messages:
        message = HandshakeMessage.parse(data, Sender.SERVER)
        is_clients = message.type in _OF_CLIENT or (
            message.type in _OF_EITHER and not is_servers_turn
        )
        found.append(
            HandshakeMessage(message.type, message.body, Sender.CLIENT) if is_clients else message
        )
        if message.type in {HandshakeType.SERVER_HELLO_DONE, HandshakeType.FINISHED}:
            is_servers_turn = message.type == HandshakeType.FINISHED and is_clients
    return tuple(found)


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
