"""The engine beneath the status database: readers, transactions, the schema's version.

Its law: SQLAlchemy's exceptions and those of its drivers end here, as SourceError (can't know
now) or ConfigError (not a database for this code). Readers see the last commit at each
statement; a change takes the write lock before it reads, so nothing it decides on can move.
``sqlite`` and ``postgresql`` say how each engine does it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from certstatus.errors import ConfigError, SourceError
from certstatus.sources.database.schema import REVISIONS
from certstatus.sources.database.snapshot import Snapshot

__all__ = ["Engine", "Listener", "Reader"]

T = TypeVar("T")


class Listener(Protocol):
    """Waits for changes that others commit."""

    def wait(self, time: timedelta) -> None:
        """Return when something may have changed, or when that time is over.

        Raises:
            SourceError: the database is gone.
        """
        ...


class Reader(threading.local):
    """One thread's connection, and what it belongs to: the process, the file."""

    connection: sa.Connection | None = None
    belongs_to: Hashable = None


class Engine(ABC):
    """A database with the schema of this code, for many threads and processes.

    Each thread reads over a connection of its own, opened anew after a fork. Nothing is
    opened before ``open``, ``create`` or ``migrate``. ``name`` is for messages: it shows no
    password.
    """

    is_remote: ClassVar[bool]
    """Whether asking it waits for another process, and belongs into a thread."""

    def __init__(self, name: str, reading: sa.Engine, writing: sa.Engine) -> None:
        self.name = name
        self._reading = reading
        self._writing = writing
        self._reader = Reader()
        self._open: dict[sa.Connection, int] = {}
        self._lock = threading.Lock()

    # --- what each engine does its own way ----------------------------------------------

    @abstractmethod
    def open(self) -> None:
        """Make sure that it is there, with the schema of this code.

        Raises:
            ConfigError: there is none, or its schema is older or newer than this code.
            SourceError: it can't be reached, is locked or damaged.
        """

    @abstractmethod
    def create(self) -> None:
        """Make an empty status database; nothing that was there is touched.

        Raises:
            ConfigError: there is one already.
            SourceError, OSError: it can't be made.
        """

    @abstractmethod
    def listening(self) -> contextlib.AbstractContextManager[Listener]:
        """Give what waits for changes, in this thread.

        Raises:
            SourceError: the database can't be reached.
        """

    @abstractmethod
    def insert(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """Add rows, one at the least, each with the same columns, the fastest way there is."""

    @abstractmethod
    def source_error(self, error: BaseException | None) -> SourceError:
        """Say in plain words what a driver's exception means."""

    @abstractmethod
    def _identity(self) -> Hashable:
        """Return what a reader belongs to; raise SourceError where it is gone."""

    # --- reading ------------------------------------------------------------------------

    def reader(self) -> sa.Connection:
        """Return this thread's connection; each statement sees the last commit.

        Raises:
            SourceError: the database is gone, locked or damaged.
            ConfigError: another one took its place, with another schema.
        """
        return self._connection_of(self._reader)

    def _connection_of(self, reader: Reader) -> sa.Connection:
        belongs_to = self._identity()
        connection = reader.connection
        if connection is None or reader.belongs_to != belongs_to:
            connection = self._new_connection_of(reader, belongs_to)
        return connection

    def snapshot(self) -> Snapshot | None:
        """Return what this thread's event loop sees in its present turn; None: there is no such thing.

        Raises:
            SourceError: the database is gone, locked or damaged.
            ConfigError: another one took its place, with another schema.
        """
        return None

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do some reading over this thread's connection. Raises as ``reader``."""
        with self.translated():
            return work(self.reader())

    def quick(self, work: Callable[[sa.Connection], T]) -> T:
        """Do some reading that is quick or fails. Raises as ``reader``."""
        return self.read(work)

    def first(self, query: sa.Select[Any], parameters: dict[str, Any]) -> Any:
        """Run a lookup, which is quick or fails; return its first row, None where there is none.

        The columns are the row's attributes. Raises as ``reader``.
        """
        return self.quick(lambda connection: connection.execute(query, parameters).first())

    async def ask(self, query: sa.Select[Any], parameters: dict[str, Any]) -> Any:
        """Run a lookup as ``first`` does, from within an event loop."""
        return self.first(query, parameters)

    async def ask_all(
        self, query: sa.Select[Any], parameters: dict[str, Any]
    ) -> Sequence[sa.Row[Any]]:
        """Run a query that gives a page of rows, from within an event loop. Raises as ``read``."""
        return self.read(lambda connection: connection.execute(query, parameters).all())

    def _new_connection_of(self, reader: Reader, belongs_to: Hashable) -> sa.Connection:
        self._drop_connection_of(reader)
        with self.translated():
            connection = self._reading.connect()
            try:
                self.check_version(connection)
            except BaseException:
                connection.close()
                raise
        reader.connection, reader.belongs_to = connection, belongs_to
        with self._lock:
            self._open[connection] = os.getpid()
        return connection

    def _drop_connection_of(self, reader: Reader) -> None:
        """Let go of this thread's connection; one from before a fork is the parent's to close.

        That one stays in ``_open``, so that no garbage collector closes it here.
        """
        connection, reader.connection = reader.connection, None
        if connection is None or self._open.get(connection) != os.getpid():
            return
        with self._lock:
            del self._open[connection]
        connection.close()

    # --- changing -----------------------------------------------------------------------

    @contextlib.contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """Give one transaction, alone with the write lock: all of it stands, or nothing.

        Raises:
            SourceError: another process holds the lock for too long, or the database fails.
        """
        with self.translated(), self._writing.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def beside(self) -> Iterator[sa.Connection]:
        """Give a short transaction on tables that take no turn with changes of status.

        Raises as ``change``.
        """
        with self.change() as connection:
            yield connection

    @abstractmethod
    def time(self, connection: sa.Connection) -> datetime:
        """Return the time of the database's own clock: one for every node. Aware UTC."""

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Let no foreign exception out: what the database can't do now is a SourceError."""
        try:
            yield
        except DBAPIError as error:
            raise self.source_error(error.orig) from error

    def close(self) -> None:
        """Close every reader that this process opened."""
        with self._lock:
            ours = [one for one, process in self._open.items() if process == os.getpid()]
            for connection in ours:
                del self._open[connection]
        for connection in ours:
            connection.close()
        self._reader = Reader()

    # --- versions -----------------------------------------------------------------------

    def migrate(self) -> tuple[str, str]:
        """Bring it to this code's schema; return the version before and after.

        All steps stand together, or none does.

        Raises:
            ConfigError: there is no status database, or its schema is newer than this code.
            SourceError: it can't be reached, is locked or damaged.
        """
        with self.translated(), self._reading.connect() as connection:
            before = version_of(connection)
            if before is None or before not in REVISIONS:
                self.check_version(connection)
        assert before is not None  # check_version raised otherwise
        if before != REVISIONS[-1]:
            self.upgrade()
        return before, REVISIONS[-1]

    def check_version(self, connection: sa.Connection) -> None:
        """Make sure that the schema is this code's.

        Raises:
            ConfigError: it is older, newer, or something else altogether.
        """
        version = version_of(connection)
        if version == REVISIONS[-1]:
            return
        if version is None:
            raise ConfigError(
                "is a database, but no status database",
                file=self.name,
                remedy="make one with `certstatus db init`",
            )
        if version in REVISIONS:
            raise ConfigError(
                f"has schema {version}, and this certstatus needs {REVISIONS[-1]}",
                file=self.name,
                remedy="run `certstatus db migrate`",
            )
        raise ConfigError(
            f"has schema {version}, which is newer than this certstatus ({REVISIONS[-1]})",
            file=self.name,
            remedy="upgrade certstatus, then run `certstatus db migrate`",
        )

    def upgrade(self) -> None:
        """Run the migrations that are missing, in one transaction."""
        # Slow to import, and a server never needs it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", "certstatus.sources:migrations")
        config.set_main_option("path_separator", "os")
        with self.translated(), self._migrating() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _migrating(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """Give the transaction in which the schema is changed."""
        return self._writing.begin()


def version_of(connection: sa.Connection) -> str | None:
    """Return the schema's revision; None where the database is no status database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
