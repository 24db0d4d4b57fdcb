from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.clock import SystemClock
from certstatus.ocsp import (
    CertID,
    CertStatus,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    encode_request,
)
from certstatus.pkix import CRLReason
from certstatus.testing import LIES, Forge, Lab, TinyCA
from tests.cli.conftest import Run

RunJSON = Callable[..., Any]
NOW = SystemClock().now().replace(microsecond=0)


@pytest.fixture
def forge(lab: Lab) -> Forge:
    """An honest answer about the lab's good certificate."""
    cert_id = CertID.for_certificate(lab.good.certificate, lab.ca.certificate)
    return Forge(ca=lab.ca, signer=lab.responder, cert_ids=(cert_id,), now=NOW)


@pytest.fixture
def verify(run: Run, lab: Lab, tmp_path: Path) -> Callable[..., Any]:
    """Write a response and verify it about the lab's good certificate."""

    def call(response: Forge | bytes, *options: object) -> Any:
        file = tmp_path / "answer.der"
        file.write_bytes(response if isinstance(response, bytes) else response.der)
        asked = ("--cert", lab.certificates["good"], "--issuer", lab.ca_certificate)
        return run("verify", file, *asked, *options)

    return call


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (Good(), 0, "good"),
        (Revoked(NOW - timedelta(days=2), CRLReason.KEY_COMPROMISE), 1, "revoked"),
        (Unknown(), 2, "unknown"),
    ],
)
def test_the_verdict_ends_the_report_and_sets_the_exit_code(
    verify: Callable[..., Any], forge: Forge, status: CertStatus, code: int, word: str
) -> None:
    result = verify(forge.but(cert_status=status))
    assert result.exit_code == code
    *checks, blank, verdict = result.stdout.splitlines()
    assert blank == ""
    assert verdict.startswith(f"{word}  CN=good.example (serial 0x3e9): ")
    assert sum("✓" in line for line in checks) > 15
    assert "✗" not in result.stdout


def test_revoked_says_since_when_and_why(verify: Callable[..., Any], forge: Forge) -> None:
    status = Revoked(NOW - timedelta(days=2), CRLReason.KEY_COMPROMISE)
    (line,) = verify(forge.but(cert_status=status), "--quiet").stdout.splitlines()
    assert "revoked for keyCompromise since" in line
    assert "(2 days ago)" in line
    assert "the answer holds until" in line


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_unmasked_by_its_rule(run: Run, tmp_path: Path, lie: str) -> None:
    rule, tell = LIES[lie]
    ca = TinyCA()
    honest = Forge.honest(ca, 1000)
    nonce = Extensions.of(Nonce(bytes(range(32))))
    query = encode_request(honest.cert_ids, request_extensions=nonce)
    (tmp_path / "q.der").write_bytes(query)
    (tmp_path / "a.der").write_bytes(tell(honest.but(response_extensions=nonce)).der)
    (tmp_path / "ca.pem").write_bytes(ca.issued.certificate_pem)
    args = (
        *("verify", tmp_path / "a.der", "--request", tmp_path / "q.der", "--serial", "3e8"),
        *("--issuer", tmp_path / "ca.pem", "--at", honest.now.isoformat()),
    )
    told = json.loads(run(*args, "--json").stdout)
    assert rule in {one["rule"] for one in told["checks"] if one["outcome"] == "fail"}
    result = run(*args)
    assert result.exit_code == {"untrusted": 3, "refused": 4}[told["verdict"]]
    assert "✗" in result.stdout
    assert "don't believe it" in result.stdout or "says nothing" in result.stdout


def test_the_json_has_its_documented_shape(
    run_json: RunJSON, lab: Lab, forge: Forge, tmp_path: Path
) -> None:
    (tmp_path / "a.der").write_bytes(forge.der)
    told = run_json("verify", tmp_path / "a.der", "--serial", "3e9", "--issuer", lab.ca_certificate)
    assert list(told) == ["target", "verdict", "status", "responseStatus", "checks", "findings"]
    assert told["target"]["serialNumber"] == "3e9"
    assert told["status"]["certStatus"] == "good"
    assert all({"rule", "name", "outcome", "reason"} <= set(one) for one in told["checks"])


