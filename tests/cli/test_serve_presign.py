"""``certstatus serve`` with ``[presign]``: what is stored is there before it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, Good, Revoked, encode_request
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.stores import StoredResponse
from tests.postgresql import PostgreSQL
from tests.presigning import FIRST, Presigning
from tests.responding import SECONDS, Responding

COUNT = 40
NULL = b"\x05\x00"


def serving(work: Presigning) -> Responding:
    config = work.folder / "certstatus.toml"
    text = config.read_text("utf-8")
    if "[server]" not in text:
        config.write_text(text + "[server]\nport = 0\nadmin_port = 0\n", "utf-8")
    return Responding(["--config", "certstatus.toml"], work.folder)


def until(is_so: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def asked(work: Presigning, serial_number: int) -> CertID:
    """Name a certificate as most clients do."""
    cert_id = CertID.of(work.ca.certificate, serial_number, HashAlgorithm.SHA1)
    return replace(cert_id, hash_algorithm=AlgorithmIdentifier(HashAlgorithm.SHA1.oid, NULL))


def metrics(responder: Responding) -> str:
    return httpx2.get(f"{responder.admin_url}metrics", timeout=10, trust_env=False).text


def of(work: Presigning, serial_number: int) -> list[StoredResponse]:
    return [one for key, one in work.stored().items() if key.serial_number == serial_number]


@pytest.mark.rule("B3")
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_changes_is_signed_and_stored_within_a_second(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    location = None
    if engine == "postgresql":
        postgresql: PostgreSQL = request.getfixturevalue("postgresql")
        location = postgresql.new_database()
    work = Presigning.of(tmp_path, COUNT, location=location)
    with serving(work) as responder, work.books() as (database, issuer):
        until(lambda: len(work.stored()) == 2 * COUNT)
        before = of(work, FIRST)
        given = responder.post(encode_request([asked(work, FIRST)])).content
        assert given in {one.der for one in before}  # and none was signed for it

        database.revoke(issuer, FIRST, actor="test", now=SystemClock().now())
        until(lambda: all(one.der not in {b.der for b in before} for one in of(work, FIRST)), 1)
        assert isinstance(responder.ask(asked(work, FIRST)).cert_status, Revoked)

        # Published this moment (B3), and good before anybody can ask.
        database.add(issuer, FIRST - 1, actor="test", now=SystemClock().now())
        until(lambda: len(of(work, FIRST - 1)) == 2, 1)
        until(lambda: 'presigned_total{outcome="signed"} ' in metrics(responder))
    said = work.statuses()
    assert {type(one) for one in said[FIRST]} == {Revoked}
    assert said[FIRST - 1] == {Good()}
    assert said[FIRST + 1] == {Good()}


def test_a_keeper_that_is_killed_is_started_anew_and_goes_on(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, COUNT)
    with serving(work) as responder, work.books() as (database, issuer):
        until(lambda: len(work.stored()) == 2 * COUNT)
        pids = responder.events[-1]["pids"]
        os.kill(pids[-1], signal.SIGKILL)
        database.revoke(issuer, FIRST, actor="test", now=SystemClock().now())
        # The workers know meanwhile, and sign for themselves.
        assert isinstance(responder.ask(asked(work, FIRST)).cert_status, Revoked)
        responder.wait_for("worker_died")

        until(lambda: {type(one) for one in work.statuses()[FIRST]} == {Revoked})


def test_everything_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, COUNT)
    with serving(work), work.books() as (database, issuer):
        until(lambda: len(work.stored()) == 2 * COUNT)
        now = SystemClock().now()
        database.set_ca_compromised(issuer, now - timedelta(hours=1), actor="test", now=now)

        def all_revoked() -> bool:
            said = work.statuses()
            return all({type(one) for one in found} == {Revoked} for found in said.values())

        until(all_revoked)


def test_without_a_store_that_others_see_it_does_not_start(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, 3, store="memory:")
    config = work.folder / "certstatus.toml"
    config.write_text(config.read_text("utf-8") + "[server]\nport = 0\n", "utf-8")
    command = [sys.executable, "-m", "certstatus", "serve", "--config", "certstatus.toml"]

    ended = subprocess.run(
        command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
    )

    assert ended.returncode == 78
    assert "presign: needs a store that other processes see" in ended.stderr
