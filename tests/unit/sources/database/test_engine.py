"""What every engine does: readers, writers, forks; each test runs on all of them."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import pytest

from certstatus.errors import ChangeError
from certstatus.pkix import CRLReason
from certstatus.sources import CertificateRecord, Issuer, Revocation, Status, StatusDatabase
from certstatus.sources.database.ledger import Change
from certstatus.testing import TinyCA
from tests.books import NOW

ACTOR = "alice"


def added(issuer: Issuer, number: int) -> Change:
    """List a certificate."""
    record = CertificateRecord(issuer_id=issuer.id, serial_number=number)
    return Change(action="add", before=None, after=record)


def test_every_thread_reads_over_its_own_connection(database: StatusDatabase) -> None:
    mine = database.engine.reader()
    others: list[object] = []
    threads = [
        threading.Thread(target=lambda: others.append(database.engine.reader())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert database.engine.reader() is mine
    assert len({id(mine), *map(id, others)}) == 4


def test_a_reader_sees_what_another_process_committed(
    database: StatusDatabase, location: str, issuer: Issuer
) -> None:
    assert database.last_change() == 1
    with StatusDatabase(location) as other:
        other.add(issuer, 1000, actor=ACTOR, now=NOW)

    assert database.last_change() == 2


def test_readers_do_not_wait_for_a_writer(database: StatusDatabase, issuer: Issuer) -> None:
    with database.change(actor=ACTOR, now=NOW) as ledger:
        ledger.note("note", issuer)
        assert database.last_change() == 1
    assert database.last_change() == 2


def test_a_change_that_fails_leaves_nothing(database: StatusDatabase, issuer: Issuer) -> None:
    def fail() -> None:
        with database.change(actor=ACTOR, now=NOW) as ledger:
            ledger.note("note", issuer)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert database.last_change() == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_reads_over_its_own_connection(
    database: StatusDatabase, issuer: Issuer
) -> None:
    """SQLite connections do not survive a fork."""
    parent = database.engine.reader()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a lock that another thread held at the fork is never given back
        is_another = database.engine.reader() is not parent
        os.write(write_end, f"{is_another} {len(database.issuers())}".encode())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    told = os.read(read_end, 100)
    os.close(read_end)
    os.close(write_end)

    assert told == b"True 1"
    assert database.engine.reader() is parent


def test_closing_twice_does_no_harm_and_a_closed_database_opens_again(
    database: StatusDatabase, issuer: Issuer
) -> None:
    database.close()
    database.close()

    assert database.issuers() == (issuer,)


def test_writers_take_turns(location: str, database: StatusDatabase, issuer: Issuer) -> None:
    """Four at once, each over connections of its own: every change stands, in one order."""
    count = 10

    def write(start: int) -> None:
        with StatusDatabase(location) as mine:
            for number in range(start, start + count):
                mine.add(issuer, number, actor=ACTOR, now=NOW)

    threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(database.records())) == 4 * count
    assert [entry.id for entry in database.audit()] == list(range(1, 4 * count + 2))


@pytest.mark.rule("O12")
def test_a_revocation_is_final_whoever_else_writes(location: str, ca: TinyCA) -> None:
    """One revokes, one puts on hold and releases, both at once: revoked wins, and stays."""
    rounds = 12
    with StatusDatabase(location) as database:
        issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
        with database.change(actor=ACTOR, now=NOW) as ledger:
            ledger.write([added(issuer, number) for number in range(rounds)])
        together = threading.Barrier(3)
        said: dict[str, list[int]] = {"lost": [], "mislaid": []}

        def revoke(reason: CRLReason, name: str) -> None:
            with StatusDatabase(location) as mine:
                for number in range(rounds):
                    together.wait(30)
                    with suppress(ChangeError):
                        wish = Revocation(reason=reason)
                        mine.revoke(issuer, number, wish, actor=name, now=NOW)
                        said[name].append(number)

        def waver() -> None:
            with StatusDatabase(location) as mine:
                for number in range(rounds):
                    together.wait(30)
                    for change in (mine.hold, mine.release):
                        with suppress(ChangeError):
                            change(issuer, number, actor="waverer", now=NOW)

        threads = [
            threading.Thread(target=revoke, args=(CRLReason.KEY_COMPROMISE, "lost")),
            threading.Thread(target=revoke, args=(CRLReason.SUPERSEDED, "mislaid")),
            threading.Thread(target=waver),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(said["lost"] + said["mislaid"]) == list(range(rounds))
        for number in range(rounds):
            record = database.record(issuer, number)
            winner = "lost" if number in said["lost"] else "mislaid"
            (entry,) = (one for one in database.audit(issuer, number) if one.action == "revoke")
            assert record is not None
            assert record.status is Status.REVOKED
            assert entry.actor == winner
            assert list(database.audit(issuer, number))[-1] == entry


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_writer_that_is_killed_leaves_nothing_and_no_lock(
    database: StatusDatabase, issuer: Issuer, location: str
) -> None:
    """By SIGKILL, in the middle of a change, with rows of an import already sent."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        with StatusDatabase(location).change(actor=ACTOR, now=NOW) as ledger:
            ledger.write([added(issuer, number) for number in range(100)])
            os.write(write_end, b"written")
            signal.pause()
        os._exit(1)
    assert os.read(read_end, 100) == b"written"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read_end)
    os.close(write_end)

    assert list(database.records()) == []
    database.add(issuer, 1, actor=ACTOR, now=NOW)
    assert [one.serial_number for one in database.records()] == [1]
