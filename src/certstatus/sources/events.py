"""What happens to a source and a person should know: logged once, and told to an observer.

The observer is the caller's: the server counts there. Alarms are told when they begin and
when they end, never once for each request; a disagreement is told each time it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import structlog

__all__ = ["EventKind", "Observer", "SourceEvent", "tell"]

_log = structlog.get_logger("certstatus.sources")


class EventKind(StrEnum):
    """The closed list of events; the values are what logs and metrics say."""

    RELOADED = "reloaded"
    """A changed file was read, and answers from now on."""

    RELOAD_FAILED = "reload-failed"
    """A changed file can't be used; what was read last goes on answering. An alarm."""

    FETCHED = "fetched"
    """A newer CRL came from its URL, and answers from now on."""

    FETCH_FAILED = "fetch-failed"
    """No URL of a CRL gives one; what was fetched last goes on answering. An alarm."""

    FETCH_UNTRUSTED = "fetch-untrusted"
    """What came from a CRL's URL is not to be believed; as above. An alarm."""

    BREACH = "breach"
    """A CRL breaks the rules of the authority's profile; it is used all the same. An alarm."""

    DATABASE_FAILED = "database-failed"
    """The database is locked, gone or damaged: answers are tryLater. An alarm."""

    UPSTREAM_FAILED = "upstream-failed"
    """An upstream responder does not answer, or says that it can't. An alarm."""

    UPSTREAM_UNTRUSTED = "upstream-untrusted"
    """What an upstream responder answers is not to be believed. An alarm."""

    UPSTREAM_LOOP = "upstream-loop"
    """A question came back to where it had been: responders ask each other. An alarm."""

    EXPIRED = "expired"
    """What the source holds is too old to answer from: answers are tryLater. An alarm."""

    RECOVERED = "recovered"
    """The alarm is over."""

    DISAGREEMENT = "disagreement"
    """Two sources of a stack say different things of one certificate."""


_ALARMS = frozenset(EventKind) - {
    EventKind.FETCHED,
    EventKind.RELOADED,
    EventKind.RECOVERED,
    EventKind.DISAGREEMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """One event: which source, what, why, and facts for the log by name."""

    source: str
    kind: EventKind
    detail: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_alarm(self) -> bool:
        """Whether someone should be woken."""
        return self.kind in _ALARMS


Observer: TypeAlias = Callable[[SourceEvent], None]


def tell(event: SourceEvent, observer: Observer | None) -> None:
    """Log an event, and hand it to the observer."""
    if event.is_alarm:
        write = _log.error
    elif event.kind is EventKind.DISAGREEMENT:
        write = _log.warning
    else:
        write = _log.info
    write(f"source.{event.kind}", source=event.source, detail=event.detail, **event.facts)
    if observer is not None:
        observer(event)
