from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.handshake import fetch_chain
from certstatus.clock import SystemClock
from certstatus.errors import UnreachableError
from certstatus.explain import parse_get_url
from certstatus.limits import MAX_CHECK_CONCURRENCY
from certstatus.ocsp import (
    CertStatus,
    Extensions,
    Good,
    OCSPRequest,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    parse_request,
)
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.testing import Forge, Lab
from certstatus.tls.host import Host, parse_host
from tests.cli.conftest import Run
from tests.one_handshake import tls_server
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

RunJSON = Callable[..., Any]
NOW = SystemClock().now().replace(microsecond=0)


def asked_for(asked: Asked) -> OCSPRequest:
    if asked.method == "POST":
        return parse_request(asked.body)
    return parse_request(parse_get_url(f"http://x{asked.path}").der)


@pytest.fixture
def responder(server: ScriptedServer, lab: Lab) -> ScriptedServer:
    """Answer for the lab, by the books: good, revoked, and unknown of the rest."""
    books: dict[int, CertStatus] = {
        lab.good.certificate.serial_number: Good(),
        lab.revoked.certificate.serial_number: Revoked(NOW, CRLReason.KEY_COMPROMISE),
    }

    def answer(asked: Asked) -> Reply:
        request = asked_for(asked)
        (cert_id,) = request.cert_ids
        nonce = request.nonce
        forge = Forge(
            ca=lab.ca,
            signer=lab.responder,
            cert_ids=(cert_id,),
            now=NOW,
            cert_status=books.get(cert_id.serial_number, Unknown()),
            response_extensions=Extensions() if nonce is None else Extensions.of(nonce),
        )
        headers = {"Content-Type": OCSP, "Cache-Control": "max-age=3600"}
        return Reply(body=forge.der, headers=headers)

    server.script = answer
    return server


@pytest.fixture
def check(run: Run, lab: Lab, responder: ScriptedServer) -> Run:
    """Check at the responder."""

    def call(*args: object) -> Any:
        return run("check", *args, "--issuer", lab.ca_certificate, "--url", responder.url)

    return call


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [("good", 0, "good"), ("revoked", 1, "revoked"), ("never-issued", 2, "unknown")],
)
def test_each_status_has_its_verdict_and_exit_code(
    check: Run, lab: Lab, name: str, code: int, word: str
) -> None:
    result = check(lab.certificates[name])
    assert result.exit_code == code
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"CN={name}.example (serial 0x")
    assert "by GET, " in lines[1]
    assert lines[1].endswith(" ms")
    assert lines[-1].startswith(f"{word}  CN={name}.example")
    assert sum("✓" in line for line in lines) > 15


