"""HTTP requests as small clients write them."""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import quote

__all__ = ["file_request", "get_request", "post_request"]

_END: Final = {True: b"\r\n", False: b"Connection: close\r\n\r\n"}
_HOST: Final = b" HTTP/1.1\r\nHost: localhost\r\n"


def post_request(der: bytes, *, is_kept_alive: bool) -> bytes:
    """Write an OCSP request as a POST (RFC 6960 Appendix A.1)."""
    fields = b"Content-Type: application/ocsp-request\r\nContent-Length: %d\r\n" % len(der)
    return b"POST /" + _HOST + fields + _END[is_kept_alive] + der


def get_request(der: bytes, *, is_kept_alive: bool) -> bytes:
    """Write an OCSP request as a GET (RFC 6960 Appendix A.1)."""
    path = quote(b64encode(der).decode("ascii"), safe="").encode("ascii")
    return b"GET /" + path + _HOST + _END[is_kept_alive]


def file_request(path: str, *, is_kept_alive: bool) -> bytes:
    """Ask for a file."""
    return b"GET " + path.encode("ascii") + _HOST + _END[is_kept_alive]
