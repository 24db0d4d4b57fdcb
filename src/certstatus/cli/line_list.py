"""A list of targets, one in a line, read as it is needed: from a file, or from standard input."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import IO, Generic, TypeVar

from certstatus.cli.output import note
from certstatus.limits_tls import MAX_HOST_LINE_BYTES

__all__ = ["LineList"]

T = TypeVar("T")


class LineList(Generic[T]):
    """What the lines of a list name; ``#`` begins a comment.

    ``read`` takes a line's text, and returns None for what is no ``wanted``: that is told on
    stderr and counted in ``bad``.

    Reading it raises OSError where it can't be read.
    """

    def __init__(self, name: str, read: Callable[[str], T | None], *, wanted: str) -> None:
        self.name = name
        self.bad = 0
        self._read = read
        self._wanted = wanted

    def __iter__(self) -> Iterator[T]:
        with _open(self.name) as file:
            for number, line in enumerate(_lines(file), 1):
                text = line.decode("utf-8", "backslashreplace").partition("#")[0].strip()
                found = self._read(text) if text else None
                if found is not None:
                    yield found
                elif text:
                    self.bad += 1
                    note(f"certstatus: {self.name}:{number}: {text!r} is not {self._wanted}")

    async def __aiter__(self) -> AsyncIterator[T]:
        """Read in a thread: whoever writes the list may be slow, and others go on meanwhile."""
        loop = asyncio.get_running_loop()
        read: asyncio.Queue[T | OSError | None] = asyncio.Queue(maxsize=1)
        threading.Thread(target=self._feed, args=(loop, read), daemon=True).start()
        while (found := await read.get()) is not None:
            if isinstance(found, OSError):
                raise found
            yield found

    def _feed(
        self, loop: asyncio.AbstractEventLoop, read: asyncio.Queue[T | OSError | None]
    ) -> None:
        # Where the loop has ended before the list, there is nobody to read for.
        with contextlib.suppress(RuntimeError, CancelledError):
            try:
                for found in self:
                    asyncio.run_coroutine_threadsafe(read.put(found), loop).result()
            except OSError as error:
                asyncio.run_coroutine_threadsafe(read.put(error), loop).result()
            else:
                asyncio.run_coroutine_threadsafe(read.put(None), loop).result()

    def count(self) -> int | None:
        """Count the lines, for the progress; None where it can be read only once."""
        file = Path(self.name)
        if not file.is_file():
            return None
        with file.open("rb") as lines:
            return sum(1 for _ in lines)


def _open(name: str) -> IO[bytes]:
    """Open the list; standard input by a reader of our own.

    Python takes the lock of its own reader when it ends, and breaks down where a thread
    still waits in it.
    """
    if name != "-":
        return Path(name).open("rb")
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield lines, and of one that is too long its beginning."""
    is_new = True
    while line := file.readline(MAX_HOST_LINE_BYTES):
        if is_new:
            yield line
        is_new = line.endswith(b"\n")
