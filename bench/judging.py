"""What judging a response costs beside the signatures that it has to verify, P-256.

A raw verification is ``public_key.verify`` of the cryptography package, with key, signature
and octets made before. The kinds take turns within each round, in processor time. A busy
machine slows all, and what Python does more than what OpenSSL does: it needs more of the caches.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.limits import MAX_KNOWN_DELEGATES
from certstatus.ocsp import OCSPResponse, parse_response
from certstatus.pkix import Certificate
from certstatus.testing import Forge, TinyCA
from certstatus.verify import DEFAULT_POLICY, KnownSignatures, Report, judge_again, verify_response

__all__ = ["Judging", "measure_judging", "print_judging"]

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROUNDS: Final = 11
A_ROUND: Final = 300
DELEGATES: Final = MAX_KNOWN_DELEGATES + 44
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Judging:
    """One kind of judgment, in microseconds, beside the raw verifications that it holds."""

    what: str
    signatures: int
    microseconds: float
    raw: float

    @property
    def ratio(self) -> float:
        """How often the raw verifications go into the judgment."""
        return self.microseconds / self.raw


class _Bench:
    """One CA, many delegates, and a good answer about one certificate by each."""

    def __init__(self) -> None:
        self.ca = TinyCA("Bench CA")
        self.leaf = self.ca.issue_server().certificate
        self.known = KnownSignatures(answers=0)
        self.memory = KnownSignatures()
        delegates = [self.ca.issue_responder() for _ in range(DELEGATES)]
        self.ders = [Forge.honest(self.ca, self.leaf.serial_number, one).der for one in delegates]
        self.read = [parse_response(der) for der in self.ders]
        self.turns = itertools.count()
        self.report = self.judge(self.ders[0])

    def judge(self, response: bytes | OCSPResponse, **more: KnownSignatures) -> Report:
        """Judge by the serial number: the certificate's own signature is asked elsewhere."""
        report = verify_response(
            response,
            issuer=self.ca.certificate,
            serial_number=self.leaf.serial_number,
            now=NOW,
            **more,  # type: ignore[arg-type]  # there is no more than ``known``
        )
        assert report.verified is not None
        return report

    def strange(self) -> int:
        """Return whose turn it is: it was forgotten since the last time."""
        return next(self.turns) % DELEGATES

    def again(self) -> Report | None:
        """Judge the times of a known answer."""
        return judge_again(self.report, now=NOW, policy=DEFAULT_POLICY)

    def raw(self, count: int) -> Callable[[], None]:
        """Return what verifies the answer's signature, and its delegate's as well."""
        basic = self.read[0].basic
        assert basic is not None
        delegate = Certificate.from_der(basic.certs[0])
        key, issuer = delegate.public_key, self.ca.certificate.public_key
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(issuer, ec.EllipticCurvePublicKey)
        answer, said = basic.signature, basic.tbs_der
        issued, signed = delegate.signature, delegate.tbs_der

        def one() -> None:
            key.verify(answer, said, _ECDSA)

        def two() -> None:
            key.verify(answer, said, _ECDSA)
            issuer.verify(issued, signed, _ECDSA)

        return two if count == 2 else one


def measure_judging() -> list[Judging]:
    """Measure each kind beside the raw verifications."""
    bench = _Bench()
    kinds: dict[str, tuple[int, Callable[[], object]]] = {
        "first time": (2, lambda: bench.judge(bench.ders[bench.strange()])),
        "first time, read already": (2, lambda: bench.judge(bench.read[bench.strange()])),
        "known delegate": (1, lambda: bench.judge(bench.ders[0], known=bench.known)),
        "known delegate, read already": (1, lambda: bench.judge(bench.read[0], known=bench.known)),
        "known answer": (1, lambda: bench.judge(bench.ders[0], known=bench.memory)),
        "known answer, its times alone": (1, bench.again),
    }
    works = {what: work for what, (_, work) in kinds.items()} | {1: bench.raw(1), 2: bench.raw(2)}
    with _without_collector():
        rounds = [
            {name: _microseconds(work) for name, work in works.items()} for _ in range(ROUNDS)
        ]
    figures = {name: median(one[name] for one in rounds) for name in works}
    return [
        Judging(what, count, figures[what], figures[count]) for what, (count, _) in kinds.items()
    ]


def _microseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    for _ in range(A_ROUND):
        work()
    return (time.process_time() - started) / A_ROUND * 1e6


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector out, as ``timeit`` does."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def print_judging(rows: list[Judging]) -> None:
    """Print a row for each kind."""
    print("| a delegated answer | signatures verified raw | microseconds | raw | ratio |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row.what} | {row.signatures} | {row.microseconds:.1f} | {row.raw:.1f} "
            f"| {row.ratio:.2f} |"
        )


if __name__ == "__main__":
    print_judging(measure_judging())
