"""What ``openssl s_client -msg`` prints: the messages of a handshake, decrypted, in hex.

So the staples of TLS 1.3 are seen too, which a capture does not show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from certstatus.errors import MalformedError
from certstatus.handshake import TLS12, ContentType

__all__ = ["is_openssl_msg", "parse_openssl_msg"]

_SHOWN: Final = re.compile(
    rb"^(?:>>>|<<<) (?:TLS|SSL)[^,\r\n]*, (Handshake|Alert) \[length ([0-9a-f]{4,6})\][^\r\n]*\r?\n"
    rb"((?: {4}[0-9a-f ]+(?:\r?\n|\Z))+)",
    re.MULTILINE,
)
_TYPES: Final = {b"Handshake": ContentType.HANDSHAKE, b"Alert": ContentType.ALERT}
_FRAGMENT_OCTETS: Final = 2**14


def is_openssl_msg(text: bytes) -> bool:
    """Whether a text holds messages as ``-msg`` prints them."""
    return _SHOWN.search(text) is not None


def parse_openssl_msg(text: bytes) -> bytes:
    """Return the handshake messages and alerts of such a text, each in TLS records.

    Raises:
        MalformedError: the hex of one is not as long as its line says.
    """
    return b"".join(_records(text))


def _records(text: bytes) -> Iterator[bytes]:
    for found in _SHOWN.finditer(text):
        kind, length, digits = found[1], int(found[2], 16), b"".join(found[3].split())
        if len(digits) != 2 * length:
            raise MalformedError(f"is not {length} octets of hex", where=f"-msg, {kind.decode()}")
        data = bytes.fromhex(digits.decode("ascii"))
        for at in range(0, length, _FRAGMENT_OCTETS):
            fragment = data[at : at + _FRAGMENT_OCTETS]
            yield bytes((_TYPES[kind],)) + TLS12.to_bytes(2) + len(fragment).to_bytes(2) + fragment
