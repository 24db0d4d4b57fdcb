"""How fast answers are signed in advance, beside what the same kind of key signs at all.

`.venv/bin/python -m bench.presign [CERTIFICATES]` prints the table alone; with a number, that of
P-256. The command runs as a person runs it: an index in SQLite, an LMDB store on disk, a process
for each CPU, two answers for each certificate (CertIDs by SHA-1 and by SHA-256), the linter
before the store. Raw signatures are those of `openssl speed` in as many processes, and of Python
in as many that do nothing else, before and after, for each second of CPU that they got: so what
else the machine does tells on the rates, and little on the ratios of CPU.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Final

from certstatus.signing import make_signers
from certstatus.testing import TinyCA
from tests.presigning import Presigning

__all__ = ["KINDS", "P256", "Kind", "Presigned", "measure_presign", "print_presign"]

_ROUTINE: Final = 25_000
_CHOICES: Final = {"all": "all verified", "sample": "a sample verified"}
_RAW_SECONDS: Final = 2.0
_TBS: Final = bytes(220)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of key; ``speed`` is what `openssl speed` calls it, ``share`` how many are signed."""

    name: str
    key: str
    speed: str | None
    share: float


P256: Final = Kind("ECDSA P-256", "p256", "ecdsap256", 1)
KINDS: Final = (
    P256,
    Kind("RSA 2048", "rsa2048", "rsa2048", 0.2),
    Kind("ML-DSA-44", "mldsa44", None, 0.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """One run's figures; ``cpu_seconds`` are of all processes together.

    ``openssl`` and ``python`` are signatures in a second of each process's CPU, summed up;
    ``openssl`` is None where it does not know such keys.
    """

    key: str
    answers: int
    processes: int
    seconds: float
    cpu_seconds: float
    due_seconds: float
    openssl: float | None
    python: float

    @property
    def raw(self) -> float:
        """The rate to be compared with."""
        return self.openssl or self.python

    @property
    def cpu_rate(self) -> float:
        """Answers per second of CPU, of all processes together."""
        return self.answers / self.cpu_seconds * self.processes


def measure_presign(
    certificates: int = _ROUTINE, kinds: tuple[Kind, ...] = KINDS
) -> list[Presigned]:
    """Sign everything, then look whether anything is due, with each kind of key."""
    return [row for kind in kinds for row in _measure(kind, round(certificates * kind.share))]


def _measure(kind: Kind, certificates: int) -> Iterator[Presigned]:
    """Sign the answers of one CA twice: with all signatures verified, and with a sample."""
    processes = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        work = Presigning.of(Path(folder), certificates, keys=(kind.key,), presign="")
        for choice, words in _CHOICES.items():
            shutil.rmtree(Path(folder) / "answers", ignore_errors=True)
            before = _raw(kind, processes)
            with _cpu() as spent:
                told = work.run(
                    *("--all", "--processes", str(processes), "--verify-signatures", choice),
                    patience=24 * 3600,
                )
            after = _raw(kind, processes)
            due = work.run("--due", "--processes", str(processes), patience=24 * 3600)
            (counts,), (fresh,) = told["authorities"], due["authorities"]
            # What a process had whose lease ran out is done once more by another.
            assert counts["signed"] >= 2 * certificates
            assert fresh["fresh"] >= 2 * certificates
            openssl = [one for one, _ in (before, after) if one is not None]
            yield Presigned(
                key=f"{kind.name}, {words}",
                answers=counts["signed"],
                processes=processes,
                seconds=told["seconds"],
                cpu_seconds=sum(spent),
                due_seconds=due["seconds"],
                openssl=mean(openssl) if openssl else None,
                python=mean((before[1], after[1])),
            )


@contextmanager
def _cpu() -> Iterator[list[float]]:
    """Give the seconds of CPU that processes took which began and ended within."""
    spent: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield spent
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent += [after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime]


# --- signatures alone -------------------------------------------------------------------------


def _raw(kind: Kind, processes: int) -> tuple[float | None, float]:
    """Return signatures per second of `openssl speed`, and of as many processes of Python."""
    with get_context("spawn").Pool(processes) as pool:
        python = sum(pool.map(_sign_for_a_while, [kind.key] * processes))
    return None if kind.speed is None else _speed(kind.speed, processes), python


def _speed(algorithm: str, processes: int) -> float:
    """Sum up what several processes sign: with -multi they would count by the clock."""
    command = ["openssl", "speed", "-seconds", f"{_RAW_SECONDS:.0f}", algorithm]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    told = [one.communicate(timeout=120)[0] for one in running]
    return sum(float(one.splitlines()[-1].split()[-2]) for one in told)


def _sign_for_a_while(kind: str) -> float:
    ca = TinyCA()
    issued = ca.issue_responder(kind=kind)
    sign: Callable[[bytes], bytes] = make_signers(
        issued.key, issued.certificate, issuer=ca.certificate
    )[0].sign
    started, count = time.process_time(), 0
    while (elapsed := time.process_time() - started) < _RAW_SECONDS:
        sign(_TBS)
        count += 1
    return count / elapsed


# --- the table --------------------------------------------------------------------------------


def print_presign(rows: list[Presigned]) -> None:
    """Print a Markdown table; rates are answers, or signatures, per second of all processes."""
    print(
        "| key | answers | processes | signed in | per second | CPU an answer "
        "| `openssl speed` | ratio by the clock | ratio of CPU | Python alone | ratio of CPU "
        "| due, nothing is |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        rate = row.answers / row.seconds
        beside = "— | — | —"
        if row.openssl is not None:
            ratios = f"{rate / row.openssl:.2f} | {row.cpu_rate / row.openssl:.2f}"
            beside = f"{row.openssl:,.0f} | {ratios}"
        print(
            f"| {row.key} | {row.answers:,} | {row.processes} | {row.seconds:.1f} s | {rate:,.0f} "
            f"| {row.cpu_seconds / row.answers * 1e6:.1f} µs | {beside} "
            f"| {row.python:,.0f} | {row.cpu_rate / row.python:.2f} | {row.due_seconds:.1f} s |"
        )


def _main(arguments: list[str]) -> None:
    if arguments:
        print_presign(measure_presign(int(arguments[0]), (P256,)))
    else:
        print_presign(measure_presign())


if __name__ == "__main__":
    _main(sys.argv[1:])
