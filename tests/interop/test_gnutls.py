"""GnuTLS's `ocsptool` asks our responder, and judges our responses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.testing.lab import Lab

pytestmark = pytest.mark.interop


@pytest.fixture
def ocsptool(interop_command: Callable[[str], Path]) -> Callable[..., str]:
    """Run ocsptool, and return what it says."""

    def run(*options: str) -> str:
        command = [str(interop_command("ocsptool")), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("nonce", ["--nonce", "--no-nonce"])
@pytest.mark.parametrize("name", ["good", "revoked", "never-issued"])
@pytest.mark.rule("O12", "O21", "O22")
def test_ocsptool_believes_each_status(
    lab: Lab, our_url: str, ocsptool: Callable[..., str], name: str, nonce: str
) -> None:
    told = ocsptool(
        *(f"--ask={our_url}", nonce),
        *("--load-issuer", str(lab.ca_certificate)),
        *("--load-cert", str(lab.certificates[name])),
        *("--load-trust", str(lab.ca_certificate)),
    )

    assert f"Certificate Status: {name.replace('never-issued', 'unknown')}" in told
    assert "Success" in told


@pytest.mark.rule("O21", "O22")
def test_ocsptool_verifies_a_stored_response(
    lab: Lab, our_url: str, ocsptool: Callable[..., str], tmp_path: Path
) -> None:
    stored = tmp_path / "answer.der"
    ocsptool(
        *(f"--ask={our_url}", "--no-nonce", "--outder", f"--outfile={stored}"),
        *("--load-issuer", str(lab.ca_certificate)),
        *("--load-cert", str(lab.certificates["good"])),
    )

    told = ocsptool(
        *("--verify-response", f"--load-response={stored}"),
        *("--load-trust", str(lab.ca_certificate)),
    )

    assert "Verifying OCSP Response: Success" in told
