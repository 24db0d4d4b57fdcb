"""A file that is read again when it changes, and never half.

Its law: what was read last goes on answering until something readable replaces it; a file
that is missing, changes under our eyes, or breaks its grammar raises an alarm once, and
clears it once. ``confirmed_at`` is the last time at which the file was seen to be what we
hold, so an answer never looks fresher than it is (O19).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from certstatus.errors import CertStatusError, ConfigError, MalformedError
from certstatus.limits import FILE_CHECK_TIME, MAX_AWAITED_BYTES
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell

__all__ = ["Held", "WatchedFile"]

T = TypeVar("T")

Reader: TypeAlias = Callable[[bytes, T | None, datetime], T]
"""Read the bytes, given what is held now (None at the start) and the time; may refuse."""

_RACY_NANOSECONDS: Final = 2_000_000_000
"""A file touched less than this before it was read may change again unseen in its mtime."""

_RETRY: Final = timedelta(seconds=5)
"""Between two readings of a broken file whose marks stay the same: its time may yet come."""

_Mark: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """What was read, and when the file was last seen to say it."""

    value: T
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as the system tells of it, and its digest."""

    mark: _Mark
    digest: bytes
    is_racy: bool


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why the file can't be used, with the marks that it had; None: it was not there."""

    reason: str
    mark: _Mark | None
    at: datetime


class WatchedFile(Generic[T]):
    """Keeps the last good reading of one file. Not for use by several event loops at once."""

    def __init__(
        self,
        path: Path,
        read: Reader[T],
        *,
        name: str,
        now: datetime,
        max_bytes: int,
        observer: Observer | None = None,
        check_every: timedelta = FILE_CHECK_TIME,
    ) -> None:
        """Read the file for the first time.

        Raises:
            ConfigError: it can't be read, or what it says can't be used.
        """
        self.path = path
        self._read = read
        self._name = name
        self._max_bytes = max_bytes
        self._observer = observer
        self._check_every = check_every
        self._checked_at = now
        self._failure: _Failure | None = None
        self._loading: asyncio.Future[None] | None = None
        self._is_long = False
        try:
            data, self._seen = self._load()
            self._held = Held(read(data, None, now), now)
        except (OSError, CertStatusError) as error:
            raise ConfigError(_reason(error), file=str(path)) from error

    @property
    def value(self) -> T:
        """What was read last."""
        return self._held.value

    @property
    def failed(self) -> str | None:
        """Why the file can't be used now; None while all is well."""
        return None if self._failure is None else self._failure.reason

    async def current(self, now: datetime, *, at_once: bool = False) -> Held[T]:
        """Return what the file says, after a look at it if the last one is old enough.

        ``at_once`` looks however old the last one is.

        A changed file is read in a thread, and everyone waits for it. One of more than
        ``MAX_AWAITED_BYTES`` nobody waits for: until it is read, what was read last stands.
        """
        if self._loading is None:
            is_recent = not at_once and abs(now - self._checked_at) < self._check_every
            if is_recent or self._needs_no_reading(now):
                return self._held
            loading = asyncio.ensure_future(asyncio.to_thread(self._refresh, now))
            loading.add_done_callback(self._loaded)
            self._loading = loading
        if not self._is_long:
            await asyncio.shield(self._loading)
        return self._held

    def at_hand(self, now: datetime) -> Held[T] | None:
        """Return what ``current`` would return at once; None: ask it.

        A look that is due is made here, for it takes two microseconds. A changed file is read by
        the next ``current``, and nothing is at hand until then, as everyone waits; but for one of
        more than ``MAX_AWAITED_BYTES``, where what was read last stands once reading has begun.
        """
        if self._loading is not None:
            return self._held if self._is_long else None
        checked_at = self._checked_at
        if abs(now - checked_at) < self._check_every or self._needs_no_reading(now):
            return self._held
        self._checked_at = checked_at  # so that it is due to the next ``current`` as well
        return None

    def _loaded(self, _: asyncio.Future[None]) -> None:
        self._loading = None

    def _needs_no_reading(self, now: datetime) -> bool:
        """Look at the file's marks; where they tell that nothing changed, confirm."""
        self._checked_at = now
        mark = self._mark()
        self._is_long = mark is not None and mark[1] > MAX_AWAITED_BYTES
        if self._failure is not None:
            return mark == self._failure.mark and abs(now - self._failure.at) < _RETRY
        if mark != self._seen.mark or self._seen.is_racy:
            return False
        self._held = Held(self._held.value, now)
        return True

    def _refresh(self, now: datetime) -> None:
        """Read the file again; what is wrong with it becomes an alarm, never an exception."""
        mark = self._mark()
        try:
            data, seen = self._load()
            if seen.digest == self._seen.digest:
                self._confirm(seen, self._held.value, now)
                return
            value = self._read(data, self._held.value, now)
        except (OSError, CertStatusError) as error:
            self._fail(_Failure(_reason(error), mark, now))
        else:
            self._confirm(seen, value, now)
            self._tell(EventKind.RELOADED, "read again after a change")

    def _confirm(self, seen: _Seen, value: T, now: datetime) -> None:
        self._seen, self._held = seen, Held(value, now)
        if self._failure is not None:
            self._tell(EventKind.RECOVERED, f"usable again, after: {self._failure.reason}")
            self._failure = None

    def _fail(self, failure: _Failure) -> None:
        if self.failed != failure.reason:
            self._tell(EventKind.RELOAD_FAILED, failure.reason)
        self._failure = failure

    def _tell(self, kind: EventKind, detail: str) -> None:
        event = SourceEvent(
            source=self._name, kind=kind, detail=detail, facts={"file": str(self.path)}
        )
        tell(event, self._observer)

    def _mark(self) -> _Mark | None:
        try:
            return _marks(self.path.stat())
        except OSError:
            return None

    def _load(self) -> tuple[bytes, _Seen]:
        """Read the whole file, and make sure that nobody wrote to it meanwhile."""
        # Opening a pipe would wait for its writer, for ever.
        if not stat.S_ISREG(self.path.stat().st_mode):
            raise MalformedError("is not a regular file", where=self.path.name)
        with self.path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > self._max_bytes:
                raise MalformedError(
                    f"is larger than {self._max_bytes} bytes", where=self.path.name
                )
            data = file.read(self._max_bytes + 1)
            read_at = time.time_ns()
            after = os.fstat(file.fileno())
        if _marks(before) != _marks(after) or len(data) != after.st_size:
            raise MalformedError("changed while it was read", where=self.path.name)
        is_racy = read_at - after.st_mtime_ns < _RACY_NANOSECONDS
        return data, _Seen(_marks(after), hashlib.sha256(data).digest(), is_racy)


def _marks(status: os.stat_result) -> _Mark:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def _reason(error: OSError | CertStatusError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
