"""What rests in a store of signed answers, under which key, and what may replace it. Pure.

Law: a store keeps the newest word about a key, whoever brings it first or last. Which of two
is the newest is decided by ``supersedes`` and nothing else, in every store alike. A store
is never believed about a status: the responder asks its source first, and takes a stored
answer only where that means the same.

An entry, all numbers big-endian and unsigned:

======  ======  ==============================================================
offset  octets  what
======  ======  ==============================================================
0       4       ``CSR`` and the version, 2
4       8       thisUpdate, in seconds since 1970
12      8       producedAt
20      32      the meaning
52      8       fresh until
60      8       nextUpdate
68      n       the OCSPResponse, DER
68 + n  32      SHA-256 of the OCSPResponse, which its ETag is made of
100 + n 4       CRC-32 of the key and of all of the above
======  ======  ==============================================================

Octets 4 to 60 are the precedence: of two entries under one key the greater stays.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias, runtime_checkable

from certstatus.errors import MalformedError

__all__ = [
    "DIGEST",
    "RESPONSE",
    "TIMES",
    "AtHand",
    "Observer",
    "ResponseStore",
    "StoreEvent",
    "StoreEventKind",
    "StoreKey",
    "StoredResponse",
    "encode_key",
    "entry_times",
    "is_sound",
    "supersedes",
]

_AUTHORITY_OCTETS: Final = 16
_VARIANT_OCTETS: Final = 16
_NEGATIVE: Final = 0x7FFF
_NOT_NEGATIVE: Final = 0x8000

_MAGIC: Final = b"CSR\x02"
_HEAD: Final = struct.Struct(">4sQQ32sQQ")
_CHECK: Final = struct.Struct(">I")
_MEANING_OCTETS: Final = 32
_DIGEST_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class StoreKey:
    """What a stored answer is about, and in which form.

    ``authority`` is which CA, in 16 octets. ``variant`` is a digest, 16 octets, of all that
    shapes the answer beside its meaning: the CertID's hash algorithm as it was received, the
    signer's certificate and algorithm, and the authority's policy.
    """

    authority: bytes
    variant: bytes
    serial_number: int

    def encode(self) -> bytes:
        """Write it so that keys sort by authority, variant and serial number."""
        return self.authority + self.variant + encode_number(self.serial_number)

    @classmethod
    def decode(cls, encoded: bytes) -> StoreKey:
        """Read what ``encode`` wrote.

        Raises:
            MalformedError: it did not write this.
        """
        start = _AUTHORITY_OCTETS + _VARIANT_OCTETS
        number = _decode_number(encoded[start:])
        key = cls(encoded[:_AUTHORITY_OCTETS], encoded[_AUTHORITY_OCTETS:start], number)
        if key.encode() != encoded:
            raise MalformedError("is no key of a stored answer", where="StoreKey")
        return key


def encode_number(number: int) -> bytes:
    """Write an integer, as it ends a key, so that octets sort as numbers do: by sign, length and value."""
    magnitude = number if number >= 0 else ~number
    octets = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
    if number >= 0:
        return (_NOT_NEGATIVE + len(octets)).to_bytes(2, "big") + octets
    return (_NEGATIVE - len(octets)).to_bytes(2, "big") + bytes(255 - one for one in octets)


def _decode_number(encoded: bytes) -> int:
    octets = encoded[2:]
    if int.from_bytes(encoded[:2], "big") >= _NOT_NEGATIVE:
        return int.from_bytes(octets, "big")
    return ~int.from_bytes(bytes(255 - one for one in octets), "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A signed answer at rest; all times aware UTC, whole seconds, from 1970 on.

    ``meaning`` is a digest of what is said, 32 octets, of which the first tells how grave it
    is. ``fresh_until`` is when it is to be signed anew, at the latest at its nextUpdate.
    """

    der: bytes = field(repr=False)
    meaning: bytes
    this_update: datetime
    next_update: datetime
    produced_at: datetime
    fresh_until: datetime

    @property
    def precedence(self) -> bytes:
        """What two answers under one key are compared by, as octets."""
        return self.head[_PRECEDENCE]

    def encode(self, key: StoreKey) -> bytes:
        """Write it as an entry under ``key``: under another one it can't be read."""
        return encode_entry(key.encode(), self.head, self.der)

    @classmethod
    def decode(cls, entry: bytes, key: StoreKey) -> StoredResponse:
        """Read an entry that stands under ``key``.

        Raises:
            MalformedError: it is of another version, broken, or of another key.
        """
        if not is_sound(entry, key.encode()):
            is_ours = _is_of_this_version(entry)
            problem = "has a wrong checksum" if is_ours else "is no entry of this version"
            raise MalformedError(problem, where="StoredResponse")
        meaning, updated, ends, signed, stale = entry_times(entry)
        try:
            return cls(
                der=entry[RESPONSE],
                meaning=meaning,
                this_update=_moment(updated),
                next_update=_moment(ends),
                produced_at=_moment(signed),
                fresh_until=_moment(stale),
            )
        except (OverflowError, ValueError, OSError) as error:
            raise MalformedError(f"has no such time: {error}", where="StoredResponse") from error

    @property
    def head(self) -> bytes:
        """What stands in an entry before the OCSPResponse."""
        assert len(self.meaning) == _MEANING_OCTETS
        return _HEAD.pack(
            _MAGIC,
            _seconds(self.this_update),
            _seconds(self.produced_at),
            self.meaning,
            _seconds(self.fresh_until),
            _seconds(self.next_update),
        )


