"""``certstatus serve`` renews its signers: once, through a command, and takes them up itself."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.ocsp import CertID, encode_request
from certstatus.pkix import Certificate
from certstatus.testing import Lab
from tests.responding import Responding

HOOK = """\
import os, subprocess, sys
with open("{calls}", "a") as calls:
    calls.write("called\\n")
subprocess.run(
    [sys.executable, "-m", "certstatus", "signer", "issue", "--ca", "{folder}/ca.pem",
     "--ca-key", "{folder}/ca.key", "--csr", os.environ["CERTSTATUS_REQUEST"],
     "-o", os.environ["CERTSTATUS_NEW_CERTIFICATE"]],
    check=True,
)
"""


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    """Lend a lab whose signer ends in an hour, of two, and a command that renews it."""
    folder = Path(shutil.copytree(lab.directory, tmp_path / "lab"))
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    old = lab.ca.issue_responder("Old responder", key=lab.responder.key, not_after=end)
    (folder / "responder.pem").write_bytes(old.certificate_pem)
    (folder / "hook.py").write_text(HOOK.format(calls=folder / "calls", folder=folder))
    return folder


def configure(folder: Path, renew: str) -> None:
    key = 'key = "responder.key"\n'
    file = folder / "certstatus.toml"
    _, _, authority = file.read_text().partition("[[authority]]")
    authority = authority.replace(key, f"{key}renew = {{ {renew} }}\n")
    server = "[server]\nport = 0\nadmin_port = 0\nworkers = 2\n"
    file.write_text(f"{server}[[authority]]{authority}")


def heard(responder: Responding, event: str, times: int = 1) -> list[dict[str, Any]]:
    """Return the log lines of an event, also those that came before all workers served."""
    while len(found := [one for one in responder.events if one["event"] == event]) < times:
        responder.wait_for(event)
    return found


@pytest.mark.rule("B6", "O19")
def test_two_workers_renew_once_and_both_sign_with_the_successor(lab: Lab, own: Path) -> None:
    configure(own, f'command = ["{sys.executable}", "{own / "hook.py"}"], new_key = true')
    asked = encode_request([CertID.for_certificate(lab.good.certificate, lab.ca.certificate)])
    with Responding(["--config", "certstatus.toml"], own) as responder:
        (told,) = heard(responder, "signer.renewed")
        rotated = heard(responder, "signer.rotated", 2)
        answers = [responder.post(asked).content for _ in range(8)]
        responder.end()

    (new,) = Certificate.load((own / "responder.pem").read_bytes())
    assert (own / "calls").read_text() == "called\n"
    assert str(new) == told["certificate"]
    assert len({one["worker"] for one in rotated}) == 2
    assert all(new.der in answer for answer in answers)
    assert not [event for event in responder.events if event["event"] == "signer.reload-failed"]


def test_a_command_that_fails_is_an_alarm_once_and_the_old_one_goes_on(lab: Lab, own: Path) -> None:
    configure(own, f'command = ["{sys.executable}", "-c", "exit(7)"]')
    old = (own / "responder.pem").read_bytes()
    with Responding(["--config", "certstatus.toml"], own) as responder:
        (alarm,) = heard(responder, "signer.renewal-failed")
        single = responder.ask(CertID.for_certificate(lab.good.certificate, lab.ca.certificate))
        responder.end()

    assert alarm["level"] == "error"
    assert "ended with 7" in alarm["detail"]
    assert single.next_update is not None
    assert (own / "responder.pem").read_bytes() == old
    failed = [one for one in responder.events if one["event"] == "signer.renewal-failed"]
    assert len(failed) == 1


def test_a_command_under_way_ends_with_the_responder(lab: Lab, own: Path) -> None:
    code = (
        f"import os, time; open('{own / 'part'}', 'w').write(str(os.getpid()));"
        f" os.rename('{own / 'part'}', '{own / 'pid'}'); time.sleep(600)"
    )
    configure(own, f'command = ["{sys.executable}", "-c", "{code}"]')
    with Responding(["--config", "certstatus.toml"], own) as responder:
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while not (own / "pid").exists():
            assert datetime.now(UTC) < deadline
            responder.ask(CertID.for_certificate(lab.good.certificate, lab.ca.certificate))
        assert responder.end() == 0

    with pytest.raises(ProcessLookupError):
        os.kill(int((own / "pid").read_text()), 0)
