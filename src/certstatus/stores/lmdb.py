"""A store in a folder of this machine, for any number of processes: LMDB.

Readers wait for nobody; writers take turns. What was put in is there after a kill -9 of any
process, and a power cut costs the last write at most.

LMDB trusts its file, and a broken one could end the process that reads it. So whoever opens
the store while no other process has it open first walks through the file, up to a size; one
that is broken is set aside, and an empty store begun.

==============  ==========================================================================
file            what
==============  ==========================================================================
``data.mdb``    LMDB's: entries by key (``answers-1``), and by when they are due (``due-1``)
``lock.mdb``    LMDB's: who reads and writes
``users.lock``  locked by every process that has the store open (flock)
``broken``      there while a process has found ``data.mdb`` broken that others have open
==============  ==========================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import lmdb

from certstatus.errors import MalformedError, StoreError
from certstatus.limits import (
    MAX_STORE_BYTES,
    MAX_STORE_USERS,
    MAX_STORE_WRITES,
    STORE_OPEN_TIME,
)
from certstatus.stores.base import (
    EncodedEntry,
    Observer,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
)
from certstatus.stores.lmdb_file import problem_of, read_through, reserve
from certstatus.stores.lmdb_tables import Putting, Removing, Tables

__all__ = ["LMDBStore"]

T = TypeVar("T")

_ANSWERS: Final = b"answers-1"
_DUE: Final = b"due-1"
_LOCK_BYTES: Final = 8192 + 64 * MAX_STORE_USERS
_BROKEN: Final = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.PanicError,
    lmdb.VersionMismatchError,
)


class _BrokenError(StoreError):
    """The file itself is broken: it is to be closed by all, and set aside."""


class _ThisProcess:
    """Which process this is; asking the kernel each time would cost a look-up a tenth of its time."""

    pid = os.getpid()

    @classmethod
    def note_fork(cls) -> None:
        cls.pid = os.getpid()


os.register_at_fork(after_in_child=_ThisProcess.note_fork)


@dataclass(frozen=True, slots=True)
class _Files:
    """The store, opened by the process ``pid``."""

    env: lmdb.Environment
    answers: lmdb._Database
    due: lmdb._Database
    users: int
    pid: int

    def version(self) -> int:
        with self.env.begin() as transaction:
            return transaction.id()

    def read(self, encoded: bytes) -> bytes | None:
        with self.env.begin(db=self.answers) as transaction:
            return transaction.get(encoded)

    def close(self) -> None:
        self.env.close()
        os.close(self.users)


class LMDBStore:
    """A ``ResponseStore`` in the folder ``path``, which is made where it is not there.

    ``max_bytes`` bounds the file; what is past its nextUpdate makes room by and by. It may be
    used by one event loop of each process; a process that was forked opens it for itself.
    Nothing is opened before it is first used. With ``reads_through`` the first process that
    opens the file reads it into the kernel's memory, in a thread of its own.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = MAX_STORE_BYTES,
        reads_through: bool = False,
        observe: Observer = lambda _: None,
    ) -> None:
        self.name = f"lmdb:{path}"
        self._path = path
        self._max_bytes = max_bytes
        self._reads_through = reads_through
        self._is_closed = threading.Event()
        self._observe = observe
        self._lock = threading.Lock()
        self._files: _Files | None = None
        self._pid = _ThisProcess.pid
        self._executor = self._new_executor()
        self._waiting = 0

    @staticmethod
    def _new_executor() -> ThreadPoolExecutor:
        """One thread: LMDB's writers take turns anyway."""
        return ThreadPoolExecutor(1, "certstatus-lmdb")

    # --- the interface ---------------------------------------------------------------------

    @property
    def is_at_hand(self) -> bool:
        """Whether it is open: then a look-up is a look into memory."""
        files = self._files
        return files is not None and files.pid == _ThisProcess.pid

    @property
    def version(self) -> int:
        """The number of the last write that is seen, by whatever process; 0 where it is not open."""
        files = self._files
        if files is None or files.pid != _ThisProcess.pid:
            return 0
        try:
            with self._lock:
                return files.version()
        except lmdb.Error:
            return 0

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        """Return the entry under ``StoreKey.encode()``, unread; None: none, or it is not open."""
        files = self._files
        if files is None or files.pid != _ThisProcess.pid:
            return None
        try:
            with self._lock:
                return files.read(encoded_key)
        except lmdb.Error:
            return None

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key."""
        encoded = key.encode()
        if not self.is_at_hand:
            await self._in_thread(self._open)
        try:
            with self._lock, self._translated():
                entry = self._opened().read(encoded)
        except _BrokenError:
            await self._in_thread(self._give_up)
            raise
        if entry is None:
            return None
        try:
            return StoredResponse.decode(entry, key)
        except MalformedError as error:
            self._tell(StoreEventKind.ENTRY_BROKEN, f"{encoded.hex()}: {error}")
            return None

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        """Put answers in, all in one transaction; return how many were taken."""
        return await self._in_thread(
            lambda: self._change(Putting([(key.encode(), one.encode(key)) for key, one in entries]))
        )

    async def put_entries(self, entries: Sequence[EncodedEntry]) -> int:
        """Put answers in that are written already, all in one transaction."""
        return await self._in_thread(lambda: self._change(Putting(entries)))

    async def remove(self, keys: Sequence[StoreKey]) -> None:
        """Take answers out."""
        await self._in_thread(lambda: self._change(Removing(keys)))

    async def due(self, authority: bytes, before: datetime, limit: int) -> Sequence[StoreKey]:
        """List what an authority has to sign anew."""
        return await self._in_thread(lambda: self._due(authority, before, limit))

    async def close(self) -> None:
        """Let go of the files, after the writes that are under way."""
        await self._in_thread(self._let_go)
        is_idle = self._waiting <= 1  # our own call, which may not have been counted out yet
        self._executor.shutdown(wait=is_idle, cancel_futures=True)

    # --- the thread ------------------------------------------------------------------------

    async def _in_thread(self, job: Callable[[], T]) -> T:
        """Run a job after those before it.

        Raises:
            StoreError: too many wait already: another process holds up the writers.
        """
        if self._pid != _ThisProcess.pid:  # threads do not survive a fork
            self._pid, self._executor, self._waiting = _ThisProcess.pid, self._new_executor(), 0
            self._lock = threading.Lock()
        if self._waiting >= MAX_STORE_WRITES:
            raise StoreError(f"{self.name}: {self._waiting} writes are under way already")
        self._waiting += 1
        try:
            future = self._executor.submit(job)
        except RuntimeError:  # shut down: closing twice is no error, using it then is one
            self._waiting -= 1
            if job == self._let_go:
                return job()
            raise StoreError(f"{self.name} is closed") from None
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _call_soon(loop, self._ended))
        return await asyncio.wrap_future(future)

    def _ended(self) -> None:
        self._waiting -= 1

    # --- opening ---------------------------------------------------------------------------

    def _opened(self) -> _Files:
        files = self._files
        if files is None or files.pid != _ThisProcess.pid:
            raise StoreError(f"{self.name} is not open")
        return files

    def _open(self) -> None:
        """Open the files, unless this process has them open."""
        files = self._files
        if files is not None and files.pid == _ThisProcess.pid:
            return
        with self._translated():
            if files is not None:  # what a fork left us is the parent's, and must go first
                files.close()
            self._files = self._open_files()

    def _open_files(self) -> _Files:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        users = os.open(self._path / "users.lock", flags, 0o600)
        try:
            is_first = self._join(users)
            files = self._open_environment(users)
        except BaseException:
            os.close(users)
            raise
        if is_first and self._reads_through:
            self._start_reading()
        return files

    def _start_reading(self) -> None:
        """Read the file beside all else; what is wrong with it, others find out."""

        def read() -> None:
            with contextlib.suppress(OSError):
                read_through(self._path / "data.mdb", closed)

        closed = self._is_closed = threading.Event()
        threading.Thread(target=read, name="certstatus-lmdb-read", daemon=True).start()

    def _join(self, users: int) -> bool:
        """Become one of those who have the store open; the first one sees whether it is sound.

        Returns:
            Whether this is the first one.
        """
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _lock_shared(users, self.name)
            if self._marker.exists():
                text = f"{self.name} is broken, and other processes have it open still"
                raise StoreError(text) from None
            return False
        self._set_aside_if_broken()
        fcntl.flock(users, fcntl.LOCK_SH)
        return True

    def _open_environment(self, users: int) -> _Files:
        reserve(self._path / "lock.mdb", _LOCK_BYTES)
        env = lmdb.open(
            os.fspath(self._path),
            map_size=self._max_bytes,
            max_dbs=2,
            mode=0o600,
            max_readers=MAX_STORE_USERS,
            max_spare_txns=1,
            # A power cut may undo the last write, and breaks nothing.
            metasync=False,
            # Answers are read one by one, from all over the file.
            readahead=False,
        )
        try:
            env.reader_check()
            return _Files(env, env.open_db(_ANSWERS), env.open_db(_DUE), users, _ThisProcess.pid)
        except BaseException:
            env.close()
            raise

    def _let_go(self) -> None:
        self._is_closed.set()
        with self._lock:
            files, self._files = self._files, None
            if files is not None and files.pid == _ThisProcess.pid:
                files.close()

    # --- a broken file ---------------------------------------------------------------------

    @property
    def _marker(self) -> Path:
        return self._path / "broken"

    def _set_aside_if_broken(self) -> None:
        data = self._path / "data.mdb"
        reason = "a process found it so" if self._marker.exists() else problem_of(data)
        if reason is None:
            return
        aside = data.with_name("data.mdb.broken")
        with contextlib.suppress(FileNotFoundError):
            data.replace(aside)
        for stale in (self._path / "lock.mdb", self._marker):
            stale.unlink(missing_ok=True)
        self._tell(StoreEventKind.SET_ASIDE, f"{reason}; it is {aside} now, the store is empty")

    def _give_up(self) -> None:
        """Let go of a broken file, and have the other processes do so."""
        with contextlib.suppress(OSError):
            self._marker.touch()
        self._let_go()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what LMDB and the system raise into StoreError."""
        try:
            yield
        except _BROKEN as error:
            raise _BrokenError(f"{self.name} is broken: {error}") from error
        except lmdb.MapFullError as error:
            text = f"{self.name} is full: it has reached {self._max_bytes:,} bytes"
            raise StoreError(text) from error
        except lmdb.Error as error:
            raise StoreError(f"{self.name}: {error}") from error
        except OSError as error:
            raise StoreError(f"{self.name}: {os.strerror(error.errno or errno.EIO)}") from error

    # --- in the thread ---------------------------------------------------------------------

    def _change(self, change: Callable[[Tables], T]) -> T:
        """Make a change in one transaction: all of it is there afterwards, or nothing."""
        return self._with_tables(change, write=True)

    def _due(self, authority: bytes, before: datetime, limit: int) -> list[StoreKey]:
        return self._with_tables(lambda tables: tables.due(authority, before, limit), write=False)

    def _with_tables(self, work: Callable[[Tables], T], *, write: bool) -> T:
        self._open()
        try:
            with self._translated():
                files = self._opened()
                if self._marker.exists():
                    raise lmdb.CorruptedError("another process found it so")
                with files.env.begin(write=write) as transaction:
                    return work(Tables(transaction, files.answers, files.due))
        except _BrokenError:
            self._give_up()
            raise

    def _tell(self, kind: StoreEventKind, detail: str) -> None:
        self._observe(StoreEvent(kind, self.name, detail))


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and its count with it
        loop.call_soon_threadsafe(call)


def _lock_shared(users: int, name: str) -> None:
    """Wait for whoever looks at the file just now."""
    deadline = time.monotonic() + STORE_OPEN_TIME.total_seconds()
    while True:
        try:
            fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(f"{name} is held by another process alone") from None
            time.sleep(0.02)
        else:
            return
