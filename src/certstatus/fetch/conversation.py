"""The rules of fetching, without I/O: guard, addresses, redirects and size, written once.

``converse`` is a generator: it yields what is to be done next (``Resolve`` or ``Connect``)
and takes what became of it. ``certstatus.fetch.http`` carries it out, sync and async.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeAlias
from urllib.parse import urljoin

from certstatus.fetch.address import Address
from certstatus.fetch.guard import Guard, Place
from certstatus.limits import MAX_ADDRESSES, MAX_REDIRECTS, MAX_RESPONSE_BYTES

__all__ = [
    "Body",
    "Connect",
    "Exchange",
    "FetchFailed",
    "Got",
    "HTTPAnswer",
    "NotConnected",
    "Outcome",
    "Resolve",
    "Step",
    "converse",
    "find_addresses",
]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPING_METHOD: Final = frozenset({307, 308})


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One thing to fetch: method, URL, fields and body, and by whose choice."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
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
class Resolve:
    """A step: tell the addresses of a host."""

    place: Place


@dataclass(frozen=True, slots=True)
class Connect:
    """A step: send a request to this address; None: to the proxy, which finds the host."""

    exchange: Exchange
    place: Place
    address: Address | None


@dataclass(frozen=True, slots=True)
class Got:
    """The outcome of a request: an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NotConnected:
    """The outcome where no connection came about: another address may be tried."""

    reason: str
    is_lasting: bool = False


class FetchFailed(Exception):  # noqa: N818 - an outcome, translated before it leaves the door
    """A step failed, or the rules end the matter; the text says why, in plain words.

    ``is_lasting``: trying again would end the same way.
    """

    def __init__(self, reason: str, *, is_lasting: bool = False) -> None:
        super().__init__(reason)
        self.is_lasting = is_lasting


Step: TypeAlias = Resolve | Connect
Outcome: TypeAlias = Sequence[Address] | Got | NotConnected
Conversation: TypeAlias = Generator[Step, Outcome, tuple[Got, str]]


def converse(exchange: Exchange, *, has_proxy: bool) -> Conversation:
    """Say what to do, step by step, until there is an answer; return it with its URL.

    Raises:
        FetchFailed: no answer came, or the rules forbid to go on.
    """
    previous: Place | None = None
    for _ in range(MAX_REDIRECTS + 1):
        place = exchange.guard.place(exchange.url)
        if isinstance(place, str):
            raise FetchFailed(f"not fetched: {place}", is_lasting=True)
        if previous and (problem := exchange.guard.redirect_problem(previous, place)):
            raise FetchFailed(f"not followed: {problem}", is_lasting=True)
        got, address = yield from _exchange_with(exchange, place, has_proxy=has_proxy)
        if got.status not in _REDIRECTS or "location" not in got.headers:
            return got, exchange.url
        exchange, previous = _redirected(exchange, got, address), place
    raise FetchFailed(f"more than {MAX_REDIRECTS} redirects", is_lasting=True)


def _exchange_with(
    exchange: Exchange, place: Place, *, has_proxy: bool
) -> Generator[Step, Outcome, tuple[Got, Address | None]]:
    """Exchange with the first address that takes a connection; all of them are checked."""
    addresses = yield from find_addresses(exchange.guard, place, has_proxy=has_proxy)
    refusal = NotConnected(f"the name {place.host} has no address", is_lasting=True)
    for address in addresses:
        outcome = yield Connect(exchange, place, address)
        if isinstance(outcome, Got):
            return outcome, address
        assert isinstance(outcome, NotConnected)
        refusal = outcome
    raise FetchFailed(refusal.reason, is_lasting=refusal.is_lasting)


def find_addresses(
    guard: Guard, place: Place, *, has_proxy: bool
) -> Generator[Step, Outcome, Sequence[Address | None]]:
    """Find the addresses that may be connected to.

    Through a proxy names are the proxy's to resolve, and to guard; an address that stands
    in the URL itself is judged all the same.
    """
    found: Sequence[Address]
    if place.address is not None:
        found = (place.address,)
    elif has_proxy:
        return (None,)
    else:
        resolved = yield Resolve(place)
        assert not isinstance(resolved, Got | NotConnected)
        found = resolved
    for address in found:
        if problem := guard.address_problem(address):
            reason = f"not fetched: {place.host} leads inside, {problem}"
            raise FetchFailed(reason, is_lasting=True)
    return (None,) if has_proxy else tuple(found[:MAX_ADDRESSES])


def _redirected(exchange: Exchange, got: Got, address: Address | None) -> Exchange:
    """Follow a redirect; a POST is repeated only where the status says so."""
    if exchange.method != "GET" and got.status not in _KEEPING_METHOD:
        reason = f"a redirect ({got.status}) that would turn {exchange.method} into GET"
        raise FetchFailed(f"not followed: {reason}", is_lasting=True)
    try:
        url = urljoin(exchange.url, got.headers["location"])
    except ValueError as error:
        raise FetchFailed(f"a redirect to no URL: {error}", is_lasting=True) from error
    guard = exchange.guard if address is None else exchange.guard.after(address)
    return replace(exchange, url=url, guard=guard)


class Body:
    """The body of an answer as it comes in, never larger than the exchange allows."""

    def __init__(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        """Look at the head. Raises FetchFailed where the body is not even to be read."""
        self._max_bytes = exchange.max_bytes
        self._data = bytearray()
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise FetchFailed(f"the answer has the content coding {coding}", is_lasting=True)
        length = headers.get("content-length", "")
        if length.isdecimal() and len(length) < 20:
            self._check(int(length))

    def take(self, chunk: bytes) -> None:
        """Add a piece. Raises FetchFailed where the whole is too large."""
        self._check(len(self._data) + len(chunk))
        self._data += chunk

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            reason = f"the answer is larger than {self._max_bytes} bytes"
            raise FetchFailed(reason, is_lasting=True)

    def __bytes__(self) -> bytes:
        return bytes(self._data)
