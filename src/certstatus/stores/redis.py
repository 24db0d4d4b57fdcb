"""A store that many nodes share: Redis or Valkey, one primary (with replicas, or none).

An entry is one string, which ends by itself at its nextUpdate. What replaces what is decided
in the server, in one step, by a script that compares as ``supersedes`` does.

====================================  ====================================================
key                                   what
====================================  ====================================================
``certstatus:1:`` and a StoreKey      an entry
``certstatus:1:due:`` and an          a sorted set of the StoreKeys of an authority, by
authority                             when they are to be signed anew (seconds since 1970)
====================================  ====================================================
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from redis import RedisError
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from certstatus.errors import ConfigError, MalformedError, StoreError
from certstatus.limits import MAX_STORE_CONNECTIONS, STORE_BATCH, STORE_REPLY_TIME
from certstatus.stores.base import (
    FRESH_UNTIL,
    NEXT_UPDATE,
    EncodedEntry,
    Observer,
    StoredResponse,
    StoreEvent,
    StoreEventKind,
    StoreKey,
)

__all__ = ["RedisStore"]

_AUTHORITY_OCTETS: Final = 16
_ENTRY: Final = b"certstatus:1:"
_DUE: Final = b"certstatus:1:due:"

_PUT: Final = b"""
local new = ARGV[1]
local old = redis.call('GETRANGE', KEYS[1], 0, 59)
if #old == 60 and string.sub(old, 1, 4) == string.sub(new, 1, 4) then
  local is_greater = false
  -- octet by octet: Lua compares strings by the locale
  for at = 5, 60 do
    local a, b = string.byte(new, at), string.byte(old, at)
    if a ~= b then
      is_greater = a > b
      break
    end
  end
  if not is_greater then return 0 end
end
redis.call('SET', KEYS[1], new)
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[4])
-- what has ended by itself leaves the list of what is due, two for each that comes
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, 1)) do
  if redis.call('EXISTS', ARGV[5] .. member) == 0 then redis.call('ZREM', KEYS[2], member) end
end
return 1
"""
"""KEYS: entry, due. ARGV: entry, its end in ms, fresh until in s, StoreKey, prefix of entries."""


class RedisStore:
    """A ``ResponseStore`` at ``url``: ``redis://``, ``rediss://`` (TLS) or ``unix://``.

    ``password`` stands in for the one that a URL may hold; neither is ever logged. It belongs
    to one event loop. Nothing is connected before it is first used.

    Raises:
        ConfigError: the URL can't be read.
    """

    def __init__(
        self, url: str, *, password: str | None = None, observe: Observer = lambda _: None
    ) -> None:
        self.name = _plain(url)
        self._observe = observe
        options: dict[str, Any] = {} if password is None else {"password": password}
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=MAX_STORE_CONNECTIONS,
                timeout=STORE_REPLY_TIME.total_seconds(),
                socket_timeout=STORE_REPLY_TIME.total_seconds(),
                socket_connect_timeout=STORE_REPLY_TIME.total_seconds(),
                # Whoever calls knows better whether it is worth another try.
                retry=Retry(NoBackoff(), 0),
                # Replies are the same in either, and nothing has to be negotiated.
                protocol=2,
                **options,
            )
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.name} is no address of a Redis: {error}",
                key="store.url",
                remedy="write redis://host:6379/0, rediss://host:6380/0 or unix:///path/to/socket",
            ) from None
        self._redis = Redis.from_pool(pool)
        self._digest = ""

    # --- the interface ---------------------------------------------------------------------

    is_at_hand = False

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key; one that is broken is taken out."""
        name = _ENTRY + key.encode()
        with self._translated():
            entry = await self._redis.get(name)
        if entry is None:
            return None
        try:
            return StoredResponse.decode(_octets(entry), key)
        except MalformedError as error:
            self._tell(StoreEventKind.ENTRY_BROKEN, f"{key.encode().hex()}: {error}")
            with self._translated():
                await self._redis.delete(name)
            return None

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        """Put answers in, each in one step of its own; return how many were taken."""
        return await self.put_entries([(key.encode(), one.encode(key)) for key, one in entries])

    async def put_entries(self, entries: Sequence[EncodedEntry]) -> int:
        """Put answers in that are written already, each in one step of its own."""
        taken = 0
        rest = iter(entries)
        while batch := list(islice(rest, STORE_BATCH)):
            with self._translated():
                taken += await self._put(batch)
        return taken

    async def remove(self, keys: Sequence[StoreKey]) -> None:
        """Take answers out."""
        with self._translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    encoded = key.encode()
                    pipeline.delete(_ENTRY + encoded)
                    pipeline.zrem(_DUE + key.authority, encoded)
                await pipeline.execute()

    async def due(self, authority: bytes, before: datetime, limit: int) -> Sequence[StoreKey]:
        """List what an authority has to sign anew."""
        with self._translated():
            found = await self._redis.zrange(
                _DUE + authority,
                "-inf",
                int(before.timestamp()),
                byscore=True,
                offset=0,
                num=limit,
            )
        return [StoreKey.decode(_octets(one)) for one in found]

    async def close(self) -> None:
        """Let go of the connections."""
        with self._translated():
            await self._redis.aclose()
            await self._redis.connection_pool.disconnect()

    # --- the script ------------------------------------------------------------------------

    async def _put(self, batch: Sequence[EncodedEntry]) -> int:
        try:
            return await self._run_script(batch)
        except NoScriptError:
            # The first time, or the server was started anew; a second time changes nothing.
            self._digest = await self._redis.script_load(_PUT)
            return await self._run_script(batch)

    async def _run_script(self, batch: Sequence[EncodedEntry]) -> int:
        if not self._digest:
            raise NoScriptError("not loaded yet")
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, entry in batch:
                pipeline.evalsha(self._digest, 2, *_arguments(key, entry))
            return sum(await pipeline.execute())

    # --- what went wrong -------------------------------------------------------------------

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the client and the system raise into StoreError."""
        try:
            yield
        except (RedisError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise StoreError(f"{self.name}: {reason}") from error

    def _tell(self, kind: StoreEventKind, detail: str) -> None:
        self._observe(StoreEvent(kind, self.name, detail))


def _octets(value: object) -> bytes:
    """Narrow a reply: without decode_responses, strings are octets."""
    assert isinstance(value, bytes)
    return value


def _arguments(key: bytes, entry: bytes) -> tuple[bytes | int, ...]:
    return (
        _ENTRY + key,
        _DUE + key[:_AUTHORITY_OCTETS],
        entry,
        int.from_bytes(entry[NEXT_UPDATE]) * 1000,
        int.from_bytes(entry[FRESH_UNTIL]),
        key,
        _ENTRY,
    )


def _plain(url: str) -> str:
    """Name a server without what its URL may hold of secrets."""
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "redis"
    return f"{parts.scheme}://{place}{parts.path}"
