"""`openssl ocsp` asks our responder, and judges what it is told."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from certstatus.testing.lab import Lab

pytestmark = pytest.mark.interop

Ask = Callable[..., str]


@pytest.fixture
def ask(lab: Lab, our_url: str, interop_command: Callable[[str], Path]) -> Ask:
    """Ask our responder with `openssl ocsp`, and return what that says."""

    def run(*options: str, url: str | None = our_url) -> str:
        command = [
            *(str(interop_command("openssl")), "ocsp", "-issuer", str(lab.ca_certificate)),
            *("-CAfile", str(lab.ca_certificate)),
            *(("-url", url) if url else ()),
            *options,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
@pytest.mark.parametrize(
    ("name", "status"), [("good", "good"), ("revoked", "revoked"), ("never-issued", "unknown")]
)
@pytest.mark.rule("O12", "N2", "N3")
def test_openssl_believes_each_status_with_and_without_a_nonce(
    lab: Lab, ask: Ask, name: str, status: str, nonce: str
) -> None:
    certificate = lab.certificates[name]

    told = ask("-cert", str(certificate), nonce)

    assert "Response verify OK" in told
    assert f"{certificate}: {status}" in told
    assert "WARNING" not in told


@pytest.mark.rule("O12", "O28")
def test_openssl_reads_the_reason_of_a_revocation(lab: Lab, ask: Ask) -> None:
    told = ask("-cert", str(lab.certificates["revoked"]))

    assert "Reason: keyCompromise" in told
    assert "Revocation Time:" in told


@pytest.mark.parametrize("digest", ["-sha1", "-sha256", "-sha384", "-sha512"])
@pytest.mark.rule("O1", "L1")
def test_openssl_may_name_the_certificate_under_any_hash(lab: Lab, ask: Ask, digest: str) -> None:
    certificate = lab.certificates["good"]

    told = ask(digest, "-cert", str(certificate))

    assert f"{certificate}: good" in told


@pytest.mark.rule("O15")
def test_openssl_gets_three_answers_to_three_questions(lab: Lab, ask: Ask) -> None:
    names = ("good", "revoked", "never-issued")

    told = ask(*(word for name in names for word in ("-cert", str(lab.certificates[name]))))

    for name, status in zip(names, ("good", "revoked", "unknown"), strict=True):
        assert f"{lab.certificates[name]}: {status}" in told


@pytest.mark.rule("L2", "O4")
def test_a_request_that_openssl_signed_is_answered(lab: Lab, ask: Ask) -> None:
    certificate = lab.certificates["good"]

    told = ask(
        *("-cert", str(certificate), "-signer", str(certificate)),
        *("-signkey", str(lab.directory / "good.key")),
    )

    assert "Response verify OK" in told
    assert f"{certificate}: good" in told


@pytest.mark.rule("O32")
def test_openssl_believes_what_a_get_brings(
    lab: Lab, ask: Ask, our_url: str, tmp_path: Path
) -> None:
    request, response = tmp_path / "question.der", tmp_path / "answer.der"
    certificate = lab.certificates["revoked"]
    ask("-cert", str(certificate), "-no_nonce", "-reqout", str(request), url=None)
    path = quote(b64encode(request.read_bytes()).decode("ascii"), safe="")
    answer = httpx2.get(our_url + path, trust_env=False)
    response.write_bytes(answer.content)

    told = ask("-cert", str(certificate), "-no_nonce", "-respin", str(response), url=None)

    assert answer.headers["content-type"] == "application/ocsp-response"
    assert "Response verify OK" in told
    assert f"{certificate}: revoked" in told
