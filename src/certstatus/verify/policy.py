"""What a verifier is told to ask for; the defaults are the strict reading of the standards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from certstatus.limits import DEFAULT_SKEW
from certstatus.pkix import Certificate

__all__ = ["DEFAULT_POLICY", "DelegateStatus", "NoncePolicy", "VerifyPolicy"]


class NoncePolicy(StrEnum):
    """What the nonce must do (N3, N4, L10)."""

    REQUIRED = "required"
    """A response without the request's nonce is refused."""
    PREFERRED = "preferred"
    """A wrong nonce is refused, a missing one is noted: time decides (RFC 9919 §5)."""
    OFF = "off"
    """The nonce is not looked at."""


class DelegateStatus(StrEnum):
    """When a delegate's own status must be known to be good (O24)."""

    REQUIRED = "required"
    """Always, unless the delegate carries nocheck."""
    WHERE_NAMED = "where-named"
    """Where the delegate's certificate names a place to ask (AIA or CRLDP)."""
    NOCHECK = "nocheck"
    """A delegate must carry nocheck. For answers about delegates: ends the recursion."""
    OFF = "off"
    """Never."""


@dataclass(frozen=True, kw_only=True)
class VerifyPolicy:
    """How strictly to judge.

    ``skew`` is how far two honest clocks may stand apart; ``max_age`` bounds the age of
    thisUpdate, None does not. ``require_next_update`` is RFC 9919 §5's MUST; without it,
    an answer without nextUpdate counts by its age alone. ``trusted_responders`` may
    answer for the issuer by local configuration (O22).
    """

    skew: timedelta = DEFAULT_SKEW
    max_age: timedelta | None = None
    require_next_update: bool = True
    nonce: NoncePolicy = NoncePolicy.PREFERRED
    allow_sha1: bool = False
    delegate_status: DelegateStatus = DelegateStatus.WHERE_NAMED
    trusted_responders: tuple[Certificate, ...] = ()


DEFAULT_POLICY: Final = VerifyPolicy()
