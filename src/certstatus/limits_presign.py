"""Every limit of signing in advance, as ``limits`` has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

PRESIGN_LEASE: Final = timedelta(seconds=15)
"""How long a part of a round stays with a process that does not say it is alive; then it is others'."""

PRESIGN_ROUNDS_KEPT: Final = timedelta(days=90)
"""Rounds of signers that are gone are forgotten when another begins, so long after they began."""

PRESIGN_CLAIM: Final = 200
"""Answers that a process takes for itself at first: a few seconds of signing in a slow token."""

PRESIGN_CLAIM_TIME: Final = timedelta(seconds=1)
"""What it takes at once later takes about so long: few turns at the database, no long waits at the end."""

MAX_PRESIGN_CLAIM: Final = 32_000
"""The most that it takes at once, a few MB: a second for the fastest keys there are."""

PRESIGN_BATCH: Final = 2_000
"""Answers that are stored together: one wait for the disk; so many are signed again after a kill -9."""

PRESIGN_PUT_TIME: Final = timedelta(seconds=0.03)
"""A batch may take so long to store before the next one is signed meanwhile: five times its usual time."""

PRESIGN_COLLECTED: Final = 100_000
"""Objects after which a process that signs in advance looks for what is left over: a few MB."""

PRESIGN_SAMPLE: Final = 100
"""Of so many answers one has its signature verified where not all have: two per cent of the time."""

KEEPER_BATCH: Final = 64
"""Answers that a server's keeper stores together: a revocation waits for no more of them."""

KEEPER_RETRY: Final = timedelta(seconds=1)
"""Before a change that could not be signed, or not stored, is tried again."""

MIN_KEEPER_PAUSE: Final = timedelta(minutes=1)
"""Between two looks of a server's keeper at what is due, however short the answers' lives."""

MAX_KEEPER_CHANGES: Final = 10_000
"""Changed certificates that a keeper has before it; of more it looks at all of them instead."""

PRESIGN_LOOKUPS: Final = 16
"""Answers that a process looks up in the store at once: a Redis is a round trip away."""

PRESIGN_WAIT: Final = timedelta(milliseconds=250)
"""Between two looks at whether the others have done their parts of a round, or died."""

MAX_PRESIGN_FAILURES: Final = 100
"""Answers that one process fails to sign, or to find fit, before it gives up: that many are no chance."""
