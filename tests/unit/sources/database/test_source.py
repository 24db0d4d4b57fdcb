"""The database as a source: what it says at the moment of asking."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DATABASE_READ_TIME, MAX_DATABASE_BACK_OFF, MAX_LISTED_SERIAL_OCTETS
from certstatus.ocsp import Good, InvalidityDate, ReasonCode, Revoked
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.sources import (
    DatabaseSource,
    EntryExtensions,
    EventKind,
    Issuer,
    Known,
    NotOurs,
    Revocation,
    StatusDatabase,
    Unlisted,
)
from certstatus.sources.database import sqlite
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, Watcher, ask, at_hand, edition, status_of

ACTOR = "alice"
GOOD, LOST, HELD, NEVER = 0x9A, 0x9B, 0x9C, 0x9D


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def source(
    database: StatusDatabase, issuer: Issuer, ca: TinyCA, watcher: Watcher
) -> DatabaseSource:
    for number in (GOOD, LOST, HELD):
        database.add(issuer, number, actor=ACTOR, now=NOW)
    wish = Revocation(
        revocation_time=NOW - DAY,
        reason=CRLReason.KEY_COMPROMISE,
        invalidity_date=NOW - 2 * DAY,
    )
    database.revoke(issuer, LOST, wish, actor=ACTOR, now=NOW)
    database.hold(issuer, HELD, actor=ACTOR, now=NOW)
    return DatabaseSource(database, ca.certificate, observer=watcher)


@pytest.mark.rule("O12")
def test_good_revoked_and_held_are_told_apart(source: DatabaseSource, ca: TinyCA) -> None:
    assert status_of(source, ca, GOOD) == Good()
    assert status_of(source, ca, LOST) == Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    assert status_of(source, ca, HELD) == Revoked(NOW, CRLReason.CERTIFICATE_HOLD)


@pytest.mark.rule("O12", "B4")
@pytest.mark.parametrize("number", [NEVER, 0, -GOOD, 1 << 8 * MAX_LISTED_SERIAL_OCTETS])
def test_a_serial_that_it_lacks_was_never_issued(
    source: DatabaseSource, ca: TinyCA, number: int
) -> None:
    assert ask(source, ca, number) == Unlisted(
        this_update=NOW, origin="database", lists_issued=True
    )


@pytest.mark.rule("O19")
def test_it_knows_at_all_times(source: DatabaseSource, ca: TinyCA) -> None:
    answer = ask(source, ca, GOOD, NOW + DAY)

    assert answer == Known(cert_status=Good(), this_update=NOW + DAY, origin="database")


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.above_the_engine
def test_it_answers_under_every_hash(
    source: DatabaseSource, ca: TinyCA, algorithm: HashAlgorithm
) -> None:
    assert isinstance(ask(source, ca, LOST, algorithm=algorithm), Known)


@pytest.mark.above_the_engine
def test_another_listed_cas_certificate_is_not_ours(
    source: DatabaseSource, database: StatusDatabase, other_ca: TinyCA
) -> None:
    """The same serial number under another issuer is another certificate."""
    other = database.add_issuer(other_ca.certificate, actor=ACTOR, now=NOW)
    database.add(other, LOST, actor=ACTOR, now=NOW)

    assert ask(source, other_ca, LOST) == NotOurs(origin="database")
    assert status_of(DatabaseSource(database, other_ca.certificate), other_ca, LOST) == Good()


@pytest.mark.above_the_engine
def test_one_wrong_hash_is_not_ours(source: DatabaseSource, ca: TinyCA, other_ca: TinyCA) -> None:
    mixed = TinyCA(key=other_ca.key)  # our name, their key
    swapped = TinyCA("Other CA", key=ca.key)  # their name, our key

    assert isinstance(ask(source, mixed, LOST), NotOurs)
    assert isinstance(ask(source, swapped, LOST), NotOurs)


@pytest.mark.above_the_engine
def test_an_issuer_that_is_not_listed_is_a_matter_of_configuration(
    database: StatusDatabase, other_ca: TinyCA
) -> None:
    with pytest.raises(ConfigError, match=r"does not list the issuer CN=Other CA .*db import"):
        DatabaseSource(database, other_ca.certificate)


def test_a_revocation_counts_at_the_next_question(
    source: DatabaseSource, ca: TinyCA, issuer: Issuer, location: str
) -> None:
    """By another process too: the database wins over whatever was said before."""
    assert status_of(source, ca, GOOD) == Good()
    with StatusDatabase(location) as other:
        other.revoke(issuer, GOOD, actor=ACTOR, now=NOW)

    assert status_of(source, ca, GOOD) == Revoked(NOW)


@pytest.mark.rule("O14")
def test_a_compromised_ca_answers_revoked_for_everything(
    source: DatabaseSource, database: StatusDatabase, ca: TinyCA, issuer: Issuer
) -> None:
    since = NOW - timedelta(hours=1)
    database.set_ca_compromised(issuer, since, actor=ACTOR, now=NOW)
    compromised = Revoked(since, CRLReason.CA_COMPROMISE)

    assert {status_of(source, ca, number) for number in (GOOD, HELD, NEVER)} == {compromised}
    assert status_of(source, ca, LOST) == Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)


@pytest.mark.rule("O28", "B5")
@pytest.mark.parametrize(
    ("profile", "has_reason", "has_date"),
    [
        (EntryExtensions.NONE, False, False),
        (EntryExtensions.CABF, False, True),
        (EntryExtensions.RFC, True, True),
    ],
)
@pytest.mark.above_the_engine
def test_entry_extensions_are_repeated_by_profile(
    source: DatabaseSource,
    database: StatusDatabase,
    ca: TinyCA,
    *,
    profile: EntryExtensions,
    has_reason: bool,
    has_date: bool,
) -> None:
    answer = ask(DatabaseSource(database, ca.certificate, entry_extensions=profile), ca, LOST)

    assert isinstance(answer, Known)
    assert answer.single_extensions.has(ReasonCode) == has_reason
    assert answer.single_extensions.has(InvalidityDate) == has_date


# --- failures -------------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the whole file, as a restore or a recovery does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.close()


def test_a_locked_database_means_try_later_then_back_to_work(
    source: DatabaseSource, ca: TinyCA, path: Path, watcher: Watcher
) -> None:
    source._database.close()
    with locked(path), pytest.raises(SourceError, match="locked by another process"):
        ask(source, ca, GOOD)

    later = NOW + MAX_DATABASE_BACK_OFF
    assert isinstance(ask(source, ca, GOOD, later), Known)
    assert watcher.kinds == [EventKind.DATABASE_FAILED, EventKind.RECOVERED]


def test_a_failing_database_is_left_alone_for_a_growing_pause(
    source: DatabaseSource, ca: TinyCA, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup holds up every other answer while it waits, so waits are rare."""
    tries: list[object] = []

    def fail(*_: object) -> None:
        tries.append(_)
        raise SourceError("database is locked by another process")

    monkeypatch.setattr(source._database.engine, "first", fail)
    step = MAX_DATABASE_BACK_OFF / 100
    for number in range(400):
        with pytest.raises(SourceError, match="locked"):
            ask(source, ca, GOOD, NOW + number * step)

    # Pauses of 1/16, 1/16 + 1/8 … up to the whole: after four seconds, eight tries and no more.
    assert 6 <= len(tries) <= 9


