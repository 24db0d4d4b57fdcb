"""Signed messages on paper: what `openssl cms` signs we judge, and what we sign it verifies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.asn1 import oids
from certstatus.cms import (
    SavedEvidence,
    SignatureReport,
    encode_evidence,
    parse_evidence,
    parse_signed_data,
    sign_content,
    verify_signed_data,
)
from certstatus.ocsp import parse_response
from certstatus.pkix import CertificateList
from certstatus.scvp import CVStatusCode
from certstatus.signing import Purpose
from certstatus.testing import Forge, Issued
from tests.envelopes import CA, CONTENT, REQUEST, every_signer, issued
from tests.newer import newer_libssl

pytestmark = pytest.mark.interop

NOW = datetime.now(UTC).replace(microsecond=0)
"""OpenSSL judges by the machine's clock."""
KINDS = ["rsa2048", "p256", "p384", "p521"]
# OpenSSL 3.0 has no ML-DSA, and none with which CMS goes with Ed25519.
NEWER_KINDS = ["ed25519", "mldsa44", "mldsa65", "mldsa87"]
TYPE = REQUEST.dotted_string


@dataclass
class Desk:
    """A folder with one signer's files, and `openssl cms` beside it."""

    folder: Path
    openssl: Path
    signer: Issued
    environment: dict[str, str]

    def run(self, *options: str | Path) -> subprocess.CompletedProcess[bytes]:
        command = [str(self.openssl), "cms", *map(str, options)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=False,
            timeout=30,
        )

    def verify(self, message: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        (self.folder / "message.der").write_bytes(message)
        trust = ("-CAfile", "ca.pem", "-purpose", "any")
        return self.run(
            "-verify", "-inform", "DER", "-in", "message.der", "-binary", *trust, *options
        )

    def sign(self, *options: str) -> bytes:
        (self.folder / "content").write_bytes(CONTENT)
        keys = ("-signer", "signer.pem", "-inkey", "signer.key")
        done = self.run(
            *("-sign", "-binary", "-nodetach", "-econtent_type", TYPE, "-md", "sha512"),
            *("-in", "content", *keys, "-outform", "DER", "-out", "signed.der", *options),
        )
        assert done.returncode == 0, done.stderr.decode()
        return (self.folder / "signed.der").read_bytes()

    def judge(self, message: bytes, purpose: Purpose = Purpose.SCVP_CLIENT) -> SignatureReport:
        trusted = (self.signer.certificate,)
        return verify_signed_data(
            message, now=NOW, purpose=purpose, content_types=(REQUEST,), trusted=trusted
        )


Make = Callable[[str], Desk]


@pytest.fixture
def make(tmp_path: Path, interop_command: Callable[[str], Path]) -> Make:
    def make_desk(kind: str) -> Desk:
        environment = newer_libssl(tmp_path) if kind in NEWER_KINDS else dict(os.environ)
        desk = Desk(tmp_path, interop_command("openssl"), issued(kind), environment)
        (tmp_path / "ca.pem").write_bytes(CA.certificate.parsed.public_bytes(Encoding.PEM))
        (tmp_path / "signer.pem").write_bytes(desk.signer.certificate_pem)
        (tmp_path / "signer.key").write_bytes(desk.signer.key_pem())
        return desk

    return make_desk


# --- ours, by OpenSSL -----------------------------------------------------------------------


@pytest.mark.rule("S2")
@pytest.mark.parametrize("kind", [*KINDS, *NEWER_KINDS])
def test_openssl_verifies_what_we_sign(make: Make, kind: str) -> None:
    desk = make(kind)

    for signer in every_signer(desk.signer):
        message = sign_content(REQUEST, CONTENT, signer, signing_time=NOW)
        done = desk.verify(message)
        assert done.returncode == 0, (signer.algorithm.name, done.stderr.decode())
        assert done.stdout == CONTENT


@pytest.mark.rule("S2")
def test_openssl_finds_our_signing_certificate_and_believes_a_key_identifier(make: Make) -> None:
    desk = make("p256")
    signer = every_signer(desk.signer)[0]
    message = sign_content(
        REQUEST, CONTENT, signer, certificates=[CA.certificate], by_key_identifier=True
    )

    done = desk.verify(message, "-cades")

    assert done.returncode == 0, done.stderr.decode()
    printed = desk.run("-cmsout", "-print", "-noout", "-inform", "DER", "-in", "message.der").stdout
    assert b"id-smime-aa-signingCertificateV2" in printed
    assert b"subjectKeyIdentifier" in printed
    assert b"eContentType: undefined (1.2.840.113549.1.9.16.1.10)" in printed


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_gnutls_verifies_what_we_sign(
    tmp_path: Path, interop_command: Callable[[str], Path], kind: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(CA.certificate.parsed.public_bytes(Encoding.PEM))
    message = sign_content(REQUEST, CONTENT, every_signer(issued(kind))[0])
    (tmp_path / "message.der").write_bytes(message)

    done = subprocess.run(
        [
            *(str(interop_command("certtool")), "--p7-verify", "--inder"),
            *("--infile", "message.der", "--load-ca-certificate", "ca.pem"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert b"Signature status: ok" in done.stderr
    assert f"eContent Type: {TYPE}".encode() in done.stdout


def test_openssl_refuses_ours_once_it_is_changed(make: Make) -> None:
    desk = make("p256")
    message = sign_content(REQUEST, CONTENT, every_signer(desk.signer)[0])

    done = desk.verify(message.replace(b"what is asked", b"what is faked"))

    assert done.returncode != 0


# --- OpenSSL's, by us -----------------------------------------------------------------------

FORMS = {
    "plain": (),
    "streamed": ("-stream", "-indef"),
    "cades": ("-cades",),
    "by key": ("-keyid",),
    "streamed by key, cades": ("-stream", "-indef", "-keyid", "-cades"),
    "without attributes of its own": ("-nosmimecap",),
    "with its CA": ("-certfile", "ca.pem"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["rsa2048", "p256", "ed25519", "mldsa65"])
def test_we_believe_what_openssl_signs(make: Make, kind: str, form: str) -> None:
    desk = make(kind)

    report = desk.judge(desk.sign(*FORMS[form]))

    verified = report.require()
    assert verified.content == CONTENT
    assert verified.content_type == REQUEST
    assert verified.signer == desk.signer.certificate
    assert verified.signing_time is not None
    assert abs(verified.signing_time - NOW).total_seconds() < 600
    reference = report.check("signing-certificate attribute")
    assert reference.outcome.value == ("pass" if "cades" in form else "skip")
    is_ber = any("BER" in finding.text for finding in report.findings)
    assert is_ber == ("streamed" in form)


def test_we_believe_rsa_pss_of_openssl(make: Make) -> None:
    desk = make("rsa2048")
    message = desk.sign("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest")

    report = desk.judge(message)

    assert report.require().content == CONTENT
    assert report.check("signature algorithm").reason == "id-RSASSA-PSS with sha512"


@pytest.mark.rule("A1", "A4")
@pytest.mark.parametrize(
    ("kind", "digest", "words"),
    [
        ("ed25519", "sha256", "Ed25519 goes with id-sha512"),
        ("mldsa65", "sha256", "id-ml-dsa-65 needs 384"),
        ("mldsa87", "sha384", "id-ml-dsa-87 needs 512"),
    ],
)
def test_a_weak_digest_of_openssl_is_refused(
    make: Make, kind: str, digest: str, words: str
) -> None:
    desk = make(kind)

    report = desk.judge(desk.sign("-md", digest))

    assert report.status_code is CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC
    assert words in report.check("digest algorithm").reason


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-noattr",), CVStatusCode.BAD_STRUCTURE),
        (("-nocerts",), None),
        (("-md", "sha1"), CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC),
        (("-signer", "other.pem", "-inkey", "other.key"), CVStatusCode.BAD_STRUCTURE),
    ],
    ids=["without attributes", "without certificates", "SHA-1", "two signers"],
)
@pytest.mark.rule("S2")
def test_what_scvp_does_not_allow_is_refused_of_openssl_too(
    make: Make, options: tuple[str, ...], problem: CVStatusCode | None
) -> None:
    desk = make("p256")
    other = issued("p384")
    (desk.folder / "other.pem").write_bytes(other.certificate_pem)
    (desk.folder / "other.key").write_bytes(other.key_pem())

    assert desk.judge(desk.sign(*options)).status_code is problem


# --- evidence -------------------------------------------------------------------------------


@pytest.mark.rule("X4")
def test_openssl_reads_the_evidence_that_we_save(make: Make) -> None:
    """OpenSSL's `-print` names the format of other revocation information by its number."""
    desk = make("p256")
    evidence = SavedEvidence(
        certificates=(CA.certificate, desk.signer.certificate),
        crls=(CertificateList.from_der(CA.crl()),),
        ocsp_responses=(parse_response(Forge.honest(CA, 5).der),),
    )
    (desk.folder / "evidence.der").write_bytes(encode_evidence(evidence))

    done = desk.run("-cmsout", "-print", "-noout", "-inform", "DER", "-in", "evidence.der")

    assert done.returncode == 0, done.stderr.decode()
    for words in (b"d.crl:", b"d.other:", b"1.3.6.1.5.5.7.16.2", b"d.certificate:"):
        assert words in done.stdout
    assert len(parse_evidence((desk.folder / "evidence.der").read_bytes()).certificates) == 2


@pytest.mark.rule("X4")
def test_certificates_and_crls_in_openssls_signed_data_are_evidence(make: Make) -> None:
    desk = make("p256")
    (desk.folder / "crl.der").write_bytes(CA.crl())
    bundling = ("crl2pkcs7", "-inform", "DER", "-in", "crl.der", "-certfile", "ca.pem")
    command = [str(desk.openssl), *bundling, "-outform", "DER", "-out", "bundle.der"]
    subprocess.run(command, cwd=desk.folder, check=True, timeout=30)

    found = parse_evidence((desk.folder / "bundle.der").read_bytes())

    assert found.certificates == (CA.certificate,)
    assert [crl.der for crl in found.crls] == [(desk.folder / "crl.der").read_bytes()]
    data = parse_signed_data((desk.folder / "bundle.der").read_bytes())
    assert (data.signer_infos, data.content_type) == ((), oids.ID_DATA)
