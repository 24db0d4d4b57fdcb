from __future__ import annotations

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.host_list import HostList
from certstatus.cli.probe_params import RESPONDER_ID
from certstatus.errors import PlatformError
from certstatus.handshake import TLS12, TLS13
from certstatus.limits_tls import (
    MAX_HOST_LINE_BYTES,
    MAX_PROBE_CONCURRENCY,
    PROBE_CONCURRENCY,
    PROBE_TIME,
)
from certstatus.ocsp import ByKey, ByName, Nonce, Revoked, parse_response
from certstatus.tls.host import Host
from certstatus.tls.probe import ProbeResult
from tests.cli.conftest import Run
from tests.scripted import ScriptedServer
from tests.stapling import HOUR, StaplingPKI, build_pki
from tests.tlshost import TLSHost


@pytest.fixture(scope="module")
def responder() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="module")
def pki(responder: ScriptedServer) -> StaplingPKI:
    made = build_pki(ocsp_uris=[responder.url])
    responder.script = made.answer
    return made


@pytest.fixture
def root(pki: StaplingPKI, tmp_path: Path) -> Path:
    file = tmp_path / "root.pem"
    file.write_bytes(pki.root.issued.certificate_pem)
    return file


@pytest.fixture(scope="module")
def stapling(pki: StaplingPKI) -> Iterator[TLSHost]:
    """Staple good to localhost."""
    with TLSHost(pki, [pki.honest().der]) as server:
        yield server


@pytest.fixture
def probe(run: Run, root: Path) -> Run:
    """Probe as localhost, trusting the root, and compare with the local responder."""
    usual = ("--servername", "localhost", "--cafile", root, "--allow-private")
    return lambda *args, **more: run("probe", *usual, *args, **more)


# --- for people ---------------------------------------------------------------------------------


def test_versions_stand_side_by_side_above_every_check(probe: Run, stapling: TLSHost) -> None:
    result = probe(stapling.host)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"{stapling.host} as localhost"
    table = {line[2:18].strip(): line[18:].split("  ") for line in lines[2:9]}
    assert [cell.strip() for cell in table["asked"] if cell.strip()] == ["status_request"] * 2
    assert [cell.strip() for cell in table["promised"] if cell.strip()] == ["yes", "–"]
    assert [cell.strip() for cell in table["chain"] if cell.strip()] == ["trusted"] * 2
    assert [cell.strip() for cell in table["CN=localhost"] if cell.strip()] == ["stapled: good"] * 2
    assert "  CN=localhost over TLS 1.2, TLS 1.3" in lines
    assert "good as the staple, of the same thisUpdate" in result.stdout
    assert lines[-1].startswith(f"good  {stapling.host}: TLS 1.2, TLS 1.3: not revoked; the answer")


def test_a_broken_promise_is_told_with_its_rule(probe: Run, pki: StaplingPKI) -> None:
    with TLSHost(pki, issued=pki.must_staple) as server:
        result = probe(server.host, "--no-compare", "--tls1-3")

    assert result.exit_code == 3
    assert "not stapled, must-staple broken" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("untrusted")
    assert "the certificate promises a staple, and none came [T10]" in result.stdout


def test_a_missing_staple_counts_where_it_is_required(probe: Run, pki: StaplingPKI) -> None:
    with TLSHost(pki) as server:
        lenient = probe(server.host, "--no-compare", "--quiet")
        strict = probe(server.host, "--no-compare", "--quiet", "--require")

    assert (lenient.exit_code, strict.exit_code) == (0, 3)
    assert lenient.stdout.startswith("nothing stapled")
    assert "TLS 1.2, TLS 1.3: without a staple" in lenient.stdout
    assert "[T11]" in strict.stdout


def test_quiet_prints_one_line(probe: Run, stapling: TLSHost) -> None:
    result = probe(stapling.host, "--quiet")

    (line,) = result.stdout.splitlines()
    assert line.startswith("good ")
    assert str(stapling.host) in line


