"""An LMDB store: several processes, kill -9, a broken file, no room, and a fork."""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb
import pytest
from lmdb import verify as walk

from certstatus.errors import StoreError
from certstatus.limits import (
    MAX_STORE_BYTES,
    MAX_STORE_USERS,
    MAX_STORE_WRITES,
    MAX_VERIFIED_STORE_BYTES,
    STORE_OPEN_TIME,
)
from certstatus.limits_hot import READ_THROUGH_SHARE
from certstatus.stores import StoredResponse, StoreEvent, StoreEventKind, lmdb_file
from certstatus.stores import lmdb as module
from certstatus.stores.lmdb import LMDBStore
from certstatus.stores.lmdb_file import read_through
from dev.tree import ROOT
from tests.serving import in_loop
from tests.stored import GOOD, HOUR, NOW, REVOKED, key, stored

T = TypeVar("T")
AUTHORITY = key().authority


async def filled(path: Path, count: int = 50, **more: Any) -> None:
    store = LMDBStore(path, **more)
    await store.put([(key(number), stored()) for number in range(count)])
    await store.close()


def problems(path: Path) -> list[str]:
    """Say what is broken about the file, by the walk of py-lmdb."""
    found: list[str] = walk.verify(str(path))  # type: ignore[no-untyped-call]
    return found


