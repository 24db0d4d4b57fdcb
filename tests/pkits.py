"""NIST's test suite for path validation, PKITS 1.0.1: its cases, certificates and CRLs."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import cryptography_vectors
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.path import PathInputs
from certstatus.pkix import Certificate, CertificateList

Case = dict[str, Any]

SUITE: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "pkits.json").read_text(encoding="utf-8")
)
CASES: Final[list[Case]] = SUITE["cases"]
AT: Final = datetime.fromisoformat(SUITE["verify_time"])
DATA: Final = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
POLICIES: Final = {
    f"NIST-test-policy-{number}": ObjectIdentifier(f"2.16.840.1.101.3.2.1.48.{number}")
    for number in range(1, 11)
} | {"anyPolicy": oids.ANY_POLICY}


@cache
def certificate(name: str) -> Certificate:
    return Certificate.from_der((DATA / "certs" / f"{name}.crt").read_bytes())


@cache
def everyone() -> tuple[Certificate, ...]:
    """Return all certificates of the suite, in no order that helps."""
    return tuple(certificate(file.stem) for file in (DATA / "certs").iterdir())


@cache
def crl(name: str) -> CertificateList:
    return CertificateList.from_der((DATA / "crls" / f"{name}.crl").read_bytes())


def policies(names: str) -> frozenset[ObjectIdentifier]:
    return frozenset(POLICIES[name] for name in names.split(",") if name)


def inputs(case: Case) -> PathInputs:
    """Return what the case validates with; its DSA keys and signatures are of SHA-1's time."""
    return PathInputs(
        anchors=(certificate(case["chain"][0]),),
        user_policy_set=policies(case.get("InitialPolicySet", "anyPolicy")),
        require_explicit_policy=case.get("InitialExplicitPolicy", False),
        inhibit_policy_mapping=case.get("InitialPolicyMappingInhibit", False),
        inhibit_any_policy=case.get("InitialInhibitAnyPolicy", False),
        allow_sha1="DSA" in case["title"],
    )


def named(case: Case) -> str:
    return f"{case['number']} {case['title']}"
