"""Certificates for paths: CAs over CAs, cross-certificates, and what tells their status."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certstatus.asn1 import oids
from certstatus.path import (
    CertificatePool,
    CertificationPath,
    Evidence,
    PathInputs,
    PathSearch,
    check_path,
    find_paths,
)
from certstatus.pkix import Certificate, CertificateList, CRLReason
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)

Extension = tuple[x509.ExtensionType, bool]
AS_CA: Final[tuple[Extension, ...]] = (
    (x509.BasicConstraints(ca=True, path_length=None), True),
    (key_usage("key_cert_sign", "crl_sign"), True),
)


def cross(issuer: TinyCA, subject: TinyCA, **wishes: Any) -> Certificate:
    """Let one CA certify another's name and key."""
    extensions = (*AS_CA, *wishes.pop("extensions", ()))
    issued = issuer.issue(subject.common_name, key=subject.key, extensions=extensions, **wishes)
    return issued.certificate


def again(certificate: Certificate, issuer: TinyCA, serial_number: int) -> Certificate:
    """Let a CA with an Ed25519 key sign the same with another serial number of two octets."""
    assert isinstance(issuer.key, Ed25519PrivateKey)
    before, tbs = b"\x02\x02" + certificate.serial_number.to_bytes(2), certificate.tbs_der
    changed = tbs.replace(before, b"\x02\x02" + serial_number.to_bytes(2), 1)
    der = certificate.der.replace(tbs, changed, 1)[:-64] + issuer.key.sign(changed)
    return Certificate.from_der(der)


def policies(*numbers: str) -> Extension:
    """Make certificatePolicies of these."""
    named = [x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in numbers]
    return x509.CertificatePolicies(named), False


def crl(
    ca: TinyCA, *revoked: Certificate, reason: CRLReason | None = None, **wishes: Any
) -> CertificateList:
    """Issue a CRL that is current at NOW."""
    wishes.setdefault("this_update", NOW - DAY)
    listed = [(one.serial_number, NOW - 2 * DAY, reason) for one in revoked]
    return CertificateList.from_der(ca.crl(listed, **wishes))


def paths(
    certificate: Certificate,
    anchors: Sequence[Certificate],
    pool: Iterable[Certificate],
    **more: Any,
) -> list[CertificationPath]:
    """Find every path, in the order in which they come."""
    evidence = Evidence(pool=CertificatePool(pool), **more)
    inputs = PathInputs(anchors=tuple(anchors))

    async def find() -> list[CertificationPath]:
        finder = find_paths(certificate, inputs, evidence, NOW)
        return [path async for path in finder.paths()]

    return asyncio.run(find())


def checked(
    certificate: Certificate | Issued,
    inputs: PathInputs,
    *,
    pool: Iterable[Certificate] = (),
    now: datetime = NOW,
    revocation: bool = True,
    excluded: Iterable[bytes] = (),
    **evidence: Any,
) -> PathSearch:
    """Check a path with this evidence and no other."""
    found = certificate.certificate if isinstance(certificate, Issued) else certificate
    held = Evidence(pool=CertificatePool(pool), **evidence)
    return asyncio.run(
        check_path(found, inputs, held, now, revocation=revocation, excluded=tuple(excluded))
    )


ANY_POLICY: Final = frozenset({oids.ANY_POLICY})
