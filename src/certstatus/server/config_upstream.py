"""What ``[[authority.source]]`` and ``[[proxy]]`` say of the responders that they ask."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from certstatus.limits import (
    UPSTREAM_JITTER,
    UPSTREAM_NEGATIVE_TIME,
    UPSTREAM_REFRESH,
    UPSTREAM_TIME,
    UPSTREAM_URL_TIME,
)
from certstatus.server.config_values import Duration, Table, URLs

__all__ = ["OF_UPSTREAM", "UpstreamKeys"]


def _some_time(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than 0s")
    return value


class UpstreamKeys(Table):
    """The keys that both have.

    ``upstream_jitter`` is the part of the time until it is asked anew that chance may cut off.
    """

    upstream: Annotated[URLs, Field(min_length=1)] | None = None
    upstream_signers: tuple[Path, ...] = ()
    upstream_refresh: Duration = UPSTREAM_REFRESH
    upstream_negative: Duration = UPSTREAM_NEGATIVE_TIME
    upstream_jitter: Annotated[float, Field(ge=0, le=0.9)] = UPSTREAM_JITTER
    upstream_url_time: Annotated[Duration, AfterValidator(_some_time)] = UPSTREAM_URL_TIME
    upstream_time: Annotated[Duration, AfterValidator(_some_time)] = UPSTREAM_TIME
    upstream_http_proxy: str | None = None
    allow_sha1: bool = False


OF_UPSTREAM: Final = frozenset(UpstreamKeys.model_fields) - {"upstream", "allow_sha1"}
"""Keys that mean something with ``upstream`` alone."""
