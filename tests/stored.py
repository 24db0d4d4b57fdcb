"""Answers at rest, for tests of stores: any two of them in a line, or drawn at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from certstatus.stores import StoredResponse, StoreKey

NOW = datetime(2096, 11, 21, 12, tzinfo=UTC)
"""Far ahead: Redis goes by its own clock, and throws away what has ended."""
HOUR = timedelta(hours=1)
GOOD, HELD, REVOKED = (bytes((gravity,)) * 32 for gravity in range(3))


def key(serial_number: int = 7, *, authority: int = 1, variant: int = 2) -> StoreKey:
    """Make a key of small numbers."""
    return StoreKey(bytes((authority,)) * 16, bytes((variant,)) * 16, serial_number)


def stored(signed_at: datetime = NOW, meaning: bytes = GOOD, **more: Any) -> StoredResponse:
    """Make an answer whose times follow from when it was signed."""
    fields: dict[str, Any] = {
        "der": b"an answer",
        "meaning": meaning,
        "this_update": signed_at,
        "next_update": signed_at + 96 * HOUR,
        "produced_at": signed_at,
        "fresh_until": signed_at + 48 * HOUR,
    }
    return StoredResponse(**fields | more)


SERIALS = st.integers(-(2**1015), 2**1015)
KEYS = st.builds(
    StoreKey,
    authority=st.binary(min_size=16, max_size=16),
    variant=st.binary(min_size=16, max_size=16),
    serial_number=SERIALS,
)
MOMENTS = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ANSWERS = st.builds(
    StoredResponse,
    der=st.binary(max_size=300),
    meaning=st.binary(min_size=32, max_size=32),
    this_update=MOMENTS,
    next_update=MOMENTS,
    produced_at=MOMENTS,
    fresh_until=MOMENTS,
)
"""Any at all, most of them senseless."""

RIVALS = st.builds(
    lambda at, ago, meaning: stored(NOW + at * HOUR, meaning, this_update=NOW + (at - ago) * HOUR),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([GOOD, HELD, REVOKED]),
)
"""Few enough that they meet."""
