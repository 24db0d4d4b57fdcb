"""`make run` shows the main job, and every verdict in it is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "examples" / "run.py"


@pytest.mark.interop
@pytest.mark.rule("O12", "O32", "O33", "N3", "T12")
def test_the_main_job_is_shown_and_ends_with_every_verdict_right() -> None:
    done = subprocess.run(
        [sys.executable, str(RUN)],
        env={**os.environ, "ONCE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every verdict is right" in done.stdout
    for who in ("certstatus", "openssl ocsp"):
        for how in ("GET", "GET + nonce", "POST", "POST + nonce"):
            assert f"{who}" in done.stdout
            assert how in done.stdout
    assert "RFC 6960 §4.2.1" in done.stdout
    told = done.stdout.partition("A TLS server that staples")[2]
    before, _, after = told.partition("certstatus db revoke www.pem")
    assert "\n  good " in before
    assert "Cert Status: good" in before
    assert "\n  revoked " in after
    assert "Cert Status: revoked" in after
    told = done.stdout.partition("An SCVP server that validates")[2]
    before, _, after = told.partition("certstatus db revoke path.pem")
    assert "\n  good" in before
    assert "\n  revoked" in after
    assert done.stderr == ""
