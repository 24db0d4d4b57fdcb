"""Events are logged, and told to the observer."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from certstatus.sources import EventKind, SourceEvent
from certstatus.sources.events import tell
from tests.books import Watcher


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (EventKind.RELOADED, "info"),
        (EventKind.RECOVERED, "info"),
        (EventKind.DISAGREEMENT, "warning"),
        (EventKind.RELOAD_FAILED, "error"),
        (EventKind.DATABASE_FAILED, "error"),
        (EventKind.EXPIRED, "error"),
    ],
)
def test_an_event_is_logged_by_its_weight_and_told(kind: EventKind, level: str) -> None:
    watcher = Watcher()
    event = SourceEvent(source="index", kind=kind, detail="why", facts={"file": "index.txt"})

    with capture_logs() as logs:
        tell(event, watcher)

    assert logs == [
        {
            "event": f"source.{kind}",
            "log_level": level,
            "source": "index",
            "detail": "why",
            "file": "index.txt",
        }
    ]
    assert watcher.events == [event]
    assert event.is_alarm == (level == "error")


def test_without_an_observer_it_is_logged_all_the_same() -> None:
    with capture_logs() as logs:
        tell(SourceEvent(source="index", kind=EventKind.RELOADED, detail="why"), None)

    assert len(logs) == 1
