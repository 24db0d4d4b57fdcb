"""How much one search may cost, and what it has cost (RFC 5055 §9: work bounded by the server)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from certstatus.limits_path import (
    MAX_PATH_BYTES,
    MAX_PATH_FETCHES,
    MAX_PATH_SIGNATURES,
    MAX_PATHS,
    PATH_TIME,
)

__all__ = ["Work", "WorkLimits"]


@dataclass(frozen=True, kw_only=True)
class WorkLimits:
    """What one search may take: paths tried, signatures checked, fetches, their bytes, time."""

    paths: int = MAX_PATHS
    signatures: int = MAX_PATH_SIGNATURES
    fetches: int = MAX_PATH_FETCHES
    bytes: int = MAX_PATH_BYTES
    time: timedelta = PATH_TIME


@dataclass(kw_only=True)
class Work:
    """What one search has taken so far. ``seconds`` is a clock that only runs forward."""

    limits: WorkLimits = field(default_factory=WorkLimits)
    seconds: Callable[[], float] = time.monotonic
    paths: int = 0
    signatures: int = 0
    fetches: int = 0
    bytes: int = 0
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.seconds() + self.limits.time.total_seconds()

    @property
    def seconds_left(self) -> float:
        """How long it may still take; never negative."""
        return max(self._end - self.seconds(), 0.0)

    @property
    def excess(self) -> str | None:
        """Say which limit ends the work on a path; None: it may go on."""
        limits = self.limits
        if self.seconds_left == 0:
            return f"it took longer than {limits.time.total_seconds():g} seconds"
        if self.signatures >= limits.signatures:
            return f"it took {limits.signatures} signature checks"
        return None

    @property
    def search_excess(self) -> str | None:
        """Say why no further path is looked for; None: there may be more."""
        limits = self.limits
        if self.paths >= limits.paths:
            return f"{limits.paths} paths were tried"
        return self.excess

    @property
    def fetch_excess(self) -> str | None:
        """Say why nothing more may be fetched; None: it may."""
        limits = self.limits
        if self.fetches >= limits.fetches:
            return f"{limits.fetches} fetches were made for this already"
        if self.bytes >= limits.bytes:
            return f"{limits.bytes} bytes were fetched for this already"
        return self.excess
