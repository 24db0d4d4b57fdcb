"""Bytes in, turns out: the reading half of a connection.

A turn is a request to be answered, or the refusal of one. The parser is llhttp in its strict
setting: what could be read in two ways is refused, not repaired. Its URL parser is never
used, for the raw target is the face's to read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final, NoReturn

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from certstatus.responder.exchange import HTTPReply, HTTPRequest
from certstatus.server import refusals
from certstatus.server.framing import read_framing

if TYPE_CHECKING:
    from certstatus.server.http import Server

__all__ = ["SLICE", "Phase", "Reader", "Turn"]

SLICE: Final = 16_384
"""Bytes given to the parser at a time: it can't pause inside one, so this bounds the overshoot."""

_CLOSE: Final = b"Connection: close\r\n"
_KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"


class Phase(Enum):
    """Where in a request the reader stands."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    DONE = auto()  # no more requests are taken


@dataclass(slots=True)
class Turn:
    """One answer to give: to ``request``, or where that is None, ``refusal`` itself.

    ``connection`` is the header line that says what becomes of the connection, or empty.
    """

    method: bytes
    keep_alive: bool
    connection: bytes
    began_ns: int
    request: HTTPRequest | None
    refusal: HTTPReply | None


class _Stop(Exception):  # noqa: N818 (a way out of the parser, not an error)
    """Leaves the parser in the middle of a request that has been refused."""


class Reader:
    """Reads one connection's requests; the ``on_`` methods are the parser's to call.

    ``begun`` is called when a request begins, ``take`` with each turn in order, and
    ``continued`` when a client waits for 100 Continue (``waits`` is True until it need not).
    """

    __slots__ = (
        "_begun",
        "_body",
        "_body_bytes",
        "_continued",
        "_fed",
        "_head_bytes",
        "_headers",
        "_is_chunked",
        "_is_first_version",
        "_keep_alive",
        "_length",
        "_method",
        "_most_body",
        "_parser",
        "_refused",
        "_server",
        "_take",
        "_target",
        "_upgrading",
        "phase",
        "waits",
    )

    def __init__(
        self,
        server: Server,
        *,
        begun: Callable[[], None],
        take: Callable[[Turn], None],
        continued: Callable[[], None],
    ) -> None:
        self._server = server
        self._begun = begun
        self._take = take
        self._continued = continued
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.phase = Phase.IDLE
        self._forget()

    def _forget(self) -> None:
        """Stand before a new request."""
        self._method = b""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = self._fed = 0
        self._length = 0
        self._most_body = self._server.limits.body
        self._is_chunked = False
        self._is_first_version = False
        self._keep_alive = True
        self._upgrading = False
        self._refused: HTTPReply | None = None
        self.waits = False

    @property
    def is_reading(self) -> bool:
        """Is part of a request here, and part of it not?"""
        return self.phase is Phase.HEAD or self.phase is Phase.BODY

    def feed(self, data: bytes | memoryview) -> None:
        """Read bytes; after the last turn they are thrown away."""
        if self.phase is Phase.DONE or self._parser is None:
            return
        rest: bytes | memoryview = b""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except HttpParserError as error:
            self._parse_failed(error)
            return
        if self._upgrading:
            self._read_on(rest)
        elif self.is_reading:
            self._bound(len(data))

    def refuse(self, reply: HTTPReply) -> None:
        """Make of a reply the last turn."""
        self.phase = Phase.DONE
        self._take(Turn(self._method, False, _CLOSE, perf_counter_ns(), None, reply))

    def close(self) -> None:
        """Read no more; let go of the parser, for it holds this object and this object it."""
        self.phase = Phase.DONE
        self._parser = None

    # --- from the parser --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.phase is Phase.DONE:
            raise _Stop  # the connection was ended between two requests of one read
        self.phase = Phase.HEAD
        self._begun()

    def on_url(self, url: bytes) -> None:
        """Part of the request target, mostly all of it."""
        self._target = self._target + url if self._target else url
        if len(self._target) > self._server.limits.target:
            self._stop(refusals.TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field; or a trailer field, which is counted and dropped."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._server.limits.header:
            self._stop(refusals.HEADERS)
        if self.phase is Phase.HEAD:
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Judge the head: framing first, then the face's word, then the body's length."""
        parser = self._parser
        assert parser is not None
        self.phase = Phase.BODY
        self._method = parser.get_method()
        self._keep_alive = parser.should_keep_alive()
        self._upgrading = parser.should_upgrade()
        version = parser.get_http_version()
        self._is_first_version = version == "1.0"
        framing = read_framing(version, self._headers)
        if isinstance(framing, HTTPReply):
            self._stop(framing)
        self._length, self._is_chunked, self.waits = framing
        self._refused = self._admit()
        if not (self._length or self._is_chunked):
            self.waits = False
            return
        if self._refused is not None:
            self._stop(self._refused)
        self._most_body = self._server.body_limit(self._target)
        if self._length > self._most_body:
            self._stop(refusals.BODY)
        if self.waits:
            self._continued()

    def on_body(self, chunk: bytes) -> None:
        """Part of the body."""
        self.waits = False
        self._body_bytes += len(chunk)
        if self._body_bytes > self._most_body:
            self._stop(refusals.BODY)
        self._body.append(chunk)

    def on_message_complete(self) -> None:
        """A whole request."""
        if self._upgrading:  # its body, if any, is still to come: see _read_on
            return
        request = None
        if self._refused is None:
            request = HTTPRequest(
                self._judged_method(), self._target, tuple(self._headers), b"".join(self._body)
            )
        if not self._keep_alive:
            connection = _CLOSE
        else:
            connection = _KEEP_ALIVE if self._is_first_version else b""
        turn = Turn(
            self._method, self._keep_alive, connection, perf_counter_ns(), request, self._refused
        )
        self.phase = Phase.IDLE if self._keep_alive else Phase.DONE
        self._forget()
        self._take(turn)

    # --- within -----------------------------------------------------------------------------

    def _judged_method(self) -> bytes:
        """A HEAD is judged and answered as GET, without the body (RFC 9110 §9.3.2)."""
        return b"GET" if self._method == b"HEAD" else self._method

    def _admit(self) -> HTTPReply | None:
        try:
            return self._server.face.admit(
                self._judged_method(), self._target, tuple(self._headers)
            )
        except Exception as error:  # noqa: BLE001 (the border where a defect becomes a 500)
            return self._server.note_defect(error)

    def _stop(self, reply: HTTPReply) -> NoReturn:
        """Refuse in the middle of a request, from inside the parser."""
        self.refuse(reply)
        raise _Stop

    def _parse_failed(self, error: HttpParserError) -> None:
        if self.phase is Phase.DONE:
            return  # refused already, and the parser left by _Stop
        if isinstance(error, HttpParserCallbackError) and error.__context__ is not None:
            self.refuse(self._server.note_defect(error.__context__))
        else:
            self.refuse(refusals.MALFORMED)

    def _bound(self, fed: int) -> None:
        """Bound what is no body: the parser keeps a field to itself until it ends.

        A chunk of one octet takes six, and eight are allowed.
        """
        limits = self._server.limits
        self._fed += fed
        most = limits.target + limits.header + SLICE
        if self.phase is Phase.HEAD and self._fed > most:
            self.refuse(refusals.HEADERS)
        elif self._fed > most + 8 * self._most_body:
            self.refuse(refusals.BODY)

    def _read_on(self, rest: bytes | memoryview) -> None:
        """Ignore an Upgrade (RFC 9110 §7.8): the parser stops before the body, a fresh one reads it.

        Java's HTTP client asks for h2c with every request on a plain connection.
        """
        self._upgrading = False
        length = b"Transfer-Encoding: chunked"
        if not self._is_chunked:
            length = b"Content-Length: %d" % self._length
        self._parser = HttpRequestParser(_Resumed(self))
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % length)
        self.feed(rest)


class _Resumed:
    """Stands between a fresh parser and a reader that has read the head already."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._in_head = True
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        if not self._in_head:
            self._reader.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._in_head:
            self._reader.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._in_head:
            self._reader.on_headers_complete()
        self._in_head = False
