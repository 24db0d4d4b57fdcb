"""Twisted, run as the manual says: its server staples, its client judges what is stapled."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stapling import (
    ALERT_113,
    PATIENCE,
    Find,
    Serving,
    ask_with_curl,
    ask_with_gnutls,
    ask_with_openssl,
    both_versions,
    snippets,
)

pytestmark = pytest.mark.interop

Serve = Callable[[str], Serving]
Stapled = Callable[[str, ssl.TLSVersion], Serving]


# --- its server -----------------------------------------------------------------------------------


@both_versions
@pytest.mark.rule("T3", "T5", "T12")
def test_its_server_staples_to_peers_that_verify(
    serve: Serve, interop_command: Find, version: ssl.TLSVersion
) -> None:
    server = serve("twisted")

    assert "Cert Status: good" in ask_with_openssl(interop_command, server, version)
    assert "Certificate Status: good" in ask_with_gnutls(interop_command, server, version)
    assert "SSL certificate status: good" in ask_with_curl(interop_command, server, version)


# --- its client -----------------------------------------------------------------------------------


def run_client(server: Serving, *, host: str = "localhost") -> subprocess.CompletedProcess[str]:
    """Run the manual's client against a server, trusting the server's root."""
    program = snippets("client")["twisted"].replace("https://localhost", f"https://{host}")
    return subprocess.run(
        [sys.executable, "-c", program.replace("8443", str(server.port))],
        env={"SSL_CERT_FILE": str(server.root)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@both_versions
@pytest.mark.rule("T4")
def test_its_client_takes_a_good_staple(stapled: Stapled, version: ssl.TLSVersion) -> None:
    done = run_client(stapled("good", version))

    assert (done.stdout, done.stderr, done.returncode) == ("localhost: good\n", "", 0)


@both_versions
@pytest.mark.rule("T4")
@pytest.mark.parametrize("kind", ["revoked", "expired", "of another certificate", "tampered with"])
def test_its_client_refuses_a_wrong_staple_with_alert_113(
    stapled: Stapled, version: ssl.TLSVersion, kind: str
) -> None:
    server = stapled(kind, version)
    mark = server.mark()

    done = run_client(server)

    assert "invalid status response" in done.stderr
    assert done.returncode == 1
    server.await_log(ALERT_113, mark)


def test_its_client_verifies_the_host_as_ever(stapled: Stapled) -> None:
    done = run_client(stapled("good", ssl.TLSVersion.TLSv1_3), host="127.0.0.1")

    assert "VerificationError" in done.stderr
    assert done.returncode == 1


def test_its_client_verifies_certificates_as_ever(stapled: Stapled, tmp_path: Path) -> None:
    trusted = stapled("good", ssl.TLSVersion.TLSv1_3)
    (tmp_path / "root.pem").write_text("", encoding="ascii")

    done = run_client(Serving(trusted.port, tmp_path / "server.log"))

    assert "certificate verify failed" in done.stderr
    assert done.returncode == 1
