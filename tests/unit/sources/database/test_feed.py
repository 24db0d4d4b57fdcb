"""The feed: every change is told once, in order, whatever happens to the database meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.limits import FEED_POLL_TIME, MAX_FEED_CHANGES
from certstatus.sources import CertificateRecord, Issuer, StatusDatabase
from certstatus.sources.database import EVERYTHING, StatusChange, StatusFeed, feed
from certstatus.sources.database import postgresql as postgresql_engine
from certstatus.sources.database.ledger import Change
from certstatus.testing import TinyCA
from tests.books import NOW
from tests.postgresql import PostgreSQL

ACTOR = "alice"
SECONDS = 20


class Ear:
    """Remembers what it hears, and when."""

    def __init__(self) -> None:
        self.heard: list[StatusChange] = []
        self._news = threading.Condition()

    def __call__(self, changes: Sequence[StatusChange]) -> None:
        with self._news:
            self.heard += changes
            self._news.notify_all()

    def hears(self, count: int, seconds: float = SECONDS) -> list[StatusChange]:
        """Wait for so many changes."""
        with self._news:
            self._news.wait_for(lambda: len(self.heard) >= count, seconds)
            return self.heard


@pytest.fixture
def ear() -> Ear:
    return Ear()


@contextmanager
def following(location: str, ear: Ear) -> Iterator[StatusFeed]:
    """Follow a database over a StatusDatabase of its own."""
    with StatusDatabase(location) as database, StatusFeed(database, ear) as running:
        yield running


def records(issuer: Issuer, count: int) -> list[Change]:
    return [
        Change(
            action="add",
            before=None,
            after=CertificateRecord(issuer_id=issuer.id, serial_number=number),
        )
        for number in range(count)
    ]


def test_changes_are_told_in_order_and_once(
    database: StatusDatabase, issuer: Issuer, location: str, ear: Ear
) -> None:
    database.add(issuer, 1, actor=ACTOR, now=NOW)
    with following(location, ear):
        for number in (2**70, 3):
            database.add(issuer, number, actor=ACTOR, now=NOW)
        database.revoke(issuer, 1, actor=ACTOR, now=NOW)
        database.set_ca_compromised(issuer, NOW, actor=ACTOR, now=NOW)
        ear.hears(4)
        time.sleep(2 * FEED_POLL_TIME.total_seconds())

    serials = [2**70, 3, 1, None]
    assert ear.heard == [StatusChange(issuer.id, number) for number in serials]


def test_another_process_is_heard_within_a_second(
    database: StatusDatabase, issuer: Issuer, location: str, ear: Ear
) -> None:
    database.add(issuer, 0x9A, actor=ACTOR, now=NOW)
    command = [sys.executable, "-m", "certstatus", "db", "revoke", "9A", "--database", location]
    with following(location, ear):
        revoking = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while database.last_change() < 3 and revoking.poll() is None:
            time.sleep(0.01)
        heard = list(ear.hears(1, 1.0))
        code = revoking.wait(SECONDS)

    assert code == 0
    assert heard == [StatusChange(issuer.id, 0x9A)]


def test_a_notification_is_heard_at_once(
    database: StatusDatabase,
    issuer: Issuer,
    books: str,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long before the feed would look for itself."""
    monkeypatch.setattr(feed, "FEED_POLL_TIME", timedelta(seconds=2 * SECONDS))
    with StatusDatabase(books) as mine:
        follower = StatusFeed(mine, ear)
        follower.start()
        started = time.monotonic()
        for number in range(3):
            database.add(issuer, number, actor=ACTOR, now=NOW)
            ear.hears(number + 1)
        waited = time.monotonic() - started
        follower._closing.set()
        database.add(issuer, 3, actor=ACTOR, now=NOW)
        follower.close()

    assert ear.heard == [StatusChange(issuer.id, number) for number in range(3)]
    assert waited < SECONDS


def test_without_notifications_the_feed_looks_for_itself(
    database: StatusDatabase,
    issuer: Issuer,
    books: str,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a pooler of transactions, or on a standby, none arrive."""
    monkeypatch.setattr(postgresql_engine, "CHANNEL", "nobody_tells_here")
    with following(books, ear):
        database.add(issuer, 1, actor=ACTOR, now=NOW)
        started = time.monotonic()
        ear.hears(1)
        waited = time.monotonic() - started

    assert ear.heard == [StatusChange(issuer.id, 1)]
    assert waited < 1


def test_very_many_changes_are_told_as_everything(
    database: StatusDatabase,
    issuer: Issuer,
    location: str,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "MAX_FEED_CHANGES", 10)
    with following(location, ear):
        with database.change(actor=ACTOR, now=NOW) as ledger:
            ledger.write(records(issuer, 11))
        ear.hears(1)
        database.add(issuer, 11, actor=ACTOR, now=NOW)
        ear.hears(2)

    assert ear.heard == [EVERYTHING, StatusChange(issuer.id, 11)]
    assert MAX_FEED_CHANGES > 1_000


def test_a_restored_backup_is_everything(
    database: StatusDatabase, issuer: Issuer, ear: Ear, path: Path, empty: bytes
) -> None:
    backup = path.with_suffix(".backup")
    backup.write_bytes(empty)
    with following(str(path), ear):
        for name in (f"{path}-wal", f"{path}-shm"):
            Path(name).unlink(missing_ok=True)
        backup.replace(path)
        ear.hears(1)

    assert ear.heard == [EVERYTHING]


def test_what_happened_while_the_server_was_away_is_told(
    database: StatusDatabase,
    issuer: Issuer,
    books: str,
    ear: Ear,
    postgresql: PostgreSQL,
) -> None:
    with following(books, ear) as follower:
        postgresql.kill()
        time.sleep(2 * FEED_POLL_TIME.total_seconds())
        lag = follower.lag
        postgresql.start()
        database.add(issuer, 1, actor=ACTOR, now=NOW)
        ear.hears(1)

    assert ear.heard == [StatusChange(issuer.id, 1)]
    assert lag > FEED_POLL_TIME


def test_a_feed_says_how_late_it_may_be(database: StatusDatabase, location: str, ear: Ear) -> None:
    feed_before = StatusFeed(database, ear)
    assert feed_before.lag > timedelta(days=1)
    feed_before.close()
    with following(location, ear) as follower:
        time.sleep(3 * FEED_POLL_TIME.total_seconds())
        assert follower.lag < timedelta(seconds=1)


def test_a_feed_that_is_closed_tells_nothing(
    database: StatusDatabase, issuer: Issuer, location: str, ear: Ear, ca: TinyCA
) -> None:
    with following(location, ear):
        pass
    database.add(issuer, 1, actor=ACTOR, now=NOW)

    assert ear.heard == []
    assert not [one for one in threading.enumerate() if one.name == "certstatus-feed"]
