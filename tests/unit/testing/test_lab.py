from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError
from certstatus.pkix import (
    Certificate,
    CertificateList,
    CRLReason,
    HashAlgorithm,
    issuance_problem,
)
from certstatus.server.config import load_config
from certstatus.signing import check_signer, load_signers
from certstatus.sources import parse_index
from certstatus.testing import KEY_KINDS, Lab, build_lab

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("labs") / "lab", now=NOW)


def test_every_file_is_what_its_name_says(lab: Lab) -> None:
    for path, issued in (
        (lab.ca_certificate, lab.ca.issued),
        (lab.responder_certificate, lab.responder),
        (lab.certificates["good"], lab.good),
        (lab.certificates["revoked"], lab.revoked),
        (lab.certificates["never-issued"], lab.never_issued),
    ):
        assert Certificate.load(path.read_bytes()) == (issued.certificate,)
        assert path.with_suffix(".key").read_bytes() == issued.key_pem()
        assert issuance_problem(issued.certificate, lab.ca.certificate) is None
        assert issued.certificate.is_valid_at(NOW)


def test_keys_are_for_their_owner_alone(lab: Lab) -> None:
    keys = list(lab.directory.glob("*.key"))
    assert len(keys) == 5
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_the_books_list_what_was_issued_and_not_what_was_not(lab: Lab) -> None:
    entries = {one.serial_number: one for one in parse_index(lab.index.read_bytes(), where="i")}
    assert lab.good.certificate.serial_number in entries
    assert lab.responder.certificate.serial_number in entries
    assert lab.never_issued.certificate.serial_number not in entries
    revoked = entries[lab.revoked.certificate.serial_number]
    assert revoked.revocation is not None
    assert revoked.revocation.reason is CRLReason.KEY_COMPROMISE


def test_the_crl_says_the_same_and_is_signed(lab: Lab) -> None:
    crl = CertificateList.from_der(lab.crl.read_bytes())
    assert crl.signature_problem(lab.ca.certificate) is None
    (entry,) = crl.entries()
    assert entry.serial_number == lab.revoked.certificate.serial_number
    assert entry.reason is CRLReason.KEY_COMPROMISE


@pytest.mark.rule("O22", "O24")
def test_the_responder_passes_the_gate(lab: Lab) -> None:
    signers, findings = load_signers(
        lab.responder_key, lab.responder_certificate, issuer=lab.ca.certificate
    )
    assert findings == ()
    assert not [
        one
        for one in check_signer(signers[0], lab.ca.certificate, now=NOW)
        if one.severity == "refuse"
    ]


def test_the_configuration_is_one_that_the_responder_takes(lab: Lab, tmp_path: Path) -> None:
    config = load_config(lab.config)
    assert config.authority[0].certificate == lab.ca_certificate
    assert config.server.port == 8080
    other = build_lab(tmp_path / "o", now=NOW, ocsp_url="http://ocsp.example:9000/a/b")
    server = load_config(other.config).server
    assert (server.host, server.port, server.path) == ("127.0.0.1", 9000, "/a/b")
    assert other.good.certificate.ocsp_uris == ("http://ocsp.example:9000/a/b",)


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_lab_of_every_kind_of_key(tmp_path: Path, kind: str) -> None:
    lab = build_lab(tmp_path / "lab", now=NOW, kind=kind, responder_kind="ed25519")
    assert str(lab.responder.certificate.key_algorithm) == "id-Ed25519"
    assert lab.good.certificate.key_algorithm == lab.ca.certificate.key_algorithm
    assert issuance_problem(lab.good.certificate, lab.ca.certificate) is None


@pytest.mark.parametrize("digest", [HashAlgorithm.SHA256, HashAlgorithm.SHA384])
def test_the_digest_and_the_lives_are_as_asked(tmp_path: Path, digest: HashAlgorithm) -> None:
    lab = build_lab(tmp_path / "lab", now=NOW, digest=digest, days=10, responder_days=2)
    assert digest.label in str(lab.good.certificate.signature_algorithm).lower()
    start = NOW.replace(microsecond=0) - timedelta(hours=1)
    assert lab.good.certificate.not_after == start + timedelta(days=10)
    assert lab.responder.certificate.not_after == start + timedelta(days=2)


def test_a_folder_with_files_is_left_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        build_lab(tmp_path, now=NOW)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
    first = build_lab(tmp_path, now=NOW, force=True)
    second = build_lab(tmp_path, now=NOW, force=True)
    assert first.ca.certificate != second.ca.certificate
    assert Certificate.load(second.ca_certificate.read_bytes()) == (second.ca.certificate,)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".lab-*"))


@pytest.mark.parametrize(
    "url", ["ldap://x/", "http://", "http://x:99999/", "http://\u00fc.example/", "nonsense", ""]
)
def test_a_url_that_is_none_is_refused_before_anything_is_written(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="is no http URL"):
        build_lab(tmp_path / "lab", now=NOW, ocsp_url=url)
    assert not (tmp_path / "lab").exists()


def test_a_failure_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "lab"
    (tmp_path / "ok").mkdir()

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(OSError, match="No space left"):
        build_lab(directory, now=NOW)
    monkeypatch.undo()
    assert list(directory.iterdir()) == []
