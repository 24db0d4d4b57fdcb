"""What has changed in the status database, told as it happens, to whoever remembers answers.

PostgreSQL notifies of each change (LISTEN, NOTIFY), and every ``FEED_POLL_TIME`` the feed looks
for itself, so that nothing rests on a notification. SQLite is looked at alone. The trail is
what counts: its ids stand in the order of commits, so no change is passed over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import sqlalchemy as sa

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import FEED_POLL_TIME, MAX_DATABASE_BACK_OFF, MAX_FEED_CHANGES
from certstatus.sources.database.schema import audit
from certstatus.sources.database.store import StatusDatabase

__all__ = ["EVERYTHING", "StatusChange", "StatusFeed"]


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What may be said otherwise now.

    A certificate; with ``serial_number`` None all that an issuer has issued; with ``issuer_id``
    (``Issuer.id``) None too, everything.
    """

    issuer_id: int | None
    serial_number: int | None


EVERYTHING: Final = StatusChange(None, None)
"""So much has changed, or another database stands in the place of the old, that all counts."""

Hearer: TypeAlias = Callable[[Sequence[StatusChange]], None]

_COLUMNS: Final = (audit.c.id, audit.c.at, audit.c.issuer_id, audit.c.serial_number)
_NEWEST: Final = sa.select(*_COLUMNS).order_by(audit.c.id.desc()).limit(1)
_SINCE: Final = (
    sa.select(*_COLUMNS)
    .where(audit.c.id >= sa.bindparam("seen"))
    .order_by(audit.c.id)
    .limit(MAX_FEED_CHANGES + 2)
)


class StatusFeed:
    """Follows a database in a thread of its own, from ``start`` to ``close``.

    ``hear`` is called in that thread, with what changed since it was called before; it must
    not raise. A database that is gone is tried again until it is back, and then nothing that
    happened meanwhile is missed.
    """

    def __init__(self, database: StatusDatabase, hear: Hearer) -> None:
        self._engine = database.engine
        self._hear = hear
        self._seen: sa.Row[Any] | None = None
        self._looked_at: float | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="certstatus-feed", daemon=True)

    def start(self) -> None:
        """Begin: changes from now on are told.

        Raises:
            SourceError, ConfigError: the database can't be read.
        """
        began = time.monotonic()
        self._seen = self._newest()
        self._looked_at = began
        self._thread.start()

    def close(self) -> None:
        """End; nothing is told any more. Takes as long as a look."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def lag(self) -> timedelta:
        """How long ago it last looked with success: all that was committed before was told."""
        if self._looked_at is None:
            return timedelta.max
        return timedelta(seconds=time.monotonic() - self._looked_at)

    # --- the thread ---------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except (SourceError, ConfigError):
                # The sources over this database raise the alarm; here it is tried again.
                self._closing.wait(MAX_DATABASE_BACK_OFF.total_seconds() / 2)

    def _listen(self) -> None:
        """Look when something is heard, and now and then; first for what was missed."""
        with self._engine.listening() as listener:
            while not self._closing.is_set():
                self._look()
                listener.wait(FEED_POLL_TIME)

    def _look(self) -> None:
        began = time.monotonic()
        changes = self._changes()
        if changes and not self._closing.is_set():
            self._hear(changes)
        self._looked_at = began

    def _changes(self) -> Sequence[StatusChange]:
        seen = self._seen
        rows = self._rows(_SINCE, seen=0 if seen is None else seen.id)
        if seen is not None:
            # A backup that was restored lacks what was seen, or has something else there.
            if not rows or tuple(rows[0]) != tuple(seen):
                self._seen = self._newest()
                return (EVERYTHING,)
            rows = rows[1:]
        if len(rows) > MAX_FEED_CHANGES:
            self._seen = self._newest()
            return (EVERYTHING,)
        if rows:
            self._seen = rows[-1]
        return tuple(StatusChange(row.issuer_id, row.serial_number) for row in rows)

    def _newest(self) -> sa.Row[Any] | None:
        rows = self._rows(_NEWEST)
        return rows[0] if rows else None

    def _rows(self, query: sa.Select[Any], **parameters: int) -> list[sa.Row[Any]]:
        return self._engine.quick(lambda connection: list(connection.execute(query, parameters)))
