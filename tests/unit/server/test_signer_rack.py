from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import SignerError
from certstatus.limits_signers import SETTLING_TIME, SIGNER_CHECK_TIME
from certstatus.server.signer_events import SignerEventKind
from certstatus.server.signer_rack import SignerRack
from certstatus.signing import load_any_signers
from certstatus.testing import Issued
from tests.signing import AUTHORITY, DAY, NOW, Racked, put, who

SECOND = timedelta(seconds=1)


@pytest.fixture
def racked(tmp_path: Path) -> Racked:
    """Lend a CA with a signer that has been valid for long."""
    racked = Racked(tmp_path)
    racked.put(racked.ca.issue_responder("Old", serial_number=1))
    return racked


def fresh(racked: Racked, **wishes: object) -> Issued:
    """Issue a signer that is valid from now on."""
    wishes = {"serial_number": 2, "not_before": NOW} | wishes
    return racked.ca.issue_responder("New", **wishes)  # type: ignore[arg-type]


def look(rack: SignerRack, *after: timedelta) -> None:
    for one in after:
        rack.look(NOW + one)


# --- hot reload ----------------------------------------------------------------------------


def test_replaced_files_sign_once_the_new_certificate_has_settled(racked: Racked) -> None:
    rack = racked.rack()
    new = fresh(racked)
    racked.put(new)

    look(rack, SECOND)
    assert who(rack, NOW + SECOND) == [1]
    assert {one.certificate.serial_number for one in rack} == {1, 2}
    look(rack, SETTLING_TIME - SECOND)
    assert racked.told == ["reloaded"]
    look(rack, SETTLING_TIME)
    assert who(rack, NOW + SETTLING_TIME) == [2]
    assert {one.certificate for one in rack} == {new.certificate}
    assert racked.told == ["reloaded", "rotated"]
    assert racked.counts.seen["signer_events", AUTHORITY, "rotated"] == 1


def test_one_that_has_been_valid_for_long_signs_at_once(racked: Racked) -> None:
    rack = racked.rack()
    racked.put(fresh(racked, not_before=NOW - DAY))

    look(rack, SECOND)

    assert [one.certificate.serial_number for one in rack] == [2] * len(rack)
    assert racked.told == ["reloaded", "rotated"]
    (rotated,) = (one for one in racked.events if one["event"] == "signer.rotated")
    assert (rotated["serial"], rotated["former"], rotated["level"]) == ("2", "1", "info")


def test_one_that_is_valid_from_tomorrow_waits_beside_the_old(racked: Racked) -> None:
    rack = racked.rack()
    racked.put(fresh(racked, not_before=NOW + DAY))

    look(rack, SECOND, DAY, DAY + SETTLING_TIME)

    assert who(rack, NOW + DAY) == [2] == who(rack, NOW + DAY + SETTLING_TIME)
    assert racked.told == ["reloaded", "rotated"]


def test_files_that_did_not_change_are_not_read_again(
    racked: Racked, monkeypatch: pytest.MonkeyPatch
) -> None:
    rack = racked.rack()
    monkeypatch.setattr("certstatus.server.signers.load_any_signers", None)

    look(rack, SECOND, DAY)

    assert racked.told == []