def test_what_a_server_wrote_does_not_steer_the_terminal(probe: Run, pki: StaplingPKI) -> None:
    def speak(connection: Any) -> None:
        connection.sendall(b"554 \x1b[2Jgo\r\n")

    with TLSHost(pki, preamble=speak) as server:
        result = probe(server.host, "--starttls", "smtp")

    assert result.exit_code == 69
    assert "\x1b" not in result.stdout
    assert "554 \\x1b[2Jgo" in result.stdout


# --- for programs -----------------------------------------------------------------------------


def test_the_json_of_one_host_is_its_document(probe: Run, stapling: TLSHost) -> None:
    told = json.loads(probe(stapling.host, "--json").stdout)

    assert list(told) == [
        *("host", "serverName", "starttls", "verdict", "exitCode", "probedAt", "milliseconds"),
        *("error", "handshakes", "comparisons"),
    ]
    assert (told["host"], told["serverName"]) == (str(stapling.host), "localhost")
    assert (told["verdict"], told["exitCode"], told["error"]) == ("good", 0, None)
    tls12, tls13 = told["handshakes"]
    assert (tls12["version"], tls13["version"]) == ("TLS 1.2", "TLS 1.3")
    assert (tls12["promised"], tls13["promised"]) == (True, None)
    assert tls12["asked"] == ["status_request"]
    assert (tls12["trusted"], tls12["trustProblem"]) == (True, None)
    leaf, ca = tls12["certificates"]
    assert (leaf["subject"], leaf["mustStaple"]) == ("CN=localhost", None)
    assert leaf["report"]["verdict"] == "good"
    assert parse_response(bytes.fromhex(leaf["staple"])).basic is not None
    assert (ca["staple"], ca["report"]) == (None, None)
    (comparison,) = told["comparisons"]
    assert comparison["agreement"] == "same"
    assert comparison["status"]["certStatus"] == "good"


def test_the_json_of_several_hosts_has_their_worst_verdict(
    probe: Run, pki: StaplingPKI, stapling: TLSHost
) -> None:
    revoked = pki.honest().but(cert_status=Revoked(pki.now - HOUR)).der
    with TLSHost(pki, [revoked]) as server:
        result = probe(stapling.host, server.host, "--no-compare", "--json")

    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["verdict"] == "revoked"
    assert {one["verdict"] for one in told["results"]} == {"good", "revoked"}


def test_json_lines_are_a_document_each(probe: Run, stapling: TLSHost, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text(f"{stapling.host}\n" * 3)

    result = probe("--hosts", hosts, "--no-compare", "--jsonl")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["verdict"] for one in lines] == ["good"] * 3


