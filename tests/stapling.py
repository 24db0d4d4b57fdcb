"""A PKI for localhost, its responder, and real peers that staple or ask for staples."""

from __future__ import annotations

import itertools
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
from cryptography import x509

from certstatus.ocsp import CertID, Revoked, parse_request
from certstatus.pkix import HashAlgorithm
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.testing.ca import sign_plain
from dev.tree import ROOT
from tests.scripted import OCSP, Asked, Reply

HOUR: Final = timedelta(hours=1)
PATIENCE: Final = 10

_LOWEST: Final = 10_000
_BELOW: Final = 32_768
"""Where Linux begins with the ports that it gives away (ip_local_port_range)."""
# Test processes run side by side: each begins elsewhere.
_PORTS: Final = itertools.cycle(
    _LOWEST + (os.getpid() * 97 + count) % (_BELOW - _LOWEST) for count in range(_BELOW - _LOWEST)
)
"""Seconds until a peer that says nothing has failed."""

VERSIONS: Final = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
both_versions: Final = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])


# --- certificates ---------------------------------------------------------------------------


@dataclass(frozen=True)
class StaplingPKI:
    """A root, the CA below it, its delegated responder, and servers on localhost.

    Real peers judge by the machine's clock, so ``now`` is when the PKI was made.
    """

    root: TinyCA
    ca: TinyCA
    responder: Issued
    server: Issued
    must_staple: Issued
    now: datetime

    def honest(self, server: Issued | None = None) -> Forge:
        """Answer good of a server's certificate; of the usual one unless told otherwise.

        By a CertID of SHA-1: curl and HAProxy read no other.
        """
        certificate = (server or self.server).certificate
        cert_id = CertID.for_certificate(certificate, self.ca.certificate, HashAlgorithm.SHA1)
        return Forge(ca=self.ca, signer=self.responder, cert_ids=(cert_id,), now=self.now)

    def answer(self, asked: Asked) -> Reply:
        """Answer good of whatever is asked, as the PKI's responder."""
        octets = asked.body or b64decode(unquote(asked.path.rpartition("/")[2]), validate=True)
        forge = self.honest().but(cert_ids=parse_request(octets).cert_ids)
        return Reply(200, forge.der, {"Content-Type": OCSP})

    @property
    def wrong_staples(self) -> dict[str, bytes]:
        """Staples of the usual server that a client must refuse, by what is wrong."""
        honest = self.honest()
        gone = self.now - HOUR
        return {
            "revoked": honest.but(cert_status=Revoked(gone)).der,
            "expired": honest.but(this_update=self.now - 48 * HOUR, next_update=gone).der,
            "of another certificate": self.honest(self.must_staple).der,
            "tampered with": honest.but(
                sign=lambda tbs: sign_plain(self.responder.key, tbs + b"!")
            ).der,
        }

    def write(self, directory: Path, issued: Issued | None = None) -> None:
        """Write a server's chain.pem and key.pem, and root.pem and ca.pem, which clients need."""
        issued = issued or self.server
        files = {
            "chain.pem": issued.certificate_pem + self.ca.issued.certificate_pem,
            "server.pem": issued.certificate_pem,
            "key.pem": issued.key_pem(),
            "ca.pem": self.ca.issued.certificate_pem,
            "root.pem": self.root.issued.certificate_pem,
        }
        for name, content in files.items():
            (directory / name).write_bytes(content)

    def client_context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Make a client's context that trusts the root, and speaks one version if told."""
        pem = self.root.issued.certificate_pem.decode("ascii")
        context = ssl.create_default_context(cadata=pem)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


def build_pki(*, ocsp_uris: Sequence[str] = ()) -> StaplingPKI:
    """Make the PKI, valid from an hour ago; its servers name these responders."""
    now = datetime.now(UTC).replace(microsecond=0)
    root = TinyCA("Stapling Root", not_before=now - HOUR)
    ca = TinyCA("Stapling CA", not_before=now - HOUR, parent=root)
    return StaplingPKI(
        root=root,
        ca=ca,
        responder=ca.issue_responder(),
        server=ca.issue_server("localhost", ocsp_uris=ocsp_uris),
        must_staple=ca.issue_server(
            "localhost", ocsp_uris=ocsp_uris, tls_features=[x509.TLSFeatureType.status_request]
        ),
        now=now,
    )


# --- programs that serve ----------------------------------------------------------------------


@dataclass(frozen=True)
class Serving:
    """A program that serves TLS on localhost, and the file that it logs to."""

    port: int
    log: Path

    @property
    def root(self) -> Path:
        """The root's certificate, which stands beside the log."""
        return self.log.with_name("root.pem")

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/"

    def mark(self) -> int:
        """Return where the log ends now."""
        return self.log.stat().st_size

    def await_log(self, pattern: str, since: int = 0) -> re.Match[str]:
        """Wait until the log says something past a mark."""
        return await_text(self.log, pattern, since)


