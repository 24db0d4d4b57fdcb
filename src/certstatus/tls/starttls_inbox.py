"""What has come in plain text and is not yet read, and how a conversation waits for more."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NoReturn, TypeAlias, TypeVar

from certstatus.errors import MalformedError, UnreachableError
from certstatus.limits_tls import MAX_STARTTLS_BYTES, MAX_STARTTLS_LINE_BYTES

__all__ = ["Inbox", "Talk"]

T = TypeVar("T")

Talk: TypeAlias = Generator[bytes, None, T]
"""Yields what to say, or nothing to wait for more; goes on once the inbox was added to."""

_SHOWN: Final = 120


class Inbox:
    """Octets from the server; ``where`` names the conversation in errors."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._held = bytearray()
        self._room = MAX_STARTTLS_BYTES

    def __len__(self) -> int:
        return len(self._held)

    def add(self, received: bytes) -> None:
        """Take in what came.

        Raises:
            MalformedError: more than any server has to say before TLS.
        """
        self._room -= len(received)
        if self._room < 0:
            self.break_off(f"more than {MAX_STARTTLS_BYTES} octets came before TLS")
        self._held += received

    def line(self) -> Talk[str]:
        """Wait for a line; return it without its end."""
        text = yield from self.through(b"\n", MAX_STARTTLS_LINE_BYTES)
        return text.rstrip(b"\r\n").decode("ascii", "backslashreplace")

    def through(self, end: bytes, limit: int = MAX_STARTTLS_BYTES) -> Talk[bytes]:
        """Wait for ``end``, and return all up to it, with it."""
        while (found := self._held.find(end, 0, limit)) < 0:
            if len(self._held) >= limit:
                self.break_off(f"nothing ends within {limit} octets")
            yield b""
        return self._take(found + len(end))

    def octets(self, count: int) -> Talk[bytes]:
        """Wait for so many octets, and return them."""
        while len(self._held) < count:
            yield b""
        return self._take(count)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def break_off(self, reason: str) -> NoReturn:
        """Say what the server did that its protocol does not know."""
        raise MalformedError(reason, where=self.where)

    def expected(self, what: str, got: str) -> NoReturn:
        """Say what should have come, and what came."""
        self.break_off(f"expected {what}, got {_shortened(got)!r}")

    def refused(self, reason: str) -> NoReturn:
        """Say that the server won't."""
        raise UnreachableError(f"{self.where}: the server refuses: {_shortened(reason)}")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
