"""From ``[store]`` to a store, and what is told of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import ConfigError
from certstatus.limits import MAX_STORE_BYTES
from certstatus.server.config import StoreConfig, parse_config
from certstatus.server.log import make_logger
from certstatus.server.metrics import METRICS
from certstatus.server.stores import open_store, telling
from certstatus.stores import MemoryStore, StoreEvent, StoreEventKind
from certstatus.stores.lmdb import LMDBStore
from certstatus.stores.redis import RedisStore
from tests.serving import Counts, in_loop
from tests.stored import key, stored

AUTHORITY = {
    "certificate": "ca.pem",
    "signer": [{"certificate": "responder.pem", "key": "responder.key"}],
    "source": [{"index": "index.txt"}],
}


def configured(store: dict[str, Any]) -> StoreConfig:
    table = {"authority": [AUTHORITY], "store": store}
    found = parse_config(table, file="certstatus.toml", base=Path("/etc/certstatus")).store
    assert found is not None
    return found


def opened(store: dict[str, Any]) -> object:
    return open_store(configured(store), lambda _: None)


def test_each_kind_of_url_opens_its_store() -> None:
    memory = opened({"url": "memory:"})
    relative = opened({"url": "lmdb:answers"})
    elsewhere = opened({"url": "lmdb:/var/lib/answers", "max_megabytes": 3})
    redis = opened({"url": "redis://h:6379/0"})

    assert isinstance(memory, MemoryStore)
    assert isinstance(relative, LMDBStore)
    assert isinstance(elsewhere, LMDBStore)
    assert isinstance(redis, RedisStore)
    assert relative.name == "lmdb:/etc/certstatus/answers"
    assert relative._max_bytes == MAX_STORE_BYTES
    assert (elsewhere.name, elsewhere._max_bytes) == ("lmdb:/var/lib/answers", 3 * 2**20)
    assert redis.name == "redis://h:6379/0"
    assert not Path("/etc/certstatus/answers").exists(), "nothing is made before it is used"


def test_without_a_store_there_is_none() -> None:
    table = {"authority": [AUTHORITY]}
    assert parse_config(table, file=None, base=Path("/")).store is None


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ({"url": "memcached://h"}, "redis://HOST:6379/0"),
        ({"url": "lmdb:"}, "lmdb:FOLDER"),
        ({"url": "memory:large"}, "memory:"),
        ({"url": "redis"}, "redis://HOST"),
        ({}, "url"),
        ({"url": "memory:", "password_file": "pw"}, "password_file goes with a Redis"),
        ({"url": "redis://h", "max_megabytes": 1}, "max_megabytes goes with lmdb"),
        ({"url": "lmdb:a", "max_megabytes": 0}, "max_megabytes"),
    ],
)
def test_a_store_that_is_none_is_told_with_its_remedy(store: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(store)

    assert "store" in str(caught.value)
    assert said in str(caught.value)


@in_loop
async def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("geheim\nsecond line\n")
    config = StoreConfig(url="redis://h", password_file=file)

    store = open_store(config, lambda _: None)
    assert isinstance(store, RedisStore)
    assert store._redis.connection_pool.connection_kwargs["password"] == "geheim"
    assert "geheim" not in store.name
    with pytest.raises(ConfigError, match=r"password_file: can't be read: No such file"):
        open_store(config.model_copy(update={"password_file": tmp_path / "none"}), lambda _: None)


def test_without_its_extra_redis_is_a_setting_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "certstatus.stores.redis")
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ConfigError, match=r"pip install 'certstatus\[redis\]'"):
        opened({"url": "redis://h"})


def test_what_happens_to_a_store_is_counted_and_logged_once_for_broken_entries() -> None:
    written, counts = io.StringIO(), Counts()
    tell = telling(make_logger(written, as_json=True), counts)
    for kind in StoreEventKind:
        for _ in range(2):
            tell(StoreEvent(kind, "lmdb:answers", "because"))

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(one["event"], one.get("kind")) for one in lines] == [
        ("store.alarm", "entry-broken"),
        ("store.alarm", "set-aside"),
        ("store.alarm", "set-aside"),
        ("store.alarm", "failed"),
        ("store.alarm", "failed"),
        ("store.recovered", None),
        ("store.recovered", None),
    ]
    assert {(one["store"], one["detail"]) for one in lines} == {("lmdb:answers", "because")}
    assert all(counts.seen["store_events", kind.value] == 2 for kind in StoreEventKind)
    assert METRICS["store_events"].labels == ("kind",)


@in_loop
async def test_a_memory_store_takes_and_gives() -> None:
    store = open_store(StoreConfig(url="memory:"), lambda _: None)
    await store.put([(key(), stored())])

    assert await store.get(key()) == stored()