def test_several_certificates_have_a_result_each_and_the_worst_verdict(
    run: Run, run_json: RunJSON, lab: Lab, forge: Forge, tmp_path: Path
) -> None:
    revoked = CertID.for_certificate(lab.revoked.certificate, lab.ca.certificate)
    single = forge.but(cert_status=Revoked(NOW)).single(revoked)
    (tmp_path / "a.der").write_bytes(forge.but(more=(single,)).der)
    args = (
        *("verify", tmp_path / "a.der", "--issuer", lab.ca_certificate),
        *("--cert", lab.certificates["good"], "--cert", lab.certificates["revoked"]),
    )
    told = run_json(*args)
    assert told["verdict"] == "revoked"
    assert [one["verdict"] for one in told["results"]] == ["good", "revoked"]
    result = run(*args, "-q")
    assert result.exit_code == 1
    assert "CN=revoked.example" in result.stdout


@pytest.mark.rule("O10")
@pytest.mark.parametrize("status", [one for one in OCSPResponseStatus if one])
def test_an_error_status_is_refused(verify: Callable[..., Any], status: OCSPResponseStatus) -> None:
    result = verify(encode_error_response(status))
    assert result.exit_code == 4
    assert f"the responder answered {status.label}" in result.stdout


@pytest.mark.parametrize(
    "data", [b"\x30\x03\x02\x01\x00", b"\x00junk", bytes.fromhex("30030a0104")]
)
def test_what_is_no_response_is_malformed(verify: Callable[..., Any], data: bytes) -> None:
    result = verify(data)
    assert result.exit_code == 65
    assert result.stdout.splitlines()[-1].startswith("malformed  ")


def test_the_options_set_how_strictly_it_is_judged(
    verify: Callable[..., Any], forge: Forge, lab: Lab, tmp_path: Path
) -> None:
    def code(response: Forge, *options: object) -> int:
        exit_code: int = verify(response, *options).exit_code
        return exit_code

    endless = forge.but(has_next_update=False)
    assert code(endless) == 3
    assert code(endless, "--allow-no-next-update") == 0
    assert code(endless, "--allow-no-next-update", "--max-age", "5m", "--skew", "0") == 3
    assert code(endless, "--allow-no-next-update", "--max-age", "1h") == 0
    late = forge.but(next_update=NOW - timedelta(minutes=20), this_update=NOW - timedelta(hours=2))
    assert code(late) == 3
    assert code(late, "--skew", "1h") == 0
    assert code(late, "--at", (NOW - timedelta(hours=1)).isoformat()) == 3  # not yet produced
    assert code(late, "--at", (NOW - timedelta(minutes=21)).isoformat(), "--skew", "30m") == 0
    sha1 = LIES["SHA-1 signature"][1](forge)
    assert code(sha1) == 3
    assert code(sha1, "--allow-sha1") == 0
    leaf = LIES["leaf without the purpose"][1](forge)
    assert code(leaf) == 3
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(leaf.signer.certificate_pem)
    assert code(leaf, "--trust", trusted) == 0
    query = tmp_path / "q.der"
    nonce = Extensions.of(Nonce(bytes(32)))
    query.write_bytes(encode_request(forge.cert_ids, request_extensions=nonce))
    assert code(forge, "--request", query) == 0
    assert code(forge, "--request", query, "--nonce", "required") == 3
    assert (
        code(forge.but(response_extensions=nonce), "--request", query, "--nonce", "required") == 0
    )


