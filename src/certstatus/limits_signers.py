"""Every limit of keys, tokens and signers, as ``limits`` has them.

A limit that a user may want to move is the default of a setting of the same name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MIN_RSA_BITS: Final = 2_048
"""The shortest RSA key that signs answers: BR 6.1.5, and what clients have refused for years."""

MAX_KEY_FILE_BYTES: Final = 1_048_576
"""A file with a key, or a PKCS #12 with its chain: bounds what a wrong path makes us read."""

MAX_TOKEN_SESSIONS: Final = 4
"""Signatures that a process asks of one PKCS #11 library at once; small HSMs have 16 sessions."""

MAX_SIGNING_THREADS: Final = 8
"""Threads in which a worker signs with slow local keys, one for each core up to this many."""

SIGNING_NICENESS: Final = 5
"""By how much signing threads give way to others: two on one core leave the event loop 0.6 of it."""

MAX_WAITING_SIGNATURES: Final = 512
"""Signatures waited for, by a worker's threads or a token's; 0.4 s of RSA 4096 on two cores."""

TOKEN_WAIT_TIME: Final = timedelta(seconds=5)
"""How long a signature waits for a session before it fails; a sound HSM takes a tenth of a second."""

TOKEN_RETRY_TIME: Final = timedelta(seconds=1)
"""The first pause before a lost token is looked for again; each look may start the library anew."""

MAX_TOKEN_RETRY_TIME: Final = timedelta(seconds=8)
"""The longest such pause: each look may wait for an HSM that is far away."""

LOGIN_WAIT_TIME: Final = timedelta(seconds=30)
"""How long a login waits for others: workers log in one by one, so that a wrong PIN is said once."""

MAX_REFUSED_PINS: Final = 64
"""Refused PINs that a command remembers, each of a token; past it none is said that may be wrong."""

MAX_PIN_BYTES: Final = 255
"""The longest PIN: what SoftHSM takes, and more than other tokens do."""

SHORT_LIFE: Final = timedelta(days=90)
"""A delegate that lives longer is warned of in the RFC 9919 profile (L5), which gives no number."""

SIGNER_LIFE: Final = timedelta(days=30)
"""How long a delegate lives that we issue: short, since with nocheck nobody can revoke it (L5)."""

SIGNER_HEAD_START: Final = timedelta(hours=1)
"""How far its notBefore goes back, for clocks that are slow and so that it signs at once."""

RENEWAL_TIME: Final = timedelta(minutes=2)
"""How long a renewal's command may take: a CA is asked and waited for, nobody types."""

RENEWAL_CHECK_TIME: Final = timedelta(seconds=10)
"""Between two looks at whether a signer is to be renewed, which comes days before its end."""

RENEWAL_RETRY: Final = timedelta(minutes=1)
"""From a renewal that failed to the next; it doubles each time."""

MAX_RENEWAL_RETRY: Final = timedelta(hours=1)
"""The longest such pause, and the shortest from one renewal that came off to the next."""

SIGNER_CHECK_TIME: Final = timedelta(seconds=1)
"""Between two looks at signers' files: a new signer settles for minutes, so a second is soon."""

SETTLING_TIME: Final = timedelta(minutes=5)
"""How long a new signer is valid before it signs: to a slow clock it is not valid yet."""
