"""``certstatus serve --proxy``: what it needs, what it refuses, how it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.ocsp import CertID, Good
from certstatus.testing import Forge, Lab
from tests.cli.conftest import Run
from tests.proxying import Signing
from tests.responding import Responding
from tests.scripted import ScriptedServer

HOUR = timedelta(hours=1)
DEAD = "http://127.0.0.1:1/"


@pytest.fixture
def upstream(lab: Lab) -> Iterator[ScriptedServer]:
    """Lend a responder that says good of whatever it is asked, as of now."""
    with ScriptedServer() as running:
        forge = Forge.honest(lab.ca, lab.good.certificate.serial_number, lab.responder)
        running.script = Signing(forge.but(now=lab.good.certificate.not_before + HOUR))
        yield running


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--proxy", DEAD], "names no CA"),
        (["--ca", "{ca}", "--proxy", DEAD, "--key", "{key}"], "--key: does not go with --proxy"),
        (["--ca", "{ca}", "--proxy", DEAD, "--upstream", DEAD], "--upstream: does not go with"),
        (["--ca", "{ca}", "--proxy", DEAD, "--validity", "4d"], "--validity: does not go with"),
        (["--ca", "{ca}", "--proxy", DEAD, "--nonce", "echo"], "proxy.0.nonce"),
        (["--ca", "{ca}", "--proxy", "ldap://ca.example/"], "the scheme ldap is not HTTP"),
        (["--ca", "{key}", "--proxy", DEAD], "ca.key"),
        (["--ca", "{ca}", "--ca", "{ca}", "--proxy", DEAD], "both answer for"),
        (["--ca", "{ca}", "--ca", "{ca}", "--key", "{key}"], "names several CAs"),
        (["--ca", "{ca}", "--key", "{key}", "--nonce", "forward", "--index", "{ca}"], "nonce"),
    ],
)
def test_what_does_not_go_together_is_named_in_a_line(
    run: Run, lab: Lab, arguments: list[str], said: str
) -> None:
    words = [one.format(ca=lab.ca_certificate, key=lab.ca_key) for one in arguments]

    result = run("serve", "--check", *words)

    assert result.exit_code == ExitCode.CONFIG, result.stderr
    first = result.stderr.splitlines()[0]
    assert first.startswith("certstatus: ")
    assert said in first
    assert "Traceback" not in result.stderr


def test_a_dead_upstream_is_said_to_be_one(run: Run, lab: Lab) -> None:
    result = run("serve", "--check", "--ca", lab.ca_certificate, "--proxy", DEAD)

    assert result.exit_code == ExitCode.UNREACHABLE
    assert "nothing listens there" in result.stderr


def test_a_ca_and_a_url_are_enough_and_ready_means_that_the_upstream_answers(
    run: Run, lab: Lab, upstream: ScriptedServer
) -> None:
    result = run("serve", "--check", "--ca", lab.ca_certificate, "--proxy", upstream.url)

    assert result.exit_code == 0, result.stderr
    assert "CN=Lab CA: ready" in result.stderr
    assert len(upstream.asked) == 1


def test_every_worker_hands_on_and_the_log_says_whose_answer_it_was(
    lab: Lab, upstream: ScriptedServer, tmp_path: Path
) -> None:
    arguments = ["--port", "0", "--workers", "2", "--ca", str(lab.ca_certificate)]
    cert_id = CertID.of(lab.ca.certificate, 77)

    with Responding([*arguments, "--proxy", upstream.url], tmp_path) as proxy:
        answers = [proxy.ask(cert_id).cert_status for _ in range(8)]

    assert answers == [Good()] * 8
    lines = [event for event in proxy.events if event["event"] == "request"]
    assert len(lines) == 8
    assert {line["source"] for line in lines} == {upstream.url}
    assert [line["lane"] for line in lines].count("proxied") <= 2, "once by each worker"


def test_config_check_tells_of_proxies(
    run: Run, lab: Lab, upstream: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "proxy.toml"
    ca, url = lab.ca_certificate, upstream.url
    file.write_text(
        f'[[proxy]]\nname = "ours"\ncertificate = "{ca}"\nupstream = "{url}"\nnonce = "forward"\n'
        f'[[proxy]]\nname = "led"\ncertificate = "{ca.with_name("responder.pem")}"\n'
        'service_locator = "http://ocsp.example/"\n'
    )

    text = " ".join(run("config", "check", file).stdout.split())
    (told, led) = json.loads(run("config", "check", file, "--json").stdout)["proxies"]

    for words in ("proxy ours", f"asks {url}", "handed on as they were signed", "nonces go on"):
        assert words in text
    assert "asks whom ServiceLocators name under http://ocsp.example/" in text
    assert (told["name"], told["unready"]) == ("ours", None)
    assert told["subjects"] == ["CN=Lab CA"]
    assert told["settings"]["nonce"] == "forward"
    assert led["settings"]["service_locator"] == ["http://ocsp.example/"]
