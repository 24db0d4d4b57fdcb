"""Where a request ends: the fields that decide it, read so that no two readers can differ.

What llhttp refuses before this is called: Content-Length that is not all digits, that comes
twice, or beside Transfer-Encoding; folded fields, bare LF, blanks before the colon, and a
Transfer-Encoding that does not end in chunked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from certstatus.responder.exchange import HTTPReply
from certstatus.server import refusals

__all__ = ["Framing", "read_framing"]

Framing: TypeAlias = tuple[int, bool, bool]
"""Content-Length, or 0; is the body chunked; does the client wait for 100 Continue."""


def read_framing(version: str, headers: Iterable[tuple[bytes, bytes]]) -> Framing | HTTPReply:
    """Read how long the body is, or return the refusal of a request that leaves it in doubt."""
    is_first = version == "1.0"
    if not is_first and version != "1.1":
        return refusals.VERSION
    hosts, length, is_chunked, waits = 0, 0, False, False
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            if is_first or value.lower() != b"chunked":
                # RFC 9112 §6.1: of an HTTP/1.0 client it is faulty framing, even if understood.
                return refusals.FRAMING if is_first else refusals.CODING
            is_chunked = True
        elif name == b"expect" and not is_first:
            if value.lower() != b"100-continue":
                return refusals.EXPECTATION
            waits = True
    if hosts == 1 or (is_first and not hosts):
        return length, is_chunked, waits
    return refusals.HOST
