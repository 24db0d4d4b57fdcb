"""Fill an LMDB store, a status database and cfssl's file with answers about many certificates."""

from __future__ import annotations

import sqlite3
import zlib
from base64 import b64encode
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Self

import lmdb
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.ocsp import encode_response, parse_response
from certstatus.sources.database.schema import number_text
from certstatus.stores import StoredResponse, StoreKey

__all__ = ["OCTETS", "fill_books", "fill_store", "write_signed"]

OCTETS: Final = 16
"""Of a serial number, of all of them: so one can stand in for another within DER."""

_BATCH: Final = 50_000
_MAP_BYTES: Final = 2**36
_CRC_OCTETS: Final = 4


def fill_store(folder: Path, others: Iterable[int]) -> None:
    """Copy the only answer of a store for other serial numbers, each greater than the last."""
    with closing(lmdb.open(str(folder), map_size=_MAP_BYTES, max_dbs=2, sync=False)) as env:
        answers, due = env.open_db(b"answers-1"), env.open_db(b"due-1")
        with env.begin(db=answers) as transaction:
            ((key, entry),) = transaction.cursor()
        copies = _Copies.of(StoreKey.decode(key), entry)
        numbers = iter(others)
        while batch := list(islice(numbers, _BATCH)):
            with env.begin(write=True) as transaction:
                for one in batch:
                    key, entry = copies.entry(one)
                    transaction.put(key, entry, db=answers, append=True)
                    transaction.put(copies.due(key), b"", db=due, append=True)
        env.sync(True)


@dataclass(frozen=True, slots=True)
class _Copies:
    """An entry of ``stores.base`` taken apart around its serial number."""

    prefix: bytes
    before: bytes
    after: bytes
    fresh_until: bytes

    @classmethod
    def of(cls, key: StoreKey, entry: bytes) -> Self:
        stored = StoredResponse.decode(entry, key)
        octets = key.serial_number.to_bytes(OCTETS, "big")
        before, after = entry[:-_CRC_OCTETS].split(octets)
        fresh_until = int(stored.fresh_until.timestamp()).to_bytes(8, "big")
        made = cls(key.encode().removesuffix(octets), before, after, fresh_until)
        assert made.entry(key.serial_number) == (key.encode(), entry)
        return made

    def entry(self, serial_number: int) -> tuple[bytes, bytes]:
        """Return the key and the entry of another certificate."""
        octets = serial_number.to_bytes(OCTETS, "big")
        key, body = self.prefix + octets, self.before + octets + self.after
        check = zlib.crc32(body, zlib.crc32(key))
        return key, body + check.to_bytes(_CRC_OCTETS, "big")

    def due(self, key: bytes) -> bytes:
        return key[:16] + self.fresh_until + key[16:]


def fill_books(file: Path, others: Iterable[int]) -> None:
    """Copy the only certificate of a SQLite status database for other serial numbers.

    The audit trail has the first alone: the look-up does not read it.
    """
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        (row,) = connection.execute("SELECT * FROM certificates")
        columns = [one[1] for one in connection.execute("PRAGMA table_info(certificates)")]
        at, marks = columns.index("serial_number"), ", ".join("?" * len(columns))
        insert = f"INSERT INTO certificates VALUES ({marks})"  # noqa: S608 - question marks
        numbers = iter(others)
        while batch := [
            (*row[:at], number_text(one), *row[at + 1 :]) for one in islice(numbers, _BATCH)
        ]:
            with connection:
                connection.executemany(insert, batch)


def write_signed(
    file: Path, answer: bytes, first: int, numbers: Iterable[int], key: ec.EllipticCurvePrivateKey
) -> None:
    """Write copies of an answer about ``first`` for other serial numbers, each signed: a line each."""
    basic = parse_response(answer).basic
    assert basic is not None
    before, after = basic.tbs_der.split(first.to_bytes(OCTETS, "big"))
    with file.open("wb") as lines:
        for one in numbers:
            tbs = before + one.to_bytes(OCTETS, "big") + after
            signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
            der = encode_response(tbs, basic.signature_algorithm, signature, basic.certs)
            lines.write(b64encode(der) + b"\n")
