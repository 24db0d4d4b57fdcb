"""What `openssl verify` concludes from full, delta, partitioned and indirect CRLs, and what we do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.errors import ConfigError, SourceError
from certstatus.ocsp import Revoked
from certstatus.sources import CRL, Known, Unlisted
from certstatus.sources.crl_scope import Issues
from certstatus.testing import Issued, TinyCA
from tests.books import DAY, HOLD, NOW, REMOVED, Entry, ask, crl, issued_by, scope

pytestmark = pytest.mark.interop

CA = TinyCA()
OTHER_KEY = TinyCA()
OTHER_CA = TinyCA("Other CA")
CRL_ISSUER = TinyCA("CRL issuer", parent=CA)
LOST, FINE = 0x9B, 0x9A
POINT = "http://ca.example/ca.crl"
AKI = CA.key_identifier, False
LEAVES = {one: CA.issue(serial_number=one, crl_uris=[POINT]) for one in (LOST, FINE)}
LISTED = x509.CRLReason(x509.ReasonFlags.key_compromise), False
# OpenSSL looks for deltas only where a CRL or the certificate names where to find them.
FRESHEST = (
    x509.FreshestCRL(
        [x509.DistributionPoint([x509.UniformResourceIdentifier(POINT)], None, None, None)]
    ),
    False,
)


@dataclass(frozen=True)
class List:
    """A full CRL, or a delta where it has a base."""

    entries: Sequence[Entry] = ()
    number: int = 5
    base: int | None = None
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (AKI,)
    is_forged: bool = False
    life: int = 1

    def der(self) -> bytes:
        """Issue it."""
        return crl(
            OTHER_KEY if self.is_forged else CA,
            *self.entries,
            number=self.number,
            delta_of=self.base,
            extensions=[*self.extensions, *([FRESHEST] if self.base is None else [])],
            next_update=NOW + self.life * DAY,
        )


def openssl(folder: Path, ders: Iterable[bytes], leaf: Issued) -> str:
    """Ask `openssl verify`: "good", "revoked", or why it can't say."""
    (folder / "ca.pem").write_bytes(CA.issued.certificate_pem)
    (folder / "leaf.pem").write_bytes(leaf.certificate_pem)
    pems = (x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in ders)
    (folder / "crls.pem").write_bytes(b"".join(pems))
    (folder / "issuer.pem").write_bytes(CRL_ISSUER.issued.certificate_pem)
    command = (
        "openssl verify -crl_check -extended_crl -use_deltas"
        " -CAfile ca.pem -untrusted issuer.pem -CRLfile crls.pem"
    )
    run = subprocess.run(
        [*command.split(), "-attime", str(int(NOW.timestamp())), "leaf.pem"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    if run.returncode == 0:
        return "good"
    is_revoked = "certificate revoked" in run.stderr and "CRL has expired" not in run.stderr
    return "revoked" if is_revoked else "undetermined"


def ours(folder: Path, ders: Iterable[bytes], serial_number: int) -> str:
    """Ask our source; the leaves name one distribution point, and are no CAs'."""
    paths = [folder / f"{at}.crl" for at, _ in enumerate(ders)]
    for path, der in zip(paths, ders, strict=True):
        path.write_bytes(der)
    try:
        source = CRL(
            paths,
            CA.certificate,
            now=NOW,
            issues=Issues.USER_CERTIFICATES,
            distribution_points=[POINT],
            crl_issuers=[CRL_ISSUER.certificate],
        )
        answer = ask(source, CA, serial_number)
    except (ConfigError, SourceError):
        return "undetermined"
    if isinstance(answer, Known):
        assert isinstance(answer.cert_status, Revoked)
        return "revoked"
    assert isinstance(answer, Unlisted)
    return "good"


USERS = scope(only_contains_user_certs=True)
CAS = scope(only_contains_ca_certs=True)
HERE = scope(full_name=POINT)
KEYS = scope(some=[x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise])
REST = scope(
    some=[
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.certificate_hold,
        x509.ReasonFlags.privilege_withdrawn,
        x509.ReasonFlags.aa_compromise,
    ]
)
LOSES, HOLDS, FREES = (LOST, [LISTED]), (LOST, [HOLD]), (LOST, [REMOVED])

CASES = {
    "full": [List([LOSES])],
    "hold": [List([HOLDS])],
    "expired": [List([LOSES], life=-1)],
    "of another key": [List([LOSES], is_forged=True)],
    "delta revokes": [List(), List([LOSES], 6, 5)],
    "delta holds": [List(), List([HOLDS], 6, 5)],
    "delta frees": [List([HOLDS]), List([FREES], 6, 5)],
    "delta frees what was revoked": [List([LOSES]), List([FREES], 6, 5)],
    "delta says nothing of it": [List([LOSES]), List((), 6, 5)],
    "full between base and delta": [List(), List([LOSES], 8, 3)],
    "full before the base": [List(number=4), List([LOSES], 6, 5)],
    "delta of another scope": [List(extensions=[AKI, HERE]), List([LOSES], 6, 5)],
    "delta of the same scope": [
        List(extensions=[AKI, HERE]),
        List([LOSES], 6, 5, extensions=[AKI, HERE]),
    ],
    "delta without key identifier": [List(), List([LOSES], 6, 5, extensions=[])],
    "delta of another key": [List(), List([LOSES], 6, 5, is_forged=True)],
    "users": [List([LOSES], extensions=[USERS])],
    "CAs": [List((), extensions=[CAS])],
    "the point that the certificate names": [List([LOSES], extensions=[HERE])],
    "another point": [List((), extensions=[scope(full_name="http://ca.example/other.crl")])],
    "some reasons": [List((), extensions=[KEYS])],
    "some reasons, revoked": [List([LOSES], extensions=[KEYS])],
    "all reasons in two": [List([LOSES], extensions=[KEYS]), List((), extensions=[REST])],
}


@pytest.mark.rule("C2", "C3", "C4", "C5", "C9")
@pytest.mark.parametrize("name", CASES)
def test_openssl_concludes_the_same(tmp_path: Path, name: str) -> None:
    ders = [one.der() for one in CASES[name]]

    for serial_number, leaf in LEAVES.items():
        verdict = ours(tmp_path, ders, serial_number)
        assert verdict == openssl(tmp_path, ders, leaf)


@pytest.mark.rule("C7", "C8")
@pytest.mark.parametrize("serial_number", range(1, 7))
def test_openssl_reads_the_issuers_of_an_indirect_crl_the_same(
    tmp_path: Path, serial_number: int
) -> None:
    """Entries: the CRL issuer's own, ours twice, another CA's twice, ours again."""
    entries: list[int | Entry] = [1, (2, [issued_by(CA)]), 3, (4, [issued_by(OTHER_CA)]), 5]
    indirect = scope(indirect_crl=True)
    der = crl(CRL_ISSUER, *entries, (6, [issued_by(CA)]), extensions=[indirect])
    name = x509.DirectoryName(CRL_ISSUER.certificate.subject.parsed())
    point = x509.DistributionPoint(None, None, None, [name])
    leaf = CA.issue(
        serial_number=serial_number, extensions=[(x509.CRLDistributionPoints([point]), False)]
    )

    verdict = ours(tmp_path, [der], serial_number)
    assert verdict == ("revoked" if serial_number in {2, 3, 6} else "good")
    assert verdict == openssl(tmp_path, [der], leaf)
