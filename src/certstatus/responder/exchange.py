"""One HTTP exchange as values: what came, what goes, and the face that turns one into the other.

The server floor reads and writes sockets and knows no OCSP; the face knows OCSP and no
sockets. They meet here.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

__all__ = ["NO_FACTS", "HTTPFace", "HTTPReply", "HTTPRequest", "Headers", "HotReply", "Lane"]

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header fields in the order of the wire: lower-case name, value without outer blanks."""

NO_FACTS: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """What came over the wire.

    ``target`` is the raw request target: never unescaped, ``//`` kept, in absolute form
    (``http://host/path``) where the client sent it so. ``method`` is in capitals; a HEAD
    arrives as GET, and the server withholds the body of the answer. ``body`` is without
    chunk framing; trailer fields are dropped.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HTTPReply:
    """What goes back.

    ``headers`` leave out Content-Length, Connection and Date: the server writes those.
    They are written as they stand, so no value may hold CR or LF. A 204 or 304 has no body.

    ``facts`` go to the access log as they are (text, numbers, truth values). The server
    counts by these where they are present, so each takes few different values:

    - ``lane``: ``cached``, ``live``, or ``proxied``: another responder was asked for it; or
      ``scvp``
    - ``responseStatus``: OCSPResponseStatus in the RFC's word, ``successful``, ``tryLater`` …
    - ``certStatus``: ``good``, ``revoked``, ``unknown``, or a tuple of them
    - ``cause``: why the request was refused, in one word
    - ``store``: what came of a look-up in the store that nobody else counts
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    facts: Mapping[str, object] = field(default_factory=lambda: NO_FACTS)


HotReply: TypeAlias = tuple[bytes, HTTPReply, bool]
"""What a ``Lane`` answers: what follows status line and Date of a 200, up to the end of the body;
the reply for the access log and the metrics; and whether the connection ends with it."""


class Lane(Protocol):
    """What answers usual requests from their octets, before they are parsed.

    Both take what was read, and the time, aware UTC: the same object in a turn of the event
    loop, another in the next. None: the request is to be parsed, and the face asked.
    """

    @property
    def is_of_stored(self) -> bool:
        """Whether what ``stored`` saw last is of the kind that it answers, were the answer there."""
        ...

    def stored(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer with what is signed already; takes next to no time."""
        ...

    def live(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer by signing now; ``stored`` has declined the same object before."""
        ...


class HTTPFace(Protocol):
    """What answers HTTP requests. An ``async def reply`` fits as well as a plain one."""

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Judge a request by its head, before its body is read.

        A reply (405, 413, 415 …) ends the matter; None: read the body, then call ``reply``.
        """
        ...

    def reply(
        self, request: HTTPRequest, now: datetime
    ) -> HTTPReply | Coroutine[Any, Any, HTTPReply]:
        """Answer a request; ``now`` is aware UTC.

        What is known at once is returned at once: the server writes it before it reads on.
        What has to wait comes as a coroutine, and the server gives it a task of its own,
        which is cancelled when the connection is lost.
        """
        ...

    def refuse(self, request: HTTPRequest, now: datetime) -> HTTPReply | None:
        """Refuse at once what needs no work to be refused; None: call ``reply``."""
        ...

    def put_off(self, request: HTTPRequest) -> HTTPReply:
        """Answer a request that there is no time for; it costs next to nothing."""
        ...
