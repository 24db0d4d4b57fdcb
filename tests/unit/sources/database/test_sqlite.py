"""SQLite beneath: the file, its versions, its locks, its replacement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DATABASE_WRITE_TIME
from certstatus.sources import Issuer, StatusDatabase
from certstatus.sources.database import engine, sqlite
from certstatus.sources.database.schema import REVISIONS
from tests.books import NOW

ACTOR = "alice"


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "a?b#c.db", "ü.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with StatusDatabase.create(tmp_path / name) as database:
        assert database.issuers() == ()
    assert (tmp_path / name).exists()


# --- making and opening ---------------------------------------------------------------------


def test_a_new_database_writes_ahead(database: StatusDatabase, path: Path) -> None:
    assert execute(path, "PRAGMA journal_mode") == [("wal",)]
    assert execute(path, "SELECT version_num FROM alembic_version") == [(database.version,)]


def test_nothing_that_was_there_is_overwritten(path: Path) -> None:
    path.write_text("dear diary")

    with pytest.raises(ConfigError, match="exists already"):
        StatusDatabase.create(path)
    assert path.read_text() == "dear diary"


def test_a_database_that_cannot_be_finished_is_not_left_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(engine: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sqlite.SQLiteEngine, "upgrade", fail)
    with pytest.raises(KeyboardInterrupt):
        StatusDatabase.create(path)

    assert not path.exists()


def test_a_database_that_is_not_there_is_not_made_by_opening(path: Path) -> None:
    for attempt in (StatusDatabase, StatusDatabase.migrate):
        with pytest.raises(ConfigError, match="certstatus db init"):
            attempt(path)
    assert not path.exists()


def test_an_empty_file_is_no_database(path: Path) -> None:
    path.touch()

    with pytest.raises(ConfigError, match="no status database"):
        StatusDatabase(path)
    with pytest.raises(ConfigError, match="no status database"):
        StatusDatabase.migrate(path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE songs (title TEXT)")

    with pytest.raises(ConfigError, match="no status database"):
        StatusDatabase(path)


def test_an_older_schema_asks_for_the_migration(
    database: StatusDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "REVISIONS", (*REVISIONS, "9998"))

    with pytest.raises(ConfigError, match=r"has schema 0002, .* 9998 .*certstatus db migrate"):
        StatusDatabase(path)


@pytest.mark.parametrize("attempt", [StatusDatabase, StatusDatabase.migrate])
def test_a_newer_schema_asks_for_a_newer_certstatus(
    database: StatusDatabase, path: Path, attempt: Callable[[Path], object]
) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match="newer than this certstatus"):
        attempt(path)


def test_migrating_what_is_new_already_changes_nothing(
    database: StatusDatabase, path: Path
) -> None:
    database.close()
    before = path.read_bytes()

    assert StatusDatabase.migrate(path) == (REVISIONS[-1], REVISIONS[-1])
    assert path.read_bytes() == before


# --- many readers and writers ---------------------------------------------------------------


def test_a_second_writer_waits_for_a_while_and_then_gives_up(
    database: StatusDatabase, issuer: Issuer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "DATABASE_WRITE_TIME", DATABASE_WRITE_TIME / 1000)
    with (
        StatusDatabase(path) as other,
        database.change(actor=ACTOR, now=NOW),
        pytest.raises(SourceError, match="locked by another process"),
    ):
        other.add(issuer, 1000, actor=ACTOR, now=NOW)

    assert list(database.records()) == []


def test_a_reader_never_writes(database: StatusDatabase) -> None:
    with pytest.raises(SourceError, match="can't be written"), database.engine.translated():
        database.engine.reader().exec_driver_sql("DELETE FROM issuers")


def test_a_restored_backup_is_read_at_once(
    database: StatusDatabase, issuer: Issuer, path: Path
) -> None:
    """Another file under the same name: the old one, unlinked, would answer for ever."""
    database.add(issuer, 1000, actor=ACTOR, now=NOW)
    backup = path.with_suffix(".backup")
    with StatusDatabase.create(backup):
        pass
    for name in (f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)
    backup.replace(path)

    assert database.issuers() == ()


def test_connecting_never_makes_a_file(path: Path) -> None:
    """Even where the file vanishes after it was looked at."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite._connect(path, DATABASE_WRITE_TIME, read_only=False)

    assert not path.exists()
