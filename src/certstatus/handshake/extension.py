"""A block of TLS extensions, kept as it stands (RFC 9846 §4.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import ExtensionType, number_text
from certstatus.limits_tls import MAX_TLS_EXTENSIONS

__all__ = ["ExtensionBlock", "TLSExtension", "encode_extensions", "read_extensions"]


@dataclass(frozen=True, slots=True)
class TLSExtension:
    """One extension: its number, and its extension_data unread."""

    type: int
    data: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """Write type, length and data. Raises ValueError for data over 65,535 octets."""
        return self.type.to_bytes(2) + vector(2, self.data, str(self))

    def __str__(self) -> str:
        return number_text(self.type, ExtensionType)


@dataclass(frozen=True, kw_only=True)
class ExtensionBlock:
    """What has a block of extensions: hellos, certificate entries and requests.

    A block may hold an extension twice, as a peer sent it; ``repeated`` tells, and
    ``check_flight`` finds it illegal.
    """

    extensions: tuple[TLSExtension, ...] = ()

    def extension(self, kind: int) -> TLSExtension | None:
        """Return the first extension of a type, or None."""
        return next((one for one in self.extensions if one.type == kind), None)

    @property
    def repeated(self) -> tuple[int, ...]:
        """The types that stand more than once."""
        counted = Counter(one.type for one in self.extensions)
        return tuple(kind for kind, count in counted.items() if count > 1)


def read_extensions(reader: Reader, *, least: int = 0) -> tuple[TLSExtension, ...]:
    """Read ``Extension extensions<least..2^16-1>`` of a message.

    Raises:
        DecodeError: a length lies, or there are more than ``MAX_TLS_EXTENSIONS``.
    """
    inner = reader.inside(reader.vector(2, "extensions", least=least), "extensions")
    found: list[TLSExtension] = []
    while inner.has_more:
        if len(found) == MAX_TLS_EXTENSIONS:
            raise reader.broken("extensions", f"are more than {MAX_TLS_EXTENSIONS}")
        kind = inner.number(2, "extension_type")
        name = number_text(kind, ExtensionType)
        found.append(TLSExtension(kind, inner.vector(2, f"{name}.extension_data")))
    return tuple(found)


def encode_extensions(extensions: Iterable[TLSExtension]) -> bytes:
    """Write a block with its length. Raises ValueError where it has over 65,535 octets."""
    return vector(2, b"".join(one.encode() for one in extensions), "extensions")
