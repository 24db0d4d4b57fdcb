"""HTTP/1.1 as the host of faults speaks it: one request for each connection, bounded, and a reply.

Its law: sans-IO; ``read_request`` is given a function that reads, and the bounds are here.
The servers of ``certstatus serve`` stand above TLS, and do more than a tester's page needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeAlias

from certstatus.limits import MAX_HEADER_BYTES, MAX_REQUEST_BYTES, MAX_TARGET_BYTES
from certstatus.tls.fault import Pace

__all__ = ["Refused", "WebReply", "WebRequest", "read_request"]

Read: TypeAlias = Callable[[int], bytes]
"""Returns what has come, at most so many octets; ``b""`` at the end."""

_REQUEST_LINE: Final = re.compile(r"([A-Z]{1,16}) (\S+) HTTP/1\.[01]")
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH: Final = re.compile(r"[0-9]{1,12}")
_PIECE: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class WebRequest:
    """A request as it came in; names of fields are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True)
class WebReply:
    """What is answered, and how fast. The connection ends after it."""

    body: bytes = field(repr=False)
    content_type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()
    pace: Pace = Pace.PROMPT

    def encode(self, *, has_body: bool = True) -> bytes:
        """Write head and body; without its body it answers HEAD."""
        fields = (
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            *self.headers,
        )
        lines = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            *(f"{name}: {value}" for name, value in fields),
        )
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        return head + self.body if has_body else head


class Refused(Exception):  # noqa: N818 - not an error of ours: a reply to a request
    """A request that is not read further; ``reply`` says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.reply = WebReply(status=status, body=f"{reason}\n".encode())


def read_request(read: Read) -> WebRequest | None:
    """Read one request; None where the client ends before it has sent any.

    Raises:
        Refused: the request is broken, or larger than what is read here.
    """
    head, rest = _read_head(read)
    if not head:
        return None
    line, *lines = head.decode("latin-1").split("\r\n")
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")
    method, target = found.groups()
    if len(target) > MAX_TARGET_BYTES:
        raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "the request target is too long")
    headers = _fields(lines)
    body = _read_body(read, rest, _length(headers))
    return WebRequest(method=method, target=target, headers=headers, body=body)


def _read_head(read: Read) -> tuple[bytes, bytes]:
    """Read to the empty line; return what stands before it, and what has come of the body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > MAX_HEADER_BYTES:
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long")
        piece = read(_PIECE)
        if not piece:
            if data.strip():
                raise Refused(HTTPStatus.BAD_REQUEST, "the request ends within its head")
            return b"", b""
        data += piece
    head, _, rest = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    return head, rest


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "a header field is broken")
        name, value = found[1].lower(), found[2].strip()
        if name == "content-length" and name in fields:
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length stands twice")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length, and the body as it is")
    length = headers.get("content-length", "0")
    if _LENGTH.fullmatch(length) is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
    if int(length) > MAX_REQUEST_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request's body is too large")
    return int(length)


def _read_body(read: Read, begun: bytes, length: int) -> bytes:
    body = begun
    while len(body) < length:
        piece = read(min(_PIECE, length - len(body)))
        if not piece:
            raise Refused(HTTPStatus.BAD_REQUEST, "the request ends within its body")
        body += piece
    return body[:length]
