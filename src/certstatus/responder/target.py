"""The OCSPRequest in the path of a GET: ``{url}/{urlencode(base64(DER))}`` (O32). Pure.

The target is read as it was sent: taken apart by hand, unescaped once. What clients and
proxies do to it on the way is undone: escaped or raw ``+ / =``, a plus that became a blank,
added or merged slashes, base64url, missing padding (FIELD A4 #1).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits import MAX_MERGED_SLASHES

__all__ = ["decode_request", "path_of", "repaired_requests", "under", "unescaped"]

_WHERE: Final = "request target"
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_URL_SAFE: Final = bytes.maketrans(b"-_ ", b"+/+")


def path_of(target: bytes) -> bytes:
    """Return the path and what follows it, of a target in origin or absolute form."""
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    return target[absolute.end() :] or b"/"


def under(path: bytes, prefix: bytes) -> bytes | None:
    """Return what follows ``prefix``, a path without a slash at its end; None: it is elsewhere.

    Slashes around the prefix may have been added on the way.
    """
    path = b"/" + path.lstrip(b"/")
    if not path.startswith(prefix):
        return None
    rest = path[len(prefix) :]
    return rest.lstrip(b"/") if rest[:1] in {b"", b"/"} else None


def decode_request(encoded: bytes) -> bytes:
    """Return the DER in the last part of a path.

    Raises:
        MalformedError: it is not base64, but for what is undone here; or nothing is there.
    """
    return _decode_base64(_text(encoded))


def repaired_requests(encoded: bytes) -> Iterator[bytes]:
    """Yield what the DER may have been before a proxy merged two slashes into one.

    Each candidate has one slash more; whoever knows what a request looks like picks the
    one that is. None, where the length tells that no single slash is missing.
    """
    try:
        text = _text(encoded)
    except MalformedError:
        return
    places = [at for at, octet in enumerate(text) if octet == ord("/")]
    if encoded.endswith((b"=", b"%3D", b"%3d")) and not _lacks_one(encoded):
        return
    for place in places[:MAX_MERGED_SLASHES]:
        with_one_more = text[:place] + b"/" + text[place:]
        try:
            yield _decode_base64(with_one_more)
        except MalformedError:
            continue


def _lacks_one(encoded: bytes) -> bool:
    """Whether padded base64 is one character short."""
    return len(unescaped(encoded).lstrip(b"/")) % 4 == 3


def _text(encoded: bytes) -> bytes:
    """Unescape once, and bring every form to plain base64 without padding."""
    text = unescaped(encoded).lstrip(b"/").translate(_URL_SAFE).rstrip(b"=")
    if not text:
        raise MalformedError("holds no request", where=_WHERE, rule="O32")
    return text


def unescaped(encoded: bytes) -> bytes:
    """Undo percent-encoding, once; a lone percent sign stays, and is no base64."""
    if b"%" not in encoded:
        return encoded
    # Most clients write just the three escapes that base64 needs, and like this.
    plain = encoded.replace(b"%2B", b"+").replace(b"%2F", b"/").replace(b"%3D", b"=")
    if b"%" not in plain:
        return plain
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), encoded)


def _decode_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise MalformedError(f"is no base64: {error}", where=_WHERE, rule="O32") from error
