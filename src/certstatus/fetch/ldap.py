"""Documents out of directories: one search for one attribute of one entry (RFC 4511).

The same guard, the same limits of time and size as over HTTP. The search is anonymous, no
referral is followed, and nothing is asked for but the attribute that the URL names.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import cached_property

from certstatus.errors import Attempt, MalformedError, UnreachableError
from certstatus.fetch.address import Address
from certstatus.fetch.conversation import FetchFailed, NotConnected, Resolve, find_addresses
from certstatus.fetch.guard import Guard, Place
from certstatus.fetch.http import connection_problem, reason_of
from certstatus.fetch.ldap_message import UNBIND, LDAPReplies
from certstatus.fetch.ldap_url import LDAPURL, parse_ldap_url
from certstatus.fetch.lookup import Resolver, begin_lookup, system_addresses
from certstatus.limits import CONNECT_TIME, FETCH_TIME

__all__ = ["LDAPDoor"]

_SEARCH_ID = 1
_CHUNK_BYTES = 262_144
_MAX_SECONDS = 0x7FFF


class LDAPDoor:
    """Fetches attribute values. One door may be shared by tasks of any event loop.

    Args:
        server: host, port and scheme for URLs that name no host (C11).
        connect_time: for one address.
        total_time: for the whole fetch.
        tls: verifies servers of ldaps; the system's trusted CAs without it.
        resolver: finds addresses.
    """

    def __init__(
        self,
        *,
        server: LDAPURL | None = None,
        connect_time: timedelta = CONNECT_TIME,
        total_time: timedelta = FETCH_TIME,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = system_addresses,
    ) -> None:
        self._server = server
        self._connect = connect_time.total_seconds()
        self._total = total_time.total_seconds()
        self._tls = tls
        self._resolver = resolver

    async def aget(self, url: str, *, guard: Guard, max_bytes: int) -> tuple[bytes, ...]:
        """Fetch all values of the attribute that a URL names, with or without ``;binary``.

        Raises:
            UnreachableError: none came, the URL is broken, or the guard said no; its one
                attempt holds the URL and the reason.
        """
        try:
            async with asyncio.timeout(self._total):
                return await self._search(url, guard, max_bytes)
        except TimeoutError as error:
            failed = FetchFailed(f"no whole answer within {self._total:g} seconds")
            raise _unreachable(url, failed) from error
        except FetchFailed as failed:
            raise _unreachable(url, failed) from failed

    async def _search(self, url: str, guard: Guard, max_bytes: int) -> tuple[bytes, ...]:
        wanted = self._parsed(url)
        place = guard.ldap_place(wanted)
        if isinstance(place, str):
            raise FetchFailed(f"not fetched: {place}", is_lasting=True)
        replies = LDAPReplies(wanted.attribute, message_id=_SEARCH_ID, max_bytes=max_bytes)
        async with self._connection(place, await self._addresses(place, guard)) as (reader, writer):
            writer.write(wanted.search(_SEARCH_ID, time_limit=min(int(self._total), _MAX_SECONDS)))
            while not replies.is_done:
                data = await _read(reader)
                replies.feed(data)
            writer.write(UNBIND)
        return tuple(replies.values)

    def _parsed(self, url: str) -> LDAPURL:
        try:
            wanted = parse_ldap_url(url)
        except MalformedError as error:
            raise FetchFailed(f"not fetched: {error}", is_lasting=True) from error
        return wanted if self._server is None else wanted.at(self._server)

    async def _addresses(self, place: Place, guard: Guard) -> Sequence[Address]:
        search = find_addresses(guard, place, has_proxy=False)
        try:
            step = next(search)
            assert isinstance(step, Resolve)
            found = await asyncio.wrap_future(begin_lookup(self._resolver, step.place))
            search.send(found)
        except StopIteration as stop:
            return [one for one in stop.value if one is not None]
        raise AssertionError("a look-up has one step")

    @contextlib.asynccontextmanager
    async def _connection(
        self, place: Place, addresses: Sequence[Address]
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect to the first address that takes a connection, and close it in the end."""
        refusal = NotConnected(f"the name {place.host} has no address", is_lasting=True)
        for address in addresses:
            try:
                async with asyncio.timeout(self._connect):
                    reader, writer = await self._open(place, address)
            except (OSError, TimeoutError) as error:
                refusal = connection_problem(error)
                continue
            try:
                yield reader, writer
            finally:
                writer.transport.abort()
            return
        raise FetchFailed(refusal.reason, is_lasting=refusal.is_lasting)

    async def _open(
        self, place: Place, address: Address
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the checked address, in the name of the host."""
        if place.scheme == "ldap":
            return await asyncio.open_connection(str(address), place.port)
        return await asyncio.open_connection(
            str(address), place.port, ssl=self._trust, server_hostname=place.host.rstrip(".")
        )

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context() if self._tls is None else self._tls


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        data = await reader.read(_CHUNK_BYTES)
    except OSError as error:
        raise FetchFailed(f"the connection broke: {reason_of(error)}") from error
    if not data:
        raise FetchFailed("the server closed the connection before it had answered")
    return data


def _unreachable(url: str, failed: FetchFailed) -> UnreachableError:
    attempt = Attempt(url, str(failed), is_lasting=failed.is_lasting)
    return UnreachableError("nothing came back", attempts=[attempt])
