"""A wrong PIN costs one try of the token in the life of ``certstatus serve``, whatever comes.

Many a token locks after three. What is said to the token is counted by OpenSC's spy.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from certstatus.clock import SystemClock
from certstatus.limits_signers import MAX_TOKEN_RETRY_TIME, TOKEN_RETRY_TIME
from certstatus.ocsp import CertID, encode_request
from certstatus.testing import Lab
from tests.responding import SECONDS, Responding, until
from tests.softhsm import PIN, SoftHSM, Spy, Token, forget_all, spy_on

WORKERS = 3
WRONG_PIN = "hunter2"


@dataclass(frozen=True)
class Desk:
    """A folder with a configuration, keys in a token, and the spy between."""

    home: Path
    lab: Lab
    token: Token
    spy: Spy
    pin_file: Path

    def configure(self, *, refresh: str = "4d", token: Token | None = None) -> None:
        """Write the configuration; the PIN of another token has a file of its own."""
        pin_file = self.pin_file if token is None else self.other_pin_file
        (self.home / "certstatus.toml").write_text(
            f"""
            [server]
            port = 0
            workers = {WORKERS}
            admin_port = 0
            access_log = false
            [[authority]]
            certificate = "{self.lab.ca_certificate}"
            refresh = "{refresh}"
            [[authority.signer]]
            certificate = "hsm.pem"
            key = "pkcs11:token={(token or self.token).label};object=ocsp"
            module = "{self.spy.module}"
            password_file = "{pin_file}"
            [[authority.source]]
            index = "{self.lab.index}"
            """
        )

    def put_key(self, token: Token) -> None:
        """Put one more key into a token; its certificate is the one configured."""
        now = SystemClock().now()
        issued = self.lab.ca.issue_responder(
            not_before=now - timedelta(hours=1), not_after=now + timedelta(days=30)
        )
        token.put(issued, "ocsp")
        (self.home / "hsm.pem").write_bytes(issued.certificate_pem)

    def write_pin(self, text: str, file: Path | None = None) -> None:
        (file or self.pin_file).write_text(f"{text}\n")
        (file or self.pin_file).chmod(0o600)

    @property
    def other_pin_file(self) -> Path:
        return self.pin_file.with_name("other-pin")

    @property
    def question(self) -> bytes:
        asked = CertID.for_certificate(self.lab.good.certificate, self.lab.ca.certificate)
        return encode_request([asked])

    def statuses(self, responder: Responding, times: int = 8) -> set[str]:
        """Ask over several connections, so that several workers answer."""
        return {responder.refusal(self.question) for _ in range(times)}


@pytest.fixture
def desk(
    lab: Lab, softhsm: SoftHSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    forget_all(monkeypatch)
    token = softhsm.new_token()
    spy = spy_on(token, tmp_path / "spied", monkeypatch)
    made = Desk(tmp_path, lab, token, spy, tmp_path / "pin")
    made.put_key(token)
    made.write_pin(PIN)
    made.configure()
    yield made
    shutil.rmtree(tmp_path / "spied", ignore_errors=True)


def serve(desk: Desk) -> subprocess.CompletedProcess[str]:
    """Run it where it ends by itself."""
    command = [sys.executable, "-m", "certstatus", "serve", "--config", "certstatus.toml"]
    return subprocess.run(
        command, cwd=desk.home, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def test_a_wrong_pin_at_the_start_ends_it_after_one_try_with_one_clear_line(desk: Desk) -> None:
    desk.write_pin(WRONG_PIN)

    ended = serve(desk)

    assert ended.returncode == 78
    assert desk.spy.refused_logins == desk.spy.logins == 1
    (line,) = [one for one in ended.stderr.splitlines() if one.startswith("certstatus: ")]
    assert f"the token {desk.token.label} refused the PIN from the file {desk.pin_file}" in line
    assert WRONG_PIN not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_pin_from_the_environment_is_tried_once_and_named_by_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = desk.home / "certstatus.toml"
    lines = configured.read_text().splitlines()
    configured.write_text("\n".join(one for one in lines if "password_file" not in one))
    monkeypatch.setenv("CERTSTATUS_PIN", WRONG_PIN)

    ended = serve(desk)

    assert ended.returncode == 78
    assert desk.spy.refused_logins == desk.spy.logins == 1
    assert "refused the PIN from the environment variable CERTSTATUS_PIN" in ended.stderr
    assert WRONG_PIN not in ended.stderr


def test_a_wrong_pin_at_a_reload_is_tried_once_and_the_old_state_serves_on(
    desk: Desk, softhsm: SoftHSM
) -> None:
    with Responding(["--config", "certstatus.toml"], desk.home) as responder:
        other = softhsm.new_token()
        desk.put_key(other)
        desk.configure(token=other)
        desk.write_pin(WRONG_PIN, desk.other_pin_file)
        for _ in range(2):
            responder.send(signal.SIGHUP)
            failures = [responder.wait_for("reload_failed") for _ in range(WORKERS)]
            for one in failures:
                assert f"the token {other.label} refused" in one["error"]
        assert desk.spy.refused_logins == 1
        assert desk.statuses(responder) == {"successful"}

        desk.write_pin(PIN, desk.other_pin_file)
        responder.send(signal.SIGHUP)
        for _ in range(WORKERS):
            responder.wait_for("reloaded")
        assert desk.statuses(responder) == {"successful"}
    assert desk.spy.refused_logins == 1
    assert WRONG_PIN not in str(responder.events)


def test_workers_that_are_started_again_do_not_say_a_refused_pin_again(desk: Desk) -> None:
    with Responding(["--config", "certstatus.toml"], desk.home) as responder:
        desk.write_pin(WRONG_PIN)
        pids = responder.events[-1]["pids"]
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)
        for _ in range(2 * len(pids[1:])):
            told = responder.wait_for("worker_failed")
            assert "refused the PIN" in told["error"]
        assert desk.spy.refused_logins == 1
        assert desk.statuses(responder) == {"successful"}

        desk.write_pin(PIN)
        until("all workers serve", lambda: workers(responder) == WORKERS)
    assert desk.spy.refused_logins == 1


def workers(responder: Responding) -> int:
    text = httpx2.get(f"{responder.admin_url}metrics", timeout=10, trust_env=False).text
    lines = [one for one in text.splitlines() if one.startswith("certstatus_workers ")]
    return int(float(lines[0].split()[1]))


def test_a_token_that_comes_back_with_another_pin_is_asked_once_and_serves_when_it_is_mended(
    desk: Desk,
) -> None:
    desk.configure(refresh="0s")
    with Responding(["--config", "certstatus.toml"], desk.home) as responder:
        assert desk.statuses(responder) == {"successful"}
        time.sleep(TOKEN_RETRY_TIME.total_seconds())
        with desk.token.taken_away():
            assert desk.statuses(responder, 40) == {"internalError"}  # each worker has missed it
            desk.write_pin(WRONG_PIN)
        until("the wrong PIN is said", lambda: desk.statuses(responder) and desk.spy.refused_logins)
        all_have_looked = time.monotonic() + MAX_TOKEN_RETRY_TIME.total_seconds() / 4
        while time.monotonic() < all_have_looked:
            assert desk.statuses(responder) == {"internalError"}
        assert desk.spy.refused_logins == 1

        desk.write_pin(PIN)
        until("all are answered", lambda: desk.statuses(responder, 16) == {"successful"})
    assert desk.spy.refused_logins == 1
