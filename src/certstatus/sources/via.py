"""Which responders of ours a question came through, so that none asks itself in the end.

A responder that asks another one for a status sends Via (RFC 9110 §7.6.3) with its mark,
after those that the question brought along. Whoever finds its own mark in a question
refuses to ask on. What other gateways write into Via is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Final

from certstatus.limits import MAX_UPSTREAM_HOPS

__all__ = ["came_through", "marks_of_question", "upstream_mark", "via"]

_MARK: Final = re.compile(rb"\bcertstatus-[0-9a-f]{16}\b")
_marks: ContextVar[tuple[str, ...]] = ContextVar("marks", default=())


@contextmanager
def came_through(fields: Iterable[bytes]) -> Iterator[None]:
    """Remember what the Via fields of a request tell, while its question is answered."""
    found = dict.fromkeys(mark.decode() for one in fields for mark in _MARK.findall(one))
    token = _marks.set(tuple(found)[:MAX_UPSTREAM_HOPS])
    try:
        yield
    finally:
        _marks.reset(token)


def marks_of_question() -> tuple[str, ...]:
    """Return the marks of the responders that the question came through, the first first."""
    return _marks.get()


def upstream_mark(*parts: bytes) -> str:
    """Make the mark of who is told apart by these parts."""
    digest = sha256(b"\0".join(parts)).hexdigest()
    return f"certstatus-{digest[:16]}"


def via(marks: Iterable[str]) -> str:
    """Write the value of a Via field."""
    return ", ".join(f"1.1 {mark}" for mark in marks)
