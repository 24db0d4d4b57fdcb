"""What a stapler tells: events of a closed set of kinds, and the state of each certificate."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from certstatus.pkix import Certificate
from certstatus.staple.held import Origin

__all__ = ["StapleEvent", "StapleEventKind", "StapleState"]


class StapleEventKind(StrEnum):
    """What happened to a certificate's staple. The set is closed."""

    LOADED = "loaded"
    """A staple was taken from disk."""
    RENEWED = "renewed"
    """A responder gave a newer one."""
    UNCHANGED = "unchanged"
    """A responder gave none that is newer; the one that is held stays."""
    FAILED = "failed"
    """A try brought nothing that may be stapled; the one that is held stays."""
    REVOKED = "revoked"
    """The certificate is revoked. The staple says so from now on."""
    RELEASED = "released"
    """A certificate that was revoked, or on hold, is good again."""
    EXPIRED = "expired"
    """The staple has ended, and there is no newer one: nothing is stapled."""
    MISSING = "missing"
    """A certificate that promises a staple (RFC 7633) has none: strict clients refuse it."""
    NO_RESPONDER = "no-responder"
    """There is nobody to ask about the certificate. Told once."""
    CERTIFICATE_EXPIRED = "certificate-expired"
    """The certificate has ended; its staple is renewed no more. Told once."""
    DROPPED = "dropped"
    """A file that should hold a staple does not, and was removed."""
    NOT_STORED = "not-stored"
    """The staple could not be written to disk; it is served, and lost with the process."""
    DEFECT = "defect"
    """A defect of ours; the certificate is tried again later."""

    @property
    def level(self) -> int:
        """The level at which it is logged, as ``logging`` numbers them."""
        return _LEVELS[self]


_LEVELS: Final = {
    StapleEventKind.LOADED: logging.INFO,
    StapleEventKind.RENEWED: logging.INFO,
    StapleEventKind.UNCHANGED: logging.DEBUG,
    StapleEventKind.FAILED: logging.WARNING,
    StapleEventKind.REVOKED: logging.ERROR,
    StapleEventKind.RELEASED: logging.WARNING,
    StapleEventKind.EXPIRED: logging.ERROR,
    StapleEventKind.MISSING: logging.ERROR,
    StapleEventKind.NO_RESPONDER: logging.WARNING,
    StapleEventKind.CERTIFICATE_EXPIRED: logging.WARNING,
    StapleEventKind.DROPPED: logging.WARNING,
    StapleEventKind.NOT_STORED: logging.WARNING,
    StapleEventKind.DEFECT: logging.ERROR,
}

_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class StapleEvent:
    """Something that happened to a certificate's staple; ``at`` is aware UTC.

    ``facts`` hold what the reason rests on, as text, for programs.
    """

    kind: StapleEventKind
    certificate: Certificate
    at: datetime
    reason: str
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS)

    def __str__(self) -> str:
        text = f"{self.kind}: {self.certificate}: {self.reason}"
        # A name or a peer's words must not forge a line of a log.
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


@dataclass(frozen=True, kw_only=True)
class StapleState:
    """How a certificate's staple stands; times are aware UTC.

    ``status`` is what it says, ``good`` or ``revoked``; with it are None where no staple
    is held: ``produced_at``, ``this_update``, ``next_update``, ``end``, ``origin``.
    ``is_served`` is False also for one that has ended. ``next_refresh`` is None where
    nobody is asked any more. ``last_error`` says what the last try failed for, None where
    it did not.
    """

    certificate: Certificate
    names: tuple[str, ...]
    is_must_staple: bool
    is_served: bool
    status: str | None
    produced_at: datetime | None
    this_update: datetime | None
    next_update: datetime | None
    end: datetime | None
    origin: Origin | None
    url: str | None
    next_refresh: datetime | None
    last_try: datetime | None
    failures: int
    last_error: str | None
