"""PostgreSQL beneath the status database: one server, any number of nodes.

A lookup that gets no answer in time gives up, whatever the server or the network do, and the
connection is made anew. Changes take turns: each first locks the schema's version, so that
none runs beside a migration, and the ids of the audit trail stand in the order of commits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final, TypeVar, cast

import psycopg
import sqlalchemy as sa
from psycopg import errors
from psycopg.conninfo import make_conninfo
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import (
    DATABASE_ANSWER_TIME,
    DATABASE_CONNECT_TIME,
    DATABASE_IDLE_TIME,
    DATABASE_STATEMENT_TIME,
    DATABASE_WRITE_TIME,
    MAX_DATABASE_LOOKUPS,
)
from certstatus.sources.database.copying import copied
from certstatus.sources.database.engine import Engine, Listener, version_of

__all__ = ["CHANNEL", "PostgreSQLEngine"]

T = TypeVar("T")

CHANNEL: Final = "certstatus_audit"
"""Where a trigger on the audit trail tells of every change (migration 0001)."""

_MIGRATION_LOCK: Final = 0x4F435350
"""The advisory lock of those who make or change the schema: "OCSP"."""

_FEW: Final = 20
"""From here on COPY is faster than INSERT."""

_MANY: Final = 1_000
"""So many new rows change the best plan."""

_COPIED: Final = "certstatus_copied"

_MOST_PATIENT: Final = DATABASE_CONNECT_TIME + DATABASE_ANSWER_TIME
"""A lookup that has not ended by then has not even begun."""

_REASONS: Final[tuple[tuple[type[psycopg.Error], str], ...]] = (
    (errors.LockNotAvailable, "is locked by another change"),
    (errors.DeadlockDetected, "is locked by another change"),
    (errors.QueryCanceled, "took too long to answer"),
    (errors.IdleInTransactionSessionTimeout, "gave up a change that stood still"),
    (errors.ReadOnlySqlTransaction, "can't be written"),
    (errors.InsufficientPrivilege, "forbids it to this user"),
    (errors.DiskFull, "can't grow: the disk is full"),
    (errors.TooManyConnections, "has no connection left"),
    (errors.AdminShutdown, "is shutting down"),
    (errors.CrashShutdown, "is shutting down"),
    (errors.CannotConnectNow, "is starting or shutting down"),
)


# --- connections ------------------------------------------------------------------------------


class _NoAnswer(psycopg.OperationalError):
    """The server said nothing for too long; the connection is of no use any more."""


class _PatientConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends: a server that hangs can't end its own statements."""

    patience: timedelta = DATABASE_STATEMENT_TIME
    is_for_lookups: bool = False

    def prefer_indexes(self) -> None:
        """Keep to the indexes, also where the plan was made when the tables were small."""
        if not self.is_for_lookups:
            self.execute("SET enable_seqscan = off")
            self.is_for_lookups = True

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does, and give up after ``patience``."""
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, steps: Any) -> Any:
        """Run psycopg's steps, which are resumed now and then with nothing (0) to do."""
        ends_at = time.monotonic() + self.patience.total_seconds()
        try:
            wish = next(steps)
            while True:
                ready = yield wish
                if not ready and time.monotonic() > ends_at:
                    self.pgconn.finish()
                    seconds = self.patience.total_seconds()
                    raise _NoAnswer(f"no answer within {seconds:g} seconds")
                wish = steps.send(ready)
        except StopIteration as end:
            return end.value


def _shown(url: sa.URL) -> str:
    """Write a URL without its secrets, for messages."""
    secret = {key: "***" for key in url.query if "password" in key.lower()}
    shown = url.set(drivername="postgresql").update_query_dict(secret)
    # SQLAlchemy hides the password in its place, and writes stars elsewhere as %2A.
    return shown.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _arguments(url: sa.URL) -> dict[str, Any]:
    """Return what psycopg connects with.

    Raises:
        ConfigError: the URL has a setting that PostgreSQL does not know.
    """
    _, arguments = url.get_dialect()().create_connect_args(url)
    arguments = {
        "connect_timeout": int(DATABASE_CONNECT_TIME.total_seconds()),
        "application_name": "certstatus",
        "client_encoding": "utf8",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(DATABASE_STATEMENT_TIME / timedelta(milliseconds=1)),
        **arguments,
    }
    try:
        make_conninfo("", **{name: one for name, one in arguments.items() if name != "context"})
    except psycopg.ProgrammingError as error:
        # Says which setting, and nothing of the others.
        raise ConfigError(str(error).strip(), key="database", remedy="see the URL's end") from None
    return arguments


