"""``certstatus serve`` over CRLs at URLs: workers share one fetch, a restart needs no network."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.ocsp import CertID, Good, Revoked, Unknown, encode_request
from certstatus.pkix import CRLReason
from certstatus.testing import Issued, Lab
from tests.cli.conftest import Run
from tests.directory import ScriptedDirectory, done, entry, saying
from tests.responding import SECONDS, Responding
from tests.scripted import Asked, Reply, ScriptedServer
from tests.stapling import free_port

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

CONFIGURATION = """
[server]
port = 0
workers = 2
admin_port = 0

[[authority]]
name = "Lab"
certificate = "ca.pem"
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
crl = {crl}
crl_folder = "kept"
unlisted_here = ""
"""


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lab.directory, tmp_path / "lab"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def configure(own: Path, crl: str) -> list[str]:
    text = CONFIGURATION.replace('unlisted_here = ""\n', "").format(crl=crl)
    (own / "certstatus.toml").write_text(text, "utf-8")
    return ["--config", "certstatus.toml"]


def named(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


def crl(lab: Lab, *revoked: Issued, number: int = 5) -> bytes:
    entries = [(one.certificate.serial_number, NOW - DAY, CRLReason.SUPERSEDED) for one in revoked]
    return lab.ca.crl(entries, number=number, this_update=NOW - DAY, next_update=NOW + DAY)


def fetches(responder: Responding) -> dict[str, int]:
    """Read the counter by outcome, a second after the last change at the latest."""
    text = httpx2.get(f"{responder.admin_url}metrics", timeout=10, trust_env=False).text
    lines = (line for line in text.splitlines() if line.startswith("certstatus_crl_fetches_total{"))
    return {
        line.partition('outcome="')[2].partition('"')[0]: int(float(line.rpartition(" ")[2]))
        for line in lines
    }


@pytest.mark.rule("C9", "C1")
def test_workers_share_a_fetch_and_a_restart_without_network_answers_at_once(
    lab: Lab, own: Path, server: ScriptedServer
) -> None:
    server.script = lambda _: Reply(body=crl(lab, lab.revoked))
    url = f"{server.url}ca.crl"
    arguments = configure(own, f'[["http://127.0.0.1:{free_port()}/ca.crl", "{url}"]]')
    with Responding(arguments, own) as responder:
        answers = [responder.ask(named(lab, lab.revoked)).cert_status for _ in range(8)]
        assert {type(one) for one in answers} == {Revoked}
        assert isinstance(responder.ask(named(lab, lab.good)).cert_status, Unknown)
        deadline = time.monotonic() + SECONDS
        while fetches(responder) != {"newer": 1} and time.monotonic() < deadline:
            time.sleep(0.05)
        assert fetches(responder) == {"newer": 1}
    assert len(server.asked) == 1

    server.script = lambda _: Reply(503)
    with Responding(arguments, own) as responder:
        assert isinstance(responder.ask(named(lab, lab.revoked)).cert_status, Revoked)


def test_a_reload_takes_another_url_and_lets_go_of_the_old_one(
    lab: Lab, own: Path, server: ScriptedServer
) -> None:
    def script(asked: Asked) -> Reply:
        return Reply(
            body=crl(lab, *([lab.good] if asked.path == "/new" else []), number=len(server.asked))
        )

    server.script = script
    with Responding(configure(own, f'"{server.url}old"'), own) as responder:
        assert isinstance(responder.ask(named(lab, lab.good)).cert_status, Unknown)
        configure(own, f'"{server.url}new"')
        responder.send(signal.SIGHUP)
        responder.wait_for("reloaded")
        responder.wait_for("reloaded")
        assert isinstance(responder.ask(named(lab, lab.good)).cert_status, Revoked)
        assert responder.end() == 0
    assert [one.path for one in server.asked] == ["/old", "/new"]


@pytest.mark.rule("C11", "C9")
def test_urls_on_the_command_line_are_kept_in_the_users_state(
    lab: Lab, own: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(own / "state"))
    server.script = lambda _: Reply(404)
    with ScriptedDirectory() as directory:
        directory.talk = saying(
            entry("certificateRevocationList;binary", crl(lab, lab.revoked)), done()
        )
        arguments = [
            *("--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key"),
            *("--crl", directory.url(), "--crl", f"{server.url}dead", "--port", "0"),
        ]
        with Responding(arguments, own) as responder:
            assert isinstance(responder.ask(named(lab, lab.revoked)).cert_status, Revoked)
            responder.end()
    (alarm,) = [one for one in responder.events if one["event"] == "source.fetch-failed"]
    assert "HTTP status 404" in alarm["detail"]
    assert len(list((own / "state" / "certstatus" / "crls").rglob("*.crl"))) == 1


@pytest.mark.rule("C9", "O11")
def test_without_any_crl_yet_the_answer_is_try_later_and_health_says_why(
    lab: Lab, own: Path, server: ScriptedServer
) -> None:
    server.script = lambda _: Reply(body=b"no CRL")
    with Responding(configure(own, f'"{server.url}ca.crl"'), own) as responder:
        assert responder.refusal(encode_request([named(lab, lab.good)])) == "tryLater"
        health = httpx2.get(f"{responder.admin_url}healthz", timeout=10, trust_env=False)
        assert health.status_code == 503
        assert "no CRL" in health.text


@pytest.mark.rule("C11")
def test_a_certificate_names_the_places(lab: Lab, own: Path, server: ScriptedServer) -> None:
    leaf = lab.ca.issue(crl_uris=[f"{server.url}ca.crl"])
    (own / "leaf.pem").write_bytes(leaf.certificate_pem)
    server.script = lambda _: Reply(body=crl(lab, lab.good))
    text = CONFIGURATION.replace(
        'unlisted_here = ""', 'crl_from = "leaf.pem"\nallow_private = true'
    )
    (own / "certstatus.toml").write_text(text.replace("crl = {crl}\n", ""), "utf-8")
    with Responding(["--config", "certstatus.toml"], own) as responder:
        assert isinstance(responder.ask(named(lab, lab.good)).cert_status, Revoked)
        assert responder.ask(named(lab, lab.revoked)).cert_status != Good()


def test_a_check_fetches_and_says_what_it_found(
    lab: Lab, own: Path, server: ScriptedServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    server.script = lambda _: Reply(body=crl(lab, lab.revoked))
    arguments = configure(own, f'["{server.url}ca.crl"]')

    good = run("serve", "--check", *arguments)
    assert (good.exit_code, "Lab: ready" in good.stderr) == (0, True)

    server.script = lambda _: Reply(500)
    configure(own, f'["{server.url}other.crl"]')
    shutil.rmtree(own / "kept")
    bad = run("serve", "--check", *arguments)
    assert bad.exit_code == ExitCode.UNREACHABLE
    assert "no CRL" in bad.stderr


@pytest.mark.rule("B8")
def test_under_the_baseline_requirements_a_crl_that_lasts_too_long_is_told_of(
    lab: Lab, own: Path, server: ScriptedServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    der = lab.ca.crl(number=5, this_update=NOW - DAY, next_update=NOW + 20 * DAY)
    server.script = lambda _: Reply(body=der)
    arguments = configure(own, f'["{server.url}ca.crl"]')
    file = own / "certstatus.toml"
    file.write_text(
        file.read_text("utf-8").replace('name = "Lab"', 'name = "Lab"\nprofile = "cabf"')
    )
    result = run("serve", "--check", *arguments)

    assert "source.breach" in result.stderr
    assert "is valid for 21 days, and BR 7.2 allow 10" in result.stderr
    assert "Lab: ready" in result.stderr


@pytest.mark.parametrize(
    ("crl_setting", "message"),
    [
        ('"ftp://ca.example/ca.crl"', "is not HTTP"),
        ('"ldap://d.example/cn=x?mail"', "holds no certificate or CRL"),
        ('"ldap:///cn=x?certificateRevocationList"', "no LDAP server is configured"),
        ("[[]]", "at least 1"),
        ("[]", "at least 1"),
        ("7", "crl"),
        ('"http://ca.example/1.crl"\nldap_server = "dir"', "ldap_server"),
    ],
)
def test_settings_that_cannot_be_are_one_line_that_names_the_key(
    own: Path, run: Run, monkeypatch: pytest.MonkeyPatch, crl_setting: str, message: str
) -> None:
    monkeypatch.chdir(own)
    result = run("serve", "--check", *configure(own, crl_setting))

    assert result.exit_code == ExitCode.CONFIG
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("key", ["crl_folder", "ldap_server", "allow_private", "crl_refresh"])
def test_settings_of_urls_go_with_crls(
    own: Path, run: Run, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.chdir(own)
    value = {"allow_private": "true", "crl_refresh": '"2h"'}.get(key, '"x"')
    text = CONFIGURATION.replace('unlisted_here = ""', f"{key} = {value}")
    text = text.replace("crl = {crl}", 'index = "index.txt"')
    if key != "crl_folder":
        text = text.replace('crl_folder = "kept"\n', "")
    else:
        text = text.replace('crl_folder = "x"\n', "")
    (own / "certstatus.toml").write_text(text, "utf-8")
    result = run("serve", "--check", "--config", "certstatus.toml")

    assert result.exit_code == ExitCode.CONFIG
    assert f"{key} goes with crl" in result.stderr
