"""``certstatus serve`` from PostgreSQL: several nodes over one database, and its faults."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, Good, Revoked, encode_request
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, Lab
from tests.postgresql import PostgreSQL
from tests.responding import SECONDS, Responding

NODES = 3


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lab.directory, tmp_path / "lab"))


@pytest.fixture
def books(lab: Lab, postgresql: PostgreSQL) -> str:
    """Enter good and revoked into a database."""
    url, now = postgresql.new_database(), SystemClock().now()
    with StatusDatabase.create(url) as database:
        issuer = database.add_issuer(lab.ca.certificate, actor="test", now=now)
        for issued in (lab.good, lab.revoked):
            database.add(issuer, issued.certificate.serial_number, actor="test", now=now)
    return url


def node(books: str, own: Path) -> Responding:
    signer = ("--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key")
    return Responding([*signer, "--database", books, "--port", "0"], own)


@pytest.fixture
def nodes(books: str, own: Path) -> Iterator[list[Responding]]:
    with ExitStack() as running:
        yield [running.enter_context(node(books, own)) for _ in range(NODES)]


def named(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


@pytest.mark.rule("O12")
def test_a_revocation_by_one_process_is_said_by_every_node_within_a_second(
    nodes: list[Responding], lab: Lab, books: str, own: Path
) -> None:
    """Asked ten times a second: at most one second of the old answer, never after."""
    wanted = named(lab, lab.good)
    for one in nodes:
        assert one.ask(wanted).cert_status == Good()
        assert one.ask(wanted).cert_status == Good()
    command = [sys.executable, "-m", "certstatus", "db", "revoke", "good.pem", "--database", books]
    with StatusDatabase(books) as database:
        last = database.last_change()
        revoking = subprocess.Popen(command, cwd=own, stdout=subprocess.DEVNULL)
        while database.last_change() == last and revoking.poll() is None:
            time.sleep(0.01)
    committed = time.monotonic()
    late: list[float] = []
    while (now := time.monotonic()) < committed + 2:
        answers = [one.ask(wanted).cert_status for one in nodes]
        if not all(isinstance(status, Revoked) for status in answers):
            late.append(now - committed)
        time.sleep(0.1)

    assert revoking.wait(SECONDS) == 0
    assert not late or max(late) < 1


@pytest.mark.rule("O11")
def test_without_its_database_a_node_says_try_later_and_recovers_by_itself(
    books: str, own: Path, lab: Lab, postgresql: PostgreSQL
) -> None:
    wanted = named(lab, lab.good)
    der = encode_request([wanted])
    with node(books, own) as responder:
        assert responder.ask(wanted).cert_status == Good()
        postgresql.kill()
        try:
            assert {responder.refusal(der) for _ in range(3)} == {"tryLater"}
        finally:
            postgresql.start()
        deadline = time.monotonic() + SECONDS
        while responder.refusal(der) == "tryLater" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert responder.ask(wanted).cert_status == Good()
        with postgresql.frozen():
            assert responder.refusal(der) == "tryLater"
        while responder.refusal(der) == "tryLater" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert responder.ask(wanted).cert_status == Good()
        code = responder.end()

    assert code == 0
