"""When a signed answer is to be signed anew, so that none grows old (B2). Pure.

An answer is given again until half way to its nextUpdate, where caches and staplers ask for a
new one. Who signs in advance does it earlier, by a share that is each answer's own: a
million of them that were signed together are not due together.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from certstatus.limits import MIN_RENEWAL_SHARE, RENEWAL_MARGIN, RENEWAL_SPREAD
from certstatus.signing import Profile

__all__ = ["fresh_until", "interval_problem", "latest_renewal", "renew_at", "share_of"]

_SECOND: Final = timedelta(seconds=1)
_SHORTEST: Final = timedelta(hours=8)
_LONG: Final = timedelta(hours=16)
_LONGEST: Final = timedelta(days=10)
_BEFORE_END: Final = timedelta(hours=8)
_OLDEST: Final = timedelta(days=4)


def interval_problem(this_update: datetime, next_update: datetime) -> str | None:
    """Say why BR §4.9.9 forbids an answer of this length, both ends counted; None: it does not (B2)."""
    interval = next_update - this_update + _SECOND
    if _SHORTEST <= interval <= _LONGEST:
        return None
    return f"holds for {interval}, and BR 4.9.9 asks for 8 hours to 10 days"


def latest_renewal(this_update: datetime, next_update: datetime) -> datetime:
    """Return the last second at which BR §4.9.9 allows an answer to be renewed (B2).

    An answer for less than 16 hours is renewed before half of that time is left; another at
    least 8 hours before nextUpdate, and no later than 4 days after thisUpdate, whose own
    second counts as one of them.
    """
    interval = next_update - this_update + _SECOND
    if interval < _LONG:
        return next_update - timedelta(seconds=interval // _SECOND // 2 + 1)
    return min(next_update - _BEFORE_END, this_update + _OLDEST - _SECOND)


def fresh_until(
    *,
    produced_at: datetime,
    this_update: datetime,
    next_update: datetime,
    profile: Profile = Profile.RFC_6960,
    refresh: timedelta | None = None,
) -> datetime:
    """Say until when a signed answer is given again; all times aware UTC, whole seconds.

    That is half of its life after producedAt, or ``refresh`` where that is sooner, or what BR
    allow at the latest (B2). An answer that rests on an old CRL may be overdue when it is
    signed, and nothing newer is known: it keeps ``MIN_RENEWAL_SHARE`` of its life.
    """
    life = next_update - produced_at
    age = life / 2 if refresh is None else min(life / 2, refresh)
    if profile is Profile.CABF:
        age = min(age, latest_renewal(this_update, next_update) - produced_at)
        age = max(age, life * MIN_RENEWAL_SHARE)
    return _floor(produced_at + age)


def share_of(key: bytes) -> float:
    """Return a key's own share of the spread, from 0 to below 1, the same each time."""
    return int.from_bytes(hashlib.sha256(key).digest()[:8]) / 2**64


def renew_at(produced_at: datetime, fresh_until: datetime, share: float) -> datetime:
    """Say from when an answer is to be signed anew, so that it never ceases to be fresh.

    ``RENEWAL_MARGIN`` of its fresh time is left for the work itself, and up to
    ``RENEWAL_SPREAD`` of it, by ``share``, spreads the work.
    """
    age = (fresh_until - produced_at) * (1 - RENEWAL_MARGIN - RENEWAL_SPREAD * share)
    return _floor(produced_at + age)


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
