"""The one guarded door to HTTP: an exchange goes out, an answer or an error comes back.

The rules stand in ``certstatus.fetch.conversation``; here are the two drivers, and the
one place where the HTTP client's errors are put into plain words. Each connection is
made for one request to one checked address, so nothing is shared between hosts.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from certstatus.errors import Attempt, ConfigError, UnreachableError
from certstatus.fetch.conversation import (
    Body,
    Connect,
    Exchange,
    FetchFailed,
    Got,
    HTTPAnswer,
    NotConnected,
    Outcome,
    Step,
    converse,
)
from certstatus.fetch.guard import Guard
from certstatus.fetch.lookup import Resolver, begin_lookup, system_addresses
from certstatus.limits import CONNECT_TIME, FETCH_TIME

__all__ = ["HTTPDoor", "connection_problem", "reason_of"]

_USER_AGENT: Final = "certstatus"
_FOREIGN: Final = (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)
"""What the HTTP client raises, and what comes through it from below."""


class HTTPDoor:
    """Fetches over HTTP, sync and async, by the rules of each exchange's guard.

    ``total_time`` bounds one exchange with its redirects, ``connect_time`` each connection.
    No cookies, no environment, no content coding; TLS certificates are verified, by ``tls``
    or by the system's trusted ones. Through a ``proxy`` (a URL) names are the proxy's to
    resolve and to guard. One door may be shared by threads, tasks and forked processes.

    Raises:
        ConfigError: the proxy can't be used.
    """

    def __init__(
        self,
        *,
        connect_time: timedelta = CONNECT_TIME,
        total_time: timedelta = FETCH_TIME,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = system_addresses,
    ) -> None:
        self._connect = connect_time.total_seconds()
        self._total = total_time.total_seconds()
        self._proxy = proxy
        self._tls = tls
        self._resolver = resolver
        if proxy is not None:
            _check_proxy(proxy)

    # --- sync -------------------------------------------------------------------------------

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange.

        Raises:
            UnreachableError: nothing came back, or the guard said no; its one attempt
                holds the URL and the reason.
        """
        deadline = _Deadline(self._total)
        conversation = converse(exchange, has_proxy=self._proxy is not None)
        try:
            step = next(conversation)
            while True:
                step = conversation.send(self._carry_out(step, deadline))
        except StopIteration as stop:
            return _answer(stop.value, deadline)
        except FetchFailed as failed:
            raise _unreachable(exchange, failed) from failed

    def _carry_out(self, step: Step, deadline: _Deadline) -> Outcome:
        try:
            if not isinstance(step, Connect):
                return begin_lookup(self._resolver, step.place).result(deadline.left)
            with deadline.cutting() as watch, self._transport(step) as transport:
                request = self._request(step, deadline)
                request.extensions["trace"] = watch
                response = transport.handle_request(request)
                with contextlib.closing(response):
                    body = Body(step.exchange, headers := _headers(response))
                    for chunk in response.iter_raw():
                        body.take(chunk)
                # What the watch cut short must not pass for a whole answer.
                deadline.check()
                return Got(response.status_code, headers, bytes(body))
        except _FOREIGN as error:
            return _failure(error, deadline)

    def _transport(self, step: Connect) -> httpx2.HTTPTransport:
        return httpx2.HTTPTransport(verify=self._context(step), trust_env=False, proxy=self._proxy)

    # --- async ------------------------------------------------------------------------------

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        """Carry out one exchange; as ``fetch``, without blocking the event loop."""
        deadline = _Deadline(self._total)
        conversation = converse(exchange, has_proxy=self._proxy is not None)
        try:
            async with asyncio.timeout(self._total):
                step = next(conversation)
                while True:
                    step = conversation.send(await self._acarry_out(step, deadline))
        except StopIteration as stop:
            return _answer(stop.value, deadline)
        except TimeoutError as error:
            raise _unreachable(exchange, deadline.failure) from error
        except FetchFailed as failed:
            raise _unreachable(exchange, failed) from failed

    async def _acarry_out(self, step: Step, deadline: _Deadline) -> Outcome:
        try:
            if not isinstance(step, Connect):
                return await asyncio.wrap_future(begin_lookup(self._resolver, step.place))
            async with self._atransport(step) as transport:
                response = await transport.handle_async_request(self._request(step, deadline))
                async with contextlib.aclosing(response):
                    body = Body(step.exchange, headers := _headers(response))
                    async for chunk in response.aiter_raw():
                        body.take(chunk)
                return Got(response.status_code, headers, bytes(body))
        except _FOREIGN as error:
            return _failure(error, deadline)

    def _atransport(self, step: Connect) -> httpx2.AsyncHTTPTransport:
        return httpx2.AsyncHTTPTransport(
            verify=self._context(step), trust_env=False, proxy=self._proxy
        )

    # --- documents --------------------------------------------------------------------------

    def get(self, url: str, *, guard: Guard, max_bytes: int) -> bytes:
        """Fetch a document: a certificate, a CRL.

        Raises:
            UnreachableError: as ``fetch``; also for a status other than 200.
        """
        exchange = Exchange(url=url, guard=guard, max_bytes=max_bytes)
        return _document(exchange, self.fetch(exchange))

    async def aget(self, url: str, *, guard: Guard, max_bytes: int) -> bytes:
        """Fetch a document; as ``get``, without blocking the event loop."""
        exchange = Exchange(url=url, guard=guard, max_bytes=max_bytes)
        return _document(exchange, await self.afetch(exchange))

    # --- what goes over the wire --------------------------------------------------------------

    def _context(self, step: Connect) -> ssl.SSLContext:
        """Trust is loaded when TLS is first spoken: it takes longer than a whole exchange."""
        return self._trust if step.place.scheme == "https" else _NO_TLS

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return httpx2.create_ssl_context(trust_env=False) if self._tls is None else self._tls

    def _request(self, step: Connect, deadline: _Deadline) -> httpx2.Request:
        """Say it to the HTTP client: to the checked address, in the name of the host."""
        exchange, url = step.exchange, httpx2.URL(step.exchange.url)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": _USER_AGENT,
            # No content coding: what is measured is what is kept.
            "Accept-Encoding": "identity",
            "Connection": "close",
            **exchange.headers,
        }
        left = deadline.left
        times = {"connect": min(self._connect, left), "read": left, "write": left, "pool": left}
        extensions: dict[str, Any] = {"timeout": times}
        if step.address is not None:
            extensions["sni_hostname"] = step.place.host.rstrip(".")
            url = url.copy_with(host=str(step.address))
        return httpx2.Request(
            exchange.method,
            url.copy_with(fragment=None),
            headers=headers,
            content=exchange.body if exchange.method == "POST" else None,
            extensions=extensions,
        )


