"""`openssl ocsp` as the upstream of our responder, and as its client."""

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
        *("--port", "0", "--ca", str(lab.ca_certificate), "--upstream", openssl_url),
        *("--signer", str(lab.responder_certificate), "--key", str(lab.responder_key)),
    ]
    with Responding(arguments, tmp_path_factory.mktemp("over")) as one:
        yield one


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O12", "O19", "L1")
def test_each_status_comes_through(
    lab: Lab, over_openssl: Responding, algorithm: HashAlgorithm
) -> None:
    def ask(serial_number: int) -> object:
        single = over_openssl.ask(CertID.of(lab.ca.certificate, serial_number, algorithm))
        assert single.next_update is not None
        return single.cert_status

    assert ask(lab.good.certificate.serial_number) == Good()
    assert ask(lab.never_issued.certificate.serial_number) == Unknown()
    status = ask(lab.revoked.certificate.serial_number)
    assert isinstance(status, Revoked)
    assert status.reason is CRLReason.KEY_COMPROMISE


@pytest.mark.parametrize(("name", "word"), [("good", "good"), ("revoked", "revoked")])
def test_openssl_believes_what_comes_through(
    lab: Lab,
    over_openssl: Responding,
    interop_command: Callable[[str], Path],
    name: str,
    word: str,
) -> None:
    done = subprocess.run(
        [
            *(str(interop_command("openssl")), "ocsp", "-url", over_openssl.url),
            *("-issuer", str(lab.ca_certificate), "-CAfile", str(lab.ca_certificate)),
            *("-cert", str(lab.certificates[name])),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert "Response verify OK" in done.stderr
    assert f"{lab.certificates[name]}: {word}" in done.stdout
