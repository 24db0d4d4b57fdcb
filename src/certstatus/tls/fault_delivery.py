"""How a fault is brought about: what is said, who signs it, where it stands, how fast it comes.

Its law: pure. A ``Delivery`` with all defaults is the right answer; each field spoils one thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certstatus.tls.fault_lies import Tell, honest
from certstatus.tls.wire_manner import Manner

__all__ = ["RIGHT", "Delivery", "Pace", "Promise", "Signer", "Slot", "Web"]


class Signer(StrEnum):
    """Who signs the responses about the server's certificate."""

    DELEGATE = "delegate"
    SERVER = "server"
    """The server itself, with the very key of the certificate in question."""
    REVOKED_DELEGATE = "revoked-delegate"
    """A delegate without nocheck, of whom the responder that it names says revoked."""


class Slot(StrEnum):
    """At which certificate of the chain the staples are wrong."""

    SERVER = "server"
    INTERMEDIATE = "intermediate"
    SWAPPED = "swapped"
    """Each is right, and stands at the other certificate."""
    NONE = "none"
    """There is no staple at all."""


class Promise(StrEnum):
    """Which certificate lists status_request as a TLS feature (RFC 7633)."""

    NOBODY = "nobody"
    SERVER = "server"
    CA = "ca"


class Pace(StrEnum):
    """How fast the answer comes, over HTTP or in the handshake."""

    PROMPT = "prompt"
    SLOW = "slow"
    """After the host's delay."""
    DRIP = "drip"
    """Byte by byte."""


class Web(StrEnum):
    """What the responder's answer is to HTTP."""

    ANSWER = "answer"
    PAGE = "page"
    """A web page with status 200, as from a captive portal."""
    UNAVAILABLE = "unavailable"
    """Status 503."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a fault is brought about."""

    tell: Tell = honest
    signer: Signer = Signer.DELEGATE
    slot: Slot = Slot.SERVER
    promise: Promise = Promise.NOBODY
    manner: Manner = Manner.HONEST
    pace: Pace = Pace.PROMPT
    web: Web = Web.ANSWER


RIGHT: Final = Delivery()
"""Nothing is wrong."""
