"""``certstatus check --path`` over loopback: issuers, CRLs and responder as certificates name them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certstatus.cli.exit_codes import ExitCode
from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, CertStatus, Good, Revoked
from certstatus.pkix import Certificate, CRLReason
from certstatus.testing import Forge, Issued, TinyCA
from tests.cli.conftest import Run
from tests.one_handshake import tls_server
from tests.paths import AS_CA
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

NOW = SystemClock().now().replace(microsecond=0)
RunJSON = Callable[..., Any]


@dataclass
class Tree:
    """Root, CA and a server's certificate, and the place where all that it names is served."""

    root: TinyCA
    ca: TinyCA
    issued: Issued
    signed: Certificate
    folder: Path
    server: ScriptedServer
    status: CertStatus = field(default_factory=Good)
    ca_is_revoked: bool = False
    is_down: bool = False

    @property
    def anchors(self) -> Path:
        return self.folder / "root.pem"

    @property
    def leaf(self) -> Path:
        return self.folder / "leaf.pem"

    def answer(self, asked: Asked) -> Reply:
        if self.is_down:
            return Reply(status=503)
        if asked.path == "/ca.cer":
            return Reply(body=self.signed.der)
        if asked.path == "/root.crl":
            listed = [(self.signed.serial_number, NOW, CRLReason.CA_COMPROMISE)]
            return Reply(body=self.root.crl(listed if self.ca_is_revoked else []))
        forge = Forge(
            ca=self.ca,
            signer=self.ca.issue_responder("responder"),
            cert_ids=(CertID.for_certificate(self.issued.certificate, self.signed),),
            now=NOW,
            cert_status=self.status,
        )
        return Reply(body=forge.der, headers={"Content-Type": OCSP})


@pytest.fixture
def tree(server: ScriptedServer, tmp_path: Path) -> Tree:
    since = NOW - timedelta(hours=1)
    root, ca = TinyCA("Root", not_before=since), TinyCA("CA", not_before=since)
    signed = root.issue(
        "CA", key=ca.key, extensions=AS_CA, crl_uris=(f"{server.url}root.crl",)
    ).certificate
    issued = ca.issue_server(
        "localhost",
        ocsp_uris=(f"{server.url}ocsp",),
        ca_issuers_uris=(f"{server.url}ca.cer",),
    )
    (tmp_path / "root.pem").write_bytes(root.issued.certificate_pem)
    (tmp_path / "leaf.pem").write_bytes(issued.certificate_pem)
    made = Tree(root, ca, issued, signed, tmp_path, server)
    server.script = made.answer
    return made


def test_the_whole_path_is_found_and_each_certificate_checked(run: Run, tree: Tree) -> None:
    result = run("check", tree.leaf, "--path", "--anchors", tree.anchors, "--allow-private")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("CN=localhost (serial 0x")
    assert lines[1].startswith("  ✓  CN=localhost  good          an OCSP response of ")
    assert lines[2].startswith("  ✓  CN=CA         good          a CRL of ")
    assert lines[3].split() == ["•", "CN=Root", "trust", "anchor"]
    assert lines[-1].startswith("good  CN=localhost")
    assert "a valid path of 2 certificates to CN=Root; this holds until " in lines[-1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"status": Revoked(NOW, CRLReason.KEY_COMPROMISE)}, id="the certificate"),
        pytest.param({"ca_is_revoked": True}, id="its CA"),
    ],
)
def test_a_revocation_anywhere_ends_with_1(
    run: Run, run_json: RunJSON, tree: Tree, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(tree, name, value)
    options = ("--path", "--anchors", tree.anchors, "--allow-private")
    result = run("check", tree.leaf, *options, "--quiet")
    assert result.exit_code == 1
    assert result.stdout.startswith("revoked  CN=localhost")
    told = run_json("check", tree.leaf, *options)
    assert (told["verdict"], told["errors"]) == ("revoked", ["id-bvae-revoked"])
    assert sum("revocationTime" in one for one in told["path"]) == 1


def test_what_keeps_a_path_from_being_valid_is_told(run: Run, tree: Tree) -> None:
    other = tree.folder / "other.pem"
    other.write_bytes(TinyCA("Elsewhere").issued.certificate_pem)
    result = run("check", tree.leaf, "--path", "--anchors", other, "--allow-private")
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1].startswith("untrusted  CN=localhost")
    assert "no certificate leads from CN=localhost to an anchor" in result.stdout


def test_a_status_that_is_not_known_is_not_good(run: Run, tree: Tree) -> None:
    (tree.folder / "ca.pem").write_bytes(Issued(tree.signed, tree.ca.key).certificate_pem)
    pool = ("--pool", tree.folder / "ca.pem")
    options = (*pool, "--path", "--anchors", tree.anchors, "--allow-private", "--quiet")
    tree.is_down = True
    down = run("check", tree.leaf, *options, "--ca-revocation", "none")
    assert down.exit_code == 2
    assert "HTTP status 503" in down.stdout
    alone = run("check", tree.leaf, *options, "--no-fetch")
    assert alone.exit_code == ExitCode.UNREACHABLE
    unasked = run("check", tree.leaf, *options, "--revocation", "none")
    assert unasked.exit_code == 0
    assert len(unasked.stdout.splitlines()) == 1


