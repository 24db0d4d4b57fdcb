"""Messages on paper: what `openssl ocsp` writes we read, and what we write it reads, without a wire."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certstatus.ocsp import (
    ByKey,
    ByName,
    CertID,
    Extensions,
    Good,
    Nonce,
    Request,
    Revoked,
    Signature,
    Unknown,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
    parse_response,
)
from certstatus.pkix import (
    CRLReason,
    GeneralName,
    HashAlgorithm,
    signature_algorithm,
    signature_problem,
)
from certstatus.testing import Forge, Issued, TinyCA, plain_algorithm, sign_plain
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy, verify_response

pytestmark = pytest.mark.interop

NOW = datetime.now(UTC).replace(microsecond=0)
"""OpenSSL judges by the machine's clock."""
DAY = timedelta(days=1)
# OpenSSL 3.0 knows no ML-DSA.
KINDS = ["rsa2048", "p256", "p384", "p521", "ed25519", "ed448"]


@dataclass
class Desk:
    """A CA of one kind of key with its files, and `openssl ocsp` beside it."""

    folder: Path
    openssl: Path
    ca: TinyCA
    delegate: Issued
    leaf: Issued

    def run(self, *options: str | Path) -> str:
        command = [str(self.openssl), "ocsp", *map(str, options)]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=30
        )
        return done.stdout + done.stderr

    def write(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return name

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def honest(self) -> Forge:
        serial_number = self.leaf.certificate.serial_number
        return Forge.honest(self.ca, serial_number, self.delegate).but(now=NOW)


Make = Callable[[str], Desk]


@pytest.fixture
def make(tmp_path: Path, interop_command: Callable[[str], Path]) -> Make:
    """Make a desk of a kind of key."""

    def build(kind: str) -> Desk:
        start = NOW - DAY
        ca = TinyCA("Issuing CA", kind=kind, not_before=start, not_after=NOW + 9 * DAY)
        until = NOW + 8 * DAY
        desk = Desk(
            folder=tmp_path,
            openssl=interop_command("openssl"),
            ca=ca,
            delegate=ca.issue_responder(kind=kind, not_after=until),
            leaf=ca.issue_server(kind=kind, not_after=until),
        )
        for name, issued in (("ca", ca.issued), ("delegate", desk.delegate), ("leaf", desk.leaf)):
            desk.write(f"{name}.pem", issued.certificate_pem)
            desk.write(f"{name}.key", issued.key_pem())
        return desk

    return build


# --- requests -----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("O1")
def test_we_hash_an_issuer_as_openssl_does(make: Make, kind: str, algorithm: HashAlgorithm) -> None:
    desk = make(kind)

    desk.run(
        f"-{algorithm.label}", "-issuer", "ca.pem", "-cert", "leaf.pem", "-no_nonce",
        "-reqout", "theirs.der",
    )  # fmt: skip

    request = parse_request(desk.read("theirs.der"))
    ours = CertID.for_certificate(desk.leaf.certificate, desk.ca.certificate, algorithm)
    assert request.cert_ids == (ours,)
    assert request.cert_ids[0].hash is algorithm
    assert encode_request(request.request_list) == desk.read("theirs.der")


def test_openssl_shows_every_field_of_our_request(make: Make) -> None:
    desk = make("p256")
    name = GeneralName.directory_name(desk.leaf.certificate.subject)
    cert_ids = [CertID.of(desk.ca.certificate, 0xABC, algorithm) for algorithm in HashAlgorithm]
    tbs = encode_tbs_request(
        cert_ids, requestor_name=name, request_extensions=Extensions.of(Nonce(bytes(range(32))))
    )
    signature = Signature(
        plain_algorithm(desk.leaf.key),
        sign_plain(desk.leaf.key, tbs),
        (desk.leaf.certificate.der,),
    )
    desk.write("ours.der", encode_signed_request(tbs, signature))

    shown = desk.run("-reqin", "ours.der", "-req_text")

    assert "Version: 1 (0x0)" in shown
    assert "Requestor Name: DirName:CN = leaf.example" in shown
    assert [one.label for one in HashAlgorithm if f"Hash Algorithm: {one.label}" in shown] == [
        one.label for one in HashAlgorithm
    ]
    assert shown.count("Serial Number: 0ABC") == 4
    assert "OCSP Nonce" in shown
    assert "0420000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F" in shown
    assert "Signature Algorithm: ecdsa-with-SHA256" in shown
    assert "Certificate:" in shown


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("O4")
def test_a_request_that_openssl_signed_is_read_and_holds(make: Make, kind: str) -> None:
    desk = make(kind)

    desk.run(
        "-issuer", "ca.pem", "-cert", "leaf.pem", "-signer", "leaf.pem", "-signkey", "leaf.key",
        "-reqout", "theirs.der",
    )  # fmt: skip

    request = parse_request(desk.read("theirs.der"))
    signed = request.optional_signature
    assert signed is not None
    assert signed.certs == (desk.leaf.certificate.der,)
    assert request.requestor_name is not None
    assert request.requestor_name.name == desk.leaf.certificate.subject
    assert request.nonce is not None
    assert len(request.nonce.octets) == 16
    algorithm = signature_algorithm(signed.signature_algorithm)
    key = desk.leaf.certificate.public_key
    assert signature_problem(algorithm, key, signed.signature, request.tbs_request) is None
    assert encode_signed_request(request.tbs_request, signed) == desk.read("theirs.der")


# --- responses ----------------------------------------------------------------------------


@pytest.mark.parametrize("signer", ["delegate", "ca"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("O16", "O17", "O21", "O22")
def test_openssl_believes_our_response(make: Make, kind: str, signer: str) -> None:
    desk = make(kind)
    forged = desk.honest() if signer == "delegate" else desk.honest().but(signer=desk.ca.issued)
    sha1 = CertID.of(desk.ca.certificate, desk.leaf.certificate.serial_number, HashAlgorithm.SHA1)
    desk.write("ours.der", forged.but(cert_ids=(sha1,)).der)

    told = desk.run(
        "-respin", "ours.der", "-issuer", "ca.pem", "-cert", "leaf.pem", "-CAfile", "ca.pem"
    )

    assert "Response verify OK" in told
    assert "leaf.pem: good" in told


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Good(), ["Cert Status: good"]),
        (Unknown(), ["Cert Status: unknown"]),
        (Revoked(NOW), ["Cert Status: revoked", "Revocation Time:"]),
        (
            Revoked(NOW, CRLReason.CESSATION_OF_OPERATION),
            ["Cert Status: revoked", "Revocation Reason: cessationOfOperation (0x5)"],
        ),
    ],
    ids=["good", "unknown", "revoked", "revoked for a reason"],
)
@pytest.mark.rule("O12")
def test_openssl_shows_every_status_of_ours(
    make: Make, status: Good | Unknown | Revoked, words: list[str]
) -> None:
    desk = make("p256")
    desk.write("ours.der", desk.honest().but(cert_status=status).der)

    shown = desk.run("-respin", "ours.der", "-resp_text", "-noverify")

    assert all(word in shown for word in words)
    by_key = ByKey.of(desk.delegate.certificate).key_hash.hex().upper()
    assert f"Responder Id: {by_key}" in shown
    assert "Hash Algorithm: sha256" in shown


