from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import SignerError
from certstatus.limits_signers import RENEWAL_TIME
from certstatus.server.renewal_command import run_command

SECONDS = 10


@pytest.fixture
def lock() -> Iterator[int]:
    """Lend a descriptor."""
    ours, theirs = os.pipe()
    yield theirs
    os.close(ours)
    os.close(theirs)


def run(lock: int, code: str, stop: threading.Event | None = None, **names: str) -> None:
    run_command([sys.executable, "-c", code], names, lock=lock, stop=stop)


def test_a_command_is_told_by_its_environment_and_not_the_pin(
    lock: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTSTATUS_PIN", "1234")
    monkeypatch.setenv("CA_URL", "http://ca.example/")
    said = tmp_path / "said"
    code = f"import os; open({str(said)!r}, 'w').write(repr(dict(os.environ)))"
    run(lock, code, CERTSTATUS_NEW_CERTIFICATE="/new.pem")

    assert "'CERTSTATUS_NEW_CERTIFICATE': '/new.pem'" in said.read_text()
    assert "'CA_URL'" in said.read_text()
    assert "1234" not in said.read_text()


def test_it_holds_the_lock_and_nothing_else_of_ours(lock: int, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with (tmp_path / "other").open() as other:
        os.set_inheritable(other.fileno(), True)
        code = f"import os; os.fstat({lock})\ntry: os.fstat({other.fileno()})\nexcept OSError: pass\nelse: exit(9)"
        run(lock, code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("exit(3)", "ended with 3$"),
        ("import sys; sys.exit('the CA is closed')", "ended with 1: the CA is closed"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
        ("print('x' * 5000 + 'the reason'); exit(1)", r"ended with 1: x{389}the reason$"),
    ],
)
def test_a_command_that_fails_is_named_with_the_end_of_what_it_said(
    lock: int, code: str, said: str
) -> None:
    with pytest.raises(SignerError, match=said) as caught:
        run(lock, code)
    assert str(caught.value).startswith(sys.executable)


def test_a_command_that_is_not_there_is_named(lock: int) -> None:
    with pytest.raises(SignerError, match="/no/such: can't be run: No such file"):
        run_command(["/no/such"], {}, lock=lock)


BROOD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({place!r} + ".part", "w").write(str(child.pid))
import os; os.rename({place!r} + ".part", {place!r})
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    """Wait until a process is no more, or a zombie that nobody has waited for."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_one_that_takes_too_long_is_killed_with_all_that_it_started(
    lock: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = timedelta(seconds=1)
    monkeypatch.setattr("certstatus.server.renewal_command.RENEWAL_TIME", limit)
    place = tmp_path / "pid"
    with pytest.raises(SignerError, match="took longer than 1 s"):
        run(lock, BROOD.format(place=str(place)))

    assert is_gone(int(place.read_text()))
    assert 10 * limit < RENEWAL_TIME


def test_one_is_stopped_with_the_responder(lock: int, tmp_path: Path) -> None:
    stop, place = threading.Event(), tmp_path / "pid"

    def wait_and_stop() -> None:
        end = time.monotonic() + SECONDS
        while not place.exists() and time.monotonic() < end:
            time.sleep(0.01)
        stop.set()

    waiting = threading.Thread(target=wait_and_stop)
    waiting.start()
    with pytest.raises(SignerError, match="was stopped, since the responder ends"):
        run(lock, BROOD.format(place=str(place)), stop)
    waiting.join(SECONDS)

    assert is_gone(int(place.read_text()))
