"""How a broken rule of order or negotiation is told: as a Check that names its alert."""

from __future__ import annotations

from certstatus.handshake.numbers import AlertDescription
from certstatus.verify import Check

__all__ = ["failed"]


def failed(rule: str, name: str, alert: AlertDescription, reason: str, **facts: str) -> Check:
    """Make a failed check; ``facts["alert"]`` is the alert that a strict peer sends."""
    return Check.failed(rule, name, reason, alert=str(alert), **facts)
