"""Which HTTP heads are plain, so that a message with the same head needs no parser. Pure.

A client writes the same head again and again. One that was judged here once, octet by octet
the same, is known to frame its request in one way only. What is not certain to be plain is
not: it goes to the parser, which knows all of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from certstatus.limits import MAX_PLAIN_HEAD_BYTES, MAX_PLAIN_HEADS
from certstatus.responder.exchange import Headers, HTTPReply

__all__ = ["Admit", "PlainHeads"]

_START: Final = re.compile(rb"(GET|POST) ([\x21-\x7e]+) HTTP/1\.1")
_FIELD: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?)[ \t]*"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,6}")

_WITHOUT_MEANING: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"cache-control",
        b"content-transfer-encoding",
        b"content-type",
        b"forwarded",
        b"pragma",
        b"user-agent",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"x-request-id",
    }
)
"""Fields that change nothing about how a request is framed or answered, once it is admitted."""

Admit: TypeAlias = Callable[[bytes, bytes, Headers], HTTPReply | None]


class PlainHeads:
    """The plain heads seen so far, at most ``MAX_PLAIN_HEADS``; past that it begins anew.

    ``admit`` judges method, target and fields as a face does; ``target`` is one that it admits.
    A GET is known by what follows its target, a POST by its whole head.
    """

    def __init__(self, admit: Admit, target: bytes) -> None:
        self._admit = admit
        self._get = b"GET " + target + b" HTTP/1."
        self._tails: dict[bytes, bool] = {}
        self._lengths: dict[bytes, int | None] = {}

    def follows_get(self, tail: bytes) -> bool:
        """Whether a plain GET ends with ``tail``: all that comes after ``b" HTTP/1."``."""
        known = self._tails.get(tail)
        return self._learn_tail(tail) if known is None else known

    def body_length(self, head: bytes) -> int | None:
        """Return how long the body of a plain POST is, whose head ends before an empty line.

        None: the head is not plain.
        """
        length = self._lengths.get(head)
        return self._learn_head(head) if length is None else length

    def _learn_tail(self, tail: bytes) -> bool:
        if len(tail) > MAX_PLAIN_HEAD_BYTES:
            return False
        is_plain = tail.endswith(b"\r\n\r\n") and self._judge((self._get + tail)[:-4]) == 0
        if len(self._tails) >= MAX_PLAIN_HEADS:
            self._tails.clear()
        self._tails[tail] = is_plain
        return is_plain

    def _learn_head(self, head: bytes) -> int | None:
        if head in self._lengths or len(head) > MAX_PLAIN_HEAD_BYTES:
            return None
        length = self._judge(head) or None
        if len(self._lengths) >= MAX_PLAIN_HEADS:
            self._lengths.clear()
        self._lengths[head] = length
        return length

    def _judge(self, head: bytes) -> int | None:
        """Return the length of the body, 0 where there is none; None: this head is not plain."""
        start, *lines = head.split(b"\r\n")
        begun = _START.fullmatch(start)
        fields = [_FIELD.fullmatch(line) for line in lines]
        headers = tuple((one[1].lower(), one[2]) for one in fields if one is not None)
        length = _framed(headers)
        if begun is None or len(headers) < len(fields) or length is None:
            return None
        method, target = begun.groups()
        if (length > 0) is not (method == b"POST"):
            return None
        return length if self._admit(method, target, headers) is None else None


def _framed(headers: Headers) -> int | None:
    """Read the length of the body, 0 where no field tells it; None: something is not plain."""
    names = [name for name, _ in headers if name not in _WITHOUT_MEANING]
    values = dict(headers)
    if names.count(b"host") != 1 or len(set(names)) < len(names):
        return None
    if set(names) - {b"host", b"connection", b"content-length"}:
        return None
    if values.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    if b"content-length" not in values:
        return 0
    length = values[b"content-length"]
    return int(length) or None if _LENGTH.fullmatch(length) else None