def await_text(log: Path, pattern: str, since: int = 0) -> re.Match[str]:
    """Wait for a pattern in a growing file, and return the match."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_bytes()[since:].decode("utf-8", "replace")):
            return found
        time.sleep(0.01)
    pytest.fail(f"no {pattern!r} in: {log.read_text('utf-8', 'replace')}")


@contextmanager
def serving(command: Sequence[str | Path], directory: Path, *ports: int) -> Iterator[Serving]:
    """Run a server until it accepts connections on its ports; end it by its process id.

    Without a port it chooses one, and says so as `openssl s_server` does.
    """
    log = directory / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        if not ports:
            ports = (int(await_text(log, r"ACCEPT .*:(\d+)")[1]),)
        for port in ports:
            _await_port(process, port, log)
        yield Serving(ports[0], log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("localhost", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"{process.args!r} does not serve: {log.read_text('utf-8', 'replace')}")


Find = Callable[[str], Path]
"""What the fixture ``interop_command`` gives."""


@contextmanager
def openssl_server(find: Find, directory: Path, staple: bytes, *options: str) -> Iterator[Serving]:
    """Run `openssl s_server` on what ``StaplingPKI.write`` wrote; it staples any octets."""
    (directory / "staple.der").write_bytes(staple)
    stapling = ["-status_file", "staple.der"] if staple else []
    command: list[str | Path] = [
        *(find("openssl"), "s_server", "-accept", "127.0.0.1:0", "-www"),
        *options,
        *("-cert", "server.pem", "-cert_chain", "ca.pem", "-key", "key.pem", *stapling),
    ]
    with serving(command, directory) as server:
        yield server


OPENSSL_VERSIONS: Final = {
    ssl.TLSVersion.TLSv1_2: "-tls1_2",
    ssl.TLSVersion.TLSv1_3: "-tls1_3",
}

ALERT_113: Final = "SSL alert number 113"
"""What `openssl s_server` says when a client ends the handshake for its staple."""

NO_ALERT: Final = "unexpected eof while reading"
"""What it says when a client goes away in the handshake."""


# --- the manual's programs -----------------------------------------------------------------------


def snippets(role: str) -> dict[str, str]:
    """Return the programs of the manual's page on stapling by name; ``role``: server or client."""
    page = (ROOT / "docs" / "manual" / "stapling.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```python {role}=(\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return dict(found)


def server_program(name: str, port: int) -> str:
    """Return a server of the manual, on another port, whose stapler may ask a local responder."""
    if name == "uvloop":
        program = snippets("server")["asyncio"]
        program = program.replace("asyncio.run(", "__import__('uvloop').run(")
    else:
        program = snippets("server")[name]
    return _LOCAL_STAPLER + program.replace("8443", str(port))


_LOCAL_STAPLER: Final = """
from functools import partial
from certstatus.staple import Stapler
from certstatus.tls import openssl
openssl.Stapler = partial(Stapler, allow_private=True, in_memory=True)
"""

_APPLICATION: Final = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
"""


@contextmanager
def manual_server(name: str, directory: Path) -> Iterator[Serving]:
    """Run a server of the manual in a directory with the PKI's files."""
    port = free_port()
    program = directory / ("gunicorn.conf.py" if name == "gunicorn" else "serve.py")
    program.write_text(server_program(name, port), encoding="utf-8")
    (directory / "application.py").write_text(_APPLICATION, encoding="utf-8")
    usual: list[str | Path] = [sys.executable, program]
    command = [sys.executable, "-m", "gunicorn", "application:wsgi"]
    with serving(command if name == "gunicorn" else usual, directory, port) as server:
        yield server


def free_port() -> int:
    """Find a port for a program that can't be asked which one it took.

    Below those that the system gives to whoever connects or asks for port 0, so that nobody
    takes it before the program does.
    """
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("unreachable: the ports come round again")


# --- programs that ask for a staple -------------------------------------------------------------


def ask_with_openssl(find: Find, server: Serving, version: ssl.TLSVersion) -> str:
    """Ask a server for its staple with `openssl s_client -status`; return what it shows."""
    return _told(
        *(find("openssl"), "s_client", "-connect", f"localhost:{server.port}", "-status"),
        OPENSSL_VERSIONS[version],
        *("-CAfile", server.root, "-verify_return_error", "-verify_hostname"),
        "localhost",
    )


def ask_with_gnutls(find: Find, server: Serving, version: ssl.TLSVersion) -> str:
    """Ask a server for its staple with `gnutls-cli`, which verifies it."""
    speak = "TLS1.2" if version is ssl.TLSVersion.TLSv1_2 else "TLS1.3"
    return _told(
        *(find("gnutls-cli"), f"localhost:{server.port}", "--verbose"),
        *(f"--x509cafile={server.root}", f"--priority=NORMAL:-VERS-ALL:+VERS-{speak}"),
    )


def ask_with_curl(find: Find, server: Serving, version: ssl.TLSVersion) -> str:
    """Fetch a page with `curl --cert-status`, which fails without a good staple."""
    most = "1.2" if version is ssl.TLSVersion.TLSv1_2 else "1.3"
    return _told(
        *(find("curl"), "--cert-status", "--silent", "--show-error", "--verbose"),
        *("--cacert", server.root, f"--tlsv{most}", "--tls-max", most),
        server.url,
    )


def _told(*command: str | Path) -> str:
    """Run a client to its end; it must be content."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    told = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, told
    return told
