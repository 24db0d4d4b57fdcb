"""Where a TLS server listens: how it is written, which addresses it has, a connection to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeAlias

from certstatus.errors import Attempt, UnreachableError
from certstatus.fetch import Place, Resolver
from certstatus.fetch.conversation import FetchFailed
from certstatus.fetch.lookup import begin_lookup, system_addresses
from certstatus.limits import CONNECT_TIME, MAX_ADDRESSES

__all__ = ["Host", "Streams", "connection", "look_up", "os_reason", "parse_host", "unreachable"]

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>\d{1,5}))?"
)
_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Host:
    """Where a TLS server listens: its name or address, and the port."""

    name: str
    port: int = _HTTPS

    @property
    def is_address(self) -> bool:
        """Whether ``name`` is an IP address; SNI then names nothing (RFC 6066 §3)."""
        try:
            ip_address(self.name)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def parse_host(text: str, port: int = _HTTPS) -> Host | None:
    """Read HOST, HOST:PORT, [IPv6] or [IPv6]:PORT; None where it is none of these."""
    found = _HOST.fullmatch(text)
    if found is None:
        return None
    number = int(found["port"] or port)
    return Host(found["six"] or found["name"], number) if 0 < number < 65_536 else None


async def look_up(host: Host, resolver: Resolver = system_addresses) -> tuple[str, ...]:
    """Return the addresses of a host, best first, at most ``MAX_ADDRESSES``.

    Raises:
        UnreachableError: there are none.
    """
    place = Place("tls", host.name, host.port)
    if host.is_address:
        return (host.name,)
    try:
        # In a thread of its own: the event loop's own pool is small, and a dead name is slow.
        found = await asyncio.wrap_future(begin_lookup(resolver, place))
    except FetchFailed as error:
        raise unreachable(host, str(error)) from error
    if not found:
        raise unreachable(host, "it has no address")
    return tuple(str(one) for one in found[:MAX_ADDRESSES])


@contextlib.asynccontextmanager
async def connection(host: Host, addresses: Sequence[str]) -> AsyncIterator[Streams]:
    """Connect to the first address that answers, and close without waiting for anybody.

    Raises:
        UnreachableError: none answers.
    """
    reader, writer = await _first_open(host, addresses)
    try:
        yield reader, writer
    finally:
        writer.close()
        if writer.transport.get_write_buffer_size():
            writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _first_open(host: Host, addresses: Sequence[str]) -> Streams:
    attempts = []
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_TIME.total_seconds()):
                return await asyncio.open_connection(address, host.port)
        except OSError as error:
            attempts.append(Attempt(str(Host(address, host.port)), os_reason(error)))
    raise UnreachableError("no connection", attempts=attempts)


def unreachable(host: Host, reason: str) -> UnreachableError:
    """Make the error of a host that can't be probed."""
    return UnreachableError("no TLS handshake", attempts=(Attempt(str(host), reason),))


def os_reason(error: OSError) -> str:
    """Say in the system's words why a connection failed."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio writes a sentence around it
    return error.strerror or str(error) or type(error).__name__
