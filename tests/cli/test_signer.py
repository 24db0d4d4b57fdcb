"""``certstatus signer``: request, issue, check and renew, as people and programs see it."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.pkix import Certificate
from certstatus.signing import load_key
from certstatus.testing import Lab
from tests.cli.conftest import Run
from tests.conftest import find_command
from tests.softhsm import SoftHSM, Token, forget_all

RunJson = Callable[..., Any]


@pytest.fixture
def own(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a copy of the lab that a test may change."""
    folder = Path(shutil.copytree(lab.directory, tmp_path / "lab"))
    monkeypatch.chdir(folder)
    return folder


def certificate(path: Path) -> Certificate:
    (found,) = Certificate.load(path.read_bytes())
    return found


CA = ("--ca", "ca.pem")
ISSUE = ("signer", "issue", *CA, "--ca-key", "ca.key")


# --- request and issue -----------------------------------------------------------------------


@pytest.mark.rule("B6", "O22", "O24")
@pytest.mark.parametrize("kind", ["p256", "rsa2048", "ed25519"])
def test_from_a_request_to_a_signer_that_is_fit(run: Run, own: Path, kind: str) -> None:
    asked = run("signer", "request", "--key", "new.key", "--new", kind, "-o", "new.csr")
    profile = "rfc6960" if kind == "ed25519" else "cabf"
    issued = run(*ISSUE, "--csr", "new.csr", "-o", "new.pem", "--profile", profile)
    checked = run(
        "signer", "check", *CA, "--signer", "new.pem", "--key", "new.key", "--profile", profile
    )

    assert [one.exit_code for one in (asked, issued, checked)] == [0, 0, 0]
    assert checked.stdout.endswith("fit to sign answers\n")
    assert "warning" not in checked.stdout
    assert stat.S_IMODE((own / "new.key").stat().st_mode) == 0o600
    openssl = find_command("openssl")
    for arguments in (
        ["req", "-in", "new.csr", "-noout", "-verify"],
        ["verify", "-CAfile", "ca.pem", "-purpose", "ocsphelper", "new.pem"],
    ):
        done = subprocess.run([openssl, *arguments], cwd=own, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_request_may_be_for_the_name_and_key_that_are_there(run: Run, own: Path) -> None:
    made = run("signer", "request", "--key", "responder.key", "--like", "responder.pem", "-o", "r")
    issued = run(*ISSUE, "--csr", "r", "-o", "next.pem", "--life", "7d")

    assert (made.exit_code, issued.exit_code) == (0, 0)
    old, new = certificate(own / "responder.pem"), certificate(own / "next.pem")
    assert (new.subject, new.public_key) == (old.subject, old.public_key)
    assert (new.not_after - new.not_before).total_seconds() == 7 * 86400 + 3600


def test_a_key_that_is_there_is_not_made_again(run: Run, own: Path) -> None:
    before = (own / "responder.key").read_bytes()
    result = run("signer", "request", "--key", "responder.key", "--new", "p256", "-o", "new.csr")

    assert result.exit_code == ExitCode.USAGE
    assert "is there already; leave out --new" in result.stderr
    assert (own / "responder.key").read_bytes() == before
    assert not (own / "new.csr").exists()


def test_key_and_certificate_in_one_step(run: Run, run_json: RunJson, own: Path) -> None:
    (own / "pw").write_text("secret\n")
    told = run_json(
        *ISSUE, "--key", "n.key", "--new", "p384", "--password-file", "pw", "--name", "N", "-o", "n"
    )

    issued = certificate(own / "n")
    assert told["subject"] == "CN=N"
    assert told["serialNumber"] == f"{issued.serial_number:x}"
    assert load_key(own / "n.key", b"secret").key.public_key() == issued.public_key
    checked = run(
        "signer", "check", *CA, "--signer", "n", "--key", "n.key", "--password-file", "pw"
    )
    assert checked.exit_code == 0


def test_a_successor_like_the_old_one(run: Run, own: Path) -> None:
    result = run(*ISSUE, "--like", "responder.pem", "-o", "responder.pem")

    assert result.exit_code == 0
    assert "responder.pem: CN=Lab CA OCSP responder" in result.stderr
    key = load_key(own / "responder.key").key
    assert certificate(own / "responder.pem").public_key == key.public_key()


def test_to_standard_output_goes_the_certificate_alone(run: Run, own: Path) -> None:
    result = run(*ISSUE, "--like", "responder.pem", "-o", "-")

    assert Certificate.load(result.stdout_bytes)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-o", "n"), ExitCode.USAGE, "name one of --csr, --key and --like"),
        (("--csr", "x", "--like", "y", "-o", "n"), ExitCode.USAGE, "name one of"),
        (("--like", "good.pem", "--new", "p256", "-o", "n"), ExitCode.USAGE, "go with --key"),
        (("--like", "good.pem", "--life", "0", "-o", "n"), ExitCode.USAGE, "longer than nothing"),
        (("--like", "good.pem", "--json", "-o", "-"), ExitCode.USAGE, "both write"),
        (("--csr", "ca.pem", "-o", "n"), ExitCode.MALFORMED, "is no certificate request"),
        (("--csr", "missing", "-o", "n"), ExitCode.USAGE, "missing"),
        (("--key", "missing", "-o", "n"), ExitCode.CONFIG, "missing: can't be read"),
    ],
)
def test_what_can_not_be_issued_is_said_in_a_line(
    run: Run, own: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run(*ISSUE, *arguments)

    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    assert not (own / "n").exists()


@pytest.mark.rule("O23")
def test_another_key_than_the_cas_issues_nothing(run: Run, own: Path) -> None:
    result = run("signer", "issue", *CA, "--ca-key", "good.key", "--like", "good.pem", "-o", "n")

    assert result.exit_code == ExitCode.CONFIG
    assert "is not that of the CA" in result.stderr
    assert not (own / "n").exists()


@pytest.mark.rule("B7")
def test_what_the_profile_refuses_is_not_issued(run: Run, own: Path) -> None:
    result = run(*ISSUE, "--key", "e.key", "--new", "ed25519", "-o", "n")

    assert result.exit_code == ExitCode.CONFIG
    assert "[B7]" in result.stderr
    assert not (own / "n").exists()


# --- check -----------------------------------------------------------------------------------


def test_check_lists_all_that_the_gate_finds(run: Run, run_json: RunJson, own: Path) -> None:
    arguments = ("signer", "check", *CA, "--signer", "good.pem", "--profile", "cabf")
    result, told = run(*arguments), run_json(*arguments)

    assert result.exit_code == ExitCode.CONFIG
    assert told["fit"] is False
    assert told["profile"] == "cabf"
    assert {one["rule"] for one in told["findings"]} == {"O22", "B6"}
    for finding in told["findings"]:
        assert finding["text"] in result.stdout
    assert result.stdout.endswith("not fit to sign answers\n")


@pytest.mark.rule("O16")
def test_check_sees_that_key_and_certificate_do_not_belong_together(
    run_json: RunJson, own: Path
) -> None:
    told = run_json("signer", "check", *CA, "--signer", "responder.pem", "--key", "good.key")

    (finding,) = told["findings"]
    assert (told["fit"], finding["rule"]) == (False, "O16")


def test_check_warns_of_the_end_at_any_time(run: Run, own: Path) -> None:
    end = certificate(own / "responder.pem").not_after

    def at(days_before: int) -> Any:
        moment = end.timestamp() - 86400 * days_before
        when = type(end).fromtimestamp(moment, end.tzinfo).isoformat()
        return run("signer", "check", *CA, "--signer", "responder.pem", "--at", when)

    assert (at(9).exit_code, "warning" in at(9).stdout) == (0, False)
    assert (at(3).exit_code, "renew it" in at(3).stdout) == (0, True)
    assert (at(-1).exit_code, "expired on" in at(-1).stdout) == (78, True)


# --- renew -----------------------------------------------------------------------------------


@pytest.fixture
def renewing(own: Path) -> Path:
    """Let the lab's configuration say how its signer is renewed."""
    file = own / "certstatus.toml"
    key = 'key = "responder.key"\n'
    text = file.read_text().replace(key, f'{key}renew = {{ ca_key = "ca.key" }}\n')
    file.write_text(text)
    return own


def test_renew_does_what_is_due_or_forced(run: Run, run_json: RunJson, renewing: Path) -> None:
    config = ("signer", "renew", "--config", "certstatus.toml")
    before = certificate(renewing / "responder.pem")
    idle = run(*config)
    told = run_json(*config, "--force")

    assert (idle.exit_code, "not due" in idle.stderr, idle.stdout) == (0, True, "")
    (signer,) = told["signers"]
    assert (signer["authority"], signer["result"]) == ("CN=Lab CA", "renewed")
    now = certificate(renewing / "responder.pem")
    assert signer["certificate"]["serialNumber"] == f"{now.serial_number:x}"
    assert now != before


def test_a_renewal_that_fails_is_said_and_changes_nothing(run: Run, renewing: Path) -> None:
    (renewing / "ca.key").write_text("nonsense")
    before = certificate(renewing / "responder.pem")
    result = run("signer", "renew", "--config", "certstatus.toml", "--force")

    assert result.exit_code == ExitCode.CONFIG
    assert "ca.key: holds no private key" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert certificate(renewing / "responder.pem") == before


def test_renew_looks_at_the_authority_that_is_named(run: Run, renewing: Path) -> None:
    config = ("signer", "renew", "--config", "certstatus.toml", "--authority")

    assert run(*config, "CN=Lab CA").exit_code == 0
    wrong = run(*config, "Other CA")
    assert wrong.exit_code == ExitCode.CONFIG
    assert "has no authority 'Other CA' (it has CN=Lab CA)" in wrong.stderr


def test_where_nobody_says_how_renew_says_so(run: Run, own: Path) -> None:
    result = run("signer", "renew", "--config", "certstatus.toml")

    assert result.exit_code == 0
    assert "[authority.signer.renew]" in result.stderr


def test_json_is_one_document(run: Run, renewing: Path) -> None:
    result = run("signer", "renew", "--config", "certstatus.toml", "--json")

    assert json.loads(result.stdout)["signers"][0]["result"] == "not-due"


# --- a key in a token --------------------------------------------------------------------------


@pytest.fixture
def token(lab: Lab, softhsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Lend a token with the key of the lab's responder."""
    forget_all(monkeypatch)
    token = softhsm.new_token()
    token.put(lab.responder, "ocsp")
    return token


@pytest.mark.interop
@pytest.mark.parametrize("way", ["ca_key", "command"])
def test_a_key_in_a_token_stays_and_its_certificate_is_renewed(
    run: Run, own: Path, token: Token, way: str
) -> None:
    (own / "responder.key").unlink()
    issue = [sys.executable, "-m", "certstatus", *ISSUE, "--like", "responder.pem", "-o", "-"]
    script = own / "renew.sh"
    script.write_text(
        "#!/bin/sh\nset -e\n"
        'test -z "$CERTSTATUS_REQUEST$CERTSTATUS_KEY$CERTSTATUS_NEW_KEY"\n'
        f'cd {own}\n{shlex.join(issue)} > "$CERTSTATUS_NEW_CERTIFICATE"\n'
    )
    script.chmod(0o700)
    renew = 'ca_key = "ca.key"' if way == "ca_key" else f'command = ["{script}"]'
    file = own / "certstatus.toml"
    key = f'key = "{token.uri("ocsp")}"\nrenew = {{ {renew} }}\n'
    file.write_text(file.read_text().replace('key = "responder.key"\n', key))
    before = certificate(own / "responder.pem")
    result = run("signer", "renew", "--config", "certstatus.toml", "--force")

    assert result.exit_code == 0, result.stderr
    after = certificate(own / "responder.pem")
    assert after != before
    assert after.public_key == before.public_key