@pytest.mark.parametrize("rid", ["by name", "by key"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("O16", "O21", "N3")
def test_we_believe_the_response_that_openssl_makes_to_our_request(
    make: Make, kind: str, rid: str
) -> None:
    desk = make(kind)
    number = desk.leaf.certificate.serial_number
    revoked_at = NOW - timedelta(hours=1)
    line = f"R\t{NOW + DAY:%y%m%d%H%M%SZ}\t{revoked_at:%y%m%d%H%M%SZ},keyCompromise\t{number:04X}\tunknown\t/CN=leaf\n"
    desk.write("index.txt", line.encode())
    cert_id = CertID.for_certificate(desk.leaf.certificate, desk.ca.certificate)
    nonce = Nonce(bytes(range(32)))
    der = encode_request([Request(cert_id)], request_extensions=Extensions.of(nonce))
    desk.write("ours.der", der)

    desk.run(
        "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "delegate.pem", "-rkey", "delegate.key",
        "-reqin", "ours.der", "-respout", "theirs.der", "-ndays", "1",
        *(["-resp_key_id"] if rid == "by key" else []),
    )  # fmt: skip

    report = verify_response(
        desk.read("theirs.der"),
        issuer=desk.ca.certificate,
        certificate=desk.leaf.certificate,
        request=parse_request(der),
        now=datetime.now(UTC),
        policy=VerifyPolicy(nonce=NoncePolicy.REQUIRED),
    )
    assert report.failures == ()
    assert report.verdict is Verdict.REVOKED
    assert report.require().cert_status == Revoked(revoked_at, CRLReason.KEY_COMPROMISE)
    assert report.findings == ()
    found = parse_response(desk.read("theirs.der")).basic
    assert found is not None
    kind_of_id = ByKey if rid == "by key" else ByName
    assert isinstance(found.tbs_response_data.responder_id, kind_of_id)