def spoil(path: Path, at: float = 0.5) -> None:
    """Overwrite a page in the middle of the file."""
    data = bytearray(path.read_bytes())
    page = int(len(data) * at) // 4096 * 4096
    data[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(data)


# --- several at once --------------------------------------------------------------------------


WRITER = """
import asyncio, sys
from pathlib import Path
from certstatus.stores.lmdb import LMDBStore
from tests.stored import HOUR, NOW, key, stored

async def main(path, first, rounds):
    store = LMDBStore(Path(path))
    for turn in range(int(rounds)):
        entries = [(key(number), stored(NOW + turn * HOUR)) for number in range(20)]
        await store.put(entries)
        await store.put([(key(int(first) + turn), stored())])
        print(turn, flush=True)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def writing(path: Path, first: int, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@in_loop
async def test_processes_write_side_by_side_and_see_what_the_others_wrote(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(99), stored())])
    others = [writing(tmp_path, 1000 * number, 10) for number in (1, 2)]
    for other in others:
        out, _ = await asyncio.to_thread(other.communicate, timeout=30)
        assert out.split() == [str(turn) for turn in range(10)]

    found = [await store.get(key(1000 * n + turn)) for n in (1, 2) for turn in range(10)]
    assert found == [stored()] * 20
    assert await store.get(key(7)) == stored(NOW + 9 * HOUR)
    await store.close()


def test_a_killed_writer_loses_nothing_that_it_had_told(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """``kill -9`` at any moment: what was put is there, the rest is whole, and others go on."""
    rounds: int = request.config.getoption("--rounds")
    command = [sys.executable, "-m", "tests.killed_writers", str(tmp_path), str(rounds)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=30 + rounds, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= rounds


def test_a_fork_opens_the_store_for_itself(tmp_path: Path) -> None:
    async def parent() -> tuple[int, StoredResponse | None]:
        store = LMDBStore(tmp_path)
        await store.put([(key(1), stored())])
        process = multiprocessing.get_context("fork").Process(target=child, args=(store,))
        process.start()
        await asyncio.to_thread(process.join, 20)
        found = await store.get(key(2))
        await store.close()
        return process.exitcode or 0, found

    def child(store: LMDBStore) -> None:
        async def use() -> int:
            there = await store.get(key(1))
            await store.put([(key(2), stored())])
            await store.close()
            return 0 if there == stored() else 1

        # The parent's loop is not the child's.
        with ThreadPoolExecutor(1) as thread:
            code = thread.submit(asyncio.run, use()).result(15)
        os._exit(code)

    assert asyncio.run(parent()) == (0, stored())


@in_loop
async def test_what_another_process_holds_up_is_refused_and_not_piled_up(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(), stored())])
    files = store._opened()
    with files.env.begin(write=True):  # as a process does that was stopped in the middle
        puts = [
            asyncio.ensure_future(store.put([(key(n), stored())])) for n in range(MAX_STORE_WRITES)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="under way already"):
            await store.put([(key(), stored(NOW + HOUR))])
        assert await store.get(key()) == stored()
    assert await asyncio.gather(*puts) == [0 if n == 7 else 1 for n in range(MAX_STORE_WRITES)]
    await store.close()


# --- what has ended makes room -----------------------------------------------------------------


@in_loop
async def test_what_has_ended_is_swept_out_by_what_comes(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(number), stored()) for number in range(100)])
    later = NOW + 97 * HOUR
    await store.put([(key(number), stored(later)) for number in range(200, 260)])

    assert await store.due(AUTHORITY, later, 1000) == []
    assert [await store.get(key(number)) for number in (0, 99)] == [None, None]
    assert await store.get(key(200)) == stored(later)
    await store.close()


@in_loop
async def test_what_is_due_and_has_not_ended_stays(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(1), stored())])
    await store.put([(key(2), stored(NOW + 95 * HOUR))])

    assert await store.due(AUTHORITY, NOW + 95 * HOUR, 10) == [key(1)]
    assert await store.get(key(1)) == stored()
    await store.close()


# --- a broken file -----------------------------------------------------------------------------


@in_loop
async def test_a_broken_file_is_set_aside_and_told_of_and_the_store_goes_on_empty(
    tmp_path: Path,
) -> None:
    await filled(tmp_path, 500)
    spoil(tmp_path / "data.mdb")
    events: list[StoreEvent] = []
    store = LMDBStore(tmp_path, observe=events.append)

    assert await store.get(key(1)) is None
    assert await store.put([(key(1), stored(NOW, REVOKED))]) == 1
    assert await store.get(key(1)) == stored(NOW, REVOKED)
    assert [event.kind for event in events] == [StoreEventKind.SET_ASIDE]
    assert (tmp_path / "data.mdb.broken").stat().st_size > 4096
    await store.close()


@pytest.mark.parametrize("content", [b"", b"\x00" * 4096, b"no lmdb", os.urandom(20_000)])
def test_a_file_that_is_no_store_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    events: list[StoreEvent] = []

    @in_loop
    async def check() -> None:
        store = LMDBStore(tmp_path, observe=events.append)
        assert await store.put([(key(1), stored())]) == 1
        assert await store.get(key(1)) == stored()
        await store.close()

    check()
    assert len(events) == bool(content)


@in_loop
async def test_a_file_cut_short_is_set_aside(tmp_path: Path) -> None:
    """Read on, it would end the process: past its end there is no memory."""
    await filled(tmp_path, 2000)
    data = tmp_path / "data.mdb"
    os.truncate(data, data.stat().st_size // 2)
    events: list[StoreEvent] = []
    store = LMDBStore(tmp_path, observe=events.append)

    assert [await store.get(key(number)) for number in range(0, 2000, 100)] == [None] * 20
    assert [event.kind for event in events] == [StoreEventKind.SET_ASIDE]
    await store.close()


@in_loop
async def test_a_file_found_broken_while_others_have_it_open_is_let_go_by_all(
    tmp_path: Path,
) -> None:
    events: list[StoreEvent] = []
    finder, other = (LMDBStore(tmp_path, observe=events.append) for _ in range(2))
    await finder.put([(key(1), stored())])
    reader = holding(tmp_path)
    assert reader.stdout is not None
    assert reader.stdin is not None
    assert reader.stdout.readline() == "open\n"

    await asyncio.wrap_future(finder._executor.submit(finder._give_up))
    with pytest.raises(StoreError, match="other processes have it open"):
        await finder.get(key(1))
    reader.stdin.write("put\n")
    reader.stdin.flush()
    assert "broken" in reader.stdout.readline()
    assert await finder.get(key(1)) is None
    assert [event.kind for event in events] == [StoreEventKind.SET_ASIDE]
    assert await finder.put([(key(1), stored())]) == 1
    reader.stdin.close()
    assert reader.wait(20) == 0
    reader.stdout.close()
    await finder.close()
    assert other._files is None


def holding(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


HOLDER = """
import asyncio, sys
from pathlib import Path
from certstatus.errors import StoreError
from certstatus.stores.lmdb import LMDBStore
from tests.stored import key, stored

async def main(path):
    store = LMDBStore(Path(path))
    await store.get(key(1))
    print("open", flush=True)
    sys.stdin.readline()
    try:
        await store.put([(key(2), stored())])
    except StoreError as error:
        print(error, flush=True)
    sys.stdin.readline()
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


@in_loop
async def test_a_broken_entry_is_none_and_is_replaced(tmp_path: Path) -> None:
    await filled(tmp_path, 2)
    with lmdb.open(str(tmp_path), max_dbs=2) as env:
        answers = env.open_db(b"answers-1")
        with env.begin(write=True, db=answers) as transaction:
            entry = bytearray(transaction.get(key(1).encode()) or b"")
            entry[-1] ^= 1
            transaction.put(key(1).encode(), bytes(entry))
    events: list[StoreEvent] = []
    store = LMDBStore(tmp_path, observe=events.append)

    assert await store.get(key(1)) is None
    assert await store.get(key(0)) == stored()
    assert [event.kind for event in events] == [StoreEventKind.ENTRY_BROKEN]
    assert await store.put([(key(1), stored(NOW - HOUR))]) == 1
    assert await store.get(key(1)) == stored(NOW - HOUR)
    await store.put([(key(3), stored(NOW + 60 * HOUR)), (key(4), stored(NOW + 60 * HOUR))])
    assert set(await store.due(AUTHORITY, NOW + 50 * HOUR, 9)) == {key(0), key(1)}
    await store.close()


@in_loop
async def test_a_large_file_is_not_walked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path)
    walked: list[str] = []

    def note(path: str, **_: object) -> list[str]:
        walked.append(path)
        return []

    monkeypatch.setattr(walk, "verify", note)
    for limit in (MAX_VERIFIED_STORE_BYTES, 100):
        monkeypatch.setattr(lmdb_file, "MAX_VERIFIED_STORE_BYTES", limit)
        await filled(tmp_path)

    assert walked == [str(tmp_path / "data.mdb")]


