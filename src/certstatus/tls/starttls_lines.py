"""STARTTLS of the mail protocols, which speak in lines."""

from __future__ import annotations

import re
from typing import Final

from certstatus.tls.starttls_inbox import Inbox, Talk

__all__ = ["imap", "pop3", "smtp"]

_REPLY: Final = re.compile(r"(\d{3})([ -]|$)(.*)")
_READY, _OK = "220", "250"
_TAG: Final = "A1"


def smtp(inbox: Inbox, _host: str) -> Talk[None]:
    """RFC 3207: greeting, EHLO, STARTTLS where it is offered."""
    yield from _smtp_reply(inbox, _READY)
    # A client without a name of its own gives its address (RFC 5321 §4.1.1.1).
    yield b"EHLO [127.0.0.1]\r\n"
    offers = yield from _smtp_reply(inbox, _OK)
    if not any(offer.upper().split()[:1] == ["STARTTLS"] for offer in offers[1:]):
        inbox.refused("it does not offer STARTTLS")
    yield b"STARTTLS\r\n"
    yield from _smtp_reply(inbox, _READY)


def _smtp_reply(inbox: Inbox, wanted: str) -> Talk[list[str]]:
    """Read one reply of one or many lines (RFC 5321 §4.2.1)."""
    texts = []
    while True:
        line = yield from inbox.line()
        found = _REPLY.fullmatch(line)
        if found is None:
            inbox.expected("a reply of SMTP", line)
        code, mark, text = found.groups()
        if code != wanted:
            inbox.refused(line)
        texts.append(text)
        if mark != "-":
            return texts


def imap(inbox: Inbox, _host: str) -> Talk[None]:
    """RFC 9051 §6.2.1: greeting, STARTTLS."""
    greeting = yield from inbox.line()
    kind = _after("*", greeting)
    if kind is None:
        inbox.expected("a greeting of IMAP", greeting)
    if kind != "OK":
        inbox.refused(greeting)
    yield f"{_TAG} STARTTLS\r\n".encode()
    kind = None
    while kind is None:
        line = yield from inbox.line()
        kind = "BYE" if _after("*", line) == "BYE" else _after(_TAG, line)
        if kind is None and not line.startswith("* "):
            inbox.expected(f"an answer to {_TAG}", line)
        if kind not in {None, "OK"}:
            inbox.refused(line)


def _after(tag: str, line: str) -> str | None:
    """Return the word behind the tag in capitals, None where the line has another tag."""
    words = line.split(" ", 2)
    return words[1].upper() if words[0] == tag and len(words) > 1 else None


def pop3(inbox: Inbox, _host: str) -> Talk[None]:
    """RFC 2595 §4: greeting, STLS."""
    yield from _pop3_answer(inbox)
    yield b"STLS\r\n"
    yield from _pop3_answer(inbox)


def _pop3_answer(inbox: Inbox) -> Talk[None]:
    line = yield from inbox.line()
    if line.startswith("-ERR"):
        inbox.refused(line)
    if not line.startswith("+OK"):
        inbox.expected("an answer of POP3", line)
