"""`make run`: a CA's statuses served, asked for, judged and stapled, for real, in one minute.

Makes a CA with three certificates, enters two of them into a status database, revokes
one, serves what the database says, and asks for all three: with our requestor and with
`openssl ocsp`, by GET and by POST, with a nonce and without. Then a TLS server of the
standard library staples what the responder says, before a revocation and after it, and
our probe and `openssl s_client` look at it. Last an SCVP server validates a whole path, once
before its leaf is revoked and once after. Ends with a non-zero exit code if anything is
not what it should be. ONCE=1 ends it after that; else the responder stays up.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.console import Console
from rich.table import Table

from certstatus.fetch import Exchange, HTTPDoor
from certstatus.pkix import Certificate
from certstatus.requestor import AskPolicy, CheckPolicy, Method, Requestor
from certstatus.staple import Stapler
from certstatus.testing import Issued
from certstatus.testing.lab import Lab, build_lab
from certstatus.tls import staple

OUT = Console(highlight=False, soft_wrap=True)
EXPECTED = {"good": "good", "revoked": "revoked", "never-issued": "unknown"}
STYLES = {"good": "green", "revoked": "red", "unknown": "yellow"}
START_SECONDS = 20


@dataclass(frozen=True)
class Asking:
    """One way of asking: a row of the table."""

    who: str
    method: str
    nonce: bool
    ask: Callable[[str], str]

    @property
    def how(self) -> str:
        """The method, and the nonce if there is one."""
        return f"{self.method} + nonce" if self.nonce else self.method


def main() -> int:
    """Show the main job; return the exit code."""
    logging.basicConfig(format="  [%(name)s] %(message)s", stream=sys.stdout)
    with tempfile.TemporaryDirectory(prefix="certstatus-") as folder:
        port = _free_port()
        url = f"http://127.0.0.1:{port}/"
        lab = build_lab(Path(folder) / "lab", now=datetime.now(UTC), ocsp_url=url)
        _heading("A CA, its delegated responder, and three certificates")
        OUT.print(f"  {lab.directory}: ca, responder, good, revoked, never-issued (.pem, .key)")
        _heading("Its books: two certificates are entered, one of them is revoked")
        _keep_books(lab)
        _heading(f"Its responder, at {url}")
        with _responder(lab, port):
            is_right = _ask_all(lab, url)
            _heading("One response explained: good.pem, as `certstatus show` tells it")
            _show(lab, url)
            _heading("A TLS server that staples what the responder says")
            is_right = _staple(lab, url) and is_right
            _heading("An SCVP server that validates the whole path for others")
            is_right = _delegate(lab) and is_right
            _heading("What to try next")
            _suggest(lab)
            if not os.environ.get("ONCE"):
                _stay()
    return 0 if is_right else 1


# --- the steps ----------------------------------------------------------------------------


def _keep_books(lab: Lab) -> None:
    revoked = lab.revoked.certificate.serial_number
    for arguments in (
        ["db", "init", "--issuer", "ca.pem"],
        ["db", "import", "good.pem", "revoked.pem"],
        ["db", "revoke", f"{revoked:X}", "--reason", "keyCompromise"],
    ):
        _command(lab, arguments)


@contextmanager
def _responder(lab: Lab, port: int) -> Iterator[None]:
    """Run the responder, wait until it answers, and end it at the end."""
    arguments = [
        *("serve", "--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key"),
        *("--database", "certstatus.db", "--port", str(port), "--no-access-log"),
    ]
    OUT.print(f"  [bold]$ certstatus {shlex.join(arguments)}[/]")
    with _serving(lab, arguments, port):
        yield


@contextmanager
def _serving(lab: Lab, arguments: list[str], port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "certstatus", *arguments]
    log = lab.directory / f"serve-{port}.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=lab.directory, stdout=file, stderr=file) as process,
    ):
        try:
            _await_port(process, port, log)
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _ask_all(lab: Lab, url: str) -> bool:
    """Ask in every way, print the table, and say whether every verdict is right."""
    askings = [
        *_ways_of_ours(lab, url),
        *_ways_of_openssl(lab, url),
    ]
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for title in ("who asks", "how", *(f"{name}.pem" for name in EXPECTED)):
        table.add_column(title, no_wrap=True)
    is_right = True
    for asking in askings:
        cells = []
        for name, expected in EXPECTED.items():
            started = time.perf_counter()
            verdict = asking.ask(name)
            elapsed = (time.perf_counter() - started) * 1000
            is_right = is_right and verdict == expected
            cells.append(f"[{STYLES.get(verdict, 'reverse')}]{verdict}[/] {elapsed:.0f} ms")
        table.add_row(asking.who, asking.how, *cells)
    OUT.print()
    OUT.print(table)
    OUT.print(f"\n  {'every verdict is right' if is_right else '[red]a verdict is wrong[/]'}")
    return is_right


def _ways_of_ours(lab: Lab, url: str) -> Iterator[Asking]:
    requestor = Requestor(urls=(url,))

    def way(method: Method, nonce: bool) -> Callable[[str], str]:
        policy = CheckPolicy(ask=AskPolicy(method=method), send_nonce=nonce)

        def ask(name: str) -> str:
            certificate = _certificate(lab, name)
            asking = replace(requestor, policy=policy)
            return asking.check(certificate, lab.ca.certificate).verdict.value

        return ask

    for method in (Method.GET, Method.POST):
        for nonce in (False, True):
            yield Asking("certstatus", method.value.upper(), nonce, way(method, nonce))


def _ways_of_openssl(lab: Lab, url: str) -> Iterator[Asking]:
    """Let `openssl ocsp` ask by POST; by GET it makes the request and judges the answer."""

    def post(nonce: str) -> Callable[[str], str]:
        return lambda name: _verdict(_openssl(lab, name, nonce, "-url", url), name)

    def get(nonce: str) -> Callable[[str], str]:
        def ask(name: str) -> str:
            question, answer = lab.directory / "question.der", lab.directory / "answer.der"
            _openssl(lab, name, nonce, "-reqout", str(question))
            path = quote(b64encode(question.read_bytes()).decode("ascii"), safe="")
            answer.write_bytes(HTTPDoor().fetch(Exchange(url=url + path)).body)
            files = ("-reqin", str(question), "-respin", str(answer))
            return _verdict(_openssl(lab, name, "-no_nonce", *files), name)

        return ask

    for method, way in (("GET", get), ("POST", post)):
        for nonce in ("-no_nonce", "-nonce"):
            yield Asking("openssl ocsp", method, nonce == "-nonce", way(nonce))


def _openssl(lab: Lab, name: str, *options: str) -> str:
    command = ["openssl", "ocsp", "-issuer", "ca.pem", "-CAfile", "ca.pem", *options]
    return _run([*command, "-cert", f"{name}.pem"], lab.directory, check=False)


def _verdict(told: str, name: str) -> str:
    """Read the verdict of `openssl ocsp`, or what it complains of; its exit code says nothing."""
    found = [line for line in told.splitlines() if line.startswith(f"{name}.pem: ")]
    if "Response verify OK" not in told or "WARNING" in told or not found:
        return told.strip()
    return found[0].partition(": ")[2]


def _show(lab: Lab, url: str) -> None:
    requestor = Requestor(urls=(url,))
    result = requestor.check(lab.good.certificate, lab.ca.certificate)
    answer = lab.directory / "good.ors"
    answer.write_bytes(result.require().der)
    OUT.print("  [bold]$ certstatus show good.ors[/]\n")
    command = [sys.executable, "-m", "certstatus", "show", "good.ors"]
    OUT.file.flush()
    subprocess.run(command, cwd=lab.directory, check=True)


# --- stapling -----------------------------------------------------------------------------


def _staple(lab: Lab, url: str) -> bool:
    """Staple, look, revoke, and look again; say whether each look found what it should."""
    _issue_www(lab, url)
    with Stapler(in_memory=True, allow_private=True) as stapler, _tls_server(lab, stapler) as port:
        is_good = _look(lab, port, "good")
        _command(lab, ["db", "revoke", "www.pem", "--reason", "superseded"])
        OUT.print("  [dim]and the stapler, which would ask again in time, is told to ask now[/]")
        (state,) = stapler.states()
        before = stapler.staple(state.certificate.fingerprint)
        stapler.refresh()
        deadline = time.monotonic() + START_SECONDS
        while stapler.staple(state.certificate.fingerprint) is before:
            if time.monotonic() > deadline:
                raise SystemExit(f"no new staple comes: {state.last_error}")
            time.sleep(0.02)
        return _look(lab, port, "revoked") and is_good


def _issue_www(lab: Lab, url: str) -> None:
    """Issue a certificate for the TLS server, and enter it into the books."""
    www = lab.ca.issue_server("www.example", ocsp_uris=(url,))
    (lab.directory / "www.pem").write_bytes(www.certificate.parsed.public_bytes(Encoding.PEM))
    plain = PrivateFormat.PKCS8, NoEncryption()
    (lab.directory / "www.key").write_bytes(www.key.private_bytes(Encoding.PEM, *plain))
    _command(lab, ["db", "import", "www.pem"])


@contextmanager
def _tls_server(lab: Lab, stapler: Stapler) -> Iterator[int]:
    """Serve TLS as any program of the standard library does, but for one line."""
    OUT.print("  [bold]>>> context.load_cert_chain('www.pem', 'www.key')[/]")
    OUT.print("  [bold]>>> certstatus.tls.staple(context)[/]\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.directory / "www.pem", lab.directory / "www.key")
    staple(context, stapler, issuers=[lab.ca.certificate])
    with _HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _HTTPServer(HTTPServer):
    """Says nothing of clients that shake hands and go."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet."""


