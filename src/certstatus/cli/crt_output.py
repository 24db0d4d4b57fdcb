"""How trees and proofs look, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from certstatus.cli.output import print_columns, print_hanging, styled
from certstatus.cli.report import VERDICT_STYLES, check_row
from certstatus.cli.text import moment_text, relative_text
from certstatus.ocsp import Revoked
from certstatus.pkix import Certificate
from certstatus.sources import serial_text
from certstatus.sources.crt import Proof, ProofReport, SignedRoot
from certstatus.sources.crt.merkle import leaf_hash, sides
from certstatus.sources.crt.verify import failures
from certstatus.verify import Verdict
from certstatus.verify.report import wire_time

__all__ = ["built_json", "built_text", "print_report", "proof_json", "proof_rows"]


# --- trees ------------------------------------------------------------------------------------


def built_json(
    name: str, root: SignedRoot, issuer: Certificate, signer: Certificate, octets: int
) -> dict[str, Any]:
    """Return what was built for a program."""
    return {
        "file": name,
        "octets": octets,
        "issuer": str(issuer.subject),
        "signer": str(signer.subject),
        "revoked": root.number_of_leaves - 1,
        **_root_json(root),
    }


def _root_json(root: SignedRoot) -> dict[str, Any]:
    return {
        "thisUpdate": wire_time(root.this_update),
        "nextUpdate": wire_time(root.next_update),
        "hashAlgorithm": root.hash_algorithm.label,
        "numberOfLeaves": root.number_of_leaves,
        "rootHash": root.root_hash.hex(),
    }


def built_text(name: str, root: SignedRoot, octets: int, now: datetime) -> str:
    """Say what was built."""
    until = f"{moment_text(root.next_update)} ({relative_text(root.next_update, now)})"
    revoked = root.number_of_leaves - 1
    return f"{name}: {revoked} revoked, {octets} octets, counts until {until}"


# --- proofs -----------------------------------------------------------------------------------


def proof_json(proof: Proof, serial_number: int) -> dict[str, Any]:
    """Return a proof for a program: all that it takes to follow it by hand."""
    leaf, root = proof.leaf, proof.root
    return {
        "serialNumber": f"{serial_number:x}",
        "certStatus": _word(proof, serial_number),
        "low": None if leaf.low is None else f"{leaf.low:x}",
        "high": None if leaf.high is None else f"{leaf.high:x}",
        "leaf": proof.leaf_der.hex(),
        "leafHash": leaf_hash(root.hash_algorithm, proof.leaf_der).hex(),
        "position": proof.position,
        "path": [{"side": side, "hash": sibling.hex()} for side, sibling in _path(proof)],
        **_root_json(root),
        "octets": len(proof.der),
        "proof": proof.der.hex(),
    }


def _word(proof: Proof, serial_number: int) -> str:
    return "revoked" if isinstance(proof.leaf.status_of(serial_number), Revoked) else "good"


def _path(proof: Proof) -> Iterator[tuple[str, bytes]]:
    where = sides(proof.position, proof.root.number_of_leaves)
    for is_left, sibling in zip(where, proof.path, strict=True):
        yield "left" if is_left else "right", sibling


def proof_rows(proof: Proof, serial_number: int) -> Iterator[tuple[str, str]]:
    """Yield a proof's parts, each with its name, in the order of following it by hand."""
    leaf, root = proof.leaf, proof.root
    yield "serial", f"{serial_text(serial_number)}: {leaf.status_of(serial_number)}"
    yield "range", leaf.range_text
    yield "position", f"leaf {proof.position} of {root.number_of_leaves}"
    yield "leaf", proof.leaf_der.hex()
    yield "leaf hash", leaf_hash(root.hash_algorithm, proof.leaf_der).hex()
    for side, sibling in _path(proof):
        yield f"sibling {side}", sibling.hex()
    yield "root hash", root.root_hash.hex()
    yield "counts", f"{moment_text(root.this_update)} to {moment_text(root.next_update)}"
    yield "proof", f"{len(proof.der)} octets"


def print_report(
    out: Console, report: ProofReport, subject: str, now: datetime, *, quiet: bool
) -> None:
    """Print every check, and the verdict in one line; ``quiet`` prints that line alone."""
    if not quiet:
        print_columns(out, [check_row(check) for check in report.checks])
        out.print()
    head = Text.assemble(styled(report.verdict.value, VERDICT_STYLES[report.verdict]), "  ")
    print_hanging(out, head, styled(f"{subject}: {_sentence(report, now)}"))


def _sentence(report: ProofReport, now: datetime) -> str:
    proof, status = report.proof, report.cert_status
    if proof is None:
        return f"what came is no proof: {failures(report.checks)}"
    if report.verdict is Verdict.UNTRUSTED:
        said = "" if status is None else f"it says {status}, but "
        return f"{said}don't believe it: {failures(report.checks)}"
    end = proof.root.next_update
    until = f"the proof holds until {moment_text(end)} ({relative_text(end, now)})"
    return f"{'not revoked' if report.verdict is Verdict.GOOD else status}; {until}"
