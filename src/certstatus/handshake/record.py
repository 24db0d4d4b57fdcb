"""TLS records, and the handshake messages that stand in them unencrypted (RFC 9846 §5.1).

A message may be cut over several records, and a record may hold several messages. What is
encrypted is counted, never guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from certstatus.errors import DecodeError
from certstatus.handshake.framing import Reader
from certstatus.handshake.message import HEADER_OCTETS, split_handshake
from certstatus.handshake.numbers import ContentType, HandshakeType, number_text
from certstatus.limits_tls import MAX_HANDSHAKE_BYTES, MAX_HANDSHAKE_MESSAGES, MAX_TLS_RECORDS

__all__ = ["Record", "Transcript", "is_records", "parse_records", "read_records", "read_transcript"]

_MAX_FRAGMENT: Final = 2**14 + 2_048
"""RFC 5246 §6.2.3: the most that a protected record holds; TLS 1.3 allows less."""

_RECORD_HEADER_OCTETS: Final = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One record: what it holds, the version that it names, and its fragment."""

    type: int
    version: int
    fragment: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What one side of a connection said.

    ``messages`` are whole handshake messages with their headers; ``alerts`` level and
    description; ``encrypted`` the number of records that can't be read; ``rest`` says what
    was missing at the end, and is empty where nothing was.
    """

    messages: tuple[bytes, ...] = ()
    alerts: tuple[tuple[int, int], ...] = ()
    encrypted: int = 0
    rest: str = ""


def is_records(data: bytes) -> bool:
    """Whether bytes begin as a TLS record does: a known content type, and a version 3.x."""
    return (
        len(data) >= _RECORD_HEADER_OCTETS
        and data[0] in frozenset(ContentType)
        and data[1] == 3
        and data[2] <= 4
    )


def parse_records(data: bytes) -> tuple[Record, ...]:
    """Read records to the last octet.

    Raises:
        DecodeError: one is cut short, too long, or of no TLS version, or there are over
            ``MAX_TLS_RECORDS``.
    """
    records, rest = _cut_records(data)
    if rest is not None:
        raise rest
    return records


def read_records(data: bytes) -> tuple[bytes, ...]:
    """Return the whole plaintext handshake messages of one side's records, with their headers.

    Raises:
        DecodeError: a record or a message is broken, or cut short.
    """
    transcript = read_transcript(data)
    if transcript.rest:
        raise DecodeError(transcript.rest, where="TLSPlaintext")
    return transcript.messages


def read_transcript(data: bytes) -> Transcript:
    """Read one side's records as far as they go: a capture may end anywhere.

    Raises:
        DecodeError: what is there is no TLS.
    """
    records, cut = _cut_records(data)
    handshake, alerts, encrypted = bytearray(), [], 0
    is_protected = False
    for record in records:
        if record.type == ContentType.CHANGE_CIPHER_SPEC:
            is_protected = True
        elif record.type == ContentType.HANDSHAKE and (
            not is_protected or _is_hello(record.fragment)
        ):
            handshake += record.fragment
            if len(handshake) > MAX_HANDSHAKE_BYTES:
                raise DecodeError(f"holds over {MAX_HANDSHAKE_BYTES} octets", where="Handshake")
        elif record.type == ContentType.ALERT and not is_protected and len(record.fragment) == 2:
            alerts.append((record.fragment[0], record.fragment[1]))
        else:
            encrypted += 1
    messages, missing = _whole_messages(bytes(handshake))
    rest = missing or ("" if cut is None else str(cut))
    return Transcript(messages=messages, alerts=tuple(alerts), encrypted=encrypted, rest=rest)


def _cut_records(data: bytes) -> tuple[tuple[Record, ...], DecodeError | None]:
    """Return whole records, and why the last octets are none where they end too early.

    A record that is broken, not just cut short, raises.
    """
    reader = Reader(data, "TLSPlaintext")
    records: list[Record] = []
    while reader.has_more:
        if len(records) == MAX_TLS_RECORDS:
            raise reader.broken("records", f"are more than {MAX_TLS_RECORDS}")
        if len(data) - reader.at < _RECORD_HEADER_OCTETS:
            return tuple(records), reader.broken("header", "is cut short")
        if not is_records(data[reader.at : reader.at + _RECORD_HEADER_OCTETS]):
            raise reader.broken("type", f"is no TLS record at octet {reader.at}")
        kind, version = reader.number(1, "type"), reader.number(2, "legacy_record_version")
        length = int.from_bytes(data[reader.at : reader.at + 2])
        if length > _MAX_FRAGMENT:
            raise reader.broken("length", f"is {length}, more than {_MAX_FRAGMENT}")
        try:
            fragment = reader.vector(2, "fragment")
        except DecodeError as error:
            return tuple(records), error
        records.append(Record(kind, version, fragment))
    return tuple(records), None


def _is_hello(fragment: bytes) -> bool:
    """Tell a hello after ChangeCipherSpec, as TLS 1.3 may have it, from ciphertext.

    A client's second hello, and the server's after its HelloRetryRequest, fill their
    record to the last octet; that ciphertext should look so is a matter of 2^-31.
    """
    return (
        fragment[:1] in {b"\x01", b"\x02"}
        and int.from_bytes(fragment[1:HEADER_OCTETS]) == len(fragment) - HEADER_OCTETS
    )


def _whole_messages(handshake: bytes) -> tuple[tuple[bytes, ...], str]:
    """Cut messages apart; where the last one is not whole, leave it out and say so."""
    at = count = 0
    while at < len(handshake) and count <= MAX_HANDSHAKE_MESSAGES:
        end = at + HEADER_OCTETS + int.from_bytes(handshake[at + 1 : at + HEADER_OCTETS])
        if at + HEADER_OCTETS > len(handshake) or end > len(handshake):
            name = number_text(handshake[at], HandshakeType)
            return split_handshake(handshake[:at]), f"the message {name} is cut short"
        at, count = end, count + 1
    return split_handshake(handshake), ""
