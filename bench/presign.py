"""How fast answers are signed in advance, beside what the same kind of key signs at all.

`.venv/bin/python -m bench.presign [CERTIFICATES]` prints the table alone; with a number, that of
P-256. The command runs as a person runs it: an index in SQLite, an LMDB store on disk, a process
for each CPU, two answers for each certificate (CertIDs by SHA-1 and by SHA-256), the linter
before the store. Raw signatures are those of `openssl speed` in as many processes, and of Python
in as many that do nothing else, before and after, for each second of CPU that they got: so what
else the machine does tells on the rates, and little on the ratios of CPU.

What it takes to start is measured beside, by signing for a CA of one certificate, with modules
compiled before, as those of an installed package are. The most that could be reached is what
would remain if there were nothing but the signatures and the verifications of `openssl speed`.
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
from typing import Final, NamedTuple

from certstatus.limits_presign import PRESIGN_SAMPLE
from certstatus.signing import make_signers
from certstatus.testing import TinyCA
from tests.presigning import Presigning

__all__ = ["KINDS", "P256", "Kind", "Presigned", "measure_presign", "print_presign"]

_ROUTINE: Final = 500_000
_STARTS: Final = 3
_CHOICES: Final = {"all": ("all verified", 1), "sample": ("a sample verified", PRESIGN_SAMPLE)}
_RAW_SECONDS: Final = 2.0
_TBS: Final = bytes(220)
_AT_ONCE: Final = 20
"""Signatures between two looks at the clock."""


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
    Kind("RSA 2048", "rsa2048", "rsa2048", 0.04),
    Kind("ML-DSA-44", "mldsa44", None, 0.02),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """One run's figures; ``cpu_seconds`` are of all processes together, from their start on.

    ``start_seconds`` of CPU it takes to sign next to nothing; one signature in ``per_verified``
    is verified. ``openssl`` and ``python`` are signatures in a second of each process's CPU,
    summed up, and ``openssl_verified`` verifications; None where it does not know such keys.
    """

    key: str
    answers: int
    processes: int
    seconds: float
    cpu_seconds: float
    start_seconds: float
    due_seconds: float
    openssl: float | None
    openssl_verified: float | None
    python: float
    per_verified: int

    @property
    def raw(self) -> float:
        """The rate to be compared with."""
        return self.openssl or self.python

    @property
    def cpu_rate(self) -> float:
        """Answers per second of CPU, of all processes together."""
        return self.answers / self.cpu_seconds * self.processes

    @property
    def steady_rate(self) -> float:
        """The same, without the start."""
        return self.answers / (self.cpu_seconds - self.start_seconds) * self.processes

    @property
    def most(self) -> float | None:
        """Which part of `openssl speed`'s rate is left where so many are verified, too."""
        if self.openssl is None or self.openssl_verified is None:
            return None
        return 1 / (1 + self.openssl / self.openssl_verified / self.per_verified)


def measure_presign(
    certificates: int = _ROUTINE, kinds: tuple[Kind, ...] = KINDS
) -> list[Presigned]:
    """Sign everything, then look whether anything is due, with each kind of key."""
    with _compiled():
        return [row for kind in kinds for row in _measure(kind, round(certificates * kind.share))]


@contextmanager
def _compiled() -> Iterator[None]:
    """Let modules be compiled once and for all."""
    unwanted = os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        yield
    finally:
        if unwanted is not None:
            os.environ["PYTHONDONTWRITEBYTECODE"] = unwanted


def _measure(kind: Kind, certificates: int) -> Iterator[Presigned]:
    """Sign the answers of one CA twice: with all signatures verified, and with a sample."""
    processes = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        start = _start(kind, processes)
        work = Presigning.of(Path(folder), certificates, keys=(kind.key,), presign="")
        for choice, (words, per_verified) in _CHOICES.items():
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
            openssl = [one.openssl for one in (before, after) if one.openssl is not None]
            theirs = [one.verified for one in (before, after) if one.verified is not None]
            yield Presigned(
                key=f"{kind.name}, {words}",
                answers=counts["signed"],
                processes=processes,
                seconds=told["seconds"],
                cpu_seconds=sum(spent),
                start_seconds=start,
                due_seconds=due["seconds"],
                openssl=mean(openssl) if openssl else None,
                openssl_verified=mean(theirs) if theirs else None,
                python=mean((before.python, after.python)),
                per_verified=per_verified,
            )


