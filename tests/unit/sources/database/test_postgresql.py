"""PostgreSQL beneath: making, versions, locks, COPY, and a server that dies, hangs, comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
import sqlalchemy as sa

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import (
    DATABASE_ANSWER_TIME,
    DATABASE_CONNECT_TIME,
    DATABASE_IDLE_TIME,
    DATABASE_STATEMENT_TIME,
    DATABASE_WRITE_TIME,
    MAX_DATABASE_BACK_OFF,
    MAX_DATABASE_LOOKUPS,
)
from certstatus.ocsp import CertID, Good
from certstatus.sources import DatabaseSource, EventKind, Known, StatusDatabase
from certstatus.sources.database import engine
from certstatus.sources.database import postgresql as module
from certstatus.sources.database.location import engine_at
from certstatus.sources.database.postgresql import PostgreSQLEngine
from certstatus.sources.database.schema import REVISIONS, certificates
from certstatus.testing import TinyCA
from tests.books import NOW, Watcher, ask
from tests.postgresql import PostgreSQL

ACTOR = "alice"
GOOD = 0x9A


@pytest.fixture
def url(books: str, postgresql: PostgreSQL) -> str:
    """Tell where an empty status database is."""
    postgresql.empty(books)
    return books


@pytest.fixture
def database(url: str) -> Iterator[StatusDatabase]:
    with StatusDatabase(url) as database:
        yield database


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def source(database: StatusDatabase, ca: TinyCA, watcher: Watcher) -> DatabaseSource:
    """List one certificate, good."""
    issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
    database.add(issuer, GOOD, actor=ACTOR, now=NOW)
    return DatabaseSource(database, ca.certificate, observer=watcher)


def setting(connection: sa.Connection, name: str) -> object:
    return connection.exec_driver_sql(
        f"SELECT setting FROM pg_settings WHERE name = '{name}'"
    ).scalar()


# --- making and opening ---------------------------------------------------------------------


def test_a_database_is_made_once(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    with StatusDatabase.create(url) as database:
        assert database.issuers() == ()

    with pytest.raises(ConfigError, match="has a status database already"):
        StatusDatabase.create(url)
    assert StatusDatabase.migrate(url) == (REVISIONS[-1], REVISIONS[-1])


def test_another_programs_tables_are_left_alone(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    postgresql.execute("CREATE TABLE certificates (title text)", url)

    with pytest.raises(SourceError, match="already exists"):
        StatusDatabase.create(url)
    for attempt in (StatusDatabase, StatusDatabase.migrate):
        with pytest.raises(ConfigError, match=r"no status database .*certstatus db init"):
            attempt(url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgresql.execute(tables, url) == [("certificates",)]


def test_a_database_whose_text_is_not_unicode_is_refused(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(ConfigError, match=r"has the encoding LATIN1, .* UTF8"):
        StatusDatabase.create(url)


def test_another_schema_asks_for_the_remedy(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new_database()
    StatusDatabase.create(url).close()
    with monkeypatch.context() as later:
        later.setattr(engine, "REVISIONS", (*REVISIONS, "9998"))
        with pytest.raises(ConfigError, match=r"needs 9998 .*certstatus db migrate"):
            StatusDatabase(url)
    postgresql.execute("UPDATE alembic_version SET version_num = '9999'", url)
    with pytest.raises(ConfigError, match="newer than this certstatus"):
        StatusDatabase(url)


def test_a_server_that_is_not_there_is_told_without_the_password(postgresql: PostgreSQL) -> None:
    url = f"postgresql://alice:hunter2@127.0.0.1:{postgresql.port + 1}/status"

    with pytest.raises(SourceError, match=r"alice:\*\*\*@.* fails: .*refused") as told:
        StatusDatabase(url)
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_database_that_is_not_there_is_told(postgresql: PostgreSQL) -> None:
    with pytest.raises(SourceError, match='database "nowhere" does not exist'):
        StatusDatabase(postgresql.url("nowhere"))


# --- the rules of the tables ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit WHERE id = 1",
        "TRUNCATE audit",
        """INSERT INTO audit (id, at, actor, action) VALUES (1, 0, 'nobody', 'add')
        ON CONFLICT (id) DO UPDATE SET actor = 'nobody'""",
    ],
)
def test_the_trail_is_append_only_for_everyone(
    source: DatabaseSource,
    database: StatusDatabase,
    postgresql: PostgreSQL,
    url: str,
    statement: str,
) -> None:
    before = list(database.audit())
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        postgresql.execute(statement, url)

    assert list(database.audit()) == before


def test_numbers_sort_by_octets_in_every_locale(postgresql: PostgreSQL, url: str) -> None:
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE column_name IN ('serial_number', 'crl_number') AND collation_name = 'C'"
    )
    assert len(postgresql.execute(columns, url)) == 3


@pytest.mark.parametrize("count", [1, 50])
def test_text_of_any_kind_goes_round(database: StatusDatabase, ca: TinyCA, count: int) -> None:
    """By INSERT and by COPY."""
    issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
    subject = "CN=tab\t line\n return\r \\N \\. \"quoted\" 'so' Ünï \N{OWL}"
    rows = [
        {
            "issuer_id": issuer.id,
            "serial_number": number,
            "status": "revoked",
            "revocation_time": NOW,
            "subject": subject,
            "fingerprint": bytes(range(32)),
            "updated_at": NOW,
        }
        for number in range(count)
    ]
    with database.engine.change() as connection:
        database.engine.insert(connection, certificates, rows)
    records = list(database.records())

    assert [one.serial_number for one in records] == list(range(count))
    assert {one.subject for one in records} == {subject}
    assert {one.fingerprint for one in records} == {bytes(range(32))}
    assert {one.revocation_time for one in records} == {NOW}


# --- locks and time-outs ----------------------------------------------------------------------


def test_a_second_writer_waits_for_a_while_and_then_gives_up(
    database: StatusDatabase, ca: TinyCA, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DATABASE_WRITE_TIME", DATABASE_WRITE_TIME / 100)
    with (
        StatusDatabase(url) as other,
        database.change(actor=ACTOR, now=NOW),
        pytest.raises(SourceError, match="is locked by another change"),
    ):
        other.add_issuer(ca.certificate, actor=ACTOR, now=NOW)

    assert database.issuers() == ()


def test_a_reader_never_writes(database: StatusDatabase) -> None:
    with pytest.raises(SourceError, match="can't be written"):
        database.engine.read(lambda one: one.exec_driver_sql("DELETE FROM issuers"))


def test_the_server_too_ends_what_takes_too_long(database: StatusDatabase) -> None:
    milliseconds = timedelta(milliseconds=1)
    with database.engine.change() as connection:
        assert setting(connection, "lock_timeout") == str(DATABASE_WRITE_TIME // milliseconds)
        statement, idle = (
            DATABASE_STATEMENT_TIME // milliseconds,
            DATABASE_IDLE_TIME // milliseconds,
        )
        assert setting(connection, "statement_timeout") == str(statement)
        assert setting(connection, "idle_in_transaction_session_timeout") == str(idle)


def test_settings_of_the_url_count(postgresql: PostgreSQL, books: str) -> None:
    with StatusDatabase(f"{books}?application_name=ours") as database:
        assert database.engine.read(lambda one: setting(one, "application_name")) == "ours"


def test_connecting_is_bounded() -> None:
    arguments = module._arguments(sa.make_url("postgresql+psycopg://db/status"))

    assert arguments["connect_timeout"] == DATABASE_CONNECT_TIME.total_seconds()


# --- a server that dies, hangs and comes back -------------------------------------------------


def test_a_restart_between_two_questions_is_not_noticed(
    source: DatabaseSource, ca: TinyCA, postgresql: PostgreSQL, watcher: Watcher
) -> None:
    assert isinstance(ask(source, ca, GOOD), Known)
    postgresql.kill()
    postgresql.start()

    assert isinstance(ask(source, ca, GOOD), Known)
    assert watcher.kinds == []


@pytest.mark.rule("O11")
def test_a_dead_server_means_try_later_then_back_to_work(
    source: DatabaseSource, ca: TinyCA, postgresql: PostgreSQL, watcher: Watcher
) -> None:
    postgresql.kill()
    try:
        for _ in range(3):
            with pytest.raises(SourceError, match=r"fails: |is shutting down"):
                ask(source, ca, GOOD)
    finally:
        postgresql.start()

    assert isinstance(ask(source, ca, GOOD, NOW + MAX_DATABASE_BACK_OFF), Known)
    assert watcher.kinds == [EventKind.DATABASE_FAILED, EventKind.RECOVERED]


@pytest.mark.rule("O11")
def test_a_server_that_hangs_means_try_later_and_holds_up_nothing_else(
    source: DatabaseSource, ca: TinyCA, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DATABASE_ANSWER_TIME", DATABASE_ANSWER_TIME / 2)
    cert_id = CertID.of(ca.certificate, GOOD)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    async def question() -> None:
        clock = asyncio.create_task(tick())
        asked = [source.status(cert_id, NOW) for _ in range(2 * MAX_DATABASE_LOOKUPS)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        clock.cancel()
        assert {type(one) for one in answers} == {SourceError}

    asyncio.run(source.status(cert_id, NOW))
    with postgresql.frozen():
        started = time.monotonic()
        asyncio.run(question())
        waited = time.monotonic() - started
    assert waited < (DATABASE_ANSWER_TIME + DATABASE_CONNECT_TIME).total_seconds() + 1
    assert ticks > 10

    answer = asyncio.run(source.status(cert_id, NOW + MAX_DATABASE_BACK_OFF))
    assert isinstance(answer, Known)
    assert answer.cert_status == Good()


def test_a_change_that_the_server_did_not_live_to_commit_is_none(
    source: DatabaseSource, database: StatusDatabase, ca: TinyCA, postgresql: PostgreSQL
) -> None:
    last = database.last_change()

    def change() -> None:
        with database.change(actor=ACTOR, now=NOW) as ledger:
            ledger.note("note", database.issuers()[0])
            postgresql.kill()

    try:
        with pytest.raises(SourceError, match=r"fails: |is shutting down"):
            change()
    finally:
        postgresql.start()

    assert database.last_change() == last
    issuer = database.issuers()[0]
    database.revoke(issuer, GOOD, actor=ACTOR, now=NOW)
    assert [one.action for one in database.audit(after=last)] == ["revoke"]


def test_lookups_at_once_are_bounded(
    source: DatabaseSource, database: StatusDatabase, ca: TinyCA
) -> None:
    cert_id = CertID.of(ca.certificate, GOOD)

    async def many() -> None:
        await asyncio.gather(*(source.status(cert_id, NOW) for _ in range(50)))

    asyncio.run(many())
    assert len(database.engine._open) <= MAX_DATABASE_LOOKUPS + 1


def test_a_lookup_that_waits_for_others_too_long_means_try_later(
    source: DatabaseSource, ca: TinyCA, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*_: object) -> None:
        time.sleep(0.1)

    monkeypatch.setattr(PostgreSQLEngine, "first", slowly)
    monkeypatch.setattr(module, "_MOST_PATIENT", timedelta(milliseconds=10))

    with pytest.raises(SourceError, match="too many lookups waiting"):
        ask(source, ca, GOOD)


def test_a_setting_that_postgresql_does_not_know_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match=r'database: .*"colour"'):
        engine_at("postgresql://db/status?colour=blue")