_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What plain HTTP is given in place of trust: it trusts nobody."""


def _check_proxy(proxy: str) -> None:
    try:
        if not urlsplit(proxy).hostname:
            raise ValueError("it names no host")  # noqa: TRY301 - translated here like the rest
        httpx2.HTTPTransport(verify=_NO_TLS, trust_env=False, proxy=proxy).close()
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        raise ConfigError(
            f"the proxy {proxy} can't be used: {error}",
            key="proxy",
            remedy="name it as http://host:port",
        ) from error


class _Deadline:
    """When an exchange has to be over."""

    def __init__(self, total: float) -> None:
        self._total = total
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the end, a little above nothing where it has passed."""
        return max(self._total - self.elapsed, 0.001)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.elapsed >= self._total

    @property
    def failure(self) -> FetchFailed:
        """What to say when it has passed."""
        return FetchFailed(f"no whole answer within {self._total:g} seconds")

    def check(self) -> None:
        """Raise FetchFailed where the time is up."""
        if self.is_over:
            raise self.failure

    @contextlib.contextmanager
    def cutting(self) -> Iterator[_Watch]:
        """Cut the watched connection when the time is up.

        A peer that sends an octet now and then satisfies every read's own time limit.
        """
        watch = _Watch()
        timer = threading.Timer(self.left, watch.cut)
        timer.daemon = True
        timer.start()
        try:
            yield watch
        finally:
            timer.cancel()


class _Watch:
    """Knows the socket of a connection: the HTTP client tells it as its ``trace``."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._lock = threading.Lock()

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        """Take note of a connection, and of the TLS around it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._socket = facts["return_value"].get_extra_info("socket")
                if self._is_cut:
                    self._shut()

    def cut(self) -> None:
        """End the connection, also one that is only now coming about."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _answer(outcome: tuple[Got, str], deadline: _Deadline) -> HTTPAnswer:
    got, url = outcome
    return HTTPAnswer(
        status=got.status,
        headers=got.headers,
        body=got.body,
        url=url,
        elapsed=timedelta(seconds=deadline.elapsed),
    )


def _document(exchange: Exchange, answer: HTTPAnswer) -> bytes:
    if answer.status != 200:
        raise _unreachable(exchange, FetchFailed(f"HTTP status {answer.status}"))
    return answer.body


def _unreachable(exchange: Exchange, failed: FetchFailed) -> UnreachableError:
    attempt = Attempt(exchange.url, str(failed), is_lasting=failed.is_lasting)
    return UnreachableError("nothing came back", attempts=[attempt])


# --- the HTTP client's errors, in plain words -------------------------------------------------


def _failure(error: Exception, deadline: _Deadline) -> NotConnected:
    """Return what lets another address be tried. Raises FetchFailed for all else."""
    if deadline.is_over:
        raise deadline.failure from error
    if isinstance(error, httpx2.ConnectTimeout):
        return NotConnected("no connection in time")
    if isinstance(error, httpx2.ConnectError):
        for one in _chain(error):
            if isinstance(one, ssl.SSLCertVerificationError):
                why = f"its TLS certificate is not trusted: {one.verify_message}"
                return NotConnected(why, is_lasting=True)
        return NotConnected(f"no connection: {reason_of(error)}")
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        raise FetchFailed("no answer in time") from error
    if isinstance(error, httpx2.ProxyError):
        raise FetchFailed(f"the proxy refused: {error}") from error
    if isinstance(error, httpx2.ProtocolError):
        raise FetchFailed(f"the answer is no HTTP: {error}") from error
    if isinstance(error, httpx2.InvalidURL | ValueError):
        raise FetchFailed(f"is no URL: {error}", is_lasting=True) from error
    raise FetchFailed(f"the connection broke: {reason_of(error)}") from error


_WORDS: Final = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ECONNRESET: "the peer cut it off",
    errno.EHOSTUNREACH: "no way to that address",
    errno.ENETUNREACH: "no way to that network",
}


def connection_problem(error: OSError) -> NotConnected:
    """Say in plain words why a connection did not come about, or broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its TLS certificate is not trusted: {error.verify_message}"
        return NotConnected(why, is_lasting=True)
    if isinstance(error, TimeoutError):
        return NotConnected("no connection in time")
    return NotConnected(f"no connection: {reason_of(error)}")


def reason_of(error: BaseException) -> str:
    """Say in a few words why a connection broke or did not come about."""
    known = [one.errno for one in _chain(error) if isinstance(one, OSError)]
    word = next((_WORDS[number] for number in known if number in _WORDS), "")
    return word or str(error) or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Go through an error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
