"""The file beneath: where it is, versions, locks, forks, replacement."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DATABASE_WRITE_TIME
from certstatus.sources import Issuer, StatusDatabase
from certstatus.sources.database import engine
from certstatus.sources.database.engine import path_of
from tests.books import NOW

ACTOR = "alice"


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


# --- locations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("status.db", "status.db"),
        ("/srv/status.db", "/srv/status.db"),
        ("sqlite:///status.db", "status.db"),
        ("sqlite:////srv/status.db", "/srv/status.db"),
    ],
)
def test_a_location_is_a_path_or_a_url(location: str, path: str) -> None:
    assert path_of(location) == Path(path)
    assert path_of(Path(path)) == Path(path)


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://db/status",
        "sqlite://",
        "sqlite:///",
        ":memory:",
        "sqlite:status.db",
        "http://x",
    ],
)
def test_another_database_is_refused_with_the_remedy(location: str) -> None:
    with pytest.raises(ConfigError, match="write a path, or sqlite:///path"):
        path_of(location)


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
    def fail(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "_upgrade", fail)
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
    monkeypatch.setattr(engine, "REVISIONS", ("0001", "0002"))

    with pytest.raises(ConfigError, match=r"has schema 0001, .* 0002 .*certstatus db migrate"):
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

    assert StatusDatabase.migrate(path) == ("0001", "0001")
    assert path.read_bytes() == before


# --- many readers and writers ---------------------------------------------------------------


def test_every_thread_reads_over_its_own_connection(database: StatusDatabase) -> None:
    mine = database.file.reader()
    others: list[object] = []
    threads = [
        threading.Thread(target=lambda: others.append(database.file.reader())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert database.file.reader() is mine
    assert len({id(mine), *map(id, others)}) == 4


def test_a_reader_sees_what_another_process_committed(
    database: StatusDatabase, path: Path, issuer: Issuer
) -> None:
    assert database.last_change() == 1
    with StatusDatabase(path) as other:
        other.add(issuer, 1000, actor=ACTOR, now=NOW)

    assert database.last_change() == 2


def test_readers_do_not_wait_for_a_writer(database: StatusDatabase, issuer: Issuer) -> None:
    with database.change(actor=ACTOR, now=NOW) as ledger:
        ledger.note("note", issuer)
        assert database.last_change() == 1
    assert database.last_change() == 2


def test_a_second_writer_waits_for_a_while_and_then_gives_up(
    database: StatusDatabase, issuer: Issuer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "DATABASE_WRITE_TIME", DATABASE_WRITE_TIME / 1000)
    with (
        StatusDatabase(path) as other,
        database.change(actor=ACTOR, now=NOW),
        pytest.raises(SourceError, match="locked by another process"),
    ):
        other.add(issuer, 1000, actor=ACTOR, now=NOW)

    assert list(database.records()) == []


def test_a_reader_never_writes(database: StatusDatabase) -> None:
    with pytest.raises(SourceError, match="can't be written"), database.file.translated():
        database.file.reader().exec_driver_sql("DELETE FROM issuers")


def test_a_change_that_fails_leaves_nothing(database: StatusDatabase, issuer: Issuer) -> None:
    def fail() -> None:
        with database.change(actor=ACTOR, now=NOW) as ledger:
            ledger.note("note", issuer)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert database.last_change() == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_reads_over_its_own_connection(
    database: StatusDatabase, issuer: Issuer
) -> None:
    """SQLite connections do not survive a fork."""
    parent = database.file.reader()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        is_another = database.file.reader() is not parent
        os.write(write_end, f"{is_another} {len(database.issuers())}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(read_end, 100)
    os.close(read_end)
    os.close(write_end)

    assert told == b"True 1"
    assert database.file.reader() is parent


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


def test_closing_twice_does_no_harm_and_a_closed_database_opens_again(
    database: StatusDatabase, issuer: Issuer
) -> None:
    database.close()
    database.close()

    assert database.issuers() == (issuer,)


def test_connecting_never_makes_a_file(path: Path) -> None:
    """Even where the file vanishes after it was looked at."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        engine._connect(path, DATABASE_WRITE_TIME, read_only=False)

    assert not path.exists()


def test_writers_take_turns(path: Path, database: StatusDatabase, issuer: Issuer) -> None:
    """Four at once, each over connections of its own: every change stands, in one order."""
    count = 20

    def write(start: int) -> None:
        with StatusDatabase(path) as mine:
            for number in range(start, start + count):
                mine.add(issuer, number, actor=ACTOR, now=NOW)

    threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(database.records())) == 4 * count
    assert [entry.id for entry in database.audit()] == list(range(1, 4 * count + 2))
