"""Revocation trees judged by OpenSSL: their grammar, their hashes and their signature."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.pkix import HashAlgorithm
from certstatus.sources.crt import parse_tree
from certstatus.testing import TinyCA
from tests import der as hand
from tests.trees import tree

pytestmark = pytest.mark.interop

LOST = 0x9B
ELEMENT = re.compile(r" *(\d+):d=(\d+) +hl=(\d+) +l= *(\d+) (prim|cons): (\S.*?)\s*")


@pytest.fixture
def openssl(interop_command: Callable[[str], Path], tmp_path: Path) -> Callable[..., str]:
    command = interop_command("openssl")

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [str(command), *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.rule("K3")
@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_openssl_verifies_the_signature_of_a_proof(
    openssl: Callable[..., str], tmp_path: Path, kind: str
) -> None:
    ca = TinyCA(kind=kind)
    root = parse_tree(tree(ca, 3, LOST, 0xFF)).prove(LOST).root
    for name, data in (
        ("ca.pem", ca.issued.certificate_pem),
        ("tbs.der", hand.at(root.der, 0)),
        ("signature.der", hand.elements(hand.at(root.der, 2))[0].contents[1:]),
    ):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "ca.pub").write_text(openssl("x509", "-in", "ca.pem", "-noout", "-pubkey"))
    digest = "-sha384" if kind == "p384" else "-sha256"

    told = openssl("dgst", digest, "-verify", "ca.pub", "-signature", "signature.der", "tbs.der")
    assert told == "Verified OK\n"


def test_openssl_reads_a_proof_as_the_manual_writes_it(
    openssl: Callable[..., str], tmp_path: Path
) -> None:
    proof = parse_tree(tree(TinyCA(), 3, LOST, 0xFF)).prove(LOST)
    (tmp_path / "proof.der").write_bytes(proof.der)

    lines = openssl("asn1parse", "-inform", "DER", "-in", "proof.der").splitlines()
    found = [match for line in lines if (match := ELEMENT.fullmatch(line))]
    assert len(found) == len(lines)
    kinds = [match[6].split(":")[0].strip() for match in found if match[2] == "3"]
    assert kinds == [
        "INTEGER",
        "OCTET STRING      [HEX DUMP]",
        "OCTET STRING      [HEX DUMP]",
        "SEQUENCE",
        "GENERALIZEDTIME",
        "GENERALIZEDTIME",
        "INTEGER",
        "OCTET STRING      [HEX DUMP]",
        "OBJECT",
        "GENERALIZEDTIME",
        "cont [ 0 ]",
    ]


@pytest.mark.rule("K4")
def test_the_issuers_hashes_are_those_of_openssl(
    openssl: Callable[..., str], tmp_path: Path
) -> None:
    """`openssl ocsp` prints a CertID's hashes, which are made alike."""
    ca = TinyCA()
    (tmp_path / "ca.pem").write_bytes(ca.issued.certificate_pem)
    root = parse_tree(tree(ca, LOST)).root

    text = openssl(
        *("ocsp", "-issuer", "ca.pem", "-sha256", "-serial", f"0x{LOST:x}", "-req_text"),
        *("-reqout", "query.der"),
    )
    assert f"Issuer Name Hash: {root.issuer_name_hash.hex().upper()}" in text
    assert f"Issuer Key Hash: {root.issuer_key_hash.hex().upper()}" in text
    assert root.hash_algorithm is HashAlgorithm.SHA256


@pytest.mark.rule("K2")
def test_the_root_is_found_with_another_sha256(openssl: Callable[..., str], tmp_path: Path) -> None:
    """Two leaves and a node, hashed by `openssl dgst` over octets written by hand."""
    whole = parse_tree(tree(TinyCA(), LOST))

    def digest(data: bytes) -> bytes:
        (tmp_path / "data").write_bytes(data)
        return bytes.fromhex(openssl("dgst", "-sha256", "-r", "data").split()[0])

    first, second = (digest(b"\0" + bytes(der)) for der in whole.leaves)
    assert digest(b"\1" + first + second) == whole.root.root_hash
    assert first == hashlib.sha256(b"\0" + hand.sequence(hand.tlv(0x81, b"\0\x9b"))).digest()
