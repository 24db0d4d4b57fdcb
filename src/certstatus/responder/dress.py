"""The HTTP fields around a signed answer that caches may keep (RFC 9919 §7.2, L11 to L14). Pure.

Last-Modified is thisUpdate (RFC 9919 §7.2; its §6 says producedAt). All times here are whole
seconds since 1970.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from certstatus.limits import CACHE_MARGIN
from certstatus.responder.exchange import Headers

__all__ = [
    "NO_STORE",
    "RESPONSE_TYPE",
    "around_etag",
    "as_fields",
    "as_last",
    "cache_age",
    "cache_control",
    "entity_fields",
    "http_date",
]

RESPONSE_TYPE: Final = (b"content-type", b"application/ocsp-response")
NO_STORE: Final = (b"cache-control", b"no-store")

_MARGIN: Final = int(CACHE_MARGIN.total_seconds())


def entity_fields(der: bytes, this_update: int, next_update: int) -> Headers:
    """Return what follows from an answer alone, in the order in which it is sent."""
    etag = hashlib.sha256(der).hexdigest().encode("ascii")
    return (
        RESPONSE_TYPE,
        (b"last-modified", http_date(this_update)),
        (b"etag", b'"%b"' % etag),
        (b"expires", http_date(next_update)),
    )


def cache_control(seconds: int) -> bytes:
    """Return the value that lets caches keep an answer for so long."""
    return b"max-age=%d, public, no-transform, must-revalidate" % seconds


def cache_age(next_update: int, now: int, most: int) -> int:
    """Say for how many seconds caches may keep an answer."""
    return max(0, min(most, next_update - now - _MARGIN))


@lru_cache(maxsize=4096)
def http_date(seconds: int) -> bytes:
    """Write a moment as HTTP does."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True).encode("ascii")


def as_fields(*headers: tuple[bytes, bytes]) -> bytes:
    """Write header fields as they go over the wire."""
    return b"".join(b"%b: %b\r\n" % field for field in headers)


def as_last(octets: bytes) -> bytes:
    """Say behind the last header field that the connection ends with this reply."""
    return octets.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


@lru_cache(maxsize=4096)
def around_etag(this_update: int, next_update: int) -> tuple[bytes, bytes]:
    """Write what goes before and after the digits of an ETag, up to the value of Cache-Control.

    With those it is the same as ``as_fields(*entity_fields(…))``, in steps of which each follows
    from less: answers of one second have the same dates.
    """
    return _BEFORE_ETAG % http_date(this_update), _AFTER_ETAG % http_date(next_update)


_BEFORE_ETAG: Final = b'content-type: application/ocsp-response\r\nlast-modified: %b\r\netag: "'
_AFTER_ETAG: Final = b'"\r\nexpires: %b\r\ncache-control: '
