"""Signing in advance, killed at any moment: nothing is lost, and nothing stored that was never true."""

from __future__ import annotations

from pathlib import Path

from certstatus.clock import SystemClock
from certstatus.ocsp import Good, Revoked
from tests.nursery import Nursery, Strikes
from tests.presigning import FIRST, Presigning

COUNT = 60
HOLDS_FOR_A_SECOND = 'lease = "1s"\ndatabase = "rounds.db"\n'


def forget_rounds(folder: Path, empty: bytes) -> None:
    """Have the next one begin anew, as on a machine that knows of none that was interrupted."""
    for left in folder.glob("rounds.db*"):
        left.unlink()
    (folder / "rounds.db").write_bytes(empty)


def test_a_killed_round_stores_whole_true_answers_and_the_next_ones_do_the_rest(
    tmp_path: Path, empty: bytes, nursery: Nursery, rounds: int
) -> None:
    work = Presigning.of(tmp_path, COUNT, presign=HOLDS_FOR_A_SECOND)
    command = ("presign", "--config", tmp_path / "certstatus.toml", "--processes", "1")
    forget_rounds(tmp_path, empty)
    whole = nursery.run(*command, "--all")
    assert whole.code == 0, whole.said
    gone: dict[int, Revoked] = {}
    killed = 0
    for number, strike in enumerate(Strikes(nursery, rounds, whole.seconds)):
        serial_number = FIRST + number % COUNT
        if serial_number not in gone:
            with work.books() as (database, issuer):
                record = database.revoke(
                    issuer, serial_number, actor="test", now=SystemClock().now()
                )
            assert isinstance(record.cert_status, Revoked)
            gone[serial_number] = record.cert_status
        if number % 2:  # in the other half, what the dead one held is taken over
            forget_rounds(tmp_path, empty)
        killed += strike(*command, "--due" if number % 3 else "--all").was_killed
        for one, said in work.statuses().items():
            assert said <= {Good(), gone.get(one, Good())}

    assert killed > rounds / 4
    last = nursery.run(*command, "--due")
    assert last.code == 0, last.said
    assert work.statuses() == {one: {gone.get(one, Good())} for one in work.serial_numbers}
