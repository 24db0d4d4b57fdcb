"""The two tables of an LMDB store, within one transaction: answers, and when they are due.

Entries are written, compared and swept as octets, whose layout ``stores/base.py`` draws: as
values they would cost several times what LMDB itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import lmdb

from certstatus.stores.base import (
    FRESH_UNTIL,
    NEXT_UPDATE,
    PRODUCED_AT,
    EncodedEntry,
    StoreKey,
    encode_seconds,
    entry_supersedes,
    is_sound,
)

__all__ = ["Putting", "Removing", "Tables"]

_AUTHORITY: Final = slice(0, 16)
_DUE_AT: Final = slice(16, 24)
"""Of a row by when it is due: the authority, when, and the rest of the key."""

_SWEPT: Final = 2
"""Rows that are looked at for each answer put in: so the store never grows by what has ended."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Entries by key, and the same by authority and when they are due; keys are encoded."""

    transaction: lmdb.Transaction[bytes]
    answers: lmdb._Database
    by_due: lmdb._Database

    def find(self, key: bytes) -> bytes | None:
        """Return the entry under a key; a broken one is none."""
        entry = self.transaction.get(key, db=self.answers)
        return entry if entry is not None and is_sound(entry, key) else None

    def find_all(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the entries under those keys that have one; broken ones are none."""
        with self.transaction.cursor(db=self.answers) as cursor:
            return {key: entry for key, entry in cursor.getmulti(keys) if is_sound(entry, key)}

    def put(self, entries: dict[bytes, bytes]) -> None:
        """Set entries whose old rows by when they are due are gone: in order, that is quickest."""
        rows = [key[:16] + entry[FRESH_UNTIL] + key[16:] for key, entry in entries.items()]
        due = [(row, b"") for row in sorted(rows)]
        for table, items in ((self.answers, sorted(entries.items())), (self.by_due, due)):
            with self.transaction.cursor(db=table) as cursor:
                cursor.putmulti(items)

    def forget(self, key: bytes, entry: bytes) -> None:
        """Take out the row by when an entry is due."""
        self.transaction.delete(_due_row(key, entry), db=self.by_due)

    def delete(self, key: bytes) -> None:
        """Take out an entry and its row."""
        entry = self.find(key)
        if entry is not None:
            self.forget(key, entry)
        self.transaction.delete(key, db=self.answers)

    def due(self, authority: bytes, before: datetime, limit: int) -> list[StoreKey]:
        """List what an authority has to sign anew."""
        rows = self._rows(authority, encode_seconds(before), limit)
        return [StoreKey.decode(_key_of(row)) for row in rows]

    def _rows(self, authority: bytes, last: bytes, limit: int) -> Iterator[bytes]:
        with self.transaction.cursor(db=self.by_due) as cursor:
            is_there = cursor.set_range(authority)
            while is_there and limit > 0:
                row = cursor.key()
                if row[_AUTHORITY] != authority or row[_DUE_AT] > last:
                    return
                yield row
                limit -= 1
                is_there = cursor.next()

    def sweep(self, authority: bytes, now: bytes, limit: int) -> None:
        """Take out what has ended by ``now``, among what is due longest."""
        for row in list(self._rows(authority, now, limit)):
            key = _key_of(row)
            entry = self.find(key)
            if entry is None or entry[FRESH_UNTIL] != row[_DUE_AT]:
                self.transaction.delete(row, db=self.by_due)
            elif entry[NEXT_UPDATE] < now:
                self.delete(key)


def _due_row(key: bytes, entry: bytes) -> bytes:
    return key[:16] + entry[FRESH_UNTIL] + key[16:]


def _key_of(row: bytes) -> bytes:
    return row[:16] + row[24:]


@dataclass(frozen=True, slots=True)
class Putting:
    """A change that puts answers in; what it returns is how many were taken."""

    entries: Sequence[EncodedEntry]

    def __call__(self, tables: Tables) -> int:
        """Make the change."""
        taken, count = self._taken(tables)
        tables.put(taken)
        # Whichever of an authority's answers tells the time: they are of about now.
        for authority, entry in {key[_AUTHORITY]: entry for key, entry in self.entries}.items():
            tables.sweep(authority, entry[PRODUCED_AT], _SWEPT * len(self.entries))
        return count

    def _taken(self, tables: Tables) -> tuple[dict[bytes, bytes], int]:
        """Return what is to be set under which key, and how many were newer when they came."""
        known = tables.find_all([key for key, _ in self.entries])
        if not known and len(all_new := dict(self.entries)) == len(self.entries):
            return all_new, len(all_new)
        taken: dict[bytes, bytes] = {}
        count = 0
        for key, entry in self.entries:
            newest = taken.get(key) or known.get(key)
            if newest is None or entry_supersedes(entry, newest):
                taken[key] = entry
                count += 1
        for key in known.keys() & taken.keys():
            tables.forget(key, known[key])
        return taken, count


@dataclass(frozen=True, slots=True)
class Removing:
    """A change that takes answers out."""

    keys: Sequence[StoreKey]

    def __call__(self, tables: Tables) -> None:
        """Make the change."""
        for key in self.keys:
            tables.delete(key.encode())