@pytest.mark.rule("O24")
def test_a_delegate_without_nocheck_may_be_vouched_for_by_a_stored_response(
    verify: Callable[..., Any], forge: Forge, lab: Lab, tmp_path: Path
) -> None:
    delegate = lab.ca.issue_responder(nocheck=False, ocsp_uris=["http://ocsp.example/"])
    answer = forge.but(signer=delegate)
    assert verify(answer).exit_code == 3
    assert verify(answer, "--delegate-status", "off").exit_code == 0

    def about_delegate(status: CertStatus) -> Path:
        cert_id = CertID.for_certificate(delegate.certificate, lab.ca.certificate)
        file = tmp_path / "delegate.der"
        file.write_bytes(forge.but(cert_ids=(cert_id,), cert_status=status).der)
        return file

    assert verify(answer, "--delegate-response", about_delegate(Good())).exit_code == 0
    assert verify(answer, "--delegate-response", about_delegate(Revoked(NOW))).exit_code == 3


USAGE, MALFORMED = ExitCode.USAGE, ExitCode.MALFORMED
GOOD = "{tmp}/a.der --issuer {lab}/ca.pem"
WRONG = {
    "nobody": (GOOD, USAGE, "name a certificate with --cert"),
    "no issuer": ("{tmp}/a.der --cert {lab}/good.pem", USAGE, "name it with --issuer"),
    "missing response": ("{tmp}/no.der --serial 1 --issuer {lab}/ca.pem", USAGE, "No such file"),
    "empty response": ("{tmp}/empty --serial 1 --issuer {lab}/ca.pem", MALFORMED, "is empty"),
    "directory": ("{tmp} --serial 1 --issuer {lab}/ca.pem", USAGE, "Is a directory"),
    "missing certificate": (f"{GOOD} --cert {{tmp}}/no.pem", USAGE, "No such file"),
    "a response as certificate": (f"{GOOD} --cert {{tmp}}/a.der", MALFORMED, "OCSPResponse"),
    "a response as request": (
        f"{GOOD} --serial 1 --request {{tmp}}/a.der",
        MALFORMED,
        "OCSPRequest",
    ),
    "bad time": (f"{GOOD} --serial 1 --at noon", USAGE, "'noon' is no time"),
    "bad span": (f"{GOOD} --serial 1 --skew much", USAGE, "no length of time"),
    "two responses": ("{lab}/two.pem --serial 1 --issuer {lab}/ca.pem", USAGE, "No such file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_asked_wrongly_is_refused_in_a_line(
    run: Run, lab: Lab, forge: Forge, tmp_path: Path, name: str
) -> None:
    (tmp_path / "a.der").write_bytes(forge.der)
    (tmp_path / "empty").write_bytes(b"")
    line, code, said = WRONG[name]
    result = run("verify", *line.format(lab=lab.directory, tmp=tmp_path).split())
    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr.splitlines()[0]


def test_the_wrong_issuer_is_judged_and_named(
    run: Run, lab: Lab, forge: Forge, tmp_path: Path
) -> None:
    (tmp_path / "a.der").write_bytes(forge.der)
    good, revoked = lab.certificates["good"], lab.certificates["revoked"]
    result = run("verify", tmp_path / "a.der", "--cert", good, "--issuer", revoked)
    assert result.exit_code == 3
    assert "certificate and issuer" in result.stdout


def test_findings_are_told_beside_the_verdict(verify: Callable[..., Any], forge: Forge) -> None:
    extra = forge.single(CertID.of(forge.ca.certificate, 77))
    result = verify(forge.but(certs=(b"\x30\x00", forge.signer.certificate.der), more=(extra,)))
    assert result.exit_code == 0
    assert "Worth knowing" in result.stdout
    assert "  ! " in result.stdout


VECTORS = Path(cryptography_vectors.__file__).parent / "x509" / "ocsp"


@pytest.mark.parametrize("file", sorted(VECTORS.glob("*resp*.der")), ids=lambda one: one.stem)
def test_every_vector_is_judged_for_a_stated_reason(
    run_json: RunJSON, lab: Lab, file: Path
) -> None:
    told = run_json("verify", file, "--serial", "1", "--issuer", lab.ca_certificate)
    failed = [one for one in told["checks"] if one["outcome"] == "fail"]
    assert told["verdict"] in {"untrusted", "refused", "malformed"}
    assert failed
    assert all(one["reason"] and one["rule"] for one in failed)
