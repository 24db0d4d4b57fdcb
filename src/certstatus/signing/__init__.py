"""Who may say so: signers, and the gate that they pass at load."""

from __future__ import annotations

from certstatus.signing.base import Signer

__all__ = ["Signer"]