def test_one_of_several_that_fails_spoils_none_of_the_others(
    check: Run, run_json: RunJSON, responder: ScriptedServer, lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    good, revoked = lab.certificates["good"], lab.certificates["revoked"]
    names = (good, tmp_path / "no.pem", tmp_path / "empty.pem", revoked)
    result = check(*names, "--quiet")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["good", "revoked"]
    assert len(result.stderr.splitlines()) == 2
    assert check(good, tmp_path / "no.pem").exit_code == ExitCode.USAGE
    assert check(good, tmp_path / "empty.pem").exit_code == ExitCode.MALFORMED
    options = ("--issuer", lab.ca_certificate, "--url", responder.url)
    told = run_json("check", *names, *options)
    assert told["verdict"] == "revoked"
    assert [one.get("verdict") for one in told["results"]] == ["good", None, "malformed", "revoked"]
    assert told["results"][1]["error"]["exitCode"] == ExitCode.USAGE


def test_the_json_has_its_documented_shape(
    run_json: RunJSON, responder: ScriptedServer, lab: Lab
) -> None:
    options = ("--issuer", lab.ca_certificate, "--url", responder.url)
    told = run_json("check", lab.certificates["good"], *options)
    assert list(told) == [
        *("target", "verdict", "status", "responseStatus", "checks", "findings"),
        *("url", "method", "fromCache", "milliseconds", "attempts"),
    ]
    assert told["target"]["subject"] == "CN=good.example"
    assert told["method"] == "GET"
    assert told["fromCache"] is False


@pytest.mark.rule("L14")
def test_a_second_check_is_answered_from_the_cache_unless_told_otherwise(
    check: Run, responder: ScriptedServer, lab: Lab, tmp_path: Path
) -> None:
    good = lab.certificates["good"]
    check(good)
    assert "kept from an earlier answer" in check(good).stdout
    assert len(responder.asked) == 1
    check(good, "--no-cache")
    check(good, "--cache-dir", tmp_path / "other")
    check(good, "--send-nonce")
    assert len(responder.asked) == 4


def test_options_shape_the_request(check: Run, responder: ScriptedServer, lab: Lab) -> None:
    good = lab.certificates["good"]
    signing = ("--key", lab.responder_key, "--signer", lab.responder_certificate)
    options = ("--hash", "sha1", "--method", "post", "--send-nonce", *signing)
    assert check(good, *options, "--nonce", "required").exit_code == 0
    (asked,) = responder.asked
    request = asked_for(asked)
    assert asked.method == "POST"
    assert request.cert_ids[0].hash is HashAlgorithm.SHA1
    assert request.nonce is not None
    assert request.optional_signature is not None


def test_the_response_is_kept_for_later(
    check: Run, run: Run, responder: ScriptedServer, lab: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "answer.der"
    assert check(lab.certificates["good"], "-o", file).exit_code == 0
    asked = ("--cert", lab.certificates["good"], "--issuer", lab.ca_certificate)
    assert run("verify", file, *asked).exit_code == 0
    responder.script = lambda _: Reply(status=500)
    result = check(lab.certificates["revoked"], "--no-cache", "-o", tmp_path / "none.der")
    assert "there is no response" in result.stderr
    assert not (tmp_path / "none.der").exists()


@pytest.mark.rule("O10")
def test_a_responder_that_refuses_ends_with_4(
    check: Run, responder: ScriptedServer, lab: Lab
) -> None:
    der = encode_error_response(OCSPResponseStatus.UNAUTHORIZED)
    responder.script = lambda _: Reply(body=der, headers={"Content-Type": OCSP})
    result = check(lab.certificates["good"])
    assert result.exit_code == 4
    assert "the responder answered unauthorized" in result.stdout


def test_a_lie_ends_with_3_and_a_page_instead_of_an_answer_with_an_error(
    check: Run, responder: ScriptedServer, lab: Lab
) -> None:
    honest = responder.script
    other = Forge(ca=lab.ca, signer=lab.good, cert_ids=(), now=NOW)

    def lie(asked: Asked) -> Reply:
        body = other.but(cert_ids=asked_for(asked).cert_ids).der
        return Reply(body=body, headers={"Content-Type": OCSP})

    responder.script = lie
    result = check(lab.certificates["good"])
    assert result.exit_code == 3
    assert "✗" in result.stdout
    responder.script = lambda _: Reply(body=b"<html>", headers={"Content-Type": "text/html"})
    assert check(lab.certificates["good"]).exit_code == 65
    responder.script = honest
    assert check(lab.certificates["good"]).exit_code == 0


def test_nobody_there_ends_with_69_and_names_every_attempt(run: Run, lab: Lab) -> None:
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    asked = ("--issuer", lab.ca_certificate, "--url", f"http://127.0.0.1:{port}/")
    result = run("check", lab.certificates["good"], *asked)
    assert result.exit_code == ExitCode.UNREACHABLE
    assert f"  ! http://127.0.0.1:{port}/: " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("unreachable  CN=good.example")


def test_a_certificate_does_not_lead_inside_unless_allowed(run: Run, lab: Lab) -> None:
    result = run("check", lab.certificates["good"], "--issuer", lab.ca_certificate)
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "--allow-private" in result.stdout.splitlines()[-1]


def test_every_exchange_goes_through_the_proxy(
    run: Run, responder: ScriptedServer, lab: Lab
) -> None:
    where = ("--url", "http://ocsp.example/", "--proxy", responder.url, "--method", "post")
    result = run("check", lab.certificates["good"], "--issuer", lab.ca_certificate, *where)
    assert result.exit_code == 0
    assert [asked.path for asked in responder.asked] == ["http://ocsp.example/"]


@pytest.mark.rule("L9")
def test_a_certificate_of_another_issuer_is_not_asked_for(
    check: Run, run: Run, responder: ScriptedServer, lab: Lab
) -> None:
    good, revoked = lab.certificates["good"], lab.certificates["revoked"]
    result = run("check", good, "--issuer", revoked, "--url", responder.url)
    assert result.exit_code == 3
    assert "not asked" in result.stdout.splitlines()[-1]
    assert responder.asked == []
    assert run("check", good, "--url", responder.url).exit_code == ExitCode.UNREACHABLE


def test_a_host_is_asked_for_its_certificate(
    check: Run, run: Run, responder: ScriptedServer, lab: Lab, tmp_path: Path
) -> None:
    with tls_server(tmp_path, lab.revoked) as port:
        result = check(f"127.0.0.1:{port}", "--quiet")
    assert result.exit_code == 1
    assert result.stdout.startswith("revoked  CN=revoked.example")
    with tls_server(tmp_path, lab.good, lab.ca.issued) as port:
        whole_chain = run("check", f"127.0.0.1:{port}", "--url", responder.url, "--quiet")
    assert whole_chain.exit_code == 0


def test_the_chain_comes_as_the_server_sends_it(lab: Lab, tmp_path: Path) -> None:
    with tls_server(tmp_path, lab.good, lab.ca.issued) as port:
        chain = asyncio.run(fetch_chain(Host("127.0.0.1", port)))
    assert chain == (lab.good.certificate, lab.ca.certificate)


def test_a_host_without_tls_is_unreachable(check: Run, responder: ScriptedServer, lab: Lab) -> None:
    result = check(f"127.0.0.1:{responder.port}")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "no TLS handshake" in result.stderr
    with pytest.raises(UnreachableError) as caught:
        asyncio.run(fetch_chain(Host("127.0.0.1", responder.port)))
    assert caught.value.attempts[0].url == f"127.0.0.1:{responder.port}"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("www.example.com", Host("www.example.com", 443)),
        ("mail.example.com:465", Host("mail.example.com", 465)),
        ("192.0.2.1:8443", Host("192.0.2.1", 8443)),
        ("[2001:db8::1]:8443", Host("2001:db8::1", 8443)),
        ("[::1]", Host("::1", 443)),
        ("a/b", None),
        ("host:0", None),
        ("host:65536", None),
        ("host:http", None),
        ("", None),
    ],
)
def test_a_host_is_read_with_its_port(text: str, host: Host | None) -> None:
    assert parse_host(text) == host
    if host is not None:
        assert str(host).endswith(f":{host.port}")


