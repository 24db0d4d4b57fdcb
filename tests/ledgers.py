"""Whether a status database is in order after a fault: its trail tells how it came to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from certstatus.sources import AuditEntry, CertificateRecord, StatusDatabase

__all__ = ["in_order"]


def in_order(location: str | Path) -> dict[int, CertificateRecord]:
    """Return what a database lists by serial number, once nothing is found wrong with it."""
    if "://" not in str(location):
        with closing(sqlite3.connect(location)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with StatusDatabase(location) as database:
        listed = {one.serial_number: one for one in database.records()}
        assert _told(database.audit()) == {n: one.told() for n, one in listed.items()}
    return listed


def _told(trail: Iterable[AuditEntry]) -> dict[int, dict[str, Any]]:
    """Follow the trail from its start: each step begins where the one before it ended."""
    standing: dict[int, dict[str, Any]] = {}
    for entry in trail:
        if entry.serial_number is not None:
            assert entry.before == standing.get(entry.serial_number)
            assert entry.after is not None
            standing[entry.serial_number] = entry.after
    return standing
