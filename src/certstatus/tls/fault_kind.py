"""What a fault is: what is wrong, where it shows, and what a right client makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certstatus.handshake import TLS12, TLS13, AlertDescription, version_text
from certstatus.tls.fault_delivery import RIGHT, Delivery
from certstatus.verify import Verdict

__all__ = ["Fault", "Where"]


class Where(StrEnum):
    """Where a fault shows."""

    STAPLE = "staple"
    """In the OCSP response that the TLS host staples."""
    RESPONDER = "responder"
    """In what the OCSP responder answers over HTTP."""
    HANDSHAKE = "handshake"
    """In the TLS messages around a right response, or in their absence."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong, by the name under which it is asked for (a DNS label).

    ``rule`` is the requirement that a client must name, in TLS 1.3 ``rule_tls13`` where
    that differs; None where all is right, or where no rule but the client's own bound is
    passed. ``verdict`` is what to make of the certificate's status; None where the fault is not
    in the response. ``alert`` ends the handshake, None lets it go on; ``alert_tls13`` is that
    of TLS 1.3, where it differs. ``needs`` says how the client must ask to see the fault.
    """

    name: str
    title: str
    rule: str | None
    description: str
    where: frozenset[Where]
    versions: tuple[int, ...] = (TLS12, TLS13)
    how: Delivery = RIGHT
    verdict: Verdict | None = None
    alert: AlertDescription | None = None
    rule_tls13: str | None = None
    alert_tls13: AlertDescription | None = None
    needs: str = ""

    def rule_in(self, version: int) -> str | None:
        """The rule that a client must name in this version of TLS."""
        return (self.rule_tls13 or self.rule) if version == TLS13 else self.rule

    def alert_in(self, version: int) -> AlertDescription | None:
        """The alert with which a client must end a handshake of this version, None: none."""
        return (self.alert_tls13 or self.alert) if version == TLS13 else self.alert

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that it breaks, each once."""
        versions = self.versions if self.shows_in_tls else (TLS12,)
        found = (self.rule_in(version) for version in versions)
        return tuple(dict.fromkeys(rule for rule in found if rule is not None))

    @property
    def alerts(self) -> tuple[AlertDescription, ...]:
        """Every alert that it earns, each once."""
        found = (self.alert_in(version) for version in self.versions)
        return tuple(dict.fromkeys(alert for alert in found if alert is not None))

    @property
    def shows_in_tls(self) -> bool:
        """Whether the TLS host shows it."""
        return bool(self.where & {Where.STAPLE, Where.HANDSHAKE})

    @property
    def version_names(self) -> tuple[str, ...]:
        """The versions of TLS that show it, none where it is the responder's alone."""
        return tuple(map(version_text, self.versions)) if self.shows_in_tls else ()


SAID: Final = frozenset({Where.STAPLE, Where.RESPONDER})
STAPLED: Final = frozenset({Where.STAPLE})
ASKED: Final = frozenset({Where.RESPONDER})
SHAKEN: Final = frozenset({Where.HANDSHAKE})
