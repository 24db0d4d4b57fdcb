"""Files that are there whole or not at all: keys for their owner alone, replaced by renames."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["create_file", "place_file", "sync_folder"]


def create_file(path: Path, data: bytes, *, mode: int) -> None:
    """Write a new file.

    Raises:
        FileExistsError: there is one already, which stays as it is.
        OSError: the file system refused; nothing is left behind.
    """
    aside = _aside(path, data, mode)
    try:
        os.link(aside, path)
    finally:
        aside.unlink()
    sync_folder(path.parent)


def place_file(path: Path, data: bytes, *, mode: int, like: Path | None = None) -> None:
    """Write a file in the place of another, or where there is none.

    Owner and mode are those of the other, or of ``like``; ``mode`` counts where that is not
    there.

    Raises:
        OSError: the file system refused; the old file stands.
    """
    aside = _aside(path, data, mode)
    try:
        with contextlib.suppress(FileNotFoundError):
            _take_after(aside, (like or path).stat())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _aside(path: Path, data: bytes, mode: int) -> Path:
    """Write the whole file beside its place."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return aside


def _take_after(aside: Path, other: os.stat_result) -> None:
    with contextlib.suppress(PermissionError):  # only root may give a file away
        os.chown(aside, other.st_uid, other.st_gid)
    aside.chmod(other.st_mode & 0o7777)
