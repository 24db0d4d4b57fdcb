"""What a responder answers, without a socket in sight."""

from __future__ import annotations

from certstatus.responder.exchange import (
    Headers,
    HTTPFace,
    HTTPReply,
    HTTPRequest,
)

__all__ = ["HTTPFace", "HTTPReply", "HTTPRequest", "Headers"]