def _connect(arguments: dict[str, Any], *, read_only: bool) -> _PatientConnection:
    # A plan that was made for an empty table would be kept through a whole import.
    prepare = 5 if read_only else None
    connection = _PatientConnection.connect(**arguments, autocommit=True, prepare_threshold=prepare)
    milliseconds = timedelta(milliseconds=1)
    settings = {
        "lock_timeout": int(DATABASE_WRITE_TIME / milliseconds),
        "statement_timeout": int(DATABASE_STATEMENT_TIME / milliseconds),
        "idle_in_transaction_session_timeout": int(DATABASE_IDLE_TIME / milliseconds),
        "default_transaction_read_only": "on" if read_only else "off",
        "default_transaction_isolation": "read committed",
        # Within an import the planner knows nothing of what was just added.
        "enable_seqscan": "on" if read_only else "off",
    }
    try:
        calls = ", ".join(f"set_config('{name}', '{one}', false)" for name, one in settings.items())
        connection.execute(f"SELECT {calls}".encode())
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
    return connection


def _engine(url: sa.URL, arguments: dict[str, Any], *, read_only: bool) -> sa.Engine:
    return sa.create_engine(
        url,
        creator=lambda: _connect(arguments, read_only=read_only),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        use_native_hstore=False,
    )


def _writing_engine(url: sa.URL, arguments: dict[str, Any]) -> sa.Engine:
    engine = _engine(url, arguments, read_only=False)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # Whoever waited here sees in its next statement all that was committed meanwhile.
        connection.exec_driver_sql("SELECT version_num FROM alembic_version FOR UPDATE")

    return engine


def _driver(connection: sa.Connection) -> _PatientConnection:
    return cast("_PatientConnection", connection.connection.driver_connection)


# --- the engine -------------------------------------------------------------------------------


class _Channel:
    """Hears the notifications of one connection."""

    def __init__(self, engine: PostgreSQLEngine, connection: _PatientConnection) -> None:
        self._engine = engine
        self._connection = connection

    def wait(self, time: timedelta) -> None:
        """Wait for a notification."""
        with self._engine.translated():
            seconds = time.total_seconds()
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                pass


