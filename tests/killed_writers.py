"""Writers of an LMDB store that are killed at any moment, round after round.

``python -m tests.killed_writers FOLDER ROUNDS`` forks each writer: it runs no thread, so that a
fork is clean. It fails where a writer lost what it had told, or left the file broken.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from lmdb import verify

from certstatus.stores import StoreEvent
from certstatus.stores.lmdb import LMDBStore
from tests.stored import HOUR, NOW, key, stored

_LONGEST = 0.03


async def _write(path: Path, first: int, told: int) -> None:
    """Put in answers without end, and tell through a pipe which are in."""
    store = LMDBStore(path)
    for turn in range(10_000):
        shared = [(key(number), stored(NOW + turn * HOUR)) for number in range(20)]
        await store.put([*shared, (key(first + turn), stored())])
        os.write(told, turn.to_bytes(4, "big"))


def _write_until_killed(path: Path, first: int) -> int:
    """Return how many puts the writer told of before it was killed."""
    read, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(_write(path, first, told))
        finally:
            os._exit(1)
    os.close(told)
    os.read(read, 4)  # it writes
    time.sleep(random.random() * _LONGEST)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    with os.fdopen(read, "rb") as rest:
        return 1 + len(rest.read()) // 4


async def _check(path: Path, first: int, count: int) -> None:
    events: list[StoreEvent] = []
    store = LMDBStore(path, observe=events.append)
    found = [await store.get(key(first + turn)) for turn in range(count)]
    assert found == [stored()] * count
    shared = {await store.get(key(number)) for number in range(20)}
    assert len(shared) == 1, "all of a put, or nothing"
    (one,) = shared
    assert one is not None
    assert one.this_update >= NOW + (count - 1) * HOUR
    assert await store.put([(key(first - 1), stored())]) == 1
    await store.close()
    assert events == []


def main(folder: str, rounds: str) -> None:
    path, told = Path(folder), 0
    for turn in range(int(rounds)):
        first = 100_000 * (turn + 1)
        count = _write_until_killed(path, first)
        problems: list[str] = verify.verify(folder)  # type: ignore[no-untyped-call]
        assert problems == []
        asyncio.run(_check(path, first, count))
        told += count
    sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
