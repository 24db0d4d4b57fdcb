from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from certstatus.sources import Issuer, StatusDatabase
from certstatus.testing import TinyCA
from tests.books import NOW
from tests.postgresql import PostgreSQL

ACTOR = "alice"
ENGINES = {"sqlite": "path", "postgresql": "books"}
"""Every engine, and the fixture that is its own."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of the database on every engine; one that asks for one engine's, on that alone.

    What lies above the engine is the same on each, and looked at on the one that costs least.
    """
    names = metafunc.fixturenames
    if "location" in names:
        engines = [of for of, own in ENGINES.items() if own in names] or list(ENGINES)
        if metafunc.definition.get_closest_marker("above_the_engine"):
            engines = ["sqlite"]
        metafunc.parametrize("engine_name", engines)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make an empty database once, for every test to copy."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    StatusDatabase.create(path).close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def books(postgresql: PostgreSQL) -> str:
    """Make a database on PostgreSQL once, for every test to empty."""
    url = postgresql.new_database()
    StatusDatabase.create(url).close()
    return url


@pytest.fixture
def location(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Tell where an empty database is."""
    if engine_name == "postgresql":
        url: str = request.getfixturevalue("books")
        request.getfixturevalue("postgresql").empty(url)
        return url
    path = tmp_path / "status.db"
    path.write_bytes(request.getfixturevalue("empty"))
    return str(path)


@pytest.fixture
def database(location: str) -> Iterator[StatusDatabase]:
    with StatusDatabase(location) as database:
        yield database


@pytest.fixture
def issuer(database: StatusDatabase, ca: TinyCA) -> Issuer:
    return database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
