"""What the server answers by itself to what never reaches the face."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from certstatus.responder.exchange import HTTPReply

__all__ = [
    "BODY",
    "CODING",
    "DEFECT",
    "EXPECTATION",
    "FRAMING",
    "FULL",
    "HEADERS",
    "HOST",
    "MALFORMED",
    "SLOW",
    "TARGET",
    "VERSION",
]


def _refusal(status: HTTPStatus, cause: str, text: str) -> HTTPReply:
    """Make the reply to what is not fit to reach the face; no cache may keep it (L13)."""
    return HTTPReply(
        status,
        ((b"Content-Type", b"text/plain"), (b"Cache-Control", b"no-store")),
        text.encode("ascii") + b"\n",
        {"cause": cause},
    )


MALFORMED: Final = _refusal(
    HTTPStatus.BAD_REQUEST, "malformedHTTP", "this is not an HTTP/1.1 request"
)
HOST: Final = _refusal(
    HTTPStatus.BAD_REQUEST,
    "host",
    "an HTTP/1.1 request names its host, once",
)
FRAMING: Final = _refusal(HTTPStatus.BAD_REQUEST, "framing", "the length of the body is in doubt")
CODING: Final = _refusal(
    HTTPStatus.NOT_IMPLEMENTED, "transferCoding", "the only transfer coding read here is chunked"
)
VERSION: Final = _refusal(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "httpVersion", "HTTP/1.0 and HTTP/1.1 are spoken here"
)
EXPECTATION: Final = _refusal(
    HTTPStatus.EXPECTATION_FAILED, "expectation", "the only expectation known is 100-continue"
)
TARGET: Final = _refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG, "targetLength", "the request target is too long; use POST"
)
HEADERS: Final = _refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headerLength", "too many bytes of header fields"
)
BODY: Final = _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bodyLength", "the body is too large")
SLOW: Final = _refusal(HTTPStatus.REQUEST_TIMEOUT, "slow", "the request took too long to arrive")
FULL: Final = _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "connections", "too many connections")
DEFECT: Final = _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "exception", "internal error")