@pytest.mark.parametrize(("age", "is_read_again"), [(0, True), (10, False)])
def test_a_file_touched_just_now_may_change_again_unseen_and_is_read_again(
    racked: Racked, monkeypatch: pytest.MonkeyPatch, age: int, is_read_again: bool
) -> None:
    then = time.time() - age
    os.utime(racked.folder / "signer.key", (then, then))
    rack = racked.rack()
    read: list[object] = []

    def load(*args: object, **more: object) -> object:
        read.append(args)
        return load_any_signers(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("certstatus.server.signers.load_any_signers", load)
    look(rack, SECOND)

    assert bool(read) == is_read_again
    assert racked.told == []


def half_a_key(racked: Racked) -> None:
    key = racked.folder / "signer.key"
    put(key, key.read_bytes()[:60])


def key_alone(racked: Racked) -> None:
    put(racked.folder / "signer.key", fresh(racked).key_pem())


def no_certificate(racked: Racked) -> None:
    (racked.folder / "signer.pem").unlink()


def unfit(racked: Racked) -> None:
    racked.put(racked.ca.issue_server())


def over(racked: Racked) -> None:
    racked.put(fresh(racked, not_before=NOW - 2 * DAY, not_after=NOW - DAY))


@pytest.mark.parametrize("spoil", [half_a_key, key_alone, no_certificate, unfit, over])
def test_what_can_not_be_used_is_an_alarm_once_and_the_old_goes_on(
    racked: Racked, spoil: object
) -> None:
    rack = racked.rack()
    before = tuple(rack)
    assert callable(spoil)
    spoil(racked)

    look(rack, SECOND)
    assert racked.told == []
    look(rack, 2 * SECOND, 3 * SECOND, DAY)
    assert racked.told == ["reload-failed"]
    assert tuple(rack) == before
    racked.put(fresh(racked, not_before=NOW - DAY))
    look(rack, DAY + SECOND)
    assert racked.told == ["reload-failed", "recovered", "reloaded", "rotated"]
    assert who(rack, NOW + DAY) == [2]
    (alarm,) = (one for one in racked.events if one["event"] == "signer.reload-failed")
    assert alarm["level"] == "error"
    assert racked.counts.seen["signer_events", AUTHORITY, "reload-failed"] == 1


def test_a_key_whose_certificate_comes_a_moment_later_is_no_alarm(racked: Racked) -> None:
    rack = racked.rack()
    new = fresh(racked, not_before=NOW - DAY)
    put(racked.folder / "signer.key", new.key_pem())
    look(rack, SECOND)
    put(racked.folder / "signer.pem", new.certificate_pem)
    look(rack, 2 * SECOND)

    assert racked.told == ["reloaded", "rotated"]


def test_a_changed_file_counts_long_before_it_settles() -> None:
    assert SIGNER_CHECK_TIME * 10 < SETTLING_TIME


# --- several at the start ------------------------------------------------------------------


def test_one_whose_time_is_over_or_to_come_stands_beside_others(racked: Racked) -> None:
    racked.put(racked.ca.issue_responder(serial_number=3, not_after=NOW - DAY), "over")
    racked.put(fresh(racked, serial_number=4, not_before=NOW + DAY), "next")

    rack = racked.rack("over", "signer", "next")

    assert who(rack) == [1]
    warned = [one["detail"] for one in racked.events if one["event"] == "signer"]
    assert [text.split()[0] for text in warned] == ["expired", "signs"]
    look(rack, DAY, DAY + SETTLING_TIME)
    assert who(rack, NOW + DAY + SETTLING_TIME) == [4]
    assert racked.told == ["rotated"]


@pytest.mark.rule("O25")
@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"not_after": NOW - DAY}, "expired on"),
        ({"not_before": NOW + DAY}, "is not valid before"),
    ],
)
def test_where_none_is_valid_nothing_starts(
    racked: Racked, times: dict[str, object], words: str
) -> None:
    racked.put(racked.ca.issue_responder(**times))  # type: ignore[arg-type]

    with pytest.raises(SignerError, match=rf"{words} .*\[O25\]"):
        racked.rack()


# --- what is shown -------------------------------------------------------------------------


def test_the_end_is_an_alarm_once_answers_are_shortened(racked: Racked) -> None:
    racked.put(fresh(racked, not_before=NOW - DAY, not_after=NOW + 30 * DAY))
    rack = racked.rack()
    last_full = 30 * DAY - racked.policy.validity

    look(rack, last_full)
    assert racked.told == []
    look(rack, last_full + SECOND, last_full + DAY)
    assert racked.told == ["expiring"]
    racked.put(fresh(racked, serial_number=5, not_after=NOW + 60 * DAY))
    look(rack, last_full + 2 * DAY)
    assert racked.told == ["expiring", "reloaded", "rotated"]


def test_states_tell_of_each_certificate(racked: Racked) -> None:
    racked.put(fresh(racked, not_before=NOW + DAY, not_after=NOW + 11 * DAY), "next")
    rack = racked.rack("signer", "next")

    old, new = (one.as_json() for one in rack.states(NOW + DAY))
    assert (old["serial"], old["inForce"], old["certificate"]) == ("1", True, "CN=Old (serial 0x1)")
    assert (new["serial"], new["inForce"], new["daysLeft"]) == ("2", False, 10.0)
    assert new["notAfter"] == "2026-12-02T12:00:00Z"


def test_a_rack_is_a_sequence(racked: Racked) -> None:
    rack = racked.rack()

    assert rack[0] == next(iter(rack))
    assert tuple(rack[:2]) == tuple(rack)[:2]
    assert len(rack) == len(tuple(rack)) == 3


def test_alarms_are_what_someone_should_be_woken_for() -> None:
    alarms = {kind for kind in SignerEventKind if kind.is_alarm}

    assert alarms == {
        SignerEventKind.RELOAD_FAILED,
        SignerEventKind.EXPIRING,
        SignerEventKind.RENEWAL_FAILED,
        SignerEventKind.FAILING,
    }