@pytest.mark.parametrize(("missing", "is_broken"), [(0, False), (4096, False), (2**20, True)])
def test_a_large_file_that_was_cut_is_set_aside_and_a_short_tail_filled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int, is_broken: bool
) -> None:
    asyncio.run(filled(tmp_path, 12_000))
    monkeypatch.setattr(lmdb_file, "MAX_VERIFIED_STORE_BYTES", 100)
    data = tmp_path / "data.mdb"
    size = data.stat().st_size
    with lmdb.open(str(tmp_path)) as env:
        in_use = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    assert in_use <= size
    if missing:
        os.truncate(data, in_use - missing - 1)

    found = lmdb_file.problem_of(data)

    assert (found is not None) is is_broken
    if not is_broken:
        assert data.stat().st_size >= in_use
    else:
        assert f"{in_use:,} are in use" in str(found)


@pytest.mark.parametrize("content", [bytes(9000), b"\xff" * 9000, b"short of a meta page"])
def test_a_large_file_that_is_no_store_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(lmdb_file, "MAX_VERIFIED_STORE_BYTES", 10)
    data = tmp_path / "data.mdb"
    data.write_bytes(content)

    assert lmdb_file.problem_of(data) == "its first pages are none of LMDB's"


# --- no room, no right, no such thing ----------------------------------------------------------


@in_loop
async def test_a_store_that_is_full_says_so_and_is_read_on(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path, max_bytes=2**17)
    await store.put([(key(1), stored())])
    with pytest.raises(StoreError, match="full: it has reached 131,072 bytes"):
        await store.put([(key(number), stored(der=bytes(1000))) for number in range(2, 500)])

    assert await store.get(key(1)) == stored()
    assert await store.get(key(2)) is None, "all of a put, or nothing"
    await store.close()


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Refuse what would grow a file past that, as a full disk does, with an error of its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    past = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, past)


@in_loop
async def test_without_room_on_the_disk_nothing_is_taken_and_what_is_there_is_read(
    tmp_path: Path,
) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(1), stored())])
    size = (tmp_path / "data.mdb").stat().st_size
    entries = [(key(number), stored(der=bytes(1000))) for number in range(2, 500)]
    with no_file_larger_than(size + 8192):
        with pytest.raises(StoreError, match=f"lmdb:{tmp_path}"):
            await store.put(entries)
        assert await store.get(key(1)) == stored()
        assert await store.get(key(2)) is None

    assert await store.put(entries) == len(entries)
    await store.close()
    assert problems(tmp_path) == []


def test_a_store_begun_on_a_full_disk_fails_and_ends_no_process(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path / "new")

    @in_loop
    async def check() -> None:
        with no_file_larger_than(100), pytest.raises(StoreError, match="too large"):
            await store.get(key())
        assert await store.get(key()) is None
        await store.close()

    check()


@in_loop
async def test_a_path_that_is_no_folder_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LMDBStore(tmp_path / "file")

    for _ in range(2):
        with pytest.raises(StoreError, match="File exists"):
            await store.get(key())
    await store.close()


