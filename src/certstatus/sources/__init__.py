"""Who knows the status: database, CRL, OpenSSL index, and what wraps them."""

from __future__ import annotations

from certstatus.sources.base import Answer, Known, NotOurs, Source, Unlisted

__all__ = ["Answer", "Known", "NotOurs", "Source", "Unlisted"]
