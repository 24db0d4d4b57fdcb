from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest

from certstatus.errors import ConfigError
from certstatus.server.holdings import Holdings
from certstatus.sources import StatusDatabase
from certstatus.testing import TinyCA
from tests.books import NOW


@pytest.fixture
def location(tmp_path: Path) -> str:
    path = tmp_path / "status.db"
    StatusDatabase.create(path).close()
    return str(path)


def test_authorities_share_a_database(location: str) -> None:
    with Holdings() as held:
        assert held.database(location) is held.database(location)


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with Holdings() as held, pytest.raises(ConfigError, match="no status database"):
        held.database(str(tmp_path / "none.db"))


def test_changes_are_told_in_the_loop_by_serial_number(
    location: str,
) -> None:
    """A change that is of no certificate makes it all of them."""
    heard: list[Collection[int] | None] = []

    async def serve() -> None:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def forget(numbers: Collection[int] | None) -> None:
            assert asyncio.get_running_loop() is loop
            heard.append(numbers)
            news.set()

        async def wait() -> None:
            await asyncio.wait_for(news.wait(), 20)
            news.clear()

        with Holdings() as held, StatusDatabase(location) as database:
            issuer = database.add_issuer(TinyCA().certificate, actor="test", now=NOW)
            held.database(location)
            held.follow(forget)
            database.add(issuer, 1000, actor="test", now=NOW)
            await wait()
            database.set_ca_compromised(issuer, NOW, actor="test", now=NOW)
            await wait()

    asyncio.run(serve())
    assert heard == [{1000}, None]


def test_nothing_is_followed_where_nothing_is_served(location: str) -> None:
    with Holdings() as held:
        held.database(location)
        held.follow(lambda _: pytest.fail("nobody listens"))
