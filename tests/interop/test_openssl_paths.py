"""What `openssl verify` concludes of whole paths with their CRLs, and what we do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.path import PathInputs
from certstatus.pkix import Certificate, CertificateList
from certstatus.testing import TinyCA
from certstatus.testing.ca import key_usage
from tests.paths import AS_CA, DAY, NOW, checked, crl, cross, policies

pytestmark = pytest.mark.interop

ROOT = TinyCA("Root")
CA = TinyCA("CA")
LOWER = TinyCA("Lower")
SIGNED = cross(ROOT, CA)
LEAF = CA.issue("leaf").certificate
SIGNS = (key_usage("key_cert_sign", "crl_sign"), True)
OURS, THEIRS = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"


def host(name: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.DNSName(name)]), False


def within(*, permitted: Sequence[str] = (), excluded: Sequence[str] = ()) -> Certificate:
    """Let the root certify the CA for some names."""
    names = x509.NameConstraints(
        [x509.DNSName(one) for one in permitted] or None,
        [x509.DNSName(one) for one in excluded] or None,
    )
    return cross(ROOT, CA, extensions=((names, True),))


def limited(length: int) -> Certificate:
    basic = x509.BasicConstraints(ca=True, path_length=length), True
    return ROOT.issue("CA", key=CA.key, extensions=(basic, SIGNS)).certificate


@dataclass(frozen=True)
class Case:
    """A leaf, what is at hand, and what both must say."""

    leaf: Certificate = LEAF
    pool: Sequence[Certificate] = (SIGNED,)
    crls: Sequence[CertificateList] = field(default_factory=lambda: (crl(ROOT), crl(CA)))
    policy: str | None = None
    holds: bool = True


BELOW = (cross(CA, LOWER), LOWER.issue("leaf").certificate)
CASES = {
    "plain": Case(),
    "two anchors' worth of paths": Case(pool=(cross(ROOT, CA), SIGNED)),
    "an expired leaf": Case(leaf=CA.issue("leaf", not_after=NOW - DAY).certificate, holds=False),
    "a leaf of tomorrow": Case(
        leaf=CA.issue("leaf", not_before=NOW + DAY).certificate, holds=False
    ),
    "an expired CA": Case(pool=(cross(ROOT, CA, not_after=NOW - DAY),), holds=False),
    "an expired CA beside a good one": Case(pool=(cross(ROOT, CA, not_after=NOW - DAY), SIGNED)),
    "no CA": Case(pool=(ROOT.issue("CA", key=CA.key).certificate,), holds=False),
    "a CA that may not sign": Case(
        pool=(
            ROOT.issue(
                "CA", key=CA.key, extensions=(AS_CA[0], (key_usage("crl_sign"), True))
            ).certificate,
        ),
        holds=False,
    ),
    "long enough": Case(
        leaf=BELOW[1], pool=(limited(1), BELOW[0]), crls=(crl(ROOT), crl(CA), crl(LOWER))
    ),
    "too long": Case(
        leaf=BELOW[1],
        pool=(limited(0), BELOW[0]),
        crls=(crl(ROOT), crl(CA), crl(LOWER)),
        holds=False,
    ),
    "another's signature": Case(leaf=TinyCA("CA").issue("leaf").certificate, holds=False),
    "a permitted name": Case(
        leaf=CA.issue("leaf", extensions=(host("www.ours.example"),)).certificate,
        pool=(within(permitted=["ours.example"]),),
    ),
    "a name that is not permitted": Case(
        leaf=CA.issue("leaf", extensions=(host("www.theirs.example"),)).certificate,
        pool=(within(permitted=["ours.example"]),),
        holds=False,
    ),
    "an excluded name": Case(
        leaf=CA.issue("leaf", extensions=(host("www.theirs.example"),)).certificate,
        pool=(within(excluded=["theirs.example"]),),
        holds=False,
    ),
    "an unknown critical extension": Case(
        leaf=CA.issue(
            "leaf",
            extensions=(
                (x509.UnrecognizedExtension(x509.ObjectIdentifier(OURS), b"\x05\x00"), True),
            ),
        ).certificate,
        holds=False,
    ),
    "the policy": Case(
        leaf=CA.issue("leaf", extensions=(policies(OURS),)).certificate,
        pool=(cross(ROOT, CA, extensions=(policies(OURS, THEIRS),)),),
        policy=OURS,
    ),
    "another policy": Case(
        leaf=CA.issue("leaf", extensions=(policies(THEIRS),)).certificate,
        pool=(cross(ROOT, CA, extensions=(policies(OURS, THEIRS),)),),
        policy=OURS,
        holds=False,
    ),
    "no policy": Case(policy=OURS, holds=False),
    "a revoked leaf": Case(crls=(crl(ROOT), crl(CA, LEAF)), holds=False),
    "a revoked CA": Case(crls=(crl(ROOT, SIGNED), crl(CA)), holds=False),
    "no CRL of the CA": Case(crls=(crl(ROOT),), holds=False),
    "no CRL of the root": Case(crls=(crl(CA),), holds=False),
    "an old CRL": Case(crls=(crl(ROOT), crl(CA, this_update=NOW - 20 * DAY)), holds=False),
    "a CRL of tomorrow": Case(crls=(crl(ROOT), crl(CA, this_update=NOW + DAY)), holds=False),
    "a forged CRL": Case(crls=(crl(ROOT), crl(TinyCA("CA"))), holds=False),
}


def openssl(case: Case, folder: Path) -> bool:
    """Ask the command."""
    files = {
        "root.pem": [ROOT.certificate],
        "pool.pem": case.pool,
        "leaf.pem": [case.leaf],
    }
    for name, certificates in files.items():
        pem = b"".join(one.parsed.public_bytes(Encoding.PEM) for one in certificates)
        (folder / name).write_bytes(pem)
    lists = (x509.load_der_x509_crl(one.der).public_bytes(Encoding.PEM) for one in case.crls)
    (folder / "crls.pem").write_bytes(b"".join(lists))
    options = ["-policy", case.policy, "-explicit_policy"] if case.policy else []
    arguments = (
        *("-no-CApath", "-no-CAstore", "-CAfile", "root.pem", "-untrusted", "pool.pem"),
        *("-CRLfile", "crls.pem", "-crl_check_all", "-extended_crl"),
        *("-attime", str(int(NOW.timestamp())), *options, "leaf.pem"),
    )
    done = subprocess.run(
        ["openssl", "verify", *arguments], cwd=folder, capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


def ours(case: Case) -> bool:
    wanted = PathInputs(anchors=(ROOT.certificate,))
    if case.policy is not None:
        wanted = PathInputs(
            anchors=(ROOT.certificate,),
            user_policy_set=frozenset({x509.ObjectIdentifier(case.policy)}),
            require_explicit_policy=True,
        )
    return checked(case.leaf, wanted, pool=case.pool, crls=case.crls).is_valid


@pytest.mark.parametrize("name", CASES)
def test_openssl_concludes_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert ours(case) == case.holds
    assert openssl(case, tmp_path) == case.holds
