"""What is said of certificates that are not revoked: two objects as long as they say the same.

Whoever gets one of them again may take it that all that followed from it follows again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certstatus.ocsp import Good
from certstatus.sources.base import Known, Unlisted

__all__ = ["Unrevoked", "UnrevokedAt"]

_GOOD: Final = Good()


@dataclass(frozen=True, slots=True)
class Unrevoked:
    """The answer about what is listed as good, and the one about what is not listed."""

    good: Known
    unlisted: Unlisted


class UnrevokedAt:
    """Makes both for a source that lists what was issued, anew for another thisUpdate alone."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._last: tuple[datetime, Unrevoked] | None = None

    def __call__(self, this_update: datetime) -> Unrevoked:
        """Return both, with that thisUpdate and no nextUpdate: the source always knows."""
        last = self._last
        if last is not None and last[0] == this_update:
            return last[1]
        made = Unrevoked(
            Known(cert_status=_GOOD, this_update=this_update, origin=self._origin),
            Unlisted(this_update=this_update, origin=self._origin, lists_issued=True),
        )
        self._last = this_update, made
        return made
