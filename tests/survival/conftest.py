"""What every test of faults for real needs: a CA's books, and processes to kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, TinyCA
from tests.nursery import Nursery
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """Tell how often a fault is done: ``--rounds``."""
    number: int = request.config.getoption("--rounds")
    return number


@pytest.fixture(scope="session")
def ca() -> TinyCA:
    return TinyCA("Surviving CA")


@pytest.fixture(scope="session")
def ca_file(ca: TinyCA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(Issued(ca.certificate, ca.key).certificate_pem)
    return file


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@dataclass(frozen=True)
class Books:
    """A place for a status database, and how it is made empty there, whatever was left."""

    location: str
    issuer_file: Path
    afresh: Callable[[], None]

    @property
    def of(self) -> tuple[str, ...]:
        """Return the options of a command that say where it is, and whose."""
        return ("--database", self.location, "--issuer", str(self.issuer_file))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make an empty database once, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    StatusDatabase.create(path).close()
    return path.read_bytes()


@pytest.fixture
def sqlite(tmp_path: Path, empty: bytes, ca_file: Path) -> Books:
    """Lend a database in SQLite."""
    path = tmp_path / "status.db"

    def afresh() -> None:
        for left in tmp_path.glob("status.db*"):
            left.unlink()
        path.write_bytes(empty)

    afresh()
    return Books(str(path), ca_file, afresh)


@pytest.fixture(scope="session")
def url(postgresql: PostgreSQL) -> str:
    """Make a database on PostgreSQL once, to be emptied."""
    url = postgresql.new_database()
    StatusDatabase.create(url).close()
    return url


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, url: str, ca_file: Path) -> Books:
    """Lend a database on PostgreSQL."""
    postgresql.empty(url)
    return Books(url, ca_file, lambda: postgresql.empty(url))


@pytest.fixture(params=["sqlite", "on_postgresql"])
def books(request: pytest.FixtureRequest) -> Books:
    """Lend a database on each engine."""
    lent: Books = request.getfixturevalue(request.param)
    return lent
