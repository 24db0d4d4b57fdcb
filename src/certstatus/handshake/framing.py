"""TLS's presentation language: numbers and vectors, read and written (RFC 9846 §3).

Its law: what is read raises DecodeError and nothing else; each error names the field.
"""

from __future__ import annotations

from collections.abc import Iterator

from certstatus.errors import DecodeError

__all__ = ["Reader", "vector"]


class Reader:
    """Reads the fields of one structure, from its first octet to its last.

    ``where`` is the structure's name; ``rule`` the requirement ID of whoever breaks it.
    """

    def __init__(self, data: bytes, where: str, *, rule: str | None = None) -> None:
        self._data = data
        self._at = 0
        self.where = where
        self._rule = rule

    @property
    def at(self) -> int:
        """How many octets have been read."""
        return self._at

    @property
    def has_more(self) -> bool:
        """Whether octets are left."""
        return self._at < len(self._data)

    def octets(self, count: int, name: str) -> bytes:
        """Read so many octets."""
        end = self._at + count
        if end > len(self._data):
            left = len(self._data) - self._at
            raise self.broken(name, f"is cut short: {count} octets are due, {left} are there")
        self._at, start = end, self._at
        return self._data[start:end]

    def number(self, size: int, name: str) -> int:
        """Read a number of ``size`` octets."""
        return int.from_bytes(self.octets(size, name))

    def vector(self, size: int, name: str, *, least: int = 0) -> bytes:
        """Read ``opaque name<least..2^(8*size)-1>``: its length in ``size`` octets, then itself."""
        length = self.number(size, f"{name}.length")
        contents = self.octets(length, name)
        if length < least:
            reason = "is empty" if length == 0 else f"has {length} octets, fewer than {least}"
            raise self.broken(name, reason)
        return contents

    def vectors(
        self, size: int, name: str, *, each: int, least: int = 0, element: str, each_least: int = 1
    ) -> Iterator[bytes]:
        """Read a vector of vectors: the outer length in ``size`` octets, inner ones in ``each``."""
        inner = self.inside(self.vector(size, name, least=least), name)
        while inner.has_more:
            yield inner.vector(each, element, least=each_least)

    def inside(self, data: bytes, name: str) -> Reader:
        """Make a reader for the contents of a field."""
        return Reader(data, f"{self.where}.{name}", rule=self._rule)

    def end(self) -> None:
        """Insist that nothing is left."""
        left = len(self._data) - self._at
        if left:
            word = "octet" if left == 1 else "octets"
            raise DecodeError(f"has {left} {word} after its end", where=self.where, rule=self._rule)

    def broken(self, name: str, reason: str) -> DecodeError:
        """Make the error for a field of this structure."""
        return DecodeError(reason, where=f"{self.where}.{name}", rule=self._rule)


def vector(size: int, contents: bytes, where: str) -> bytes:
    """Write a vector: its length in ``size`` octets, then itself.

    Raises:
        ValueError: it is too long for its length.
    """
    if len(contents) >> (8 * size):
        most = (1 << (8 * size)) - 1
        raise ValueError(f"{where} has {len(contents)} octets, more than {most}")
    return len(contents).to_bytes(size) + contents
