"""How a stapler tells what happens: to the log, to the meter, to a listener."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from certstatus.clock import Clock
from certstatus.meter import Meter
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import CheckResult
from certstatus.staple.events import StapleEvent, StapleEventKind
from certstatus.staple.held import Held
from certstatus.staple.record import Record

__all__ = ["Teller", "facts_of", "why_not"]

_log: Final = logging.getLogger("certstatus.staple")


class Teller:
    """Tells events, and suffers no listener to break what it listens to."""

    def __init__(
        self, clock: Clock, meter: Meter, on_event: Callable[[StapleEvent], None] | None
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._on_event = on_event

    def tell(
        self, kind: StapleEventKind, certificate: Certificate, reason: str, **facts: str
    ) -> None:
        """Tell of an event that happens now. Not for those who hold a lock."""
        event = StapleEvent(
            kind=kind, certificate=certificate, at=self._clock.now(), reason=reason, facts=facts
        )
        extra = {
            "staple_event": kind.value,
            "certificate": str(certificate),
            "fingerprint": certificate.fingerprint.hex(),
            **facts,
        }
        _log.log(kind.level, "%s", event, extra=extra)
        try:
            self._meter.count("staple_events", kind=kind.value)
            if self._on_event is not None:
                self._on_event(event)
        except Exception:  # noqa: BLE001 - foreign code; logged
            _log.exception("a listener of the stapler failed")

    def time(self, seconds: float, outcome: str) -> None:
        """Note how long a fetch took."""
        try:
            self._meter.observe("staple_fetch_seconds", seconds, outcome=outcome)
        except Exception:  # noqa: BLE001 - foreign code; logged
            _log.exception("the stapler's meter failed")


def facts_of(held: Held) -> dict[str, str]:
    """Return what an event says of a staple."""
    single = held.verified.single
    facts = {
        "status": "revoked" if held.is_revoked else "good",
        "thisUpdate": _moment(single.this_update),
        "nextUpdate": "" if single.next_update is None else _moment(single.next_update),
        "end": _moment(held.end),
        "url": held.url,
    }
    if remarks := "; ".join(_remarks(held)):
        facts["remarks"] = remarks
    return facts


def _remarks(held: Held) -> list[str]:
    """Say what makes some clients refuse a staple that is right."""
    remarks = []
    if (count := len(held.verified.data.responses)) > 1:
        remarks.append(f"holds {count} answers, and some clients take only one")
    algorithm = held.verified.single.cert_id.hash
    if algorithm is not HashAlgorithm.SHA1:
        remarks.append("its CertID is not by SHA-1, and some clients know no other")
    return remarks


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def why_not(result: CheckResult, record: Record) -> str:
    """Say in one line why a check brought nothing that may be stapled."""
    if result.report is not None and result.report.failures:
        failed = (f"{one.name}: {one.reason} [{one.rule}]" for one in result.report.failures)
        return _at(record.responder(result.url), "; ".join(failed))
    tries = dict.fromkeys(_at(record.responder(one.url), one.reason) for one in result.attempts)
    return "; ".join(tries) or "no responder answered"


def _at(url: str, reason: str) -> str:
    return f"{url}: {reason}" if url else reason
