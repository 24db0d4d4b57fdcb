"""CRLs at URLs: a source that fetches from a scripted server, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from certstatus.sources import CRL, Answer, CRLFetcher, EventKind, Fetching
from certstatus.sources.crl import Where
from certstatus.testing import FixedClock, TinyCA
from tests.books import NOW, Watcher, ask
from tests.feeding import until
from tests.scripted import ScriptedServer

PATIENCE = timedelta(seconds=20)


@dataclass
class CRLDesk:
    """A CA, a server for its CRLs, a folder, and what was told."""

    ca: TinyCA
    server: ScriptedServer
    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    watcher: Watcher = field(default_factory=Watcher)
    looks: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the CRL is."""
        return f"{self.server.url}ca.crl"

    @property
    def kinds(self) -> list[EventKind]:
        """What was told, in order."""
        return self.watcher.kinds

    @contextmanager
    def source(
        self, *where: Where, fetching: dict[str, Any] | None = None, **wishes: Any
    ) -> Iterator[CRL]:
        """Lend a source that has settled; it is closed in the end."""
        named = Fetching(
            **{
                "folder": self.folder,
                "clock": self.clock,
                "time_limit": timedelta(seconds=5),
                "count": self.looks.append,
                **(fetching or {}),
            }
        )
        wishes = {"now": self.clock.now(), "observer": self.watcher, **wishes}
        if not where and not named.certificates:
            where = (self.url,)
        with CRL(where, self.ca.certificate, fetching=named, **wishes) as source:
            assert source.wait_settled(PATIENCE)
            yield source

    def ask(self, source: CRL, serial_number: int) -> Answer:
        """Ask, past the time for which no file is looked at."""
        self.clock.advance(timedelta(seconds=1))
        return ask(source, self.ca, serial_number, self.clock.now())

    def later(self, source: CRL, by: timedelta, *, looks: int = 1) -> None:
        """Let time go by until the place has been looked at again, so many times in all."""
        wanted = len(self.looks) + looks
        self.clock.advance(by)
        source.wake()
        until(lambda: len(self.looks) >= wanted)
        self.settle(source)

    @staticmethod
    def settle(source: CRL) -> None:
        """Wait until what was found is told."""
        fetcher = source._fetched._fetcher
        assert isinstance(fetcher, CRLFetcher)
        until(
            lambda: not any(turn.is_busy for one in fetcher._feeds for turn in one.turns.values())
        )
