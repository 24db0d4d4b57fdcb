"""Whether to believe a tree or a proof: every check by its rule, and a report of them all.

Pure: bytes, the issuer's certificate and ``now`` come in. Nothing is raised for what a
peer sent; what breaks the grammar is a report too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from certstatus.errors import MalformedError, UntrustedError
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import (
    Certificate,
    issuance_problem,
    signature_algorithm,
    signature_problem,
)
from certstatus.sources.crt.merkle import root_by_path
from certstatus.sources.crt.message import Proof, SignedRoot, parse_proof
from certstatus.sources.crt.signer import signer_problem
from certstatus.sources.serial_number import serial_text
from certstatus.verify import Check, Outcome, Verdict
from certstatus.verify.report import wire_time

__all__ = ["ProofReport", "check_expiry", "check_root", "failures", "verify_proof"]


@dataclass(frozen=True, kw_only=True)
class ProofReport:
    """Every check of a proof, and what follows from them.

    ``cert_status`` is what the proof says; it counts only where the verdict is good or
    revoked. ``proof`` is None where the bytes are none.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    proof: Proof | None = None
    cert_status: Good | Revoked | None = None

    def require(self) -> Good | Revoked:
        """Return the proven status, or raise for its absence.

        Raises:
            MalformedError: the bytes are no proof.
            UntrustedError: a check failed; the error carries this report.
        """
        reasons = failures(self.checks)
        if self.verdict is Verdict.MALFORMED:
            raise MalformedError(reasons, where="Proof")
        if self.verdict is Verdict.UNTRUSTED or self.cert_status is None:
            raise UntrustedError(reasons, report=self)
        return self.cert_status

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: stable, documented in the manual."""
        return {
            "verdict": self.verdict.value,
            "status": None if self.proof is None else _status_json(self.proof, self.cert_status),
            "checks": [check.as_json() for check in self.checks],
        }


def _status_json(proof: Proof, status: Good | Revoked | None) -> dict[str, object]:
    told: dict[str, object] = {
        "thisUpdate": wire_time(proof.root.this_update),
        "nextUpdate": wire_time(proof.root.next_update),
    }
    if isinstance(status, Revoked):
        told |= {
            "certStatus": "revoked",
            "revocationTime": wire_time(status.revocation_time),
            "revocationReason": None if status.reason is None else status.reason.label,
        }
    else:
        told["certStatus"] = None if status is None else "good"
    return told


def verify_proof(
    der: bytes,
    *,
    issuer: Certificate,
    serial_number: int,
    now: datetime,
    certificate: Certificate | None = None,
    skew: timedelta = DEFAULT_SKEW,
    trusted: tuple[Certificate, ...] = (),
) -> ProofReport:
    """Judge what a proof says of the certificate with ``serial_number`` that ``issuer`` issued.

    ``now`` is aware UTC, ``skew`` how far two honest clocks may stand apart. Where the
    ``certificate`` is at hand, ``issuer`` must have issued it (K4). Beside ``issuer`` itself
    those in ``trusted`` may have signed the tree (K3). Never raises for what is in ``der``.
    """
    try:
        proof = parse_proof(der)
    except MalformedError as error:
        check = Check.failed(error.rule or "K6", "grammar", str(error))
        return ProofReport(verdict=Verdict.MALFORMED, checks=(check,))
    checks = (
        _check_path(proof),
        _check_range(proof, serial_number),
        *check_root(proof.root, issuer, now=now, skew=skew, trusted=trusted),
        check_expiry(proof.root, now=now, skew=skew),
        *(() if certificate is None else (_check_certificate(certificate, issuer),)),
    )
    covers = proof.leaf.covers(serial_number)
    status = proof.leaf.status_of(serial_number) if covers else None
    if any(check.outcome is not Outcome.PASS for check in checks):
        verdict = Verdict.UNTRUSTED
    else:
        verdict = Verdict.REVOKED if isinstance(status, Revoked) else Verdict.GOOD
    return ProofReport(verdict=verdict, checks=checks, proof=proof, cert_status=status)


def _check_certificate(certificate: Certificate, issuer: Certificate) -> Check:
    problem = issuance_problem(certificate, issuer)
    if problem is not None:
        return Check.failed("K4", "certificate", problem)
    return Check.passed("K4", "certificate", f"{issuer.subject} issued it")


def _check_path(proof: Proof) -> Check:
    name, root = "path to the root", proof.root
    found = root_by_path(
        root.hash_algorithm, proof.leaf_der, proof.position, root.number_of_leaves, proof.path
    )
    place = f"leaf {proof.position} of {root.number_of_leaves}"
    if found is None:
        reason = f"a path of {len(proof.path)} does not lead from {place} to the root"
        return Check.failed("K6", name, reason)
    if found != root.root_hash:
        return Check.failed("K2", name, f"leads from {place} to another root than the signed one")
    reason = f"a path of {len(proof.path)} leads from {place} to the root"
    return Check.passed("K2", name, reason, rootHash=found.hex())


def _check_range(proof: Proof, serial_number: int) -> Check:
    name, leaf, serial = "range", proof.leaf, serial_text(serial_number)
    if not leaf.covers(serial_number):
        return Check.failed("K6", name, f"serial {serial} lies outside: {leaf.range_text}")
    return Check.passed("K6", name, f"serial {serial} lies within: {leaf.range_text}")


def check_root(
    root: SignedRoot,
    issuer: Certificate,
    *,
    now: datetime,
    skew: timedelta = DEFAULT_SKEW,
    trusted: tuple[Certificate, ...] = (),
) -> tuple[Check, ...]:
    """Judge a signed root but for its end: whose it is, who signed it, and since when."""
    return (
        _check_issuer(root, issuer),
        _check_signature(root, (issuer, *trusted), now),
        _check_this_update(root, now, skew),
    )


def _check_issuer(root: SignedRoot, issuer: Certificate) -> Check:
    name, algorithm = "issuer", root.hash_algorithm
    for what, told, hashed in (
        ("name", root.issuer_name_hash, issuer.subject_name_hash(algorithm)),
        ("key", root.issuer_key_hash, issuer.key_hash(algorithm)),
    ):
        if told != hashed:
            return Check.failed(
                "K4", name, f"the tree is of a CA with another {what} than {issuer}"
            )
    return Check.passed("K4", name, f"the tree is of {issuer.subject}")


def _check_signature(root: SignedRoot, candidates: tuple[Certificate, ...], now: datetime) -> Check:
    name, reasons = "signature", list[str]()
    for certificate in candidates:
        problem = _signature_problem(root, certificate, now)
        if problem is None:
            return Check.passed("K3", name, f"holds, by the key of {certificate.subject}")
        reasons.append(f"not by the key of {certificate.subject}: {problem}")
    return Check.failed("K3", name, "; ".join(reasons))


def _signature_problem(root: SignedRoot, certificate: Certificate, now: datetime) -> str | None:
    try:
        algorithm = signature_algorithm(root.signature_algorithm)
        if algorithm.is_sha1:
            return f"{algorithm.name} rests on SHA-1"
        return signer_problem(certificate, now) or signature_problem(
            algorithm, certificate.public_key, root.signature, root.tbs_der
        )
    except MalformedError as error:
        return str(error)


def _check_this_update(root: SignedRoot, now: datetime, skew: timedelta) -> Check:
    name, since = "thisUpdate", f"{root.this_update:%Y-%m-%d %H:%M:%SZ}"
    if root.next_update <= root.this_update:
        return Check.failed("K5", name, "is not before nextUpdate")
    if root.this_update > now + skew:
        return Check.failed("K5", name, f"the tree counts from {since} on, and not before")
    return Check.passed("K5", name, f"the tree is of {since}")


def check_expiry(root: SignedRoot, *, now: datetime, skew: timedelta = DEFAULT_SKEW) -> Check:
    """Judge whether a tree still counts."""
    name, until = "nextUpdate", f"{root.next_update:%Y-%m-%d %H:%M:%SZ}"
    if now - skew >= root.next_update:
        return Check.failed("K5", name, f"the tree expired on {until}")
    return Check.passed("K5", name, f"the tree counts until {until}")


def failures(checks: Iterable[Check]) -> str:
    """Put what failed into one line; empty where nothing did."""
    return "; ".join(
        f"{check.name}: {check.reason}" for check in checks if check.outcome is Outcome.FAIL
    )