def _look(lab: Lab, port: int, expected: str) -> bool:
    """Look at the staple with our probe and with `openssl s_client`."""
    probe = ["probe", f"127.0.0.1:{port}", "--servername", "www.example", "--cafile", "ca.pem"]
    told = _command(lab, [*probe, "--allow-private", "--quiet"], check=False)
    OUT.print(f"  {told.strip()}\n")
    peer = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "www.example"]
    peer += ["-status", "-CAfile", "ca.pem"]
    OUT.print(f"  [bold]$ {shlex.join(peer)}[/]   [dim]what it says of the status:[/]")
    said = _run(peer, lab.directory, check=False)
    telling = ("OCSP Response Status", "Cert Status", "Revocation", "This Update", "Next Update")
    for line in said.splitlines():
        if line.strip().startswith(telling):
            OUT.print(f"  {line.strip()}")
    OUT.print()
    return expected in told and f"Cert Status: {expected}" in said


# --- delegated validation -----------------------------------------------------------------

SCVP = """\
[server]
port = {port}
[scvp]
state_file = "scvp.json"
[[scvp.signer]]
certificate = "scvp.pem"
key = "scvp.key"
[[scvp.policy]]
anchors = ["ca.pem"]
[[authority]]
certificate = "ca.pem"
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
database = "certstatus.db"
"""


