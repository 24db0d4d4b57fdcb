"""How fast a status database takes a million certificates, and answers: SQLite and PostgreSQL.

`.venv/bin/python -m bench.database [CERTIFICATES]` prints the table alone. PostgreSQL runs
beside, on loopback, as the tests start it: without fsync.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from certstatus.ocsp import CertID
from certstatus.pkix import HashAlgorithm
from certstatus.sources import (
    DatabaseSource,
    IndexEntry,
    IndexStatus,
    Known,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.conftest import find_command
from tests.postgresql import running_postgresql

__all__ = ["Books", "measure_database", "print_database"]

_NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_MILLION: Final = 1_000_000
_LOOKUPS: Final = 2_000
_FIRST: Final = 1 << 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One engine's figures: the import of an index, and single lookups one after another."""

    engine: str
    certificates: int
    import_seconds: float
    lookup_microseconds: float


def measure_database(certificates: int = _MILLION) -> list[Books]:
    """Import an index of that many lines into each engine, in one transaction, and look up."""
    ca = TinyCA()
    index = encode_index(_entries(certificates))
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        server = running.enter_context(running_postgresql(find_command))
        places = {"SQLite": str(folder / "status.db"), "PostgreSQL": server.new_database()}
        return [
            _measure(engine, location, ca, index, certificates)
            for engine, location in places.items()
        ]


def _entries(count: int) -> Iterator[IndexEntry]:
    expiry = _NOW + timedelta(days=90)
    for number in range(count):
        subject = f"/CN=host-{number}.example"
        yield IndexEntry(
            status=IndexStatus.VALID, expiry=expiry, serial_number=_FIRST + number, subject=subject
        )


def _measure(engine: str, location: str, ca: TinyCA, index: bytes, count: int) -> Books:
    with StatusDatabase.create(location) as database:
        database.add_issuer(ca.certificate, actor="bench", now=_NOW)
        started = time.perf_counter()
        report = import_file(database, index, where="index.txt", actor="bench", now=_NOW)
        seconds = time.perf_counter() - started
        assert report.total == count
        source = DatabaseSource(database, ca.certificate)
        lookup = asyncio.run(_look_up(source, ca, count))
    return Books(
        engine=engine, certificates=count, import_seconds=seconds, lookup_microseconds=lookup
    )


async def _look_up(source: DatabaseSource, ca: TinyCA, count: int) -> float:
    step = max(count // _LOOKUPS, 1)
    numbers = range(_FIRST, _FIRST + count, step)
    asked = [CertID.of(ca.certificate, number, HashAlgorithm.SHA256) for number in numbers]
    started = time.perf_counter()
    for cert_id in asked:
        assert isinstance(await source.status(cert_id, _NOW), Known)
    return (time.perf_counter() - started) / len(asked) * 1e6


def print_database(rows: list[Books]) -> None:
    """Print a Markdown table."""
    print("| engine | certificates | import | per second | a lookup |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        rate = row.certificates / row.import_seconds
        print(
            f"| {row.engine} | {row.certificates:,} | {row.import_seconds:.1f} s | {rate:,.0f} "
            f"| {row.lookup_microseconds:.0f} µs |"
        )


if __name__ == "__main__":
    print_database(measure_database(int(sys.argv[1]) if len(sys.argv) > 1 else _MILLION))
