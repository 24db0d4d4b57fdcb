"""A watched file: read again when it changes, never half, and alarms told once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import FILE_CHECK_TIME, MAX_AWAITED_BYTES
from certstatus.sources import EventKind
from certstatus.sources.watch import Held, WatchedFile
from tests.books import LATER, NOW, Watcher

PATIENCE = 20.0
"""Seconds until a test that waits for what never happens fails."""


def read(data: bytes, previous: str | None, now: datetime) -> str:
    """Take text that ends in a full stop."""
    if not data.endswith(b"."):
        raise MalformedError("has no full stop", where="text")
    return data.decode()


def settle(path: Path) -> None:
    """Make a file look as if it had been written long ago."""
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text("one.")
    settle(path)
    return path


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def watched(path: Path, watcher: Watcher) -> WatchedFile[str]:
    return WatchedFile(path, read, name="text", now=NOW, max_bytes=100, observer=watcher)


def current(watched: WatchedFile[str], now: datetime) -> Held[str]:
    return asyncio.run(watched.current(now))


def test_a_changed_file_is_read_again(path: Path, watched: WatchedFile[str]) -> None:
    path.write_text("two.")

    assert current(watched, NOW + LATER) == Held("two.", NOW + LATER)


def test_a_file_is_looked_at_now_and_then_only(path: Path, watched: WatchedFile[str]) -> None:
    path.write_text("two.")

    just_before = NOW + FILE_CHECK_TIME - timedelta(microseconds=1)
    assert current(watched, just_before) == Held("one.", NOW)
    assert current(watched, NOW + FILE_CHECK_TIME).value == "two."


def test_an_unchanged_file_is_confirmed_without_reading(watched: WatchedFile[str]) -> None:
    watched._read = None  # type: ignore[assignment]  # reading would fail

    assert current(watched, NOW + LATER) == Held("one.", NOW + LATER)


def test_a_clock_set_back_is_a_reason_to_look(path: Path, watched: WatchedFile[str]) -> None:
    path.write_text("two.")

    assert current(watched, NOW - LATER).value == "two."


@pytest.mark.rule("O19")
def test_a_broken_file_keeps_the_last_good_one_unconfirmed(
    path: Path, watched: WatchedFile[str], watcher: Watcher
) -> None:
    path.write_text("half writ")

    assert current(watched, NOW + LATER) == Held("one.", NOW)
    assert watched.failed == "text: has no full stop"
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert watcher.events[0].facts == {"file": str(path)}


def test_an_alarm_is_told_once_and_ends_once(
    path: Path, watched: WatchedFile[str], watcher: Watcher
) -> None:
    for number, text in enumerate(["half", "half w", "half wr"]):
        path.write_text(text)
        current(watched, NOW + (1 + number) * LATER)
    path.write_text("two.")

    assert current(watched, NOW + 4 * LATER) == Held("two.", NOW + 4 * LATER)
    assert watched.failed is None
    assert watcher.kinds == [EventKind.RELOAD_FAILED, EventKind.RECOVERED, EventKind.RELOADED]


def test_a_file_put_back_as_it_was_ends_the_alarm(
    path: Path, watched: WatchedFile[str], watcher: Watcher
) -> None:
    path.write_text("half")
    current(watched, NOW + LATER)
    path.write_text("one.")

    assert current(watched, NOW + 2 * LATER) == Held("one.", NOW + 2 * LATER)
    assert watcher.kinds == [EventKind.RELOAD_FAILED, EventKind.RECOVERED]


def test_a_file_that_is_gone_keeps_the_last_good_one(
    path: Path, watched: WatchedFile[str], watcher: Watcher
) -> None:
    path.unlink()

    assert current(watched, NOW + LATER) == Held("one.", NOW)
    assert current(watched, NOW + 2 * LATER) == Held("one.", NOW)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert watched.failed == "No such file or directory"


def test_another_file_in_its_place_is_seen(path: Path, watched: WatchedFile[str]) -> None:
    """Same size and same time, as a copy tool may leave it: the inode tells."""
    aside = path.with_suffix(".new")
    aside.write_text("two.")
    status = path.stat()
    os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
    aside.replace(path)

    assert current(watched, NOW + LATER).value == "two."


def test_a_change_in_the_same_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """A file that was just written may change again without a change of its marks."""
    path = tmp_path / "text"
    path.write_text("one.")
    fresh = time.time_ns()
    os.utime(path, ns=(fresh, fresh))
    watched = WatchedFile(path, read, name="text", now=NOW, max_bytes=100)
    path.write_text("two.")
    os.utime(path, ns=(fresh, fresh))

    assert current(watched, NOW + LATER).value == "two."


def test_a_broken_file_that_stays_the_same_is_tried_again_after_a_while(
    path: Path, watcher: Watcher
) -> None:
    """What a file says may become usable by time alone: a CRL that is not valid yet."""
    tried = []

    def from_time(data: bytes, previous: str | None, now: datetime) -> str:
        tried.append(now)
        if data == b"two." and now < NOW + timedelta(seconds=6):
            raise MalformedError("is not valid yet", where="text")
        return data.decode()

    watched = WatchedFile(path, from_time, name="text", now=NOW, max_bytes=100, observer=watcher)
    path.write_text("two.")
    settle(path)

    values = [current(watched, NOW + n * LATER).value for n in range(1, 8)]

    assert values == ["one."] * 5 + ["two."] * 2
    assert len(tried) == 3


def test_everyone_waits_for_a_reload_and_it_happens_once(
    path: Path, watched: WatchedFile[str], watcher: Watcher
) -> None:
    path.write_text("two.")

    async def all_at_once() -> list[Held[str]]:
        return await asyncio.gather(*(watched.current(NOW + LATER) for _ in range(20)))

    assert {held.value for held in asyncio.run(all_at_once())} == {"two."}
    assert watcher.kinds == [EventKind.RELOADED]


def held_up(path: Path) -> tuple[WatchedFile[int], threading.Event]:
    """Watch the size of a file that is read anew only while the event is set."""
    may_read = threading.Event()
    may_read.set()

    def size_of(data: bytes, previous: int | None, now: datetime) -> int:
        del previous, now
        assert may_read.wait(PATIENCE)
        return len(data)

    watched = WatchedFile(path, size_of, name="n", now=NOW, max_bytes=2 * MAX_AWAITED_BYTES)
    return watched, may_read


@pytest.mark.parametrize("is_long", [False, True])
def test_nobody_waits_for_a_large_file(path: Path, *, is_long: bool) -> None:
    watched, may_read = held_up(path)
    size = MAX_AWAITED_BYTES + is_long

    async def ask() -> tuple[bool, int]:
        asking = asyncio.ensure_future(watched.current(NOW + LATER))
        await asyncio.sleep(0)
        waits, loading = not asking.done(), watched._loading
        assert loading is not None
        may_read.set()
        await loading
        await asking
        return waits, (await watched.current(NOW + LATER)).value

    path.write_bytes(bytes(size))
    may_read.clear()
    assert asyncio.run(ask()) == (not is_long, size)


def test_one_caller_that_gives_up_does_not_stop_the_reload(
    path: Path, watched: WatchedFile[str]
) -> None:
    path.write_text("two.")

    async def give_up() -> Held[str]:
        impatient = asyncio.ensure_future(watched.current(NOW + LATER))
        await asyncio.sleep(0)
        impatient.cancel()
        return await watched.current(NOW + LATER)

    assert asyncio.run(give_up()).value == "two."


@pytest.mark.parametrize(
    ("text", "problem"), [("half", "text: has no full stop"), ("x" * 100 + ".", "larger than 100")]
)
def test_a_bad_file_at_the_start_is_a_matter_of_configuration(
    path: Path, text: str, problem: str
) -> None:
    path.write_text(text)

    with pytest.raises(ConfigError, match=problem) as caught:
        WatchedFile(path, read, name="text", now=NOW, max_bytes=100)

    assert caught.value.file == str(path)


def test_a_missing_file_at_the_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: No such file"):
        WatchedFile(tmp_path / "nowhere", read, name="text", now=NOW, max_bytes=100)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConfigError, match="is not a regular file"):
        WatchedFile(tmp_path / "pipe", read, name="text", now=NOW, max_bytes=100)


def test_a_file_as_large_as_the_limit_is_read(path: Path) -> None:
    path.write_text("x" * 99 + ".")

    WatchedFile(path, read, name="text", now=NOW, max_bytes=100)


def test_a_file_that_grows_while_it_is_read_is_not_taken(
    path: Path, watched: WatchedFile[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("two.")
    real = os.fstat
    looks = []

    def grow(descriptor: int) -> os.stat_result:
        looks.append(descriptor)
        if len(looks) == 2:
            with path.open("a") as file:
                file.write(" three")
        return real(descriptor)

    monkeypatch.setattr("certstatus.sources.watch.os.fstat", grow)

    assert current(watched, NOW + LATER).value == "one."
    assert watched.failed == "text: changed while it was read"


# --- at hand --------------------------------------------------------------------------------


def test_what_was_looked_at_lately_is_at_hand(watched: WatchedFile[str]) -> None:
    assert watched.at_hand(NOW) is watched.at_hand(NOW + FILE_CHECK_TIME / 2)
    assert watched.at_hand(NOW) == Held("one.", NOW)


@pytest.mark.parametrize("wait", [FILE_CHECK_TIME, -FILE_CHECK_TIME])
def test_a_look_that_is_due_is_made_at_hand(
    watched: WatchedFile[str], path: Path, wait: timedelta
) -> None:
    """A file that is as it was is confirmed; one that has changed is left to who can wait."""
    assert watched.at_hand(NOW + wait) == Held("one.", NOW + wait)
    assert current(watched, NOW + wait) is watched.at_hand(NOW + wait)

    path.write_text("three.")
    assert watched.at_hand(NOW + 2 * wait) is None
    assert watched.at_hand(NOW + 2 * wait) is None

    changed = current(watched, NOW + 2 * wait)
    assert changed is watched.at_hand(NOW + 2 * wait)
    assert changed.value == "three."


@pytest.mark.parametrize("is_long", [False, True])
def test_while_a_large_file_is_read_the_last_one_is_at_hand(path: Path, *, is_long: bool) -> None:
    watched, may_read = held_up(path)
    size = MAX_AWAITED_BYTES + is_long

    async def look() -> tuple[Held[int] | None, Held[int] | None]:
        asking = asyncio.ensure_future(watched.current(NOW + LATER))
        await asyncio.sleep(0)
        meanwhile, loading = watched.at_hand(NOW + LATER), watched._loading
        assert loading is not None
        may_read.set()
        await loading
        await asking
        await asyncio.sleep(0)
        return meanwhile, watched.at_hand(NOW + LATER)

    path.write_bytes(bytes(size))
    may_read.clear()
    meanwhile, then = asyncio.run(look())
    assert meanwhile == (Held(4, NOW) if is_long else None)
    assert then == Held(size, NOW + LATER)
