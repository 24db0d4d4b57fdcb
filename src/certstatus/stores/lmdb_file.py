"""An LMDB file as octets, while nobody has it open: whether it may be opened.

LMDB believes its file. A page that is not what it should be is an error of LMDB at best, and
reading past the end of the file ends the process.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from threading import Event
from typing import Final

from lmdb import verify

from certstatus.limits import MAX_VERIFIED_STORE_BYTES
from certstatus.limits_hot import READ_THROUGH_SHARE

__all__ = ["problem_of", "read_through", "reserve"]

_META: Final = struct.Struct("=16x I I 16x I 92x Q Q")
"""Of LMDB 0.9, on 64 bits: magic, version, page size, last page, transaction."""

_MAGIC: Final = 0xBEEFC0DE
_VERSION: Final = 1
_TAIL_BYTES: Final = 2**20
"""Pages at the end that were given back before they were written may be missing; not so many."""


_AT_ONCE: Final = 2**20
"""Octets that are read in one step."""


def problem_of(data: Path) -> str | None:
    """Say what is broken about a file; None: it may be opened, or is not there.

    One up to MAX_VERIFIED_STORE_BYTES is walked through, page by page; of a larger one it is
    seen whether it is as long as it says.
    """
    try:
        size = data.stat().st_size
    except FileNotFoundError:
        return None
    if size == 0:
        return None
    if size > MAX_VERIFIED_STORE_BYTES:
        return _shortness(data, size)
    try:
        found: list[str] = verify.verify(os.fspath(data), subdir=False)  # type: ignore[no-untyped-call]
    except verify.VerifyError as error:
        return str(error)
    return found[0] if found else _shortness(data, size)


def _shortness(data: Path, size: int) -> str | None:
    """Compare a file's length with what its newest meta page says, and fill up a short tail."""
    with data.open("r+b") as file:
        first = file.read(_META.size).ljust(_META.size, b"\0")
        page_size: int = _META.unpack(first)[2]
        file.seek(page_size)
        second = file.read(_META.size).ljust(_META.size, b"\0")
        metas = [_META.unpack(one) for one in (first, second)]
        if any(one[:3] != (_MAGIC, _VERSION, page_size) for one in metas):
            return "its first pages are none of LMDB's"
        last_page: int = max(metas, key=lambda one: int(one[4]))[3]
        needed = (last_page + 1) * page_size
        if size < needed - _TAIL_BYTES:
            return f"it has {size:,} octets, and {needed:,} are in use"
        if size < needed:
            file.truncate(needed)
    return None


def reserve(path: Path, size: int) -> None:
    """Have the octets of LMDB's lock file on the disk: it writes them in memory, unasked.

    Raises:
        OSError: there is no room.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size < size:
            os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def read_through(data: Path, stop: Event) -> int:
    """Read a file from its beginning, up to ``READ_THROUGH_SHARE`` of the memory that is free.

    From then on the kernel has it in memory. Answers are looked up all over the file, which from
    a disk, page by page, takes a hundred times longer.

    Returns:
        How many octets were read, until the end, the share, or ``stop``.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    left, read, buffer = int(free * READ_THROUGH_SHARE), 0, bytearray(_AT_ONCE)
    with data.open("rb", buffering=0) as file:
        while left > 0 and not stop.is_set():
            octets = file.readinto(memoryview(buffer)[:left])
            if not octets:
                break
            left, read = left - octets, read + octets
    return read
