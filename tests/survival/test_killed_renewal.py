"""A renewal that is killed leaves a key and the certificate that belongs to it, old or new."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.pkix import Certificate
from certstatus.server.renewal_files import certificate_in_force
from certstatus.signing import check_signer, load_signers
from certstatus.testing import TinyCA
from tests.nursery import Nursery, Strikes

CONFIGURATION = """\
[[authority]]
certificate = "ca.pem"
source = [{ index = "index.txt" }]
[[authority.signer]]
certificate = "signer.pem"
key = "signer.key"
renew = { ca_key = "ca.key", new_key = true }
"""
RENEW = ("signer", "renew", "--force", "--config")


@pytest.fixture
def folder(ca: TinyCA, tmp_path: Path) -> Path:
    """Lend a signer of one day, and all that renews it."""
    tomorrow = SystemClock().now().replace(microsecond=0) + timedelta(days=1)
    issued = ca.issue_responder(not_after=tomorrow)
    for name, data in (
        ("ca.pem", ca.issued.certificate_pem),
        ("ca.key", ca.issued.key_pem()),
        ("signer.pem", issued.certificate_pem),
        ("signer.key", issued.key_pem()),
        ("index.txt", b""),
        ("certstatus.toml", CONFIGURATION.encode()),
    ):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def standing(folder: Path, ca: TinyCA) -> Certificate:
    """Return the certificate that would sign now, after its key and the gate have been tried."""
    certificate, key = folder / "signer.pem", folder / "signer.key"
    (signer, *_), _ = load_signers(
        key, certificate_in_force(certificate, key), issuer=ca.certificate
    )
    assert check_signer(signer, ca.certificate, now=SystemClock().now()) == ()
    return signer.certificate


@pytest.mark.rule("O16", "O25")
def test_a_killed_renewal_leaves_a_signer_that_signs(
    folder: Path, ca: TinyCA, nursery: Nursery, rounds: int
) -> None:
    config = folder / "certstatus.toml"
    whole = nursery.run(*RENEW, config)
    assert whole.code == 0, whole.said
    past = {standing(folder, ca)}
    killed = 0
    for strike in Strikes(nursery, rounds, whole.seconds):
        ended = strike(*RENEW, config)
        killed += ended.was_killed
        past.add(standing(folder, ca))

    assert killed > rounds / 4
    last = nursery.run(*RENEW, config)
    assert last.code == 0, last.said
    assert standing(folder, ca) not in past
    left = {path.name for path in folder.iterdir()} - {"signer.pem.renewal"}
    assert left == {"ca.pem", "ca.key", "signer.pem", "signer.key", "index.txt", config.name}
