"""Real peers: our responder for their clients, their responder for our requestor."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from certstatus.ocsp import CertID, encode_request
from certstatus.testing.lab import Lab, build_lab
from tests.scripted import ScriptedServer
from tests.stapling import (
    OPENSSL_VERSIONS,
    Serving,
    StaplingPKI,
    build_pki,
    free_port,
    manual_server,
    openssl_server,
)

_START_SECONDS = 20


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


@pytest.fixture(scope="session")
def stapling_pki() -> Iterator[StaplingPKI]:
    """Servers on localhost whose certificates name a responder, and the responder, serving."""
    with ScriptedServer() as responder:
        pki = build_pki(ocsp_uris=[responder.url])
        responder.script = pki.answer
        yield pki


@pytest.fixture(scope="session")
def serve(
    stapling_pki: StaplingPKI, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Serving]]:
    """Give the function that runs a server of the manual, each once, until the tests end."""
    served: dict[str, Serving] = {}
    with ExitStack() as running_servers:

        def start(name: str) -> Serving:
            if name not in served:
                directory = tmp_path_factory.mktemp(name)
                stapling_pki.write(directory)
                served[name] = running_servers.enter_context(manual_server(name, directory))
            return served[name]

        yield start


@pytest.fixture(scope="session")
def stapled(
    stapling_pki: StaplingPKI,
    interop_command: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str, ssl.TLSVersion], Serving]]:
    """Give the function that runs `openssl s_server` with a staple of a kind, each once."""
    staples = {"good": stapling_pki.honest().der, "none": b"", "promised, and none": b""}
    staples |= stapling_pki.wrong_staples
    served: dict[tuple[str, ssl.TLSVersion], Serving] = {}
    with ExitStack() as running_servers:

        def start(kind: str, version: ssl.TLSVersion) -> Serving:
            if (kind, version) not in served:
                directory = tmp_path_factory.mktemp("stapled")
                issued = stapling_pki.must_staple if "promised" in kind else stapling_pki.server
                stapling_pki.write(directory, issued)
                served[kind, version] = running_servers.enter_context(
                    openssl_server(
                        interop_command, directory, staples[kind], OPENSSL_VERSIONS[version]
                    )
                )
            return served[kind, version]

        yield start
