"""What a SQLite database says during one turn of an event loop: one read transaction for all.

To begin and end a transaction takes as long as a look-up, so those of a turn share one. It
begins with the turn's first look-up and ends before the loop waits for anything again: an
answer is never older than the turn that it was asked in. The connection serves nothing else.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from certstatus.errors import SourceError

__all__ = ["Snapshot"]

_BEGIN: Final = "BEGIN"
_VERSION: Final = "PRAGMA data_version"
_END: Final = "ROLLBACK"
"""Nothing was written; and unlike COMMIT this ends a transaction in which reading failed."""


class Snapshot:
    """A connection's view, begun and ended for every turn of the event loop that asks.

    ``state`` is the same object as long as nobody has committed anything.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        source_error: Callable[[BaseException], SourceError],
    ) -> None:
        """Take over a connection, which waits for no lock from now on: ``status`` waits.

        ``source_error`` says in plain words what an exception of SQLite means.
        """
        connection.execute("PRAGMA busy_timeout = 0")
        self.connection = connection
        self.state = object()
        self._execute = connection.cursor().execute
        self._source_error = source_error
        self._version: object = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()

    def is_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether it has begun in the turn that ``loop`` is in."""
        return self._loop is loop

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, for the turn that ``loop`` is in.

        Raises:
            SourceError: the database is locked or damaged.
        """
        self.end()  # a loop that was stopped and closed never came to it
        try:
            self._execute(_BEGIN)
            self._loop = loop
            loop.call_soon(self.end)
            version = self._execute(_VERSION).fetchone()
        except sqlite3.Error as error:
            raise self._source_error(error) from error
        if version != self._version:
            self._version, self.state = version, object()

    def end(self) -> None:
        """End, where it has begun. A child of a fork leaves the parent's connection alone."""
        if self._loop is None:
            return
        self._loop = None
        if self._process == os.getpid():
            with suppress(sqlite3.Error):  # it was closed, and has ended
                self._execute(_END)

    def rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a look-up.

        Raises:
            SourceError: the database is locked or damaged.
        """
        try:
            return self._execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._source_error(error) from error
