from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from certstatus.errors import PlatformError
from certstatus.limits_path import MAX_KNOWN_CAS
from certstatus.limits_signers import MIN_RSA_BITS
from certstatus.path import CertificationPath, Evidence, PathInputs, ValidationError, validate_path
from certstatus.path.rfc5280 import BasicVerdict, _known_ca, basic_validation
from certstatus.pkix import Certificate
from certstatus.testing import TinyCA
from tests.paths import NOW

ROOT = TinyCA("Root")
LEAF = ROOT.issue("leaf").certificate


def judged(leaf: Certificate, anchor: Certificate = ROOT.certificate) -> BasicVerdict:
    path = CertificationPath((leaf,), anchor)
    return asyncio.run(basic_validation(path, PathInputs(anchors=(anchor,)), NOW))


def test_a_path_that_holds_has_no_problem() -> None:
    assert judged(LEAF) == BasicVerdict(effort=1)


def test_what_the_library_cannot_read_is_no_valid_path() -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x30\x03\x02\x01")
    verdict = judged(ROOT.issue("leaf", extensions=((broken, True),)).certificate)
    assert verdict.error is ValidationError.NO_VALID_CERT_PATH
    assert verdict.problem is not None
    assert verdict.problem.startswith("a certificate can't be read: ")


def test_a_weak_key_signs_nothing() -> None:
    assert MIN_RSA_BITS == 2_048
    weak = TinyCA("Weak", key=rsa.generate_private_key(65_537, 1_024))
    verdict = judged(weak.issue("leaf").certificate, weak.certificate)
    assert verdict.error is ValidationError.NO_VALID_CERT_PATH
    assert f"policy mandates >= {MIN_RSA_BITS}" in str(verdict.problem)


@pytest.mark.parametrize("kind", ["p384", "ed25519", "ed448", "mldsa44"])
def test_keys_of_every_kind_sign_paths(kind: str) -> None:
    ca = TinyCA("CA", kind=kind)
    assert judged(ca.issue("leaf", kind=kind).certificate, ca.certificate).problem is None


def test_without_the_extra_a_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyhanko_certvalidator'] = None\n"
        "import asyncio, datetime, certstatus.path as p\n"
        "from certstatus.testing import TinyCA\n"
        "ca = TinyCA(); path = p.CertificationPath((ca.certificate,), ca.certificate)\n"
        "now = datetime.datetime.now(datetime.UTC)\n"
        "run = p.validate_path(path, p.PathInputs(anchors=(ca.certificate,)), p.Evidence(), now)\n"
        "try: asyncio.run(run)\n"
        "except p.validate.PlatformError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'certstatus[scvp]'" in done.stdout
    assert PlatformError.exit_code == 78


def test_the_cas_of_many_paths_are_read_once_and_no_more_are_kept_than_may_be() -> None:
    before = _known_ca.cache_info()
    other = TinyCA("Other")
    for _ in range(3):
        assert judged(other.issue("leaf").certificate, other.certificate).problem is None
    after = _known_ca.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    assert after.maxsize == MAX_KNOWN_CAS


def test_a_path_that_was_not_built_here_is_verified_all_the_same() -> None:
    other = TinyCA("Root").issue("leaf").certificate
    path = CertificationPath((other,), ROOT.certificate)
    inputs = PathInputs(anchors=(ROOT.certificate,))
    report = asyncio.run(validate_path(path, inputs, Evidence(), NOW))
    assert report.errors == (ValidationError.NO_VALID_CERT_PATH,)
    assert report.problems == ("the signature of the end-entity certificate could not be verified",)
    assert report.certificates == ()