def _checksum(encoded_key: bytes, body: bytes) -> bytes:
    return _CHECK.pack(zlib.crc32(body, zlib.crc32(encoded_key)))


def entry_times(entry: bytes) -> tuple[bytes, int, int, int, int]:
    """Return meaning, thisUpdate, nextUpdate, producedAt and fresh_until of a sound entry."""
    _, updated, signed, meaning, stale, ends = _HEAD.unpack_from(entry)
    return meaning, updated, ends, signed, stale


def encode_key(prefix: bytes, octets: bytes) -> bytes:
    """Write a key as ``StoreKey.encode`` does, from ``authority + variant`` and a serial number.

    ``octets`` are those of a DER INTEGER that is not negative, without needless ones.
    """
    digits = octets if octets[0] else octets[1:]
    return prefix + (_NOT_NEGATIVE + len(digits)).to_bytes(2) + digits


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def supersedes(new: StoredResponse, old: StoredResponse) -> bool:
    """Whether ``new`` replaces ``old`` under one key, whichever comes first.

    An older thisUpdate never replaces a newer one. Of one thisUpdate the later producedAt
    stays, and of one second the graver meaning: revoked goes before on hold, on hold before
    good. What is the same in all of that is kept as it is.
    """
    return new.precedence > old.precedence


# --- entries as octets ----------------------------------------------------------------------

EncodedEntry: TypeAlias = tuple[bytes, bytes]
"""A StoreKey and the entry under it, both encoded."""

_PRECEDENCE: Final = slice(4, 60)
PRODUCED_AT: Final = slice(12, 20)
FRESH_UNTIL: Final = slice(52, 60)
NEXT_UPDATE: Final = slice(60, 68)
TIMES: Final = slice(4, 68)
DIGEST: Final = slice(-_DIGEST_OCTETS - _CHECK.size, -_CHECK.size)
RESPONSE: Final = slice(_HEAD.size, DIGEST.start)
"""Where of an entry these stand, TIMES with the meaning; times are compared as they are written.
``DIGEST`` is that of ``RESPONSE`` in any sound entry: they were written in one step."""


def encode_entry(encoded_key: bytes, head: bytes, der: bytes) -> bytes:
    """Write an entry around an OCSPResponse; answers of one second may share their head."""
    body = head + der + hashlib.sha256(der).digest()
    return body + _checksum(encoded_key, body)


def encode_seconds(moment: datetime) -> bytes:
    """Write a time as entries do."""
    return _seconds(moment).to_bytes(8, "big")


def entry_supersedes(new: bytes, old: bytes) -> bool:
    """Whether the entry ``new`` replaces ``old``, as ``supersedes`` says of what they hold."""
    return new[_PRECEDENCE] > old[_PRECEDENCE]


def is_sound(entry: bytes, encoded_key: bytes) -> bool:
    """Whether it is an entry of this version, whole, and under its own key."""
    # A copy of some hundred octets costs less than a view of them.
    check = zlib.crc32(entry[: -_CHECK.size], zlib.crc32(encoded_key))
    return _is_of_this_version(entry) and check == int.from_bytes(entry[-_CHECK.size :])


def _is_of_this_version(entry: bytes) -> bool:
    return len(entry) >= _HEAD.size - DIGEST.start and entry.startswith(_MAGIC)


# --- the interface --------------------------------------------------------------------------


class ResponseStore(Protocol):
    """Where signed answers rest. Every method may raise StoreError, which reaches no client."""

    @property
    def name(self) -> str:
        """What logs and metrics call it; it holds no password."""
        ...

    @property
    def is_at_hand(self) -> bool:
        """Whether ``get`` answers at once just now, without waiting for anybody."""
        ...

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key, past its nextUpdate or not; a broken entry is none."""
        ...

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        """Put answers in, each compared by ``supersedes`` and set in one step.

        Returns:
            How many were taken; the others are not newer than what rests there.
        """
        ...

    async def put_entries(self, entries: Sequence[EncodedEntry]) -> int:
        """Put answers in as ``put`` does, which are written as entries already."""
        ...

    async def remove(self, keys: Sequence[StoreKey]) -> None:
        """Take answers out; what is not there is no error."""
        ...

    async def due(self, authority: bytes, before: datetime, limit: int) -> Sequence[StoreKey]:
        """List what an authority has to sign anew: fresh until ``before`` or less, first first."""
        ...

    async def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        ...


@runtime_checkable
class AtHand(Protocol):
    """A store that lies in memory which all its processes share."""

    @property
    def version(self) -> int:
        """Another number after each change, by whatever process; 0 where it is not open."""
        ...

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        """Return the entry under ``StoreKey.encode()``, unread; None: none, or none at once.

        Never raises: what is wrong with the store, ``get`` says.
        """
        ...


class StoreEventKind(StrEnum):
    """What may happen to a store."""

    ENTRY_BROKEN = "entry-broken"
    """One entry could not be read: it is taken out, and counts as none."""
    SET_ASIDE = "set-aside"
    """The whole store could not be read: it was moved aside, and an empty one begun."""
    FAILED = "failed"
    """It can't be used; answers are signed without it meanwhile."""
    RECOVERED = "recovered"
    """It can be used again."""


@dataclass(frozen=True, slots=True)
class StoreEvent:
    """Something that a person may have to know of a store; ``detail`` holds no password."""

    kind: StoreEventKind
    store: str
    detail: str


Observer: TypeAlias = Callable[[StoreEvent], None]
"""Hears of events, from any thread; it must not block."""
