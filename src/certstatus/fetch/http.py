"""The one guarded door to HTTP: an exchange goes out, an answer or an error comes back.

The rules (guard, redirects, size) are written once, in ``_conversation``, which does no
I/O; a sync and an async driver carry out its steps.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias, TypedDict

import httpx2

from certstatus.errors import Attempt, UnreachableError
from certstatus.fetch.guard import Guard, Place
from certstatus.limits import (
    CONNECT_TIME,
    FETCH_TIME,
    MAX_ADDRESSES,
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
)

__all__ = ["Exchange", "HTTPAnswer", "HTTPDoor"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPING_METHOD: Final = frozenset({307, 308})
Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One thing to fetch: method, URL, fields and body, and by whose choice."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    guard: Guard = Guard()  # noqa: RUF009 - a value, frozen
    max_bytes: int = MAX_RESPONSE_BYTES


@dataclass(frozen=True, kw_only=True)
class HTTPAnswer:
    """What came back: header names in lower case, ``url`` after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str
    elapsed: timedelta


@dataclass(frozen=True, slots=True)
class _Resolve:
    """A step: tell the addresses of a host."""

    place: Place


@dataclass(frozen=True, slots=True)
class _Send:
    """A step: send a request, to this address where one is named."""

    exchange: Exchange
    place: Place
    address: Address | None


