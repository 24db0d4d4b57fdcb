"""The keeper: changes at once, the rest again and again, and no fault ends it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.errors import ConfigError, StoreError
from certstatus.limits import (
    RENEWAL_MARGIN,
)
from certstatus.limits_presign import (
    KEEPER_BATCH,
    KEEPER_RETRY,
    MAX_KEEPER_CHANGES,
    MIN_KEEPER_PAUSE,
    PRESIGN_BATCH,
)
from certstatus.presign import Job, desk, keep_fresh, keeper
from certstatus.presign.keeper import pause_of
from certstatus.server import Calls, Tools, make_logger
from certstatus.server.config import load_config
from certstatus.server.metrics import Tally as Metrics
from certstatus.stores import MemoryStore, StoredResponse, StoreKey
from tests.desk import DAY, HOUR
from tests.presigning import FIRST, Presigning

SECONDS = 20


class Shelf(MemoryStore):
    """A store that can be broken, and is not emptied when it is closed."""

    is_broken = False

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        if self.is_broken:
            raise StoreError("broken")
        return await super().put(entries)

    async def close(self) -> None:
        pass


class Keeping:
    """A keeper at work in the test's own event loop."""

    def __init__(self, work: Presigning, monkeypatch: pytest.MonkeyPatch) -> None:
        self.work = work
        self.store = Shelf()
        self.metrics = Metrics()
        monkeypatch.setattr(desk, "open_store", lambda *_: self.store)
        monkeypatch.setattr(keeper, "KEEPER_RETRY", KEEPER_RETRY / 50)
        self.calls = Calls(lambda: None)
        self.log = io.StringIO()
        self.loop: asyncio.AbstractEventLoop

    def job(self) -> Job:
        config = load_config(self.work.folder / "certstatus.toml")
        assert config.presign is not None
        return Job(load=lambda: config, only_due=True, claims_at="", wishes=config.presign)

    async def run(self, script: Callable[[], object]) -> None:
        """Keep fresh while a script, in a thread of its own, changes and waits."""
        self.loop = asyncio.get_running_loop()
        log = make_logger(self.log, as_json=True)
        tools = Tools(clock=SystemClock(), meter=self.metrics, log=log, index=0)
        task = asyncio.create_task(keep_fresh(self.job, tools, self.calls))
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.to_thread(script)
            assert not task.done()
        finally:
            self.calls.stop.set()
            await task

    def until(self, is_so: Callable[[], bool]) -> None:
        for _ in range(100 * SECONDS):
            if is_so():
                return
            asyncio.run(asyncio.sleep(0.01))
        pytest.fail("not in time")

    def has(self, serial_number: int) -> int:
        return sum(key.serial_number == serial_number for key in list(self.store._entries))


@pytest.fixture
def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeping:
    return Keeping(Presigning.of(tmp_path, 3), monkeypatch)


def add(work: Presigning, serial_number: int) -> None:
    with work.books() as (database, issuer):
        database.add(issuer, serial_number, actor="test", now=SystemClock().now())


def test_what_is_issued_is_signed_at_once(keeping: Keeping) -> None:
    def script() -> None:
        keeping.until(lambda: len(keeping.store) == 6)
        add(keeping.work, FIRST - 1)
        keeping.until(lambda: keeping.has(FIRST - 1) == 2)

    asyncio.run(keeping.run(script))
    assert b'[["presigned", "signed"], 8]' in keeping.metrics.snapshot()


def test_a_store_that_fails_is_told_once_and_what_changed_is_not_lost(keeping: Keeping) -> None:
    def script() -> None:
        keeping.until(lambda: len(keeping.store) == 6)
        keeping.store.is_broken = True
        add(keeping.work, FIRST - 1)
        keeping.until(lambda: "presign.failing" in keeping.log.getvalue())
        keeping.store.is_broken = False
        keeping.until(lambda: keeping.has(FIRST - 1) == 2)

    asyncio.run(keeping.run(script))
    assert keeping.log.getvalue().count("presign.failing") == 1
    assert keeping.log.getvalue().count("presign.recovered") == 1


def test_more_changes_than_can_be_told_one_by_one_are_looked_for(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_KEEPER_CHANGES > KEEPER_BATCH
    monkeypatch.setattr(keeper, "MAX_KEEPER_CHANGES", 0)

    def script() -> None:
        keeping.until(lambda: len(keeping.store) == 6)
        for serial_number in range(FIRST - 3, FIRST):
            add(keeping.work, serial_number)
        keeping.until(lambda: len(keeping.store) == 12)

    asyncio.run(keeping.run(script))


@pytest.mark.parametrize("every", [None, HOUR])
@pytest.mark.parametrize("validity", [8 * HOUR, 4 * DAY, timedelta(minutes=20)])
def test_it_looks_often_enough_for_what_is_due(
    keeping: Keeping, every: timedelta | None, validity: timedelta
) -> None:
    class Place:
        round_life = validity / 2

    pause = pause_of([Place()], every)  # type: ignore[list-item]

    if every is not None:
        assert pause == every
    else:
        assert pause >= MIN_KEEPER_PAUSE
        assert pause <= max(validity / 2 * RENEWAL_MARGIN, MIN_KEEPER_PAUSE)
    assert KEEPER_BATCH < PRESIGN_BATCH


def test_what_changed_while_nobody_followed_is_found_at_the_start(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short ago the last round ended."""
    asyncio.run(keeping.run(lambda: keeping.until(lambda: len(keeping.store) == 6)))
    add(keeping.work, FIRST - 1)
    keeping.calls = Calls(lambda: None)

    asyncio.run(keeping.run(lambda: keeping.until(lambda: keeping.has(FIRST - 1) == 2)))


def test_what_a_new_signer_is_to_sign_is_due_when_it_comes_into_force(keeping: Keeping) -> None:
    def script() -> None:
        keeping.until(lambda: len(keeping.store) == 6)
        keeping.work.replace_signer()
        keeping.until(lambda: len(keeping.store) == 12)

    asyncio.run(keeping.run(script))
    assert len({key.variant for key in keeping.store._entries}) == 4


def test_a_reload_that_cant_be_is_an_alarm_and_the_old_goes_on(keeping: Keeping) -> None:
    config = keeping.work.folder / "certstatus.toml"
    text = config.read_text("utf-8")

    def script() -> None:
        keeping.until(lambda: len(keeping.store) == 6)
        config.write_text(text.replace("[store]\n", "[store]\nstray = 1\n"), "utf-8")
        keeping.loop.call_soon_threadsafe(keeping.calls.reload.set)
        keeping.until(lambda: "reload_failed" in keeping.log.getvalue())
        add(keeping.work, FIRST - 1)
        keeping.until(lambda: keeping.has(FIRST - 1) == 2)
        config.write_text(text, "utf-8")
        keeping.loop.call_soon_threadsafe(keeping.calls.reload.set)
        add(keeping.work, FIRST - 2)
        keeping.until(lambda: keeping.has(FIRST - 2) == 2)

    asyncio.run(keeping.run(script))


def test_without_a_store_it_does_not_begin(keeping: Keeping) -> None:
    config = keeping.work.folder / "certstatus.toml"
    config.write_text(config.read_text("utf-8").replace("lmdb:answers", "memory:"), "utf-8")

    with pytest.raises(ConfigError, match="presign: needs a store"):
        asyncio.run(keeping.run(lambda: None))
