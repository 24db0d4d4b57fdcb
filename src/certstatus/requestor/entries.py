"""A directory of small files, each a line of JSON and DER behind it.

Its law: a file is written whole or not at all, in a directory of its owner's alone; nothing
is ever unpickled; what a file says is for its reader to verify.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from certstatus.errors import MalformedError

__all__ = ["Entries", "directory_problem", "write_whole"]

_NEW: Final = ".new-"
_T = TypeVar("_T")


class Entries:
    """Entries by name in one directory; many threads and processes may share it.

    Args:
        directory: made when it is first written to, for its owner alone (0700).
        suffix: ends the names of the files; others in the directory are left alone.
        format_number: written into each entry; entries of another number are damaged.
        max_entries: past it the oldest go, a tenth at a time.
        max_bytes: no larger file is read.
        is_durable: a file that was written outlasts a loss of power.
    """

    def __init__(
        self,
        directory: Path,
        *,
        suffix: str,
        format_number: int,
        max_entries: int,
        max_bytes: int,
        is_durable: bool = False,
    ) -> None:
        self.directory = directory
        self.max_entries = max_entries
        self._suffix = suffix
        self._format = format_number
        self._max_bytes = max_bytes
        self._is_durable = is_durable

    def read(self, name: str, take: Callable[[Mapping[str, Any], bytes], _T]) -> _T | None:
        """Read an entry by ``take``, of its JSON and its DER; None where there is none.

        Raises:
            MalformedError: the file can't be read, or is none of ours.
        """
        try:
            return take(*self._parts(self._file(name)))
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = f"can't be read: {error.strerror}"
            raise MalformedError(reason, where="stored response") from error
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise MalformedError("is damaged, or none of ours", where="stored response") from error

    def _parts(self, file: Path) -> tuple[Mapping[str, Any], bytes]:
        with file.open("rb") as opened:
            data = opened.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise ValueError("too large")
        line, _, der = data.partition(b"\n")
        told: Mapping[str, Any] = json.loads(line)
        if told["format"] != self._format:
            raise ValueError("another format")
        return told, der

    def write(self, name: str, told: Mapping[str, object], der: bytes) -> None:
        """Write an entry: readers see the old one or the new one, never a part. Raises OSError."""
        line = json.dumps({"format": self._format, **told}).encode("ascii")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._file(name), line + b"\n" + der, is_durable=self._is_durable)
        self._evict()

    def drop(self, name: str) -> None:
        """Forget an entry; one that can't be removed stays."""
        with contextlib.suppress(OSError):
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}{self._suffix}"

    def _evict(self) -> None:
        """Drop the oldest; what a writer that was killed left behind is among them."""
        files = [
            Path(entry.path)
            for entry in os.scandir(self.directory)
            if entry.name.endswith(self._suffix) or entry.name.startswith(_NEW)
        ]
        if len(files) <= self.max_entries:
            return
        kept = self.max_entries - self.max_entries // 10
        ages = sorted((_modified(file), file) for file in files)
        for _, file in ages[: len(files) - kept]:
            file.unlink(missing_ok=True)


def write_whole(file: Path, data: bytes, *, is_durable: bool) -> None:
    """Write a file beside its place and move it in; what fails leaves nothing behind.

    Raises:
        OSError: it can't be written. What stood there before still stands.
    """
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=_NEW)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(data)
            if is_durable:
                new.flush()
                os.fsync(descriptor)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    if is_durable:
        _sync(file.parent)


def directory_problem(directory: Path) -> str | None:
    """Say why a directory can't keep what is ours alone; None: it can, or is not there yet."""
    if not directory.is_absolute():
        return "can't be found: this user has no home"
    try:
        found = directory.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return _ownership_problem(found)


def _ownership_problem(found: os.stat_result) -> str | None:
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written to by others"
    return None


def _sync(directory: Path) -> None:
    """Let a name that was moved outlast a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