def _start(kind: Kind, processes: int) -> float:
    """Return the seconds of CPU that it takes to sign for a CA of one certificate."""
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Presigning.of(Path(folder), 1, keys=(kind.key,), presign="")
        for _ in range(1 + _STARTS):  # the first one compiles
            with _cpu() as spent:
                work.run("--all", "--processes", str(processes))
            seconds.append(sum(spent))
    return mean(seconds[1:])


@contextmanager
def _cpu() -> Iterator[list[float]]:
    """Give the seconds of CPU that processes took which began and ended within."""
    spent: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield spent
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent += [after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime]


# --- signatures alone -------------------------------------------------------------------------


class _Raw(NamedTuple):
    """Signatures, and verifications, per second of all processes."""

    openssl: float | None
    verified: float | None
    python: float


def _raw(kind: Kind, processes: int) -> _Raw:
    """Measure `openssl speed`, and as many processes of Python."""
    with get_context("spawn").Pool(processes) as pool:
        python = sum(pool.map(_sign_for_a_while, [kind.key] * processes))
    if kind.speed is None:
        return _Raw(None, None, python)
    return _Raw(*_speed(kind.speed, processes), python)


def _speed(algorithm: str, processes: int) -> tuple[float, float]:
    """Sum up what several processes sign and verify: with -multi they would count by the clock."""
    command = ["openssl", "speed", "-seconds", f"{_RAW_SECONDS:.0f}", algorithm]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    told = [one.communicate(timeout=120)[0].splitlines()[-1].split() for one in running]
    return sum(float(one[-2]) for one in told), sum(float(one[-1]) for one in told)


def _sign_for_a_while(kind: str) -> float:
    ca = TinyCA()
    issued = ca.issue_responder(kind=kind)
    sign: Callable[[bytes], bytes] = make_signers(
        issued.key, issued.certificate, issuer=ca.certificate
    )[0].sign
    started, count = time.process_time(), 0
    while (elapsed := time.process_time() - started) < _RAW_SECONDS:
        for _ in range(_AT_ONCE):
            sign(_TBS)
        count += _AT_ONCE
    return count / elapsed


# --- the table --------------------------------------------------------------------------------


def print_presign(rows: list[Presigned]) -> None:
    """Print a Markdown table; rates are answers, or signatures, per second of all processes."""
    print(
        "| key | answers | processes | signed in | per second | CPU an answer | start, CPU "
        "| `openssl speed` | ratio by the clock | ratio of CPU | without the start | at the most "
        "| Python alone | ratio of CPU | due, nothing is |"
    )
    print(f"|---|{14 * '---:|'}")
    for row in rows:
        rate = row.answers / row.seconds
        beside = "— | — | — | — | —"
        if row.openssl is not None:
            found = (rate, row.cpu_rate, row.steady_rate)
            ratios = [*(one / row.openssl for one in found), row.most or 0.0]
            beside = f"{row.openssl:,.0f} | {' | '.join(f'{one:.2f}' for one in ratios)}"
        print(
            f"| {row.key} | {row.answers:,} | {row.processes} | {row.seconds:.1f} s | {rate:,.0f} "
            f"| {row.cpu_seconds / row.answers * 1e6:.1f} µs | {row.start_seconds:.2f} s | {beside} "
            f"| {row.python:,.0f} | {row.cpu_rate / row.python:.2f} | {row.due_seconds:.1f} s |"
        )


def _main(arguments: list[str]) -> None:
    if arguments:
        print_presign(measure_presign(int(arguments[0]), (P256,)))
    else:
        print_presign(measure_presign())


if __name__ == "__main__":
    _main(sys.argv[1:])
