"""``certstatus fault``: the list, and the host as people run it: a process, and its end."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import Result

from certstatus.handshake import TLS13
from certstatus.pkix import Certificate
from certstatus.tls.fault import FAULTS
from certstatus.tls.fault_page import told
from certstatus.tls.wire import connect
from tests.faults import QUESTION

Run = Callable[..., Result]
SECONDS = 20


# --- the list --------------------------------------------------------------------------------


def test_the_list_has_a_line_for_each_fault(run: Run) -> None:
    result = run("fault", "--list")

    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert result.exit_code == 0
    assert list(lines) == list(FAULTS)
    assert lines["expired"].split()[1:5] == ["L10", "TLS", "1.2,", "1.3,"]
    assert lines["unsolicited"].endswith("unexpected_message(10), unsupported_extension(110)")


def test_the_list_for_a_program_has_all_of_the_table(run: Run) -> None:
    listed = json.loads(run("fault", "--list", "--json").stdout)

    assert listed == {"faults": [told(fault) for fault in FAULTS.values()]}


def test_the_list_needs_no_tls_engine() -> None:
    program = (
        "import sys; sys.modules['tlslite'] = None\n"
        "from certstatus.cli import main; main(['fault', '--list'])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("none ")


# --- the host --------------------------------------------------------------------------------


@contextmanager
def hosting(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a host on free ports; give its process, and the list that it wrote at its start."""
    command = [sys.executable, "-m", "certstatus", "fault", "--json", "--port", "0"]
    command += ["--ocsp-port", "0", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            text = ""
            while not text.endswith("\n}\n"):
                text += (line := process.stdout.readline())
                assert line, process.stderr and process.stderr.read()
            yield process, json.loads(text)
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, list[str]]:
    """End a process by a signal; return its exit code, and what it has said."""
    process.send_signal(number)
    code = process.wait(SECONDS)
    assert process.stderr is not None
    return code, process.stderr.read().splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_ends_it(number: signal.Signals, tmp_path: Path) -> None:
    with hosting("--directory", tmp_path) as (process, listed):
        url = listed["ocspUrl"]
        assert httpx2.get(f"{url}/faults.json", trust_env=False).json() == listed
        ca = httpx2.get(listed["ca"], trust_env=False).content
        sock = socket.create_connection(("127.0.0.1", listed["port"]))
        with connect(
            sock, server_name="revoked.fault.test", versions=(TLS13,), status_request=QUESTION
        ) as connection:
            connection.write(b"GET /ca.pem HTTP/1.1\r\n\r\n")
            while connection.read():
                pass
            chain = connection.flight.chain
        code, said = end(process, number)

    assert (code, (tmp_path / "ca.pem").read_bytes()) == (0, ca)
    written = Certificate.from_pem((tmp_path / "certificates" / "revoked.pem").read_bytes())
    assert tuple(one.der for one in written) == chain
    assert said[:2] == [
        f"TLS at 127.0.0.1 port {listed['port']}, for names such as expired.fault.test",
        f"OCSP at {url}/expired and so on",
    ]
    assert "revoked  TLS 1.3: the client finished the handshake; bad_certificate" in said[3]


def test_it_ends_at_once_though_a_client_waits() -> None:
    with (
        hosting("--delay", "1d", "--quiet") as (process, listed),
        socket.create_connection(("127.0.0.1", listed["port"])),
    ):
        code, said = end(process, signal.SIGTERM)

    assert (code, len(said)) == (0, 3)


_SIGNALLED = """
import os
from certstatus.cli.fault import until_told

with until_told() as wait:
    while True:
        os.write(1, b"!")
        wait()
"""


def test_a_signal_at_any_moment_ends_the_wait() -> None:
    """Also in the moment before the wait, in which no handler runs until something else wakes it."""
    with subprocess.Popen(
        [sys.executable, "-c", _SIGNALLED], stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        try:
            for count in range(20_000):
                is_waiting, _, _ = select.select([process.stdout], [], [], SECONDS)
                assert is_waiting, f"signal {count} was lost"
                assert process.stdout.read(1) == b"!"
                for _ in range(count % 1_000):
                    pass
                process.send_signal(signal.SIGTERM)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--domain", "fault test"], "domain: 'fault test' is no name of a host"),
        (["--port-base", "65500"], "port_base: 65500 leaves no room"),
        (["--host", "192.0.2.1"], "can't listen on 192.0.2.1 port 0"),
    ],
)
def test_a_setting_that_can_not_be_is_named(arguments: list[str], reason: str, run: Run) -> None:
    result = run("fault", "--port", 0, "--ocsp-port", 0, *arguments)

    assert result.exit_code == 78
    assert reason in result.stderr
    assert result.stdout == ""


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("fault", "--ocsp-port", 0, "--port", port)

    assert result.exit_code == 78
    assert f"port {port}: Address already in use" in result.stderr


def test_a_place_that_can_not_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = run("fault", "--port", 0, "--ocsp-port", 0, "--directory", tmp_path / "file" / "x")

    assert result.exit_code == 64
    assert str(tmp_path / "file") in result.stderr
