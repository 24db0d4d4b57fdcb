"""What rests in a store of signed answers, under which key, and what may replace it. Pure.

Law: a store keeps the newest word about a key, whoever brings it first or last. Which of two
is the newest is decided by ``supersedes`` and nothing else, in every store alike. A store
is never believed about a status: the responder asks its source first, and takes a stored
answer only where that means the same.

An entry, all numbers big-endian and unsigned:

======  ======  ==============================================================
offset  octets  what
======  ======  ==============================================================
0       4       ``CSR`` and the version, 1
4       8       thisUpdate, in seconds since 1970
12      8       producedAt
20      32      the meaning
52      8       fresh until
60      8       nextUpdate
68      n       the OCSPResponse, DER
68 + n  4       CRC-32 of the key and of all of the above
======  ======  ==============================================================

Octets 4 to 60 are the precedence: of two entries under one key the greater stays.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from certstatus.errors import MalformedError

__all__ = [
    "Observer",
    "ResponseStore",
    "StoreEvent",
    "StoreEventKind",
    "StoreKey",
    "StoredResponse",
    "supersedes",
]

_AUTHORITY_OCTETS: Final = 16
_VARIANT_OCTETS: Final = 16
_NEGATIVE: Final = 0x7FFF
_NOT_NEGATIVE: Final = 0x8000

_MAGIC: Final = b"CSR\x01"
_HEAD: Final = struct.Struct(">4sQQ32sQQ")
_CHECK: Final = struct.Struct(">I")
_MEANING_OCTETS: Final = 32


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
        return self.authority + self.variant + _encode_number(self.serial_number)

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


def _encode_number(number: int) -> bytes:
    """Write an integer so that octets sort as numbers do: by sign, length and value."""
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
        return self._head()[4:60]

    def encode(self, key: StoreKey) -> bytes:
        """Write it as an entry under ``key``: under another one it can't be read."""
        body = self._head() + self.der
        return body + _CHECK.pack(_checksum(key, body))

    @classmethod
    def decode(cls, entry: bytes, key: StoreKey) -> StoredResponse:
        """Read an entry that stands under ``key``.

        Raises:
            MalformedError: it is of another version, broken, or of another key.
        """
        body, check = entry[: -_CHECK.size], entry[-_CHECK.size :]
        if len(body) < _HEAD.size or not body.startswith(_MAGIC):
            raise MalformedError("is no entry of this version", where="StoredResponse")
        if check != _CHECK.pack(_checksum(key, body)):
            raise MalformedError("has a wrong checksum", where="StoredResponse")
        _, this_update, produced_at, meaning, fresh_until, next_update = _HEAD.unpack_from(body)
        try:
            return cls(
                der=body[_HEAD.size :],
                meaning=meaning,
                this_update=_moment(this_update),
                next_update=_moment(next_update),
                produced_at=_moment(produced_at),
                fresh_until=_moment(fresh_until),
            )
        except (OverflowError, ValueError, OSError) as error:
            raise MalformedError(f"has no such time: {error}", where="StoredResponse") from error

    def _head(self) -> bytes:
        assert len(self.meaning) == _MEANING_OCTETS
        return _HEAD.pack(
            _MAGIC,
            _seconds(self.this_update),
            _seconds(self.produced_at),
            self.meaning,
            _seconds(self.fresh_until),
            _seconds(self.next_update),
        )


def _checksum(key: StoreKey, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(key.encode()))


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

    async def remove(self, keys: Sequence[StoreKey]) -> None:
        """Take answers out; what is not there is no error."""
        ...

    async def due(self, authority: bytes, before: datetime, limit: int) -> Sequence[StoreKey]:
        """List what an authority has to sign anew: fresh until ``before`` or less, first first."""
        ...

    async def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
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
