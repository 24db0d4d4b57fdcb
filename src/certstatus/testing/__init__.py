"""Tools for tests: a tiny CA, a clock that stands still, a responder that lies."""

from __future__ import annotations

from certstatus.testing.ca import KEY_KINDS, Issued, PrivateKey, TinyCA, generate_key, sign_plain
from certstatus.testing.clock import FixedClock
from certstatus.testing.forge import LIES, Forge, contradicting, never_issued, plain_algorithm
from certstatus.testing.lab import DEFAULT_OCSP_URL, Lab, build_lab

__all__ = [
    "DEFAULT_OCSP_URL",
    "KEY_KINDS",
    "LIES",
    "FixedClock",
    "Forge",
    "Issued",
    "Lab",
    "PrivateKey",
    "TinyCA",
    "build_lab",
    "contradicting",
    "generate_key",
    "never_issued",
    "plain_algorithm",
    "sign_plain",
]