USAGE, MALFORMED, CONFIG = ExitCode.USAGE, ExitCode.MALFORMED, ExitCode.CONFIG
WRONG = {
    "nothing": ("", USAGE, "name a certificate or a host"),
    "missing file": ("{tmp}/no.pem", USAGE, "No such file"),
    "a slip in a file name": ("no-such-file.pem", USAGE, "No such file"),
    "directory": ("{tmp}", USAGE, "Is a directory"),
    "a CRL": ("{lab}/ca.crl", MALFORMED, "is no certificate"),
    "a key": ("{lab}/ca.key", MALFORMED, "holds no certificate"),
    "missing issuer": ("{lab}/good.pem --issuer {tmp}/no.pem", USAGE, "No such file"),
    "no such hash": ("{lab}/good.pem --hash md5", USAGE, "--hash"),
    "bad timeout": ("{lab}/good.pem --timeout soon", USAGE, "no length of time"),
    "one output of two": ("{lab}/good.pem {lab}/revoked.pem -o x", USAGE, "of one certificate"),
    "no such proxy": ("{lab}/good.pem --proxy nonsense", CONFIG, "the proxy nonsense"),
    "key alone": ("{lab}/good.pem --key {lab}/ca.key", USAGE, "--signer FILE"),
    "signer alone": ("{lab}/good.pem --signer {lab}/ca.pem", USAGE, "no --key"),
    "another's key": (
        "{lab}/good.pem --key {lab}/ca.key --signer {lab}/good.pem",
        CONFIG,
        "is not the key of any certificate",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_asked_wrongly_is_refused_in_a_line(
    run: Run, lab: Lab, tmp_path: Path, name: str
) -> None:
    line, code, said = WRONG[name]
    result = run("check", *line.format(lab=lab.directory, tmp=tmp_path).split())
    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr.splitlines()[0]


# --- many at once -----------------------------------------------------------------------------------


@pytest.fixture
def listed(lab: Lab, tmp_path: Path) -> Path:
    """A list of three certificates and a file that is not there."""
    names = ["good", "revoked", "never-issued"]
    lines = ["# our own", "", *(str(lab.certificates[name]) for name in names)]
    lines.append(f"{tmp_path / 'absent.pem'}  # gone")
    file = tmp_path / "certificates.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_list_comes_to_a_line_for_each_in_its_order(check: Run, listed: Path) -> None:
    result = check("--list", listed)

    assert result.exit_code == 1
    verdicts = [line.split()[0] for line in result.stdout.splitlines() if line[0] != " "]
    assert verdicts == ["good", "revoked", "unknown"]
    assert "absent.pem" in result.stderr


def test_a_list_comes_by_standard_input_too(
    lab: Lab, responder: ScriptedServer, listed: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "certstatus", "check", "--list", "-", "--no-cache", "--quiet"]
    command += ["--issuer", str(lab.ca_certificate), "--url", responder.url]

    ended = subprocess.run(
        command, input=listed.read_bytes(), capture_output=True, timeout=60, check=False
    )

    assert ended.returncode == 1, ended.stderr
    assert [line.split()[0] for line in ended.stdout.splitlines()[:1]] == [b"good"]


def test_each_line_of_jsonl_is_a_document(check: Run, listed: Path) -> None:
    result = check("--list", listed, "--jsonl")

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["verdict"] for one in told] == ["good", "revoked", "unknown", None]
    assert told[3]["error"]["exitCode"] == ExitCode.USAGE


def test_a_list_as_one_document_holds_the_worst_verdict(check: Run, listed: Path) -> None:
    told = json.loads(check("--list", listed, "--json").stdout)

    assert told["verdict"] == "revoked"
    assert [one["verdict"] for one in told["results"]] == ["good", "revoked", "unknown", None]


def test_a_slow_answer_holds_up_no_other(check: Run, lab: Lab, responder: ScriptedServer) -> None:
    """The first is answered when the two behind it have been."""
    answer, others = responder.script, threading.Semaphore(0)
    slow = lab.good.certificate.serial_number

    def script(asked: Asked) -> Reply:
        (cert_id,) = asked_for(asked).cert_ids
        if cert_id.serial_number != slow:
            others.release()
            return answer(asked)
        for _ in range(2):
            assert others.acquire(timeout=10)
        return answer(asked)

    responder.script = script
    names = ("good", "revoked", "never-issued")

    result = check(*(lab.certificates[name] for name in names), "--quiet", "--no-cache")

    verdicts = [line.split()[0] for line in result.stdout.splitlines() if line[0] != " "]
    assert verdicts == ["good", "revoked", "unknown"]


def test_a_host_that_never_shakes_hands_holds_up_no_other(
    check: Run, lab: Lab, tmp_path: Path
) -> None:
    with create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"

        result = check(host, lab.certificates["good"], "--timeout", "1s", "--quiet", "--jsonl")

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert first["verdict"] == "unreachable"
    assert "no handshake in time" in first["error"]["reason"]
    assert second["verdict"] == "good"
    assert result.exit_code == ExitCode.UNREACHABLE


def test_certificates_named_twice_are_asked_about_once(
    check: Run, lab: Lab, responder: ScriptedServer
) -> None:
    answer, is_there = responder.script, threading.Event()

    def script(asked: Asked) -> Reply:
        is_there.wait(0.3)  # gives the other time to ask, were it to
        return answer(asked)

    responder.script = script

    result = check(*[lab.certificates["good"]] * 3, "--no-cache", "--quiet")

    assert result.exit_code == 0
    assert len(responder.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.pem", "--list", "b.txt"), "or a list of them with --list, not both"),
        (("a.pem", "--json", "--jsonl"), "take one"),
        (("--list", "b.txt", "--output", "c.der"), "keeps the response of one certificate"),
        (("--list", "no-such-list.txt"), "No such file"),
        (("a.pem", "--concurrency", "0"), "concurrency"),
        (("a.pem", "--concurrency", str(MAX_CHECK_CONCURRENCY + 1)), "concurrency"),
    ],
)
def test_many_at_once_are_asked_for_in_one_way(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run("check", *arguments)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert not result.stdout


def test_names_that_are_not_found_hold_up_no_other(
    check: Run, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than an event loop has threads, and the resolver says nothing of any."""
    look_up, is_over = socket.getaddrinfo, threading.Event()

    def mute(host: Any, *more: Any, **options: Any) -> Any:
        if str(host).endswith(".mute.example"):
            is_over.wait(30)
            raise OSError("nobody knows")
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", mute)
    names = [f"{one}.mute.example" for one in range(40)]
    try:
        result = check(
            *(lab.certificates["good"], *names, lab.certificates["revoked"]),
            *("--timeout", "1s", "--concurrency", "50", "--jsonl"),
        )
    finally:
        is_over.set()

    told = [json.loads(line)["verdict"] for line in result.stdout.splitlines()]
    assert told == ["good", *["unreachable"] * 40, "revoked"]