def test_an_empty_list_is_an_empty_document(probe: Run, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("# nobody\n")

    result = probe("--hosts", hosts, "--json")

    assert json.loads(result.stdout) == {"results": [], "verdict": None}
    assert result.exit_code == 0


def test_the_staple_can_be_kept(probe: Run, pki: StaplingPKI, tmp_path: Path) -> None:
    file, none = tmp_path / "staple.der", tmp_path / "none.der"
    staple = pki.honest().der
    with TLSHost(pki, [staple]) as server, TLSHost(pki) as bare:
        probe(server.host, "--no-compare", "--output", file)
        result = probe(bare.host, "--no-compare", "--output", none)

    assert file.read_bytes() == staple
    assert not none.exists()
    assert "not written, there is no staple" in result.stderr


# --- many hosts ---------------------------------------------------------------------------------


def test_a_list_has_comments_and_its_bad_lines_are_told(
    probe: Run, stapling: TLSHost, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text(f"# ours\n\n{stapling.host}  # the first\nnot a host\n{stapling.host}\n")

    result = probe("--hosts", hosts, "--no-compare", "--concurrency", "2")

    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["good", "good"]
    assert lines[-1] == "2 hosts: 2 good"
    assert f"{hosts}:4: 'not a host' is not HOST or HOST:PORT" in result.stderr
    assert result.exit_code == 64


def test_a_list_is_read_from_standard_input_while_it_is_written(
    stapling: TLSHost, root: Path
) -> None:
    command = [
        *(sys.executable, "-m", "certstatus", "probe", "--hosts", "-", "--jsonl"),
        *("--no-compare", "--tls1-3", "--servername", "localhost", "--cafile", str(root)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(f"{stapling.host}\n".encode())
            process.stdin.flush()
            # The answer comes while the list is still open.
            assert json.loads(process.stdout.readline())["verdict"] == "good"
        process.stdin.close()
        assert process.wait(10) == 0


def test_an_interrupt_ends_it_while_it_waits_for_the_list(stapling: TLSHost) -> None:
    command = [sys.executable, "-m", "certstatus", "probe", "--hosts", "-", "--jsonl"]
    options = ["--no-compare", "--tls1-3"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{stapling.host}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == ExitCode.INTERRUPTED
        assert process.stderr.read().strip() == b""


def test_an_interpreter_that_can_not_ask_is_told_of(
    probe: Run, stapling: TLSHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prove() -> None:
        raise PlatformError("this libssl shows nothing")

    monkeypatch.setattr("certstatus.tls.observe.prove", prove)

    result = probe(stapling.host)

    assert result.exit_code == ExitCode.CONFIG
    assert "this libssl shows nothing" in result.stderr


def test_a_list_that_is_not_there_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    result = run("probe", "--hosts", tmp_path / "none.txt")

    assert result.exit_code == 64
    assert "No such file" in result.stderr


def test_an_endless_line_is_one_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "hosts.txt"
    file.write_bytes(b"!" * 3 * MAX_HOST_LINE_BYTES + b"\nlocalhost\n\xff\n")
    hosts = HostList(str(file), 443)

    assert list(hosts) == [Host("localhost")]
    assert hosts.bad == 2


def test_a_list_read_in_a_thread_holds_the_same(tmp_path: Path) -> None:
    file = tmp_path / "hosts.txt"
    file.write_text("one\ntwo:25\n[::1]\n")

    async def read() -> list[Host]:
        return [host async for host in HostList(str(file), 443)]

    assert asyncio.run(read()) == [Host("one"), Host("two", 25), Host("::1")]
    assert HostList(str(file), 443).count() == 3
    assert HostList("-", 443).count() is None


# --- what options mean ----------------------------------------------------------------------------


@pytest.fixture
def options(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return the options that arguments come to, and probe nobody."""
    caught: dict[str, Any] = {}

    async def probe_many(hosts: Any, options: Any, **more: Any) -> Any:
        caught.update(hosts=list(hosts), options=options, **more)
        nobody: tuple[ProbeResult, ...] = ()
        for result in nobody:
            yield result

    monkeypatch.setattr("certstatus.cli.probe.probe_many", probe_many)

    def call(*args: object) -> Any:
        result = run("probe", *args)
        assert result.exit_code == 0, result.output
        return caught

    return call


def test_defaults_are_those_of_the_limits(options: Any) -> None:
    caught = options("www.example")

    assert caught["hosts"] == [Host("www.example", 443)]
    assert caught["options"].time_limit == PROBE_TIME
    assert caught["concurrency"] == PROBE_CONCURRENCY <= MAX_PROBE_CONCURRENCY
    assert caught["options"].versions == (TLS12, TLS13)


@pytest.mark.parametrize(
    ("flags", "versions"),
    [
        (["--tls1-2"], (TLS12,)),
        (["--tls1_3"], (TLS13,)),
        (["--tls1-2", "--tls1-3"], (TLS12, TLS13)),
    ],
)
def test_versions_can_be_forced(options: Any, flags: list[str], versions: Any) -> None:
    assert options("www.example", *flags)["options"].versions == versions


@pytest.mark.parametrize(("protocol", "port"), [("smtp", 25), ("xmpp-server", 5269), ("ldap", 389)])
def test_starttls_has_its_own_port(options: Any, protocol: str, port: int) -> None:
    assert options("mail.example", "--starttls", protocol)["hosts"] == [Host("mail.example", port)]
    assert options("mail.example:9", "--starttls", protocol)["hosts"] == [Host("mail.example", 9)]


@pytest.mark.rule("T1", "T2")
def test_responders_are_named_by_certificate_key_hash_or_name(
    options: Any, pki: StaplingPKI, tmp_path: Path
) -> None:
    delegate = pki.responder.certificate
    file = tmp_path / "responder.pem"
    file.write_bytes(pki.responder.certificate_pem)
    key_hash = ByKey.of(delegate)

    caught = options(
        *("www.example", "--responder-id", file, "--responder-id", key_hash.key_hash.hex(":")),
        *("--responder-id", str(delegate.subject), "--request-extension", "nonce"),
    )

    request = caught["options"].request.request
    by_name = ByName(delegate.subject)
    assert request.responder_id_list[:3] == (key_hash, by_name, key_hash)
    assert request.responder_id_list[3].name.matches(delegate.subject)
    (extension,) = request.request_extensions
    # Wrapped twice (RFC 6066 §8): an OCTET STRING in extnValue.
    assert len(Nonce.decode(extension.value).octets) == 32


def test_a_request_extension_may_be_any(options: Any) -> None:
    caught = options("www.example", "--request-extension", "1.2.3=0500")

    (extension,) = caught["options"].request.request.request_extensions
    assert (extension.oid.dotted_string, extension.value) == ("1.2.3", b"\x05\x00")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "name a host"),
        (["not a host"], "is not HOST"),
        (["host:99999"], "is not HOST"),
        (["a", "--hosts", "b"], "not both"),
        (["a", "--json", "--jsonl"], "take one"),
        (["a", "b", "--output", "c"], "one host"),
        (["a", "--starttls", "ftp"], "ftp"),
        (["a", "--concurrency", str(MAX_PROBE_CONCURRENCY + 1)], str(MAX_PROBE_CONCURRENCY)),
        (["a", "--connect-to", "x y"], "is not HOST"),
        (["a", "--responder-id", "=,"], "is no name"),
        (["a", "--request-extension", "nonsense"], "is not OID=HEX"),
        (["a", "--cafile", "none.pem"], "No such file"),
    ],
)
def test_wrong_usage_is_told(run: Run, args: list[str], words: str) -> None:
    result = run("probe", *args)

    assert result.exit_code == ExitCode.USAGE
    assert words in result.stderr


def test_a_responder_id_is_converted_once() -> None:
    made = (ByKey(bytes(20)),)

    assert RESPONDER_ID.convert(made, None, None) is made
    with pytest.raises(click.BadParameter):
        RESPONDER_ID.convert("CN=x,,", None, None)


# --- openssl's own command ----------------------------------------------------------------------------


def test_the_like_openssl_commands_are_printed_and_nothing_else_is_done(run: Run) -> None:
    result = run(
        *("probe", "mail.example", "--starttls", "xmpp", "--cafile", "a b.pem", "--openssl")
    )

    tls12, tls13 = result.stdout.splitlines()
    words = shlex.split(tls12)
    assert words[:4] == ["openssl", "s_client", "-connect", "mail.example:5222"]
    assert words[4:14] == [
        *("-servername", "mail.example", "-verify_hostname", "mail.example"),
        *("-starttls", "xmpp", "-xmpphost", "mail.example", "-CAfile", "a b.pem"),
    ]
    assert words[14:] == ["-tls1_2", "-status", "-showcerts", "</dev/null"]
    assert "-tls1_3" in tls13
    assert result.exit_code == 0


def test_openssl_is_told_to_send_no_name_where_there_is_none(run: Run) -> None:
    result = run("probe", "[::1]:8443", "--tls1-3", "--openssl")

    (line,) = result.stdout.splitlines()
    assert "-connect '[::1]:8443' -noservername -verify_ip ::1" in line


def test_what_openssl_can_not_send_is_told(run: Run) -> None:
    result = run("probe", "a.example", "--request-extension", "nonce", "--v2", "--openssl")

    assert "sends neither responder ids nor request extensions" in result.stderr
