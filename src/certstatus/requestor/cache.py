"""Responses on disk, for as long as they may be used again (RFC 9919 §7; L13, L14).

Its law: only a VerifiedResponse enters; what comes out is verified anew by the caller.
A file that can't be read is dropped, and asked for again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path

from certstatus.errors import MalformedError
from certstatus.limits import MAX_CACHED_RESPONSES, MAX_RESPONSE_BYTES
from certstatus.pkix import Certificate
from certstatus.requestor.entries import Entries
from certstatus.verify import VerifiedResponse

__all__ = ["CachedResponse", "ResponseCache", "fresh_until", "server_says"]

_HEAD_BYTES: Final = 8_192


@dataclass(frozen=True, kw_only=True)
class CachedResponse:
    """A stored response, not yet verified again; ``fresh_until`` is aware UTC.

    ``url`` and ``method`` are how it was asked for.
    """

    der: bytes = field(repr=False)
    fresh_until: datetime
    url: str
    method: str


def fresh_until(
    verified: VerifiedResponse, headers: Mapping[str, str], now: datetime
) -> datetime | None:
    """Say how long a response may be used without asking again; None: not at all.

    The earlier of what the server says (max-age, else Expires) and nextUpdate (L14).
    ``no-store`` is honoured. Header names are in lower case.
    """
    ends = [verified.expires, server_says(headers, now)]
    end = min((end for end in ends if end is not None), default=None)
    is_stored = "no-store" not in headers.get("cache-control", "").lower()
    return end if is_stored and end is not None and end > now else None


def server_says(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when HTTP calls an answer fresh (RFC 9111 §4.2); None: it does not say.

    Header names are in lower case.
    """
    directives = headers.get("cache-control", "").lower().split(",")
    for directive in directives:
        name, _, value = directive.strip().partition("=")
        if name == "no-cache":
            return now
        if name == "max-age" and value.strip('"').isdecimal() and len(value) < 12:
            age = headers.get("age", "0")
            spent = int(age) if age.isdecimal() and len(age) < 12 else 0
            return now + timedelta(seconds=min(int(value.strip('"')), 2**31) - min(spent, 2**31))
    return _expires(headers["expires"], now) if "expires" in headers else None


def _expires(value: str, now: datetime) -> datetime:
    """Read an HTTP date; what is none has passed already (RFC 9111 §5.3)."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return now
    # "-0000" makes a time without a zone of what means UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class ResponseCache:
    """A directory of responses, one file for each certificate; many processes may share it."""

    def __init__(
        self, directory: Path | None = None, *, max_entries: int = MAX_CACHED_RESPONSES
    ) -> None:
        self._entries = Entries(
            directory or user_cache_path("certstatus") / "responses",
            suffix=".ors",
            format_number=1,
            max_entries=max_entries,
            max_bytes=MAX_RESPONSE_BYTES + _HEAD_BYTES,
        )

    def get(self, issuer: Certificate, serial_number: int) -> CachedResponse | None:
        """Return what is stored of a certificate; verify it before you believe it."""
        try:
            return self._entries.read(_name(issuer, serial_number), _cached)
        except MalformedError:
            self.drop(issuer, serial_number)
            return None

    def put(
        self,
        verified: VerifiedResponse,
        issuer: Certificate,
        *,
        fresh_until: datetime,
        url: str,
        method: str,
    ) -> None:
        """Store a response; a cache that can't be written to is no reason to fail."""
        told = {"freshUntil": int(fresh_until.timestamp()), "url": url, "method": method}
        name = _name(issuer, verified.single.cert_id.serial_number)
        with contextlib.suppress(OSError):
            self._entries.write(name, told, verified.der)

    def drop(self, issuer: Certificate, serial_number: int) -> None:
        """Forget a certificate's response."""
        self._entries.drop(_name(issuer, serial_number))


def _name(issuer: Certificate, serial_number: int) -> str:
    """Name an entry by issuer certificate and serial number, never by the serial alone."""
    serial = f"{serial_number:x}".encode("ascii")
    return sha256(issuer.fingerprint + b":" + serial).hexdigest()


def _cached(told: Mapping[str, Any], der: bytes) -> CachedResponse:
    return CachedResponse(
        der=der,
        fresh_until=datetime.fromtimestamp(int(told["freshUntil"]), UTC),
        url=str(told["url"]),
        method=str(told["method"]),
    )
