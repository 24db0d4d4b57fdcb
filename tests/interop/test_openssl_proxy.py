"""`openssl ocsp` as the upstream of our proxy, and as its client."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from certstatus.ocsp import CertID, Good, Revoked, Unknown
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.testing.lab import Lab
from tests.responding import Responding

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def over_openssl(
    lab: Lab, openssl_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Responding]:
    arguments = [
        *("--port", "0", "--ca", str(lab.ca_certificate)),
        *("--proxy", openssl_url, "--nonce", "forward"),
    ]
    with Responding(arguments, tmp_path_factory.mktemp("proxied")) as one:
        yield one


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O12", "O15")
def test_each_status_is_handed_on_under_the_hash_that_was_asked(
    lab: Lab, over_openssl: Responding, algorithm: HashAlgorithm
) -> None:
    def ask(serial_number: int) -> object:
        cert_id = CertID.of(lab.ca.certificate, serial_number, algorithm)
        single = over_openssl.ask(cert_id)
        assert single.cert_id == cert_id
        return single.cert_status

    assert ask(lab.good.certificate.serial_number) == Good()
    assert ask(lab.never_issued.certificate.serial_number) == Unknown()
    status = ask(lab.revoked.certificate.serial_number)
    assert isinstance(status, Revoked)
    assert status.reason is CRLReason.KEY_COMPROMISE


@pytest.mark.parametrize(("name", "word"), [("good", "good"), ("revoked", "revoked")])
@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
@pytest.mark.rule("L4", "N3")
def test_openssl_believes_what_openssl_signed_with_the_nonce_that_it_sent(
    lab: Lab,
    over_openssl: Responding,
    interop_command: Callable[[str], Path],
    *,
    name: str,
    word: str,
    nonce: str,
) -> None:
    done = subprocess.run(
        [
            *(str(interop_command("openssl")), "ocsp", nonce, "-url", over_openssl.url),
            *("-issuer", str(lab.ca_certificate), "-CAfile", str(lab.ca_certificate)),
            *("-cert", str(lab.certificates[name])),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert "Response verify OK" in done.stderr
    assert "no nonce in response" not in done.stderr
    assert f"{lab.certificates[name]}: {word}" in done.stdout
