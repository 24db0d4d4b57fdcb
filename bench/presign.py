"""How fast answers are signed in advance, beside what the same key signs at all.

`.venv/bin/python -m bench.presign [CERTIFICATES]` prints the table alone. The command runs as
a person runs it: an index in SQLite, an LMDB store on disk, a process for each CPU, two
answers for each certificate (CertIDs by SHA-1 and by SHA-256), the linter before the store.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from certstatus.signing import make_signers
from certstatus.testing import TinyCA
from tests.presigning import Presigning

__all__ = ["Presigned", "measure_presign", "print_presign"]

_ROUTINE: Final = 10_000
_KINDS: Final = {"ECDSA P-256": "p256", "RSA 2048": "rsa2048", "ML-DSA-44": "mldsa44"}
_RAW_SECONDS: Final = 2.0
_TBS: Final = bytes(220)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """One key's figures; ``raw`` is signatures per second by as many processes, alone."""

    key: str
    answers: int
    processes: int
    seconds: float
    due_seconds: float
    raw: float


def measure_presign(certificates: int = _ROUTINE, kinds: int = 3) -> list[Presigned]:
    """Sign everything, then look whether anything is due, with each kind of key."""
    return [_measure(key, kind, certificates) for key, kind in list(_KINDS.items())[:kinds]]


def _measure(key: str, kind: str, certificates: int) -> Presigned:
    processes = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        work = Presigning.of(Path(folder), certificates, keys=(kind,), presign="")
        every = work.run("--all", "--processes", str(processes), patience=24 * 3600)
        due = work.run("--due", "--processes", str(processes), patience=24 * 3600)
    (counts,), (fresh,) = every["authorities"], due["authorities"]
    # What a process had whose lease ran out is done once more by another.
    assert counts["signed"] >= 2 * certificates
    assert fresh["fresh"] >= 2 * certificates
    return Presigned(
        key=key,
        answers=counts["signed"],
        processes=processes,
        seconds=every["seconds"],
        due_seconds=due["seconds"],
        raw=_raw(kind, processes),
    )


def _raw(kind: str, processes: int) -> float:
    """Sign the same octets again and again, in as many processes."""
    context = get_context("spawn")
    with context.Pool(processes) as pool:
        return sum(pool.map(_sign_for_a_while, [kind] * processes))


def _sign_for_a_while(kind: str) -> float:
    ca = TinyCA()
    issued = ca.issue_responder(kind=kind)
    sign: Callable[[bytes], bytes] = make_signers(
        issued.key, issued.certificate, issuer=ca.certificate
    )[0].sign
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < _RAW_SECONDS:
        sign(_TBS)
        count += 1
    return count / elapsed


def print_presign(rows: list[Presigned]) -> None:
    """Print a Markdown table."""
    print(
        "| key | answers | processes | signed in | per second | signatures alone | due, nothing is |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        rate = row.answers / row.seconds
        print(
            f"| {row.key} | {row.answers:,} | {row.processes} | {row.seconds:.1f} s | {rate:,.0f} "
            f"| {row.raw:,.0f} per second | {row.due_seconds:.1f} s |"
        )


def _main(arguments: list[Any]) -> None:
    if arguments:
        print_presign(measure_presign(int(arguments[0]), kinds=1))
    else:
        print_presign(measure_presign())


if __name__ == "__main__":
    _main(sys.argv[1:])
