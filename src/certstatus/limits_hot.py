"""Every limit of what the hot lane remembers, as ``limits`` has them."""

from __future__ import annotations

from typing import Final

MAX_PLAIN_HEADS: Final = 4_096
"""HTTP heads that the hot lane knows by heart: those of so many kinds of client, some 2 MB."""

MAX_PLAIN_HEAD_BYTES: Final = 1_024
"""A head that the hot lane learns; browsers and TLS libraries send 100 to 400 octets."""

MAX_SHAPES: Final = 8_192
"""Shapes of requests that the hot lane finds by comparison: some 150 octets each."""

MAX_SEEN: Final = 1_024
"""Requests that were recognised and wait for their turn to be signed: past it they are read again."""

MAX_KNOWN_TIMES: Final = 16_384
"""Sets of thisUpdate, producedAt and nextUpdate that the hot lane has as text: 8 MB."""

MAX_ECHOES: Final = 10_000
"""Requests, octet by octet, whose answer of this second is given again: some 1.5 kB each."""

MEMO_MARKS: Final = 65_536
"""Octets that tell what was asked for of late: several for each of the answers that are remembered."""

READ_THROUGH_SHARE: Final = 0.5
"""Of the memory that is free when a server starts, for the pages of its store: the rest is for others."""
