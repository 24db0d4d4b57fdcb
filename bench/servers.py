"""The servers that are measured side by side: each runs on loopback, and ends with its block."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.asking import file_request, post_request
from bench.processes import SERVER_CORE, everywhere, pinned

__all__ = ["MissingPeerError", "Server", "ask", "cfssl", "nginx", "openssl", "ours"]

_PATIENCE: Final = 120.0
"""Seconds until a server answers; cfssl verifies each of its answers before."""
_ENDING: Final = 30.0
"""Seconds for a server to end by itself."""

_NGINX: Final = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile off;  # for files as small as this one that is the faster way, by a third
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    default_type application/ocsp-response;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ root {folder}; }}
    }}
}}
"""


class MissingPeerError(Exception):
    """A peer is not installed, or does not run; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs: the first of its processes, its port on loopback, what it answered first."""

    pid: int
    port: int
    first: bytes

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}/"


def _command(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise MissingPeerError(f"{name} is missing: apt-get install {package}")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], port: int, folder: Path, hello: bytes) -> Iterator[Server]:
    """Run a server until it answers, lend it, and end it.

    The children of `openssl ocsp -multi` outlive their parent, in the group that it made.
    """
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield Server(process.pid, port, _await_answer(process, port, hello))
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDING)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _await_answer(process: subprocess.Popen[bytes], port: int, hello: bytes) -> bytes:
    """Ask until it answers; a connection without a question would hang `openssl ocsp` for ever."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            told = ask(port, hello)
        except ConnectionError:
            time.sleep(0.05)
        else:
            head, _, body = told.partition(b"\r\n\r\n")
            if b" 200 " in head.partition(b"\r\n")[0]:
                return body
            break
    raise MissingPeerError(f"does not answer: {process.args!r}")


def ask(port: int, hello: bytes) -> bytes:
    """Send a request that ends its connection; return all that comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(hello)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@contextmanager
def nginx(answer: bytes) -> Iterator[Server]:
    """Serve one answer as the static file ``/answer``, by one worker, as fast as nginx can."""
    command, port = _command("nginx", "nginx"), _free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx gives up root's rights where it has them
        (folder / "answer").write_bytes(answer)
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port), encoding="ascii")
        whole = pinned(SERVER_CORE, [command, "-c", str(config)])
        hello = file_request("/answer", is_kept_alive=False)
        with _running(whole, port, folder, hello) as server:
            yield server


@contextmanager
def cfssl(responses: Path, question: bytes) -> Iterator[Server]:
    """Serve the responses of a file by ``cfssl ocspserve``."""
    port = _free_port()
    command = [_command("cfssl", "golang-cfssl"), "ocspserve", "-loglevel", "5"]
    command += ["-port", str(port), "-responses", str(responses)]
    hello = post_request(question, is_kept_alive=False)
    with _running(pinned(SERVER_CORE, command), port, responses.parent, hello) as server:
        yield server


@contextmanager
def openssl(folder: Path, index: Path, question: bytes, *, processes: int) -> Iterator[Server]:
    """Sign each answer by ``openssl ocsp``, with ``processes`` of its children or alone."""
    port = _free_port()
    command = [_command("openssl", "openssl"), "ocsp", "-port", str(port), "-ndays", "4"]
    command += ["-ignore_err", "-index", str(index), "-CA", "ca.pem"]
    command += ["-rsigner", "p256.pem", "-rkey", "p256.key"]
    if processes > 1:
        whole = everywhere([*command, "-multi", str(processes)])
    else:
        whole = pinned(SERVER_CORE, command)
    hello = post_request(question, is_kept_alive=False)
    with _running(whole, port, folder, hello) as server:
        yield server


@contextmanager
def ours(
    folder: Path,
    source: str,
    question: bytes,
    *,
    store: Path | None = None,
    signer: str = "p256",
    workers: int = 1,
    launch: Sequence[str] = ("-m", "certstatus"),
) -> Iterator[Server]:
    """Run ``certstatus serve``; ``source`` is a line of ``[[authority.source]]``.

    ``launch`` is what Python is to run in place of certstatus.
    """
    port = _free_port()
    text = f"[server]\nport = {port}\nworkers = {workers}\naccess_log = false\n"
    if store is not None:
        text += f'[store]\nurl = "lmdb:{store}"\n'
    text += (
        '[[authority]]\ncertificate = "ca.pem"\nvalidity = "20d"\n'
        f'[[authority.signer]]\ncertificate = "{signer}.pem"\nkey = "{signer}.key"\n'
        f"[[authority.source]]\n{source}\n"
    )
    config = folder / f"serve-{port}.toml"
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, *launch, "serve", "--config", str(config)]
    whole = pinned(SERVER_CORE, command) if workers == 1 else everywhere(command)
    hello = post_request(question, is_kept_alive=False)
    try:
        with _running(whole, port, folder, hello) as server:
            yield server
    finally:
        config.unlink()
