"""PINs: where they come from, and that a refused one is known to every process of a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SignerError
from certstatus.limits_signers import LOGIN_WAIT_TIME, MAX_PIN_BYTES, MAX_REFUSED_PINS
from certstatus.signing import pkcs11_pin
from certstatus.signing.pkcs11_pin import PIN, PIN_VARIABLE, RefusedPINs, read_pin, refused_pins

WRONG = PIN("hunter2", "a test")


def in_child(work: Callable[[], object]) -> int:
    """Fork, and return the child's process id; its exit code is 0 where ``work`` is true."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- where it comes from -------------------------------------------------------------------


def test_a_pin_is_read_from_its_file_or_else_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pin"
    file.write_text("4917\n")
    monkeypatch.setenv(PIN_VARIABLE, "8351")

    assert read_pin(file) == PIN("4917", f"the file {file}")
    assert read_pin(None) == PIN("8351", f"the environment variable {PIN_VARIABLE}")
    monkeypatch.delenv(PIN_VARIABLE)
    assert read_pin(None) is None


@pytest.mark.parametrize("text", ["", "9" * (MAX_PIN_BYTES + 1), "1\u00e9"])
def test_what_can_be_no_pin_is_named_by_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(PIN_VARIABLE, text)

    with pytest.raises(ConfigError, match=f"{PIN_VARIABLE} holds no PIN"):
        read_pin(None)


def test_a_pin_does_not_show_itself() -> None:
    assert "hunter2" not in repr(WRONG)


# --- which were refused --------------------------------------------------------------------


def test_what_one_token_refused_another_may_take() -> None:
    refused = RefusedPINs()
    refused.note("token", WRONG, "it is wrong")

    assert refused.reason("token", PIN("hunter2", "elsewhere")) == "it is wrong"
    assert refused.reason("another", WRONG) is None
    assert refused.reason("token", PIN("4917", "a test")) is None


def test_the_pins_themselves_are_not_kept() -> None:
    refused = RefusedPINs()
    refused.note("token", WRONG, "it is wrong")

    assert b"hunter2" not in refused._records[:]


def test_parent_and_children_know_what_any_of_them_was_refused() -> None:
    refused = RefusedPINs()

    def learn() -> bool:
        refused.note("token", WRONG, "it is wrong")
        return True

    assert exit_code(in_child(learn)) == 0
    assert refused.reason("token", WRONG) == "it is wrong"
    assert exit_code(in_child(lambda: refused.reason("token", WRONG) == "it is wrong")) == 0


def test_a_fork_of_who_may_load_keys_shares_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pkcs11_pin, "_known", [])

    def learn() -> bool:
        refused_pins().note("token", WRONG, "it is wrong")
        return True

    assert exit_code(in_child(learn)) == 0
    assert refused_pins().reason("token", WRONG) == "it is wrong"


def test_when_no_more_can_be_noted_it_says_so() -> None:
    refused = RefusedPINs()
    for number in range(MAX_REFUSED_PINS):
        assert not refused.is_full
        refused.note("token", PIN(str(number), "a test"), "it is wrong")

    assert refused.is_full
    assert all(refused.reason("token", PIN(str(n), "")) for n in range(MAX_REFUSED_PINS))


def test_one_process_at_a_time_says_a_pin_and_each_learns_from_the_one_before(
    tmp_path: Path,
) -> None:
    refused, tries = RefusedPINs(), tmp_path / "tries"

    def log_in() -> bool:
        with refused.turn():
            if refused.reason("token", WRONG) is None:
                with tries.open("a") as file:
                    file.write("x")
                refused.note("token", WRONG, "it is wrong")
        return True

    children = [in_child(log_in) for _ in range(8)]

    assert [exit_code(one) for one in children] == [0] * 8
    assert tries.read_text() == "x"


@pytest.mark.parametrize("holder", ["another process", "another thread"])
def test_who_waits_too_long_for_another_login_gives_up(
    monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    assert timedelta(0) < LOGIN_WAIT_TIME
    refused = RefusedPINs()
    with refused.turn():
        monkeypatch.setattr(pkcs11_pin, "LOGIN_WAIT_TIME", timedelta(0))
        if holder == "another thread":
            assert not takes_turn(refused)
        else:
            # The threads' lock is inherited as it is held here; a worker is forked when it is free.
            refused._lock.release()
            assert exit_code(in_child(lambda: not takes_turn(refused))) == 0
            refused._lock.acquire()

    assert takes_turn(refused)


def takes_turn(refused: RefusedPINs) -> bool:
    try:
        with refused.turn():
            return True
    except SignerError:
        return False


def test_a_process_that_is_killed_in_its_turn_leaves_it_to_the_next() -> None:
    refused = RefusedPINs()
    ready, told = os.pipe()

    def hang() -> bool:
        with refused.turn():
            os.write(told, b"x")
            signal.pause()
        return False

    child = in_child(hang)
    assert os.read(ready, 1) == b"x"
    os.kill(child, signal.SIGKILL)

    assert exit_code(child) == -signal.SIGKILL
    assert takes_turn(refused)
    for end in (ready, told):
        os.close(end)
