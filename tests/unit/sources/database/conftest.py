from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from certstatus.sources import Issuer, StatusDatabase
from certstatus.testing import TinyCA
from tests.books import NOW

ACTOR = "alice"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make an empty database once, for every test to copy."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    StatusDatabase.create(path).close()
    return path.read_bytes()


@pytest.fixture
def database(path: Path, empty: bytes) -> Iterator[StatusDatabase]:
    path.write_bytes(empty)
    with StatusDatabase(path) as database:
        yield database


@pytest.fixture
def issuer(database: StatusDatabase, ca: TinyCA) -> Issuer:
    return database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