@in_loop
async def test_a_closed_store_is_an_error_to_use(tmp_path: Path) -> None:
    store = LMDBStore(tmp_path)
    await store.put([(key(), stored())])
    await store.close()

    with pytest.raises(StoreError, match="is closed"):
        await store.get(key())


@in_loop
async def test_whoever_opens_it_waits_for_one_who_looks_at_it_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path)
    monkeypatch.setattr(module, "STORE_OPEN_TIME", STORE_OPEN_TIME / 100)
    with (tmp_path / "users.lock").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        store = LMDBStore(tmp_path)
        with pytest.raises(StoreError, match="held by another process alone"):
            await store.get(key())
        fcntl.flock(users, fcntl.LOCK_UN)
    assert await store.get(key(1)) == stored(NOW, GOOD)
    await store.close()


def test_only_its_owner_may_read_it_and_its_bounds_are_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "store"
    asyncio.run(filled(path))

    assert path.stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in path.iterdir())
    assert LMDBStore(path)._max_bytes == MAX_STORE_BYTES
    assert (path / "lock.mdb").stat().st_size == 8192 + 64 * MAX_STORE_USERS


# --- at hand ----------------------------------------------------------------------------------


def test_an_entry_is_at_hand_once_the_store_is_open(tmp_path: Path) -> None:
    async def look() -> None:
        await filled(tmp_path / "answers")
        store = LMDBStore(tmp_path / "answers")
        assert store.at_hand(key(1).encode()) is None
        assert store.version == 0
        await store.get(key(1))
        assert store.at_hand(key(1).encode()) == stored().encode(key(1))
        assert store.at_hand(key(99).encode()) is None
        await store.close()
        assert store.at_hand(key(1).encode()) is None
        assert store.version == 0

    asyncio.run(look())


def test_the_version_is_another_after_each_write_of_any_process(tmp_path: Path) -> None:
    async def look() -> None:
        mine = LMDBStore(tmp_path / "answers")
        await mine.put([(key(1), stored())])
        first = mine.version
        assert first == mine.version > 0
        command = [sys.executable, "-c", PUT, str(tmp_path / "answers")]
        await asyncio.to_thread(subprocess.run, command, check=True, cwd=ROOT)
        assert mine.version > first
        assert mine.at_hand(key(2).encode()) == stored().encode(key(2))
        await mine.close()

    asyncio.run(look())


PUT = """
import asyncio, sys
from pathlib import Path
from certstatus.stores.lmdb import LMDBStore
from tests.stored import key, stored

async def main(path):
    store = LMDBStore(Path(path))
    await store.put([(key(2), stored())])
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def test_a_child_does_not_look_through_its_parent_s_files(tmp_path: Path) -> None:
    async def look() -> None:
        store = LMDBStore(tmp_path / "answers")
        await store.put([(key(1), stored())])
        assert not seen_by_child(store)
        await store.close()

    asyncio.run(look())


def seen_by_child(store: LMDBStore) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(store.at_hand(key(1).encode()) is not None or store.version != 0)
    _, status = os.waitpid(pid, 0)
    return status != 0


# --- read through ---------------------------------------------------------------------------


def test_a_file_is_read_through_up_to_a_share_of_the_memory_that_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, stop = tmp_path / "data.mdb", threading.Event()
    data.write_bytes(bytes(3 * 2**20 + 7))
    assert read_through(data, stop) == 3 * 2**20 + 7

    room = {"SC_AVPHYS_PAGES": 500, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", room.__getitem__)
    assert read_through(data, stop) == 500 * 4096 * READ_THROUGH_SHARE
    stop.set()
    assert read_through(data, stop) == 0


@in_loop
async def test_the_first_process_alone_reads_the_file_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[Path, threading.Event]] = []
    begun = threading.Event()

    def note(data: Path, stop: threading.Event) -> int:
        read.append((data, stop))
        begun.set()
        raise OSError("what is wrong with the file is found out elsewhere")

    monkeypatch.setattr(module, "read_through", note)
    other, first, plain = (
        LMDBStore(tmp_path / name, reads_through=reads)
        for name, reads in (("used", True), ("mine", True), ("plain", False))
    )
    (tmp_path / "used").mkdir()
    with (tmp_path / "used" / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # as another process that has it open
        for store in (other, plain, first):
            assert await store.get(key()) is None
    assert begun.wait(5)
    ((data, stop),) = read
    assert data == tmp_path / "mine" / "data.mdb"

    assert not stop.is_set()
    for store in (other, first, plain):
        await store.close()
    assert stop.is_set()
    assert len(read) == 1
