from __future__ import annotations

import fcntl
import os
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.limits_signers import MAX_RENEWAL_RETRY, RENEWAL_CHECK_TIME, RENEWAL_RETRY
from certstatus.server.renewal_state import RenewalState, locked_record
from certstatus.testing import FixedClock

NOW = FixedClock().moment
SECOND = timedelta(seconds=1)


def test_each_failure_waits_twice_as_long_as_the_one_before_up_to_an_hour() -> None:
    state, pauses = RenewalState(), []
    for _ in range(9):
        state = state.after_failure(NOW)
        assert state.not_before is not None
        pauses.append(state.not_before - NOW)

    assert pauses[:3] == [RENEWAL_RETRY, 2 * RENEWAL_RETRY, 4 * RENEWAL_RETRY]
    assert pauses[-1] == MAX_RENEWAL_RETRY
    assert RENEWAL_CHECK_TIME < RENEWAL_RETRY < MAX_RENEWAL_RETRY


def test_it_may_be_tried_from_the_moment_on() -> None:
    state = RenewalState().after_failure(NOW)

    assert RenewalState().allows(NOW)
    assert not state.allows(NOW)
    assert not state.allows(NOW + RENEWAL_RETRY - SECOND)
    assert state.allows(NOW + RENEWAL_RETRY)


def test_a_clock_that_was_set_back_does_not_hold_it_up() -> None:
    assert RenewalState().after_failure(NOW).allows(NOW - 2 * MAX_RENEWAL_RETRY)


def test_after_a_success_it_rests_and_forgets_the_failures() -> None:
    state = RenewalState(5, NOW).after_success(NOW)

    assert (state.failures, state.not_before) == (0, NOW + MAX_RENEWAL_RETRY)


def test_what_is_saved_is_read_by_the_next(tmp_path: Path) -> None:
    certificate = tmp_path / "signer.pem"
    state = RenewalState(3, NOW)
    with locked_record(certificate) as record:
        assert record is not None
        assert record.state == RenewalState()
        record.save(RenewalState(123456789, NOW + SECOND))
        record.save(state)

    with locked_record(certificate) as record:
        assert record is not None
        assert record.state == state
    assert (tmp_path / "signer.pem.renewal").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"failures": 1',
        b"[]",
        b'{"failures": 1}',
        b'{"failures": "x", "notBefore": null}',
        b'{"failures": 1, "notBefore": "soon"}',
        b'{"failures": 1, "notBefore": "2026-11-21T12:00:00"}',
        b'{"failures": 1, "notBefore": 7}',
        b"\xff",
    ],
)
def test_half_a_record_reads_as_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "signer.pem.renewal").write_bytes(data)

    with locked_record(tmp_path / "signer.pem") as record:
        assert record is not None
        assert record.state == RenewalState()


def test_a_locked_one_is_not_had_until_it_is_let_go(tmp_path: Path) -> None:
    certificate = tmp_path / "signer.pem"
    with locked_record(certificate) as first:
        assert first is not None
        with locked_record(certificate) as second:
            assert second is None
    with locked_record(certificate) as third:
        assert third is not None


def test_whoever_was_handed_the_lock_keeps_it(tmp_path: Path) -> None:
    certificate = tmp_path / "signer.pem"
    with locked_record(certificate) as first:
        assert first is not None
        handed = os.dup(first.descriptor)
    with locked_record(certificate) as second:
        assert second is None
    fcntl.flock(handed, fcntl.LOCK_UN)
    os.close(handed)