class PostgreSQLEngine(Engine):
    """A database on a server. A reader whose connection broke is made anew."""

    is_remote = True

    def __init__(self, url: sa.URL) -> None:
        """Prepare it; nothing is connected yet. Raises ConfigError for an unknown setting."""
        self._arguments = _arguments(url)
        self._asking: tuple[int, ThreadPoolExecutor | None] = (os.getpid(), None)
        self._making = _engine(url, self._arguments, read_only=False)
        super().__init__(
            _shown(url),
            _engine(url, self._arguments, read_only=True),
            _writing_engine(url, self._arguments),
        )

    def _identity(self) -> int:
        return os.getpid()

    def open(self) -> None:
        """Connect, and look at the schema. Raises as the base class says."""
        self.reader()

    # --- making -------------------------------------------------------------------------

    def create(self) -> None:
        """Make the tables in a database that is there. Raises as the base class says."""
        with self.translated(), self._making.begin() as connection:
            self._check_encoding(connection)
            if version_of(connection) is not None:
                raise ConfigError(
                    "has a status database already",
                    file=self.name,
                    remedy="name another, or run `certstatus db migrate`",
                )
        self.upgrade()

    def _check_encoding(self, connection: sa.Connection) -> None:
        """Names of certificates are Unicode, and text of another encoding could not hold them."""
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise ConfigError(
                f"has the encoding {encoding}, and a status database needs UTF8",
                file=self.name,
                remedy="createdb --encoding UTF8 --template template0",
            )

    @contextlib.contextmanager
    def _migrating(self) -> Iterator[sa.Connection]:
        with self._making.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            yield connection

    # --- reading ------------------------------------------------------------------------

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do some reading; over a new connection where the old one turns out to be broken."""
        is_fresh = self._reader.connection is None
        try:
            return super().read(work)
        except SourceError as error:
            if not self._lost_reader() or is_fresh or _was_no_answer(error):
                raise
        return super().read(work)

    def quick(self, work: Callable[[sa.Connection], T]) -> T:
        """Do some reading, each statement within ``DATABASE_ANSWER_TIME``."""

        def quickly(connection: sa.Connection) -> T:
            driver = _driver(connection)
            driver.patience = DATABASE_ANSWER_TIME
            try:
                driver.prefer_indexes()
                return work(connection)
            finally:
                driver.patience = DATABASE_STATEMENT_TIME

        return self.read(quickly)

    async def ask(self, query: sa.Select[Any], parameters: dict[str, Any]) -> Any:
        """Run a lookup in a thread: waiting for the server holds up nothing else."""
        return await self._in_a_thread(lambda: self.first(query, parameters))

    async def ask_all(
        self, query: sa.Select[Any], parameters: dict[str, Any]
    ) -> Sequence[sa.Row[Any]]:
        """Run a query in a thread, as ``ask`` does."""

        def all_of(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
            return connection.execute(query, parameters).all()

        return await self._in_a_thread(lambda: self.quick(all_of))

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._threads(), work)
        try:
            return await asyncio.wait_for(answer, _MOST_PATIENT.total_seconds())
        except TimeoutError:
            raise SourceError(f"database {self.name} has too many lookups waiting") from None

    def _threads(self) -> ThreadPoolExecutor:
        """Return this process's threads; those from before a fork are the parent's."""
        process, threads = self._asking
        if process != os.getpid() or threads is None:
            threads = ThreadPoolExecutor(MAX_DATABASE_LOOKUPS, "certstatus-lookup")
            self._asking = os.getpid(), threads
        return threads

    def close(self) -> None:
        """End the lookups, and close every reader that this process opened."""
        process, threads = self._asking
        if process == os.getpid() and threads is not None:
            threads.shutdown(cancel_futures=True)
            self._asking = process, None
        super().close()

    def _lost_reader(self) -> bool:
        """Drop this thread's connection if it is broken; say whether it was."""
        connection = self._reader.connection
        if connection is None or not (connection.invalidated or _driver(connection).closed):
            return False
        self._drop_connection_of(self._reader)
        return True

    # --- listening ----------------------------------------------------------------------

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen on the channel, over a connection of its own."""
        with self.translated():
            connection = _connect(self._arguments, read_only=True)
        with contextlib.closing(connection):
            with self.translated():
                connection.autocommit = True
                # A standby tells nothing: there the feed's own looks have to do.
                with contextlib.suppress(errors.ReadOnlySqlTransaction):
                    connection.execute(f"LISTEN {CHANNEL}")
            yield _Channel(self, connection)

    # --- writing ------------------------------------------------------------------------

    @contextlib.contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """Give one transaction; after an import, the planner learns how large the tables are."""
        with super().change() as connection:
            yield connection
            if connection.info.pop(_COPIED, 0) >= _MANY:
                connection.exec_driver_sql("ANALYZE certificates, audit")

    @contextlib.contextmanager
    def beside(self) -> Iterator[sa.Connection]:
        """Give a transaction that takes no lock but those of the rows that it asks for."""
        with self.translated(), self._making.begin() as connection:
            yield connection

    def time(self, connection: sa.Connection) -> datetime:
        """Ask the server."""
        now: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return now.astimezone(UTC)

    def insert(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """Add rows; many of them by COPY."""
        rows = iter(rows)
        first = list(islice(rows, _FEW))
        if len(first) < _FEW:
            connection.execute(table.insert(), first)
            return
        names = tuple(first[0])
        into = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
        with _driver(connection).cursor() as cursor:
            with cursor.copy(into.encode()) as copy:
                for lines in copied(table, names, chain(first, rows), connection.dialect):
                    copy.write(lines)
            connection.info[_COPIED] = connection.info.get(_COPIED, 0) + cursor.rowcount

    # --- errors -------------------------------------------------------------------------

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Let no exception of psycopg out, whether SQLAlchemy wrapped it or not."""
        try:
            with super().translated():
                yield
        except psycopg.Error as error:
            raise self.source_error(error) from error

    def source_error(self, error: BaseException | None) -> SourceError:
        """Say it by SQLSTATE, else in PostgreSQL's own words."""
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), None)
        if reason is None:
            own_words = " ".join(str(error).split())
            reason = f"fails: {own_words}"
        return SourceError(f"database {self.name} {reason}")


def _was_no_answer(error: SourceError) -> bool:
    """Whether waiting again would only double the wait."""
    cause = error.__cause__
    original = cause.orig if isinstance(cause, DBAPIError) else cause
    return isinstance(original, _NoAnswer | errors.QueryCanceled)
