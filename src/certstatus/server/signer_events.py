"""What happens to signers and a person should know: logged once, and counted."""

from __future__ import annotations

from enum import StrEnum

from certstatus.meter import Meter
from certstatus.server.log import Logger

__all__ = ["SignerEventKind", "SignerTeller"]


class SignerEventKind(StrEnum):
    """The closed list of events; the values are what logs and metrics say."""

    RELOADED = "reloaded"
    """Changed files were read, passed the gate, and sign from now on or once they settle."""

    RELOAD_FAILED = "reload-failed"
    """Changed files can't be used; what was read before goes on signing. An alarm."""

    RECOVERED = "recovered"
    """Files can be used again."""

    ROTATED = "rotated"
    """Another certificate signs from now on."""

    EXPIRING = "expiring"
    """Nobody can sign an answer of whole length any more. An alarm."""

    RENEWED = "renewed"
    """A new certificate was had, passed the gate, and stands in its file."""

    RENEWAL_FAILED = "renewal-failed"
    """No new certificate was had; it is tried again later. An alarm."""

    FAILING = "failing"
    """A key can't sign: its token is away, say. An alarm, once until it signs again."""

    SIGNING_AGAIN = "signing-again"
    """It signs again."""

    @property
    def is_alarm(self) -> bool:
        """Whether someone should be woken."""
        return self in _ALARMS


_ALARMS = frozenset(
    {
        SignerEventKind.RELOAD_FAILED,
        SignerEventKind.EXPIRING,
        SignerEventKind.RENEWAL_FAILED,
        SignerEventKind.FAILING,
    }
)


class SignerTeller:
    """Tells the events of one authority's signers."""

    def __init__(self, authority: str, meter: Meter, log: Logger) -> None:
        self.authority = authority
        self._meter = meter
        self._log = log
        self._warned: set[tuple[str, ...]] = set()

    def tell(self, kind: SignerEventKind, detail: str, **facts: str) -> None:
        """Log an event, and count it."""
        write = self._log.error if kind.is_alarm else self._log.info
        write(f"signer.{kind}", detail=detail, **facts)
        self._meter.count("signer_events", authority=self.authority, kind=kind.value)

    def warn(self, detail: str, **facts: str) -> None:
        """Log what is unwise, once."""
        key = (detail, *facts.values())
        if key not in self._warned:
            self._warned.add(key)
            self._log.warning("signer", detail=detail, **facts)