@dataclass(frozen=True, slots=True)
class _Got:
    """The outcome of a sent request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _NotConnected:
    """The outcome where no connection came about: another address may be tried."""

    reason: str


class _Failed(Exception):  # noqa: N818 - an outcome, translated before it leaves this module
    """A step failed; the text says why, in plain words."""


_Step: TypeAlias = _Resolve | _Send
_Outcome: TypeAlias = tuple[Address, ...] | _Got | _NotConnected
_Conversation: TypeAlias = Generator[_Step, _Outcome, tuple[_Got, str]]


def _conversation(exchange: Exchange) -> _Conversation:
    """Say what to do, step by step; raises _Failed where the rules end the matter."""
    previous: Place | None = None
    for _ in range(MAX_REDIRECTS + 1):
        place = exchange.guard.place(exchange.url)
        if isinstance(place, str):
            raise _Failed(f"not fetched: {place}")
        if previous and (problem := exchange.guard.redirect_problem(previous, place)):
            raise _Failed(f"not followed: {problem}")
        got = yield from _exchange_with(exchange, place)
        if got.status not in _REDIRECTS or "location" not in got.headers:
            return got, exchange.url
        exchange, previous = _redirected(exchange, got), place
    raise _Failed(f"more than {MAX_REDIRECTS} redirects")


def _exchange_with(exchange: Exchange, place: Place) -> Generator[_Step, _Outcome, _Got]:
    """Exchange with the first address that takes a connection; all of them are checked."""
    addresses: Sequence[Address | None] = (None,)
    if exchange.guard.checks_addresses:
        found = yield _Resolve(place)
        assert isinstance(found, tuple)
        for address in found:
            if problem := exchange.guard.address_problem(address):
                raise _Failed(f"not fetched: {place.host} leads inside, {problem}")
        addresses = found[:MAX_ADDRESSES]
    refusal = f"the name {place.host} has no address"
    for candidate in addresses:
        got = yield _Send(exchange, place, candidate)
        if isinstance(got, _Got):
            return got
        assert isinstance(got, _NotConnected)
        refusal = got.reason
    raise _Failed(refusal)


def _redirected(exchange: Exchange, got: _Got) -> Exchange:
    """Follow a redirect; a POST is repeated only where the status says so."""
    if exchange.method != "GET" and got.status not in _KEEPING_METHOD:
        raise _Failed(f"a redirect ({got.status}) that would turn {exchange.method} into GET")
    try:
        url = str(httpx2.URL(exchange.url).join(got.headers["location"]))
    except (httpx2.InvalidURL, ValueError) as error:
        raise _Failed(f"a redirect to no URL: {error}") from error
    return Exchange(
        url=url,
        method=exchange.method,
        headers=exchange.headers,
        body=exchange.body,
        guard=exchange.guard,
        max_bytes=exchange.max_bytes,
    )


class HTTPDoor:
    """Fetches over HTTP, sync and async, by the rules of each exchange's guard.

    ``total_time`` bounds one exchange with its redirects. No cookies, no environment, no
    content coding; TLS certificates are verified. One door may be shared.
    """

    def __init__(
        self,
        *,
        connect_time: timedelta = CONNECT_TIME,
        total_time: timedelta = FETCH_TIME,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._total = total_time.total_seconds()
        self._timeout = httpx2.Timeout(self._total, connect=connect_time.total_seconds())
        self._proxy = proxy
        self._tls = tls

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange.

        Raises:
            UnreachableError: nothing came back, or the guard said no; its one attempt
                holds the URL and the reason.
        """
        started = time.monotonic()
        conversation = _conversation(exchange)
        try:
            with httpx2.Client(
                timeout=self._timeout, trust_env=False, proxy=self._proxy, verify=self._verify
            ) as client:
                step = next(conversation)
                while True:
                    step = conversation.send(self._carry_out(client, step, started))
        except StopIteration as stop:
            return _answer(stop.value, started)
        except _Failed as failed:
            raise _unreachable(exchange, str(failed)) from failed

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange; as ``fetch``, without blocking the event loop."""
        started = time.monotonic()
        conversation = _conversation(exchange)
        try:
            async with (
                asyncio.timeout(self._total),
                httpx2.AsyncClient(
                    timeout=self._timeout, trust_env=False, proxy=self._proxy, verify=self._verify
                ) as client,
            ):
                step = next(conversation)
                while True:
                    step = conversation.send(await self._acarry_out(client, step, started))
        except StopIteration as stop:
            return _answer(stop.value, started)
        except TimeoutError as error:
            raise _unreachable(exchange, self._too_slow) from error
        except _Failed as failed:
            raise _unreachable(exchange, str(failed)) from failed

    @property
    def _verify(self) -> ssl.SSLContext | bool:
        return True if self._tls is None else self._tls

    @property
    def _too_slow(self) -> str:
        return f"no whole answer within {self._total:g} seconds"

    def _carry_out(self, client: httpx2.Client, step: _Step, started: float) -> _Outcome:
        if isinstance(step, _Resolve):
            return _resolved(_lookup(step.place))
        body = bytearray()
        try:
            with client.stream(**_wire(step)) as response:
                for chunk in response.iter_raw():
                    self._take(body, chunk, step.exchange, started)
                return _got(response, body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            return _NotConnected(_words(error))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _Failed(_words(error)) from error

    async def _acarry_out(
        self, client: httpx2.AsyncClient, step: _Step, started: float
    ) -> _Outcome:
        if isinstance(step, _Resolve):
            found = await asyncio.to_thread(_lookup, step.place)
            return _resolved(found)
        body = bytearray()
        try:
            async with client.stream(**_wire(step)) as response:
                async for chunk in response.aiter_raw():
                    self._take(body, chunk, step.exchange, started)
                return _got(response, body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            return _NotConnected(_words(error))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _Failed(_words(error)) from error

    def _take(self, body: bytearray, chunk: bytes, exchange: Exchange, started: float) -> None:
        """Add a piece of the body, within the limits of size and time."""
        body += chunk
        if len(body) > exchange.max_bytes:
            raise _Failed(f"the answer is larger than {exchange.max_bytes} bytes")
        if time.monotonic() - started > self._total:
            raise _Failed(self._too_slow)


def _lookup(place: Place) -> list[str]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _Failed(f"the name {place.host} was not found: {error}") from error
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def _resolved(found: list[str]) -> tuple[Address, ...]:
    return tuple(ip_address(text) for text in dict.fromkeys(found))


class _Wire(TypedDict):
    method: str
    url: httpx2.URL
    headers: dict[str, str]
    content: bytes | None
    extensions: dict[str, str]


def _wire(step: _Send) -> _Wire:
    """Say it to the HTTP client: to the checked address, in the name of the host."""
    exchange, url = step.exchange, httpx2.URL(step.exchange.url)
    # No content coding: what is measured is what is kept.
    headers = {"Accept-Encoding": "identity", **exchange.headers}
    extensions: dict[str, str] = {}
    if step.address is not None:
        headers["Host"] = url.netloc.decode("ascii")
        extensions["sni_hostname"] = step.place.host
        url = url.copy_with(host=str(step.address))
    return {
        "method": exchange.method,
        "url": url,
        "headers": headers,
        "content": exchange.body or None,
        "extensions": extensions,
    }


def _got(response: httpx2.Response, body: bytearray) -> _Got:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("content-encoding", "identity") != "identity":
        raise _Failed(f"the answer has the content coding {headers['content-encoding']}")
    return _Got(response.status_code, headers, bytes(body))


def _answer(outcome: tuple[_Got, str], started: float) -> HTTPAnswer:
    got, url = outcome
    return HTTPAnswer(
        status=got.status,
        headers=got.headers,
        body=got.body,
        url=url,
        elapsed=timedelta(seconds=time.monotonic() - started),
    )


def _unreachable(exchange: Exchange, reason: str) -> UnreachableError:
    return UnreachableError("nothing came back", attempts=[Attempt(exchange.url, reason)])


def _words(error: httpx2.HTTPError | httpx2.InvalidURL) -> str:
    """Put the HTTP client's error into plain words: the one place of that border."""
    cause = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx2.ConnectError):
        return f"no connection: {cause}"
    if isinstance(error, httpx2.ProtocolError):
        return f"the answer is no HTTP: {cause}"
    return f"the connection broke: {cause}"
