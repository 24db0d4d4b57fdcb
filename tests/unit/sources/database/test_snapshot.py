"""One state of a SQLite database for each turn of an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
import uvloop

from certstatus.limits import DATABASE_READ_TIME
from certstatus.ocsp import Good, Revoked
from certstatus.sources import DatabaseSource, Issuer, Known, StatusDatabase
from certstatus.sources.database import sqlite
from certstatus.sources.database.snapshot import Snapshot
from certstatus.testing import TinyCA
from tests.books import NOW, at_hand

ACTOR = "alice"
SERIAL = 0x9A


@pytest.fixture
def source(database: StatusDatabase, issuer: Issuer, ca: TinyCA, path: Path) -> DatabaseSource:
    assert Path(database.engine.name) == path
    database.add(issuer, SERIAL, actor=ACTOR, now=NOW)
    return DatabaseSource(database, ca.certificate)


@pytest.fixture
def snapshot(database: StatusDatabase, path: Path) -> Snapshot:
    connection = sqlite._connect(path, DATABASE_READ_TIME, read_only=True)
    return Snapshot(connection, database.engine.source_error)


def says(source: DatabaseSource) -> Good | Revoked:
    """Look up in the present turn."""
    answer = source.at_hand(SERIAL, NOW)
    assert isinstance(answer, Known)
    return answer.cert_status


def revoke(path: Path, issuer: Issuer) -> None:
    with StatusDatabase(path) as other:
        other.revoke(issuer, SERIAL, actor=ACTOR, now=NOW)


# --- turns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", [asyncio, uvloop], ids=["asyncio", "uvloop"])
def test_a_turn_sees_one_state_and_the_next_turn_the_newest(
    source: DatabaseSource, path: Path, issuer: Issuer, loop: ModuleType
) -> None:
    async def look() -> list[Good | Revoked]:
        first = says(source)
        revoke(path, issuer)
        same_turn = says(source)
        await asyncio.sleep(0)
        return [first, same_turn, says(source)]

    assert loop.run(look()) == [Good(), Good(), Revoked(NOW)]


REVOKING = """
import sys
from datetime import datetime
from certstatus.sources import StatusDatabase
with StatusDatabase(sys.argv[1]) as database:
    (issuer,) = database.issuers()
    now = datetime.fromisoformat(sys.argv[3])
    database.revoke(issuer, int(sys.argv[2]), actor="bob", now=now)