def _delegate(lab: Lab) -> bool:
    """Have a path validated, revoke its leaf, and have it validated again; say if both are right."""
    port = _free_port()
    _write(lab, "scvp", lab.ca.issue_scvp(common_name="SCVP server"))
    _write(lab, "path", lab.ca.issue_server("path.example"))
    _command(lab, ["db", "import", "path.pem"])
    (lab.directory / "scvp.toml").write_text(SCVP.format(port=port), "utf-8")
    arguments = ["serve", "--config", "scvp.toml"]
    OUT.print(f"  [bold]$ certstatus {shlex.join(arguments)}[/]")
    with _serving(lab, arguments, port):
        url = f"http://127.0.0.1:{port}/scvp"
        asking = ["scvp", "check", "path.pem", "--url", url, "--trust", "scvp.pem", "--quiet"]
        before = _command(lab, asking, check=False)
        OUT.print(f"  {before.strip()}\n")
        _command(lab, ["db", "revoke", "path.pem", "--reason", "keyCompromise"])
        after = _command(lab, asking, check=False)
        OUT.print(f"  {after.strip()}")
    return "good" in before and "revoked" in after


def _write(lab: Lab, name: str, issued: Issued) -> None:
    (lab.directory / f"{name}.pem").write_bytes(issued.certificate_pem)
    (lab.directory / f"{name}.key").write_bytes(issued.key_pem())


def _command(lab: Lab, arguments: list[str], *, check: bool = True) -> str:
    OUT.print(f"  [bold]$ certstatus {shlex.join(arguments)}[/]")
    command = [sys.executable, "-m", "certstatus", *arguments]
    return _run(command, lab.directory, check=check)


def _suggest(lab: Lab) -> None:
    OUT.print(f"  [bold]$ cd {lab.directory}[/]")
    for line in (
        "certstatus check good.pem revoked.pem --issuer ca.pem --allow-private",
        "certstatus db hold 3E9 && certstatus check good.pem --issuer ca.pem --allow-private",
        "certstatus request --issuer ca.pem --cert good.pem --nonce -o q.der",
        "certstatus rule O22",
    ):
        OUT.print(f"  [bold]$ {line}[/]")


def _stay() -> None:
    OUT.print("\n  The responder stays up; Ctrl-C ends it, and removes the folder.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        OUT.print()


# --- odds and ends -------------------------------------------------------------------------


def _heading(text: str) -> None:
    OUT.print(f"\n[bold cyan]{text}[/]")


def _certificate(lab: Lab, name: str) -> Certificate:
    (certificate,) = Certificate.load(lab.certificates[name].read_bytes())
    return certificate


def _run(command: list[str], directory: Path, *, check: bool = True) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    told = done.stdout + done.stderr
    if check and done.returncode:
        raise SystemExit(f"{shlex.join(command)}: {told}")
    return told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the responder does not start: {log.read_text('utf-8', 'replace')}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
