"""Which HTTP heads are plain, so that a message with the same head needs no parser. Pure.

A client writes the same head again and again. One that was judged here once, octet by octet
the same, is known to frame its request in one way only. What is not certain to be plain is
not: it goes to the parser, which knows all of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from certstatus.limits_hot import MAX_PLAIN_HEAD_BYTES, MAX_PLAIN_HEADS
from certstatus.responder.exchange import Headers, HTTPReply

__all__ = ["Admit", "Plain", "PlainHeads"]

_START: Final = re.compile(rb"(GET|POST) ([\x21-\x7e]+) HTTP/1\.([01])")
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


class Plain(NamedTuple):
    """What a plain head says: how long the body is, and whether this is the last request."""

    length: int
    is_last: bool


class PlainHeads:
    """The plain heads seen so far, at most ``MAX_PLAIN_HEADS``; past that it begins anew.

    ``admit`` judges method, target and fields as a face does; ``target`` is one that it admits.
    A GET is known by what follows its target, a POST by its whole head.
    """

    def __init__(self, admit: Admit, target: bytes) -> None:
        self._admit = admit
        self._get = b"GET " + target + b" HTTP/1."
        self._tails: dict[bytes, Plain | None] = {}
        self._heads: dict[bytes, Plain | None] = {}

    def after_get(self, tail: bytes) -> Plain | None:
        """Read what comes after ``b" HTTP/1."`` of a GET, up to its very end; None: not plain."""
        known = self._tails.get(tail, _UNSEEN)
        if known is not _UNSEEN:
            return known
        is_whole = tail.endswith(b"\r\n\r\n")
        return self._learn(self._tails, tail, (self._get + tail)[:-4] if is_whole else b"")

    def of_post(self, head: bytes) -> Plain | None:
        """Read the head of a POST, which ends before an empty line; None: not plain."""
        known = self._heads.get(head, _UNSEEN)
        return known if known is not _UNSEEN else self._learn(self._heads, head, head)

    def _learn(self, known: dict[bytes, Plain | None], key: bytes, head: bytes) -> Plain | None:
        if len(key) > MAX_PLAIN_HEAD_BYTES:
            return None
        if len(known) >= MAX_PLAIN_HEADS:
            known.clear()
        plain = known[key] = self._judge(head)
        return plain

    def _judge(self, head: bytes) -> Plain | None:
        start, *lines = head.split(b"\r\n")
        begun = _START.fullmatch(start)
        fields = [_FIELD.fullmatch(line) for line in lines]
        headers = tuple((one[1].lower(), one[2]) for one in fields if one is not None)
        if begun is None or len(headers) < len(fields):
            return None
        method, target, version = begun.groups()
        plain = _framed(headers, is_first=version == b"0")
        if plain is None or (plain.length > 0) is not (method == b"POST"):
            return None
        return plain if self._admit(method, target, headers) is None else None


def _framed(headers: Headers, *, is_first: bool) -> Plain | None:
    """Read length and end; None: something is not plain. ``is_first`` is HTTP/1.0."""
    names = [name for name, _ in headers if name not in _WITHOUT_MEANING]
    values = dict(headers)
    if len(set(names)) < len(names) or set(names) - {b"host", b"connection", b"content-length"}:
        return None
    if b"host" not in values and not is_first:
        return None
    connection = values.get(b"connection", b"close" if is_first else b"keep-alive").lower()
    if connection != b"close" and (is_first or connection != b"keep-alive"):
        return None
    length = values.get(b"content-length")
    if length is None:
        return Plain(0, connection == b"close")
    if not _LENGTH.fullmatch(length) or int(length) == 0:
        return None
    return Plain(int(length), connection == b"close")


_UNSEEN: Final = Plain(-1, is_last=False)
