from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.pkix import Certificate
from tests.cli.conftest import Run


def test_a_lab_is_made_and_says_what_to_try(run: Run, tmp_path: Path) -> None:
    result = run("lab", tmp_path / "lab")
    assert result.exit_code == 0
    assert f"cd {tmp_path / 'lab'}" in result.stdout
    assert "certstatus serve --config certstatus.toml" in result.stdout
    named = {one.name for one in (tmp_path / "lab").iterdir()}
    assert all(name in named for name in ("ca.pem", "index.txt", "README.md", "never-issued.pem"))


def test_options_and_json(run_json: Callable[..., Any], tmp_path: Path) -> None:
    told = run_json(
        *("lab", tmp_path / "lab", "--key", "ed25519", "--responder-key", "p384"),
        *("--hash", "sha384", "--days", 3, "--responder-days", 2, "--name", "My CA"),
        *("--ocsp-url", "http://127.0.0.1:9999/x"),
    )
    assert told["ocspUrl"] == "http://127.0.0.1:9999/x"
    (good,) = Certificate.load(Path(told["certificates"]["good"]).read_bytes())
    assert str(good.issuer) == "CN=My CA"
    assert (good.not_after - good.not_before).days == 3
    assert str(good.signature_algorithm) == "id-Ed25519"
    assert all(Path(told[name]["key"]).exists() for name in ("ca", "responder"))


@pytest.mark.interop
def test_another_implementation_verifies_the_chain(
    run: Run, tmp_path: Path, interop_command: Callable[[str], Path]
) -> None:
    run("lab", tmp_path / "lab")
    openssl = interop_command("openssl")
    leaves = [tmp_path / "lab" / f"{name}.pem" for name in ("good", "revoked", "responder")]
    done = subprocess.run(
        [openssl, "verify", "-x509_strict", "-CAfile", tmp_path / "lab" / "ca.pem", *leaves],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), ExitCode.CONFIG, "is not empty"),
        (("--key", "rot13", "--force"), ExitCode.USAGE, "--key"),
        (("--days", "0", "--force"), ExitCode.USAGE, "--days"),
        (("--name", "", "--force"), ExitCode.USAGE, "1 to 40"),
        (("--name", "a\tb", "--force"), ExitCode.USAGE, "printable"),
        (("--ocsp-url", "nonsense", "--force"), ExitCode.CONFIG, "no http URL"),
    ],
)
def test_what_can_not_be_done_is_refused_and_nothing_is_touched(
    run: Run, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run("lab", tmp_path, *options)
    assert result.exit_code == code
    assert said in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_no_place_for_a_lab(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run("lab", tmp_path / "file").exit_code == ExitCode.USAGE
    assert run("lab", tmp_path / "file" / "lab").exit_code == ExitCode.USAGE
