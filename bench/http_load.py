"""Answers per second over HTTP: one worker of ours beside `openssl ocsp`, in one run."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import quote

import httpx2

from certstatus.ocsp import CertID, encode_request, parse_response
from certstatus.pkix import HashAlgorithm
from certstatus.testing.lab import Lab, build_lab

__all__ = ["Load", "measure"]

REQUESTS = 15_000
ROUNDS = 3
PEER = "openssl ocsp"
OURS = "certstatus serve"
_OCSP = {"Content-Type": "application/ocsp-request"}


@dataclass(frozen=True)
class Load:
    """One row: answers per second, the median of the rounds."""

    server: str
    method: str
    per_second: float

    @property
    def is_base(self) -> bool:
        """Whether the others are held against this one."""
        return self.server == PEER


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _server(command: list[str], port: int, request: bytes) -> Iterator[str]:
    """Run a responder until it answers, lend its URL, and end it."""
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await_answer(url, request, process)
            yield url
        finally:
            process.terminate()


def _await_answer(url: str, request: bytes, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = httpx2.post(url, content=request, headers=_OCSP, timeout=5, trust_env=False)
            assert parse_response(answer.content).basic is not None
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{process.args!r} does not answer on {url}")


def _ours(lab: Lab, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "certstatus", "serve", "--no-access-log", "--port", str(port)),
        *("--ca", str(lab.ca_certificate), "--index", str(lab.index)),
        *("--signer", str(lab.responder_certificate), "--key", str(lab.responder_key)),
    ]


def _openssl(lab: Lab, port: int) -> list[str]:
    return [
        *("openssl", "ocsp", "-port", str(port), "-ndays", "4", "-ignore_err"),
        *("-index", str(lab.index), "-CA", str(lab.ca_certificate)),
        *("-rsigner", str(lab.responder_certificate), "-rkey", str(lab.responder_key)),
    ]


def _load(url: str, *options: str) -> float:
    """Load a URL with ApacheBench; count what was answered, not what broke on the way.

    Answers may differ in length, as ECDSA signatures do (-l); a reset connection is a
    failed request, not the end (-r).
    """
    command = ["ab", "-q", "-l", "-r", "-n", str(REQUESTS), "-c", "8", *options]
    told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise SystemExit(f"{url}: {told}")
    complete, failed, seconds = (
        float(found[1])
        for label in ("Complete requests", "Failed requests", "Time taken for tests")
        if (found := re.search(rf"{label}:\s+([\d.]+)", told)) is not None
    )
    return (complete - failed) / seconds


def measure() -> list[Load]:
    """Run both servers, and load them in turn."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = build_lab(directory / "lab", now=datetime.now(UTC))
        good = lab.good.certificate
        cert_id = CertID.for_certificate(good, lab.ca.certificate, HashAlgorithm.SHA1)
        request = encode_request([cert_id])
        path = quote(b64encode(request).decode("ascii"), safe="")
        body = directory / "question.der"
        body.write_bytes(request)
        post = ("-p", str(body), "-T", _OCSP["Content-Type"])
        rows = (
            (PEER, "GET", _openssl, path, ()),
            (OURS, "GET", _ours, path, ()),
            (f"{OURS}, kept alive", "GET", _ours, path, ("-k",)),
            (PEER, "POST", _openssl, "", post),
            (OURS, "POST", _ours, "", post),
            (f"{OURS}, kept alive", "POST", _ours, "", ("-k", *post)),
        )
        figures: dict[tuple[str, str], list[float]] = {}
        for _ in range(ROUNDS):
            # A new server for each row: `openssl ocsp` stays stuck after a load of POSTs.
            for name, method, command, target, options in rows:
                port = _free_port()
                with _server(command(lab, port), port, request) as url:
                    figures.setdefault((name, method), []).append(_load(url + target, *options))
    return [Load(name, method, median(values)) for (name, method), values in figures.items()]