def test_crls_at_hand_need_no_network(run: Run, run_json: RunJSON, tree: Tree) -> None:
    for name, data in {"root.crl": tree.root.crl(), "ca.crl": tree.ca.crl()}.items():
        (tree.folder / name).write_bytes(data)
    (tree.folder / "ca.pem").write_bytes(Issued(tree.signed, tree.ca.key).certificate_pem)
    told = run_json(
        "check",
        tree.leaf,
        *("--path", "--no-fetch", "--anchors", tree.anchors, "--issuer", tree.folder / "ca.pem"),
        *("--crl", tree.folder / "root.crl", "--crl", tree.folder / "ca.crl"),
    )
    assert told["verdict"] == "good"
    assert [one["status"] for one in told["path"]] == ["good", "good"]
    assert tree.server.asked == []


def test_another_time_is_judged_by_what_was_known_then(run: Run, tree: Tree) -> None:
    options = ("--path", "--anchors", tree.anchors, "--allow-private", "--quiet")
    later = f"{NOW + timedelta(days=800):%Y-%m-%d}"
    result = run("check", tree.leaf, *options, "--at", later)
    assert result.exit_code == 3
    assert "expired" in result.stdout


def test_a_host_must_bear_its_name(run: Run, tree: Tree, tmp_path: Path) -> None:
    options = ("--path", "--anchors", tree.anchors, "--allow-private", "--quiet")
    with tls_server(tmp_path, tree.issued) as port:
        assert run("check", f"localhost:{port}", *options).exit_code == 0
    alternative = x509.SubjectAlternativeName([x509.DNSName("elsewhere.example")])
    stranger = tree.ca.issue(
        "localhost",
        extensions=((alternative, False),),
        ca_issuers_uris=(f"{tree.server.url}ca.cer",),
    )
    with tls_server(tmp_path, stranger) as port:
        result = run("check", f"localhost:{port}", *options)
        assert result.exit_code == 3
        assert "does not bear dNSName:localhost" in result.stdout
    with tls_server(tmp_path, stranger) as port:
        free = run("check", f"localhost:{port}", *options, "--any-name", "--revocation", "none")
        assert free.exit_code == 0


def test_the_json_has_its_documented_shape(run_json: RunJSON, tree: Tree) -> None:
    told = run_json("check", tree.leaf, "--path", "--anchors", tree.anchors, "--allow-private")
    assert list(told) == [
        *("target", "verdict", "validationTime", "path", "anchor"),
        *("errors", "reasons", "policies", "pathsTried"),
    ]
    assert list(told["path"][0]) == [
        *("subject", "issuer", "serialNumber", "status", "reason", "nextUpdate")
    ]
    assert (told["anchor"], told["pathsTried"]) == ("CN=Root", 1)


def test_several_are_shown_in_their_order(run: Run, tree: Tree) -> None:
    missing = tree.folder / "no.pem"
    options = ("--path", "--anchors", tree.anchors, "--allow-private", "--jsonl")
    result = run("check", tree.leaf, missing, tree.leaf, *options)
    assert result.exit_code == ExitCode.USAGE
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["verdict"] for one in lines] == ["good", None, "good"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--path", "--url", "http://x.example/"], "--url does not go with --path"),
        (["--path", "--nonce", "required"], "--nonce does not go with --path"),
        (["--anchors", "root.pem"], "--anchors goes with --path alone"),
        (["--at", "2026-01-01"], "--at goes with --path alone"),
    ],
    ids=["url", "nonce", "anchors", "at"],
)
def test_options_that_do_not_go_together_are_refused(
    run: Run, tree: Tree, options: list[str], problem: str
) -> None:
    result = run("check", tree.leaf, *options)
    assert result.exit_code == ExitCode.USAGE
    assert problem in result.stderr


@pytest.mark.rule("S10")
def test_an_anchor_that_is_none_is_refused(run: Run, tree: Tree) -> None:
    result = run("check", tree.leaf, "--path", "--anchors", tree.leaf)
    assert result.exit_code == ExitCode.MALFORMED
    assert "leaf.pem: is no trust anchor" in result.stderr


def test_without_the_extra_a_line_says_what_to_install(tree: Tree) -> None:
    code = (
        "import sys; sys.modules['pyhanko_certvalidator'] = None\n"
        "from certstatus.cli import main\n"
        f"main(['check', {str(tree.leaf)!r}, '--path', '--anchors', {str(tree.anchors)!r},"
        " '--allow-private'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "pip install 'certstatus[scvp]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_anchors_the_systems_count(
    run: Run, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tree.anchors))
    monkeypatch.setenv("SSL_CERT_DIR", str(tree.folder / "none"))
    options = ("--path", "--allow-private", "--quiet")
    assert run("check", tree.leaf, *options).exit_code == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(tree.folder / "none.pem"))
    result = run("check", tree.leaf, *options)
    assert result.exit_code == ExitCode.CONFIG
    assert "name them with --anchors FILE" in result.stderr
