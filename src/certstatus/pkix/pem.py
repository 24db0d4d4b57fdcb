"""PEM: the base64 text that files hold DER in (RFC 7468)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection

from certstatus.errors import MalformedError

__all__ = ["decode_pem"]


def decode_pem(text: bytes, labels: Collection[str], where: str) -> list[bytes]:
    """Return the DER of every block with one of these labels, in order; others are passed over.

    Raises:
        MalformedError: a block has no end, or is not base64.
    """
    found = []
    for block in text.split(b"-----BEGIN ")[1:]:
        label, _, rest = block.partition(b"-----")
        if label.decode("ascii", "replace") not in labels:
            continue
        body, end, _ = rest.partition(b"-----END " + label + b"-----")
        if not end:
            raise MalformedError("has a PEM block without its end", where=where)
        found.append(_decode(body, where))
    return found


def _decode(body: bytes, where: str) -> bytes:
    try:
        return b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise MalformedError(f"has a PEM block that is not base64: {error}", where=where) from error
