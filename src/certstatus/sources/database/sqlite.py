"""SQLite beneath the status database: one file, WAL, any number of readers and a writer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DATABASE_READ_TIME, DATABASE_WRITE_TIME
from certstatus.sources.database.engine import Engine, Listener, Reader
from certstatus.sources.database.prepared import Prepared
from certstatus.sources.database.snapshot import Snapshot

__all__ = ["SQLiteEngine"]

_PRIMARY: Final = 0xFF
"""SQLite's extended result codes keep the primary one in the lowest octet."""

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not a database, or is damaged",
    sqlite3.SQLITE_CANTOPEN: "can't be opened",
    sqlite3.SQLITE_READONLY: "can't be written",
    sqlite3.SQLITE_FULL: "can't grow: the disk is full",
    sqlite3.SQLITE_IOERR: "can't be read or written: the disk fails",
    sqlite3.SQLITE_PERM: "may not be opened",
}


_FILES: Final = ("", "-wal", "-shm")
"""What a database's files are called. A log left alone would be read into the next database."""


# --- connections ----------------------------------------------------------------------------


def _connect(path: Path, wait: timedelta, *, read_only: bool) -> sqlite3.Connection:
    """Open a file that is there; SQLite would otherwise make an empty one."""
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=wait.total_seconds(),
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _engine(path: Path, wait: timedelta, *, read_only: bool) -> sa.Engine:
    return sa.create_engine(
        "sqlite://",
        creator=lambda: _connect(path, wait, read_only=read_only),
        poolclass=NullPool,
    )


def _writing_engine(path: Path) -> sa.Engine:
    engine = _engine(path, DATABASE_WRITE_TIME, read_only=False)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # The lock comes first: a plain BEGIN may find at its end that it decided on old facts.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class _View(Reader):
    """One thread's connection for its event loop, and what it shows."""

    snapshot: Snapshot | None = None


# --- the engine -------------------------------------------------------------------------------


class _Clock:
    """Waits for nothing but the time: SQLite does not tell what another process commits."""

    def wait(self, time_: timedelta) -> None:
        """Sleep."""
        time.sleep(time_.total_seconds())


class SQLiteEngine(Engine):
    """A file. A reader is opened anew when another file has taken the place of this one."""

    is_remote = False

    def __init__(self, path: Path) -> None:
        super().__init__(
            str(path), _engine(path, DATABASE_READ_TIME, read_only=True), _writing_engine(path)
        )
        self.path = path
        self._view = _View()
        self._prepared: dict[sa.Select[Any], Prepared] = {}

    def open(self) -> None:
        """Open it. Raises as the base class says."""
        self._check_file("make one with `certstatus db init`")
        self.reader()

    def _check_file(self, remedy: str) -> None:
        if not self.path.is_file():
            raise ConfigError("there is no status database", file=self.name, remedy=remedy)

    def _identity(self) -> tuple[int, int, int]:
        try:
            status = self.path.stat()
        except OSError as error:
            raise SourceError(f"database {self.path} is gone: {error.strerror}") from error
        return os.getpid(), status.st_dev, status.st_ino

    def snapshot(self) -> Snapshot | None:
        """Begin it with a turn's first look-up; None where no event loop runs.

        Raises as the base class says.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        snapshot = self._view.snapshot
        if snapshot is None or not snapshot.is_of(loop):
            snapshot = self._current_snapshot()
            snapshot.begin(loop)
        return snapshot

    def _current_snapshot(self) -> Snapshot:
        """Return this thread's, over a new connection where process or file are others now."""
        view, belongs_to = self._view, self._identity()
        if view.snapshot is None or view.belongs_to != belongs_to:
            view.snapshot = None  # a file that comes back has none, though it is the same again
            connection = self._new_connection_of(view, belongs_to)
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            view.snapshot = Snapshot(driver, self.source_error)
        return view.snapshot

    def first(self, query: sa.Select[Any], parameters: dict[str, Any]) -> Any:
        """Run a lookup beneath SQLAlchemy, over the same connection. Raises as ``reader``."""
        prepared = self._prepared.get(query)
        if prepared is None:
            prepared = self._prepared[query] = Prepared(query, self._reading.dialect)
        driver = self.reader().connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            found = driver.execute(prepared.text, prepared.values(parameters)).fetchone()
        except sqlite3.Error as error:
            raise self.source_error(error) from error
        return None if found is None else prepared.row(found)

    @contextlib.contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """Give one transaction; this thread's look-ups after it see it. Raises as the base class."""
        with super().change() as connection:
            yield connection
        if self._view.snapshot is not None:
            self._view.snapshot.end()

    def close(self) -> None:
        """Close every connection that this process opened."""
        super().close()
        self._view = _View()

    def create(self) -> None:
        """Make the file. Raises as the base class says."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            raise ConfigError(
                "exists already",
                file=self.name,
                remedy="name another, or run `certstatus db migrate`",
            ) from None
        try:
            self._write_ahead()
            self.upgrade()
        except BaseException:
            for end in _FILES:
                Path(f"{self.path}{end}").unlink(missing_ok=True)
            raise

    def _write_ahead(self) -> None:
        """Set WAL, which the file keeps: readers don't wait for writers, nor writers for them."""
        with (
            self.translated(),
            contextlib.closing(
                _connect(self.path, DATABASE_WRITE_TIME, read_only=False)
            ) as connection,
        ):
            connection.execute("PRAGMA journal_mode = WAL")

    def migrate(self) -> tuple[str, str]:
        """Bring it to this code's schema. Raises as the base class says."""
        self._check_file("run `certstatus db init`")
        return super().migrate()

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        """Give a clock."""
        yield _Clock()

    def time(self, connection: sa.Connection) -> datetime:
        """Ask SQLite: the clock of this machine, which all its processes share."""
        now = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')"
        return datetime.fromisoformat(connection.exec_driver_sql(now).scalar_one()).replace(
            tzinfo=UTC
        )

    def insert(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """Add rows, one prepared statement for all."""
        connection.execute(table.insert(), list(rows))

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Let no exception of SQLite out, whether SQLAlchemy wrapped it or not."""
        try:
            with super().translated():
                yield
        except sqlite3.Error as error:
            raise self.source_error(error) from error

    def source_error(self, error: BaseException | None) -> SourceError:
        """Say it by SQLite's result code."""
        code = getattr(error, "sqlite_errorcode", None)
        reason = _REASONS.get(code & _PRIMARY) if isinstance(code, int) else None
        return SourceError(f"database {self.path} {reason or f'failed: {error}'}")
