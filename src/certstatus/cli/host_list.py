"""A list of hosts, one in a line, read as it is needed: from a file, or from standard input."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import IO, TypeAlias

from certstatus.cli.output import note
from certstatus.limits_tls import MAX_HOST_LINE_BYTES
from certstatus.tls.host import Host, parse_host

__all__ = ["HostList"]


class HostList:
    """The hosts of a list; ``#`` begins a comment.

    ``port`` is that of hosts without one. A line that names no host is told on stderr and
    counted in ``bad``.

    Reading it raises OSError where it can't be read.
    """

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.bad = 0
        self._port = port

    def __iter__(self) -> Iterator[Host]:
        with _open(self.name) as file:
            for number, line in enumerate(_lines(file), 1):
                text = line.decode("utf-8", "backslashreplace").partition("#")[0].strip()
                host = parse_host(text, self._port) if text else None
                if host is not None:
                    yield host
                elif text:
                    self.bad += 1
                    note(f"certstatus: {self.name}:{number}: {text!r} is not HOST or HOST:PORT")

    async def __aiter__(self) -> AsyncIterator[Host]:
        """Read in a thread: whoever writes the list may be slow, and probes go on meanwhile."""
        loop, read = asyncio.get_running_loop(), _Read(maxsize=1)
        threading.Thread(target=self._read, args=(loop, read), daemon=True).start()
        while (host := await read.get()) is not None:
            if isinstance(host, OSError):
                raise host
            yield host

    def _read(self, loop: asyncio.AbstractEventLoop, read: _Read) -> None:
        # Where the loop has ended before the list, there is nobody to read for.
        with contextlib.suppress(RuntimeError, CancelledError):
            try:
                for host in self:
                    asyncio.run_coroutine_threadsafe(read.put(host), loop).result()
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


_Read: TypeAlias = asyncio.Queue[Host | OSError | None]


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
