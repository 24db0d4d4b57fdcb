"""``certstatus serve`` from PostgreSQL, and its faults; several nodes: ``test_deployments``."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, Good, encode_request
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, Lab
from tests.postgresql import PostgreSQL
from tests.responding import SECONDS, Responding


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


def named(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


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
