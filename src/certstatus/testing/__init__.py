"""Tools for tests: a tiny CA, a clock that stands still, a responder that lies."""

from __future__ import annotations

from certstatus.testing.ca import KEY_KINDS, Issued, PrivateKey, TinyCA, generate_key, sign_plain
from certstatus.testing.clock import FixedClock
from certstatus.testing.forge import LIES, Forge, contradicting, never_issued, plain_algorithm

__all__ = [
    "KEY_KINDS",
    "LIES",
    "FixedClock",
    "Forge",
    "Issued",
    "PrivateKey",
    "TinyCA",
    "contradicting",
    "generate_key",
    "never_issued",
    "plain_algorithm",
    "sign_plain",
]
