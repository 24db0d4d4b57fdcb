"""STARTTLS of XMPP: one XML stream, read element by element (RFC 6120 §5)."""

from __future__ import annotations

from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from certstatus.tls.starttls_inbox import Inbox, Talk

__all__ = ["xmpp_client", "xmpp_server"]

_STREAM: Final = "http://etherx.jabber.org/streams"
_TLS: Final = "urn:ietf:params:xml:ns:xmpp-tls"
_DEPTH_OF_FEATURES: Final = 2


def xmpp_client(inbox: Inbox, host: str) -> Talk[None]:
    """As a client does: jabber:client."""
    yield from _xmpp(inbox, host, "jabber:client")


def xmpp_server(inbox: Inbox, host: str) -> Talk[None]:
    """As a server does to another: jabber:server."""
    yield from _xmpp(inbox, host, "jabber:server")


def _xmpp(inbox: Inbox, host: str, content: str) -> Talk[None]:
    """Open a stream, look for starttls among its features, ask for it."""
    yield (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(host)} version='1.0' "
        f"xmlns='{content}' xmlns:stream='{_STREAM}'>"
    ).encode()
    stream = _Stream(inbox)
    features = yield from stream.element()
    if features[-1] != f"{_STREAM} features":
        inbox.refused(f"its stream begins with {_plain(features[-1])}: {_listed(features)}")
    if f"{_TLS} starttls" not in features:
        inbox.refused("it does not offer starttls")
    yield f"<starttls xmlns='{_TLS}'/>".encode()
    answer = yield from stream.element()
    if answer[-1] == f"{_TLS} proceed":
        return
    if answer[-1] == f"{_TLS} failure":
        inbox.refused("it answers starttls with failure")
    inbox.expected("proceed", _plain(answer[-1]))


class _Stream:
    """A stream of XML, read no further than each element under its root needs."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._depth = 0
        self._ended: list[str] = []
        self._is_whole = False

    def element(self) -> Talk[list[str]]:
        """Return the names in the next element under the root, its own last."""
        self._ended, self._is_whole = [], False
        while not self._is_whole:
            # An element ends where a tag ends, so nothing behind it is read.
            piece = yield from self._inbox.through(b">")
            try:
                self._parser.Parse(piece)
            except expat.ExpatError as error:
                self._inbox.break_off(f"no XML stream: {error}")
        return self._ended

    def _start(self, name: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth == 1 and name != f"{_STREAM} stream":
            self._inbox.expected("a stream", _plain(name))

    def _end(self, name: str) -> None:
        self._ended.append(name)
        self._is_whole = self._depth <= _DEPTH_OF_FEATURES
        self._depth -= 1

    def _doctype(self, *_: object) -> None:
        self._inbox.break_off("a document type, which XMPP forbids (RFC 6120 §11.1)")


def _plain(name: str) -> str:
    return name.rpartition(" ")[2]


def _listed(names: list[str]) -> str:
    return ", ".join(_plain(name) for name in names[:-1])
