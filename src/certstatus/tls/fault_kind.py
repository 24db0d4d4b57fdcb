"""What a fault is: what is wrong, where it shows, and what a right client makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certstatus.handshake import (
    TLS12,
    TLS13,
    AlertDescription,
    CertificateStatusType,
    ClientHello,
    version_text,
)
from certstatus.tls.fault_delivery import RIGHT, Delivery
from certstatus.verify import Verdict

__all__ = ["Asks", "Fault", "Where"]


class Where(StrEnum):
    """Where a fault shows."""

    STAPLE = "staple"
    """In the OCSP response that the TLS host staples."""
    RESPONDER = "responder"
    """In what the OCSP responder answers over HTTP."""
    HANDSHAKE = "handshake"
    """In the TLS messages around a right response, or in their absence."""


class Asks(StrEnum):
    """How a client must ask so that it gets to see a fault."""

    STATUS = "status_request"
    ANYHOW = "anyhow"
    NOTHING = "no status_request"
    V2 = "status_request_v2"
    MULTI_ALONE = "status_request_v2 that lists ocsp_multi alone"
    NONCE = "nonce"

    def is_met_by(self, hello: ClientHello) -> bool:
        """Whether a ClientHello asks so. Raises DecodeError or MalformedError for a broken one."""
        match self:
            case Asks.STATUS:
                return hello.status_request is not None
            case Asks.NOTHING:
                return hello.status_request is None
            case Asks.V2:
                return hello.status_request_v2 is not None
            case Asks.MULTI_ALONE:
                listed = {item.status_type for item in hello.status_request_v2 or ()}
                return listed == {CertificateStatusType.OCSP_MULTI}
            case Asks.ANYHOW | Asks.NONCE:
                return True


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong, by the name under which it is asked for (a DNS label).

    ``rule`` is the requirement that a client must name, in TLS 1.3 ``rule_tls13`` where
    that differs; None where all is right, or where no rule but the client's own bound is
    passed. ``verdict`` is what to make of the certificate's status; None where the fault is not
    in the response. ``alert`` ends the handshake, None lets it go on; ``alert_tls13`` is that
    of TLS 1.3, where it differs. ``needs`` and ``needs_tls13`` say how a client must ask.
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
    needs: Asks = Asks.STATUS
    needs_tls13: Asks | None = None

    def rule_in(self, version: int) -> str | None:
        """The rule that a client must name in this version of TLS."""
        return (self.rule_tls13 or self.rule) if version == TLS13 else self.rule

    def alert_in(self, version: int) -> AlertDescription | None:
        """The alert with which a client must end a handshake of this version, None: none."""
        return (self.alert_tls13 or self.alert) if version == TLS13 else self.alert

    def needs_in(self, version: int) -> Asks:
        """How a client of this version of TLS must ask to see it."""
        return (self.needs_tls13 or self.needs) if version == TLS13 else self.needs

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
    def special_needs(self) -> str:
        """How a client must ask, in words; empty where the usual question will do."""
        usual = {Asks.STATUS, Asks.ANYHOW}
        if self.needs not in usual:
            return self.needs.value
        if self.needs_tls13 in {None, *usual}:
            return ""
        return f"{self.needs_tls13} in {version_text(TLS13)}"

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
