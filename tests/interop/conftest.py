"""Real peers: our responder for their clients, their responder for our requestor."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from certstatus.ocsp import CertID, encode_request
from certstatus.testing.lab import Lab, build_lab

_START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], url: str, log: Path, request: bytes) -> Iterator[None]:
    """Run a responder until it has answered once; end it by its process id."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            _await_answer(process, url, log, request)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path, request: bytes) -> None:
    deadline = time.monotonic() + _START_SECONDS
    headers = {"Content-Type": "application/ocsp-request"}
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.post(url, content=request, headers=headers, timeout=5, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{command_line(process)} did not answer: {log.read_text('utf-8', 'replace')}")


def command_line(process: subprocess.Popen[bytes]) -> str:
    args = process.args
    return " ".join(map(str, args)) if isinstance(args, list) else str(args)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A CA, a delegated responder, and certificates good, revoked and never issued."""
    return build_lab(tmp_path_factory.mktemp("interop") / "lab", now=datetime.now(UTC))


@pytest.fixture(scope="session")
def ping(lab: Lab) -> bytes:
    """A request that any responder of the lab answers."""
    return encode_request([CertID.for_certificate(lab.good.certificate, lab.ca.certificate)])


@pytest.fixture(scope="session")
def our_url(lab: Lab, ping: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our responder, run as people run it, on the lab's index."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [
        *(sys.executable, "-m", "certstatus", "serve", "--port", str(port)),
        *("--ca", str(lab.ca_certificate), "--index", str(lab.index)),
        *("--signer", str(lab.responder_certificate), "--key", str(lab.responder_key)),
    ]
    log = tmp_path_factory.mktemp("log") / "certstatus.log"
    with running(command, url, log, ping):
        yield url


@pytest.fixture(scope="session")
def openssl_url(
    lab: Lab,
    ping: bytes,
    interop_command: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """`openssl ocsp` as a responder on the lab's index."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [
        *(str(interop_command("openssl")), "ocsp", "-port", str(port), "-ignore_err"),
        *("-index", str(lab.index), "-CA", str(lab.ca_certificate), "-ndays", "4"),
        *("-rsigner", str(lab.responder_certificate), "-rkey", str(lab.responder_key)),
    ]
    log = tmp_path_factory.mktemp("log") / "openssl.log"
    with running(command, url, log, ping):
        yield url
