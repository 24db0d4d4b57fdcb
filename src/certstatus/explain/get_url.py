"""The URL of an OCSP request by GET: base, slash, base64 of the request (RFC 6960 Appendix A.1)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final

from certstatus.errors import MalformedError
from certstatus.explain.recognize import is_whole

__all__ = ["GetURL", "parse_get_url"]

_URL: Final = re.compile(r"https?://[^/?#]+(/[^?#]*)?")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class GetURL:
    """A GET URL taken apart: the responder's URL, and the DER of the request."""

    base: str
    der: bytes


def parse_get_url(url: str) -> GetURL:
    """Find the request in a URL: the longest end of its path that is base64 of a SEQUENCE.

    The path is decoded once; ``+ / =`` may stand raw or escaped (O32).

    Raises:
        MalformedError: it is no http URL, or none of its path is such base64.
    """
    found = _URL.match(url)
    if found is None:
        raise MalformedError("is not an http URL", where="GET URL")
    path = found[1] or ""
    for slash in (one.start() for one in re.finditer("/", path)):
        der = _decoded(path[slash + 1 :])
        if der is not None:
            return GetURL(url[: found.start(1) + slash + 1], der)
    raise MalformedError("has no base64 of an OCSPRequest in its path", where="GET URL", rule="O32")


def _decoded(text: str) -> bytes | None:
    text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    try:
        der = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return der if is_whole(der) else None
