"""``certstatus presign``: real processes that sign, share, are killed, and go on."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from certstatus.clock import SystemClock
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import Revocation
from tests.postgresql import PostgreSQL
from tests.presigning import FIRST, Presigning, finish, kill
from tests.redis_server import RedisServer

Run = Callable[..., Result]
COUNT = 150
FORMS = 2


def sums(told: object) -> dict[str, int]:
    """Take the counts of the only authority that did anything."""
    assert isinstance(told, dict)
    (one,) = told["authorities"]
    return {name: count for name, count in one.items() if isinstance(count, int) and count}


# --- what it does ---------------------------------------------------------------------------


def test_everything_is_signed_once_and_then_nothing_is_due(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, COUNT)

    first = work.run("--processes", "2")
    assert first["mode"] == "due"
    assert sums(first) == {"total": COUNT, "lookedAt": COUNT, "signed": FORMS * COUNT}
    assert work.statuses() == {one: {Good()} for one in work.serial_numbers}

    now = SystemClock().now()
    with work.books() as (database, issuer):
        wish = Revocation(reason=CRLReason.KEY_COMPROMISE)
        record = database.revoke(issuer, FIRST + 7, wish, actor="test", now=now)
    again = work.run("--processes", "1")
    assert sums(again) == {
        "total": COUNT,
        "lookedAt": COUNT,
        "signed": FORMS,
        "fresh": FORMS * (COUNT - 1),
    }
    assert work.statuses()[FIRST + 7] == {record.cert_status}
    assert isinstance(record.cert_status, Revoked)

    everything = work.run("--all", "--processes", "2")
    assert made(everything) == FORMS * COUNT


def made(told: object) -> int:
    """Count what was signed; what is of the second of the run before is no newer than that."""
    counts = sums(told)
    return counts.get("signed", 0) + counts.get("newer", 0)


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, 3)

    told = work.run("--dry-run")

    assert told["dryRun"] is True
    assert sums(told)["signed"] == 3 * FORMS
    assert work.stored() == {}


def test_a_sample_of_signatures_may_be_verified(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, COUNT, presign='verify_signatures = "sample"')

    told = work.run("--all")
    assert told["verifySignatures"] == "sample"
    assert sums(told)["signed"] == FORMS * COUNT
    assert work.statuses() == {one: {Good()} for one in work.serial_numbers}

    told = work.run("--all", "--verify-signatures", "all")
    assert told["verifySignatures"] == "all"
    assert made(told) == FORMS * COUNT


def test_a_redis_holds_what_was_signed_for_every_node(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    work = Presigning.of(tmp_path, COUNT, store=redis_server.url)

    assert sums(work.run("--processes", "2"))["signed"] == FORMS * COUNT
    assert sums(work.run("--processes", "2"))["fresh"] == FORMS * COUNT


@pytest.mark.rule("L3", "O31")
def test_every_algorithm_and_both_hashes_are_signed_where_that_is_wanted(tmp_path: Path) -> None:
    keys = ("p256", "ed25519", "mldsa44")
    work = Presigning.of(tmp_path, 2, keys=keys, policy="dual_hash = true")

    told = work.run("--algorithms", "all", "--cert-ids", "sha1,sha256,sha256-bare")

    # P-256 signs with three hashes.
    assert sums(told)["signed"] == 2 * 3 * (3 + 1 + 1)
    assert work.statuses() == {one: {Good()} for one in work.serial_numbers}


# --- what it says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cert-ids", "md5"), r"md5.*sha1"),
        (("--authority", "Nobody"), r"there is no Nobody.*there is: Busy CA"),
    ],
)
def test_a_wrong_wish_is_told_with_its_remedy(
    tmp_path: Path, run: Run, arguments: tuple[str, ...], said: str
) -> None:
    work = Presigning.of(tmp_path, 1)

    result = run("presign", "--config", work.folder / "certstatus.toml", *arguments)

    assert result.exit_code == 78
    assert re.search(said, result.stderr, re.DOTALL)


def test_what_a_process_finds_wrong_is_told_once(tmp_path: Path) -> None:
    process = Presigning.of(tmp_path, 1).start("--algorithms", "rot13", "--processes", "2")
    _, err = process.communicate(timeout=60)

    assert process.returncode == 78
    assert err.count("no signer of Busy CA has one of rot13") == 1
    assert "it can: ecdsa-with-SHA256" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("store", ['[store]\nurl = "memory:"\n', ""])
def test_without_a_store_that_others_see_there_is_nothing_to_do(
    tmp_path: Path, run: Run, store: str
) -> None:
    config = Presigning.of(tmp_path, 1).folder / "certstatus.toml"
    text = config.read_text().replace("[presign]\n", "")
    config.write_text(text.replace('[store]\nurl = "lmdb:answers"\n', store))

    result = run("presign", "--config", config)

    assert result.exit_code == 78
    assert "store.url" in result.stderr


def test_a_broken_signer_stores_nothing_and_is_told_once(tmp_path: Path) -> None:
    """Its certificate ends before an answer under BR could hold for 8 hours: the linter refuses."""
    work = Presigning.of(tmp_path, 40, policy='profile = "cabf"', keys=("p256",), days_left=0.25)

    process = work.start("--processes", "1")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 3, err
    assert '"refused": 80' in out
    assert "[B2]" in err
    assert "and 70 more such answers" in err
    assert work.stored() == {}


# --- ends -------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    work = Presigning.of(tmp_path, 10 * COUNT)
    process = work.start("--all", "--processes", "2")
    while not work.stored():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    told = finish(process, 130)

    assert told["interrupted"] is True
    done = sums(told)["signed"]
    assert 0 < done < 10 * COUNT * FORMS
    rest = work.run("--all", "--processes", "2")
    assert done + sums(rest)["signed"] == 10 * COUNT * FORMS


def test_killed_at_any_moment_it_loses_nothing_and_stores_nothing_wrong(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each round revokes one, and kills all processes at some moment of the work.

    A round takes two seconds, so there is one for each 15 of ``--rounds``.
    """
    rounds = max(1, request.config.getoption("--rounds", 50) // 15)
    work = Presigning.of(tmp_path, COUNT, presign='lease = "1s"')
    chance = random.Random(1)
    gone: dict[int, Revoked] = {}
    for number in range(rounds):
        with work.books() as (database, issuer):
            now = SystemClock().now()
            record = database.revoke(issuer, FIRST + number, actor="test", now=now)
            assert isinstance(record.cert_status, Revoked)
            gone[FIRST + number] = record.cert_status
        process = work.start(chance.choice(["--all", "--due"]), "--processes", "2")
        time.sleep(chance.uniform(0.5, 2.5))
        kill(process)
        said = work.statuses()  # what is there is whole, signed and fresh
        assert all(said[one] <= {Good(), gone.get(one, Good())} for one in said), (
            "something that was never true"
        )

    work.run("--due", "--processes", "2")

    assert work.statuses() == {one: {gone.get(one, Good())} for one in work.serial_numbers}


# --- across machines ----------------------------------------------------------------------------


def test_two_nodes_share_the_work_and_the_dead_ones_part_is_taken_over(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    count = 10 * COUNT
    location = postgresql.new_database()
    work = Presigning.of(tmp_path, count, location=location, presign='lease = "2s"')
    first = work.start("--all", "--processes", "1")
    second = work.start("--all", "--processes", "1")
    deadline = time.monotonic() + 60
    while len(work.stored()) < count // 10:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kill(first)

    told = finish(second)

    assert FORMS * count // 10 < sums(told)["signed"]
    assert set(work.statuses()) == set(work.serial_numbers)
    (row,) = postgresql.execute(
        "SELECT finished_at IS NOT NULL, counts->>'looked_at' FROM presign_rounds", work.location
    )
    assert row[0] is True
    assert postgresql.execute("SELECT count(*) FROM presign_claims", work.location) == [(0,)]
