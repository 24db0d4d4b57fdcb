"""What was signed in advance, as it rests in the store, judged by ``openssl ocsp``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.ocsp import parse_response
from certstatus.pkix import CRLReason
from certstatus.sources import Revocation
from tests.presigning import FIRST, Presigning

pytestmark = pytest.mark.interop


@pytest.mark.rule("L3", "O31")
@pytest.mark.parametrize("dual_hash", [False, True], ids=["one hash", "both hashes"])
def test_openssl_believes_every_algorithm_and_both_hashes(
    tmp_path: Path, interop_command: Callable[[str], Path], dual_hash: bool
) -> None:
    keys = ("p256", "p384", "rsa2048")
    policy = f"dual_hash = {str(dual_hash).lower()}"
    work = Presigning.of(tmp_path, 2, keys=keys, policy=policy)
    with work.books() as (database, issuer):
        wish = Revocation(reason=CRLReason.SUPERSEDED)
        database.revoke(issuer, FIRST + 1, wish, actor="test", now=SystemClock().now())

    work.run("--algorithms", "ecdsa-with-SHA256,ecdsa-with-SHA384,sha256WithRSAEncryption")

    answers = work.stored()
    assert len(answers) == 2 * 2 * 3
    algorithms = set()
    for key, one in answers.items():
        basic = parse_response(one.der).basic
        assert basic is not None
        algorithms.add(basic.signature_algorithm.oid)
        first, *rest = basic.tbs_response_data.responses
        assert len(rest) == dual_hash
        hashed = "-sha1" if "sha1" in str(first.cert_id.hash_algorithm).lower() else "-sha256"
        (tmp_path / "answer.der").write_bytes(one.der)
        judged = subprocess.run(
            [
                *(interop_command("openssl"), "ocsp", "-respin", "answer.der", "-issuer", "ca.pem"),
                *("-CAfile", "ca.pem", hashed, "-serial", f"0x{key.serial_number:x}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        assert "Response verify OK" in judged.stderr
        said = "revoked" if key.serial_number == FIRST + 1 else "good"
        assert f"0x{key.serial_number:x}: {said}" in judged.stdout
        assert ("superseded" in judged.stdout) is (said == "revoked")
    assert len(algorithms) == 3