def test_a_clock_set_back_ends_the_pause(source: DatabaseSource, ca: TinyCA, path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    with pytest.raises(SourceError, match="is gone"):
        ask(source, ca, GOOD)
    path.with_suffix(".away").rename(path)

    assert isinstance(ask(source, ca, GOOD, NOW - DAY), Known)


def test_a_lookup_waits_for_a_moment_only(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    waits = []
    real = sqlite._connect

    def note(path: Path, wait: timedelta, *, read_only: bool) -> object:
        waits.append((read_only, wait))
        return real(path, wait, read_only=read_only)

    monkeypatch.setattr(sqlite, "_connect", note)
    with StatusDatabase.create(path):
        pass

    assert (True, DATABASE_READ_TIME) in waits


# --- what it lists --------------------------------------------------------------------------


def test_it_names_what_was_issued_with_what_it_says_of_it(
    source: DatabaseSource, ca: TinyCA
) -> None:
    page = asyncio.run(source.listed(None, 9, NOW))

    assert [one for one, _ in page] == [GOOD, LOST, HELD]
    assert asyncio.run(source.count(NOW)) == len(page)
    assert all(answer == ask(source, ca, one) for one, answer in page)


def test_pages_follow_each_other(source: DatabaseSource) -> None:
    first = asyncio.run(source.listed(None, 2, NOW))
    rest = asyncio.run(source.listed(first[-1][0], 2, NOW))

    assert [one for one, _ in (*first, *rest)] == [GOOD, LOST, HELD]


def test_it_names_nothing_of_another_issuer(
    source: DatabaseSource, database: StatusDatabase
) -> None:
    other = TinyCA("Other CA")
    issuer = database.add_issuer(other.certificate, actor=ACTOR, now=NOW)
    database.add(issuer, NEVER, actor=ACTOR, now=NOW)

    page = asyncio.run(DatabaseSource(database, other.certificate).listed(None, 9, NOW))

    assert [one for one, _ in page] == [NEVER]


def test_of_a_compromised_ca_it_says_revoked_on_every_page(
    source: DatabaseSource, database: StatusDatabase, issuer: Issuer, ca: TinyCA
) -> None:
    database.set_ca_compromised(issuer, NOW - DAY, actor=ACTOR, now=NOW)

    page = asyncio.run(source.listed(None, 9, NOW))

    assert all(answer == ask(source, ca, one) for one, answer in page)
    assert {type(answer.cert_status) for _, answer in page if isinstance(answer, Known)} == {
        Revoked
    }


# --- at hand --------------------------------------------------------------------------------


@pytest.fixture
def near(source: DatabaseSource, path: Path) -> DatabaseSource:
    """The source over SQLite."""
    assert path.exists()
    return source


@pytest.mark.parametrize("number", [GOOD, LOST, HELD, NEVER, 0])
def test_what_is_in_the_file_is_at_hand(near: DatabaseSource, ca: TinyCA, number: int) -> None:
    assert at_hand(near, number) == ask(near, ca, number)


@pytest.mark.parametrize("number", [-GOOD, 1 << 160, 1 << 8 * MAX_LISTED_SERIAL_OCTETS])
def test_an_odd_serial_number_is_left_to_status(near: DatabaseSource, number: int) -> None:
    assert at_hand(near, number) is None


def test_over_postgresql_nothing_is_at_hand(source: DatabaseSource, books: str) -> None:
    assert source._database.engine.name in books
    assert at_hand(source, GOOD) is None


def test_what_is_not_revoked_is_the_same_object_at_the_same_time(near: DatabaseSource) -> None:
    good, unlisted = at_hand(near, GOOD), at_hand(near, NEVER)
    at_hand(near, LOST)

    assert at_hand(near, GOOD) is good
    assert at_hand(near, NEVER + 1) is unlisted
    assert at_hand(near, GOOD, NOW + DAY) == Known(
        cert_status=Good(), this_update=NOW + DAY, origin="database"
    )


@pytest.mark.rule("O28")
@pytest.mark.parametrize("profile", EntryExtensions)
def test_entry_extensions_are_repeated_at_hand(
    near: DatabaseSource, database: StatusDatabase, ca: TinyCA, profile: EntryExtensions
) -> None:
    source = DatabaseSource(database, ca.certificate, entry_extensions=profile)

    assert at_hand(source, LOST) == ask(source, ca, LOST)


@pytest.mark.rule("O14")
def test_a_compromised_ca_is_so_at_hand_from_the_next_question_on(
    near: DatabaseSource, database: StatusDatabase, ca: TinyCA, issuer: Issuer, path: Path
) -> None:
    assert isinstance(at_hand(near, NEVER), Unlisted)
    with StatusDatabase(path) as other:
        other.set_ca_compromised(issuer, NOW - DAY, actor=ACTOR, now=NOW)
    for number in (GOOD, LOST, HELD, NEVER):
        answer = at_hand(near, number)
        assert isinstance(answer, Known)
        assert isinstance(answer.cert_status, Revoked)
        assert answer == ask(near, ca, number)

    database.set_ca_compromised(issuer, None, actor=ACTOR, now=NOW)
    assert at_hand(near, GOOD) == ask(near, ca, GOOD)


def test_another_issuers_certificate_is_another(
    near: DatabaseSource, database: StatusDatabase, other_ca: TinyCA
) -> None:
    other = database.add_issuer(other_ca.certificate, actor=ACTOR, now=NOW)
    database.add(other, NEVER, actor=ACTOR, now=NOW)

    assert isinstance(at_hand(near, NEVER), Unlisted)
    assert isinstance(at_hand(DatabaseSource(database, other_ca.certificate), NEVER), Known)


def test_from_a_failure_on_nothing_is_at_hand_until_status_has_succeeded(
    near: DatabaseSource, ca: TinyCA, path: Path, watcher: Watcher
) -> None:
    """The alarm is for status to raise and to end; nothing at hand waits for a lock."""
    near._database.close()
    with locked(path):
        assert at_hand(near, GOOD) is None
        assert watcher.kinds == []
        with pytest.raises(SourceError, match="locked by another process"):
            ask(near, ca, GOOD)
    assert watcher.kinds == [EventKind.DATABASE_FAILED]

    later = NOW + MAX_DATABASE_BACK_OFF
    assert at_hand(near, GOOD, later) is None
    said = ask(near, ca, GOOD, later)
    assert at_hand(near, GOOD, later) == said
    assert watcher.kinds == [EventKind.DATABASE_FAILED, EventKind.RECOVERED]


def test_a_lock_that_comes_and_goes_is_met_without_waiting(
    near: DatabaseSource, ca: TinyCA, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    assert at_hand(near, GOOD) is not None
    connection = near._database.engine._view.snapshot.connection  # type: ignore[attr-defined]

    assert connection.execute("PRAGMA busy_timeout").fetchone() == (0,)


def test_a_damaged_database_is_left_to_status(
    near: DatabaseSource, ca: TinyCA, path: Path, watcher: Watcher
) -> None:
    assert at_hand(near, GOOD) is not None
    near._database.close()
    path.write_bytes(b"damaged" * 10_000)

    assert at_hand(near, GOOD) is None
    with pytest.raises(SourceError, match="damaged"):
        ask(near, ca, GOOD)
    assert watcher.kinds == [EventKind.DATABASE_FAILED]
    assert at_hand(near, GOOD) is None


def replaced(path: Path, *issuers: TinyCA, serial_number: int = NEVER) -> None:
    """Put another database in the place of one, as restoring a backup does."""
    backup = path.with_suffix(".backup")
    with StatusDatabase.create(backup) as database:
        for ca in issuers:
            issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
            database.add(issuer, serial_number, actor=ACTOR, now=NOW)
    for name in (f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)
    backup.replace(path)


def test_a_restored_backup_is_read_at_once(near: DatabaseSource, ca: TinyCA, path: Path) -> None:
    assert isinstance(at_hand(near, NEVER), Unlisted)
    replaced(path, ca)

    assert isinstance(at_hand(near, NEVER), Known)
    assert isinstance(at_hand(near, GOOD), Unlisted)


def test_in_a_restored_backup_the_issuer_may_be_another(
    near: DatabaseSource, ca: TinyCA, other_ca: TinyCA, path: Path
) -> None:
    """Its number is now another CA's: what that one issued must not be called good for ours."""
    replaced(path, other_ca)
    assert at_hand(near, NEVER) is None
    assert isinstance(ask(near, ca, NEVER), NotOurs)

    replaced(path)
    assert at_hand(near, NEVER) is None


def test_a_backup_that_is_restored_in_place_is_read_at_once(
    near: DatabaseSource, ca: TinyCA, other_ca: TinyCA, path: Path
) -> None:
    """By SQLite's own means, into the same file: issuers may have other numbers in it."""
    elsewhere = path.with_name("backup.db")
    with StatusDatabase.create(elsewhere) as database:
        for number, one in enumerate((other_ca, ca)):
            issuer = database.add_issuer(one.certificate, actor=ACTOR, now=NOW)
            database.add(issuer, NEVER + number, actor=ACTOR, now=NOW)
    assert isinstance(at_hand(near, NEVER), Unlisted)
    with closing(sqlite3.connect(elsewhere)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)

    assert at_hand(near, NEVER) is None
    assert isinstance(ask(near, ca, NEVER), NotOurs)
    assert isinstance(at_hand(DatabaseSource(near._database, ca.certificate), NEVER + 1), Known)


def test_a_database_that_is_gone_and_comes_back_is_read_again(
    near: DatabaseSource, ca: TinyCA, path: Path
) -> None:
    away = path.with_suffix(".away")
    assert at_hand(near, GOOD) is not None
    path.rename(away)
    assert at_hand(near, GOOD) is None
    away.rename(path)

    assert at_hand(near, GOOD) is None
    said = ask(near, ca, GOOD)
    assert at_hand(near, GOOD) == said


def test_another_schema_in_its_place_is_left_to_status(
    near: DatabaseSource, ca: TinyCA, path: Path
) -> None:
    replaced(path, ca)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()

    assert at_hand(near, NEVER) is None
    with pytest.raises(SourceError, match="db migrate"):
        ask(near, ca, NEVER)


def test_an_edition_ends_with_whatever_anybody_commits(
    near: DatabaseSource, ca: TinyCA, issuer: Issuer, path: Path
) -> None:
    first = edition(near)
    assert first is edition(near) is not None

    with StatusDatabase(path) as other:
        other.add(issuer, NEVER, actor=ACTOR, now=NOW)
    second = edition(near)
    assert second is edition(near)
    assert second is not None
    assert second is not first

    near._database.close()
    with locked(path):
        assert edition(near) is None
        assert edition(near) is None


def test_over_postgresql_there_is_no_edition(source: DatabaseSource, books: str) -> None:
    assert source._database.engine.name in books
    assert edition(source) is None
