"""The file beneath the status database: connections, transactions, versions, and its errors.

Its law: SQLite's and SQLAlchemy's exceptions end here, as SourceError (can't know now) or
ConfigError (not a database for this code). Readers see the last commit at each statement;
a change takes the write lock before it reads, so nothing it decides on can move.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DATABASE_READ_TIME, DATABASE_WRITE_TIME
from certstatus.sources.database.schema import REVISIONS

__all__ = ["DatabaseFile", "create", "migrate", "path_of"]

_SCHEME: Final = "sqlite:///"


def path_of(location: str | Path) -> Path:
    """Return the file that a location names: a path, or ``sqlite:///path``.

    Raises:
        ConfigError: it is a URL of another kind of database, or of none on disk.
    """
    text = str(location)
    if text.startswith(_SCHEME) and len(text) > len(_SCHEME):
        return Path(text.removeprefix(_SCHEME))
    if "://" in text or text.startswith("sqlite:") or text == ":memory:":
        raise ConfigError(
            f"{text!r} is not a database that is supported",
            key="database",
            remedy="write a path, or sqlite:///path",
        )
    return Path(text)


# --- errors ---------------------------------------------------------------------------------

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


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Let no foreign exception out: what SQLite can't do now is a SourceError."""
    try:
        yield
    except DBAPIError as error:
        raise _source_error(path, error.orig) from error
    except sqlite3.Error as error:
        raise _source_error(path, error) from error


def _source_error(path: Path, error: BaseException | None) -> SourceError:
    code = getattr(error, "sqlite_errorcode", None)
    reason = _REASONS.get(code & _PRIMARY) if isinstance(code, int) else None
    return SourceError(f"database {path} {reason or f'failed: {error}'}")


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


class _Reader(threading.local):
    """One thread's connection, and the process and file that it belongs to."""

    connection: sa.Connection | None = None
    belongs_to: tuple[int, int, int] | None = None


class DatabaseFile:
    """An SQLite file with the schema of this code, for many threads and processes.

    Each thread reads over a connection of its own, opened anew after a fork and when
    another file has taken the place of this one.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ConfigError: there is none, or its schema is older or newer than this code.
            SourceError: it is locked or damaged.
        """
        self.path = path
        if not path.is_file():
            raise ConfigError(
                "there is no status database",
                file=str(path),
                remedy="make one with `certstatus db init`",
            )
        self._reading = _engine(path, DATABASE_READ_TIME, read_only=True)
        self._writing = _writing_engine(path)
        self._reader = _Reader()
        self._open: dict[sa.Connection, int] = {}
        self._lock = threading.Lock()
        self.reader()

    def reader(self) -> sa.Connection:
        """Return this thread's connection; each statement sees the last commit.

        Raises:
            SourceError: the file is gone, locked or damaged.
            ConfigError: another file took its place, with another schema.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise SourceError(f"database {self.path} is gone: {error.strerror}") from error
        belongs_to = (os.getpid(), status.st_dev, status.st_ino)
        connection = self._reader.connection
        if connection is None or self._reader.belongs_to != belongs_to:
            connection = self._new_reader(belongs_to)
        return connection

    def first(self, query: sa.Select[Any], parameters: dict[str, Any]) -> sa.Row[Any] | None:
        """Run a query on this thread's connection; return its first row. Raises as ``reader``."""
        connection = self.reader()
        try:
            return connection.execute(query, parameters).first()
        except DBAPIError as error:
            raise _source_error(self.path, error.orig) from error

    def _new_reader(self, belongs_to: tuple[int, int, int]) -> sa.Connection:
        self._drop_reader()
        with self.translated():
            connection = self._reading.connect()
            try:
                check_version(connection, self.path)
            except BaseException:
                connection.close()
                raise
        self._reader.connection, self._reader.belongs_to = connection, belongs_to
        with self._lock:
            self._open[connection] = belongs_to[0]
        return connection

    def _drop_reader(self) -> None:
        """Let go of this thread's connection; one from before a fork is the parent's to close.

        That one stays in ``_open``, so that no garbage collector closes it here.
        """
        connection, self._reader.connection = self._reader.connection, None
        if connection is None or self._open.get(connection) != os.getpid():
            return
        with self._lock:
            del self._open[connection]
        connection.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """Give one transaction, alone with the write lock: all of it stands, or nothing.

        Raises:
            SourceError: another process holds the lock for too long, or the file fails.
        """
        with self.translated(), self._writing.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite raises inside into SourceError."""
        with _translated(self.path):
            yield

    def close(self) -> None:
        """Close every reader that this process opened."""
        with self._lock:
            ours = [one for one, process in self._open.items() if process == os.getpid()]
            for connection in ours:
                del self._open[connection]
        for connection in ours:
            connection.close()
        self._reader = _Reader()


# --- versions -------------------------------------------------------------------------------


def _version(connection: sa.Connection) -> str | None:
    """Return the schema's revision; None where the file is no status database."""
    tables = sa.inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def check_version(connection: sa.Connection, path: Path) -> None:
    """Make sure that the schema is this code's.

    Raises:
        ConfigError: it is older, newer, or something else altogether.
    """
    version = _version(connection)
    if version == REVISIONS[-1]:
        return
    if version is None:
        raise ConfigError(
            "is a database, but no status database",
            file=str(path),
            remedy="make one with `certstatus db init`",
        )
    if version in REVISIONS:
        raise ConfigError(
            f"has schema {version}, and this certstatus needs {REVISIONS[-1]}",
            file=str(path),
            remedy="run `certstatus db migrate`",
        )
    raise ConfigError(
        f"has schema {version}, which is newer than this certstatus ({REVISIONS[-1]})",
        file=str(path),
        remedy="upgrade certstatus, then run `certstatus db migrate`",
    )


def create(path: Path) -> None:
    """Make an empty status database; nothing that was there is touched.

    Raises:
        ConfigError: there is a file already.
        OSError: the file system refused.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        raise ConfigError(
            "exists already", file=str(path), remedy="name another, or run `certstatus db migrate`"
        ) from None
    try:
        with (
            _translated(path),
            contextlib.closing(_connect(path, DATABASE_WRITE_TIME, read_only=False)) as connection,
        ):
            # Kept in the file: readers don't wait for writers, and the other way round.
            connection.execute("PRAGMA journal_mode = WAL")
        _upgrade(path)
    except BaseException:
        path.unlink()
        raise


def migrate(path: Path) -> tuple[str, str]:
    """Bring a status database to this code's schema; return the version before and after.

    All steps stand together, or none does.

    Raises:
        ConfigError: there is no status database, or its schema is newer than this code.
        SourceError: it is locked or damaged.
    """
    if not path.is_file():
        raise ConfigError(
            "there is no status database", file=str(path), remedy="run `certstatus db init`"
        )
    engine = _engine(path, DATABASE_WRITE_TIME, read_only=True)
    with _translated(path), engine.connect() as connection:
        before = _version(connection)
        if before is None or before not in REVISIONS:
            check_version(connection, path)
    assert before is not None  # check_version raised otherwise
    if before != REVISIONS[-1]:
        _upgrade(path)
    return before, REVISIONS[-1]


def _upgrade(path: Path) -> None:
    # Slow to import, and a server never needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "certstatus.sources:migrations")
    config.set_main_option("path_separator", "os")
    with _translated(path), _writing_engine(path).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
