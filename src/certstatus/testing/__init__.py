"""Tools for tests: a tiny CA, a clock that stands still, a responder that lies."""

from __future__ import annotations

from certstatus.testing.ca import KEY_KINDS, Issued, PrivateKey, TinyCA, generate_key, sign_plain
from certstatus.testing.clock import FixedClock

__all__ = [
    "KEY_KINDS",
    "FixedClock",
    "Issued",
    "PrivateKey",
    "TinyCA",
    "generate_key",
    "sign_plain",
]