"""


def test_what_another_process_committed_is_seen_by_the_next_look_up(
    source: DatabaseSource, path: Path
) -> None:
    """Whoever asks once the command has ended gets the new status, without a second of delay."""

    async def look() -> list[Good | Revoked]:
        first = says(source)
        arguments = (REVOKING, str(path), str(SERIAL), NOW.isoformat())
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", *arguments)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        return [first, says(source)]

    assert asyncio.run(look()) == [Good(), Revoked(NOW)]


def test_a_thread_sees_its_own_change_in_the_same_turn(
    source: DatabaseSource, database: StatusDatabase, issuer: Issuer
) -> None:
    async def look() -> list[Good | Revoked]:
        first = says(source)
        database.revoke(issuer, SERIAL, actor=ACTOR, now=NOW)
        return [first, says(source)]

    assert asyncio.run(look()) == [Good(), Revoked(NOW)]


def test_no_transaction_outlives_its_turn(source: DatabaseSource, path: Path) -> None:
    """While one is open, nothing that is written can go from the log into the database."""

    async def look() -> list[int]:
        says(source)
        within = copied(path)
        await asyncio.sleep(0)
        return [within, copied(path)]

    def copied(path: Path) -> int:
        with sqlite3.connect(path, timeout=0) as connection:
            (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.close()
        assert isinstance(is_busy, int)
        return is_busy

    assert asyncio.run(look()) == [1, 0]


def test_a_loop_that_was_closed_in_its_turn_leaves_no_old_state_behind(
    source: DatabaseSource, path: Path, issuer: Issuer
) -> None:
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: (says(source), loop.stop()))
    loop.run_forever()
    loop.close()
    revoke(path, issuer)

    assert at_hand(source, SERIAL) == Known(
        cert_status=Revoked(NOW), this_update=NOW, origin="database"
    )


def test_without_an_event_loop_nothing_is_at_hand(source: DatabaseSource) -> None:
    assert source.at_hand(SERIAL, NOW) is None
    assert at_hand(source, SERIAL) is not None


def test_the_loops_of_two_threads_have_their_own(
    source: DatabaseSource, path: Path, issuer: Issuer
) -> None:
    elsewhere: list[object] = []

    async def look() -> Good | Revoked:
        says(source)
        revoke(path, issuer)
        thread = threading.Thread(target=lambda: elsewhere.append(at_hand(source, SERIAL)))
        thread.start()
        thread.join(20)
        return says(source)

    assert asyncio.run(look()) == Good()
    assert elsewhere == [Known(cert_status=Revoked(NOW), this_update=NOW, origin="database")]


# --- its state ------------------------------------------------------------------------------


def test_the_state_is_the_same_object_until_somebody_commits(
    snapshot: Snapshot, database: StatusDatabase, issuer: Issuer
) -> None:
    loop = asyncio.new_event_loop()
    states = []
    for commits in (False, False, True, False):
        if commits:
            database.add(issuer, 1, actor=ACTOR, now=NOW)
        snapshot.begin(loop)
        states.append(snapshot.state)
        assert snapshot.is_of(loop)
        snapshot.end()
        assert not snapshot.is_of(loop)
    loop.close()
    snapshot.connection.close()

    assert states[0] is states[1]
    assert states[1] is not states[2]
    assert states[2] is states[3]


def test_the_state_belongs_to_what_the_turn_reads(
    snapshot: Snapshot, database: StatusDatabase, issuer: Issuer
) -> None:
    """What is committed once a turn has begun is in neither."""
    loop = asyncio.new_event_loop()
    snapshot.begin(loop)
    state = snapshot.state
    database.add(issuer, 1, actor=ACTOR, now=NOW)

    assert snapshot.rows("SELECT * FROM certificates", ()) == []
    snapshot.begin(loop)
    assert len(snapshot.rows("SELECT * FROM certificates", ())) == 1
    assert snapshot.state is not state
    loop.close()
    snapshot.connection.close()


# --- processes and closing ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_looks_up_over_its_own_connection(
    source: DatabaseSource, path: Path, issuer: Issuer
) -> None:
    """Even one that was forked within a turn: it neither uses nor ends the parent's transaction."""

    async def look() -> tuple[int, list[Good | Revoked]]:
        first = says(source)
        revoke(path, issuer)
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a lock that another thread held at the fork is never given back
            os._exit(asyncio_in_child(source))
        return exit_code(child), [first, says(source)]

    assert asyncio.run(look()) == (0, [Good(), Good()])


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def asyncio_in_child(source: DatabaseSource) -> int:
    """Return 0 where a child sees the newest state over another connection than its parent's."""
    loop = asyncio.new_event_loop()

    async def look() -> Good | Revoked:
        return says(source)

    return 0 if loop.run_until_complete(look()) == Revoked(NOW) else 1


def test_a_database_that_is_closed_within_a_turn_opens_again(
    source: DatabaseSource, database: StatusDatabase, path: Path, issuer: Issuer
) -> None:
    async def look() -> list[Good | Revoked]:
        first = says(source)
        database.close()
        revoke(path, issuer)
        again = says(source)
        await asyncio.sleep(0)
        return [first, again, says(source)]

    assert asyncio.run(look()) == [Good(), Revoked(NOW), Revoked(NOW)]


def test_looking_up_never_writes(snapshot: Snapshot) -> None:
    with pytest.raises(Exception, match="can't be written"):
        snapshot.rows("DELETE FROM issuers", ())
    snapshot.connection.close()
