"""An HTTP reply as bytes."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

from certstatus.responder.exchange import HTTPReply

__all__ = ["CONTINUE", "ReplyWriter"]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_SECOND: Final = timedelta(seconds=1)
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class ReplyWriter:
    """Writes replies, and writes each status line with its Date once a second only.

    For speed it trusts the face: header fields go out as they stand, without a look for
    CR and LF in them.
    """

    __slots__ = ("_from", "_starts", "_until")

    def __init__(self) -> None:
        self._starts: dict[int, bytes] = {}
        self._from: datetime | None = None
        self._until: datetime | None = None

    def message(
        self, reply: HTTPReply, now: datetime, connection: bytes, *, has_body: bool
    ) -> bytes:
        """Write a whole reply; ``connection`` is a header line, or empty.

        Without its body where the request was a HEAD: Content-Length is then that of the
        body withheld (RFC 9110 §9.3.2). A 204 or 304 has neither (RFC 9110 §8.6).
        """
        status = reply.status
        start = self.start(status, now)
        fields = b"".join([b"%b: %b\r\n" % field for field in reply.headers])
        if status in _BODILESS:
            return b"%b%b%b\r\n" % (start, fields, connection)
        body = reply.body
        return b"%b%bContent-Length: %d\r\n%b\r\n%b" % (
            start,
            fields,
            len(body),
            connection,
            body if has_body else b"",
        )

    def start(self, status: int, now: datetime) -> bytes:
        """Write the status line, and Date; ``now`` is aware UTC."""
        if self._from is None or self._until is None or not self._from <= now < self._until:
            self._turn_second(now)
        return self._starts.get(status) or self._start(status)

    def _turn_second(self, now: datetime) -> None:
        self._from = now.replace(microsecond=0)
        self._until = self._from + _SECOND
        self._starts.clear()

    def _start(self, status: int) -> bytes:
        assert self._from is not None
        date = format_datetime(self._from, usegmt=True)
        line = f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\nDate: {date}\r\n".encode("ascii")
        self._starts[status] = line
        return line
