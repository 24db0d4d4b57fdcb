"""What a service holds open: files, and the status databases, each once and followed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack

from certstatus.clock import Clock
from certstatus.limits import FIRST_CRL_TIME
from certstatus.sources import CRLFetcher, StatusChange, StatusDatabase, StatusFeed

__all__ = ["Holdings"]


class Holdings(ExitStack):
    """Closes what was opened for one configuration; its databases are shared by authorities.

    It is made in the event loop that serves, and may be filled in a thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop = _running_loop()
        self._databases: dict[str, StatusDatabase] = {}
        self._fetcher: CRLFetcher | None = None

    def database(self, location: str) -> StatusDatabase:
        """Return the database at a location, opened when it is first asked for.

        Raises:
            ConfigError, SourceError: as StatusDatabase.
        """
        if location not in self._databases:
            self._databases[location] = self.enter_context(StatusDatabase(location))
        return self._databases[location]

    def crl_fetcher(self, clock: Clock) -> CRLFetcher:
        """Return what fetches CRLs in the background; its thread starts with the first URL."""
        if self._fetcher is None:
            self._fetcher = CRLFetcher(clock=clock)
            self.callback(self._fetcher.close)
        return self._fetcher

    def wait_settled(self, *, looked_at: bool = False) -> None:
        """Wait until there is a CRL of every URL, or a reason why not, or FIRST_CRL_TIME is over.

        With ``looked_at`` also where there is one of before, until it was looked for anew.
        """
        if self._fetcher is not None:
            self._fetcher.wait_settled(FIRST_CRL_TIME, looked_at=looked_at)

    def retire(self) -> None:
        """Fetch no longer, for requests under way need no more than what is there."""
        if self._fetcher is not None:
            self._fetcher.close()

    def follow(self, forget: Callable[[Collection[int] | None], None]) -> None:
        """Have ``forget`` called with the serial numbers that change, None for all of them.

        It is called in the event loop that this was made in; without one nothing is served,
        and nothing followed.

        Raises:
            ConfigError, SourceError: a database can't be read.
        """
        loop = self._loop
        if loop is None:
            return

        def hear(changes: Sequence[StatusChange]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(forget, _serial_numbers(changes))

        for database in self._databases.values():
            self.enter_context(StatusFeed(database, hear))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _serial_numbers(changes: Sequence[StatusChange]) -> frozenset[int] | None:
    numbers = frozenset(change.serial_number for change in changes)
    return None if None in numbers else frozenset(one for one in numbers if one is not None)
