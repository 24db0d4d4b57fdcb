"""`make bench`: how fast the parts are, beside peers, measured in one run.

Prints Markdown; `make bench > docs/benchmarks.md` keeps it. Ratios of one run hold when
the machine's speed drifts; absolute figures are those of the machine named at the top.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cryptography

from bench.http_load import Load
from bench.http_load import measure as measure_http
from bench.micro import Row
from bench.micro import measure as measure_micro


def main() -> None:
    """Measure all, print all."""
    print("# Benchmarks\n")
    print("`make bench` prints this page; every figure on it comes from one run.\n")
    for line in _machine():
        print(f"- {line}")
    print("\n## Messages and judgment\n")
    print("Microseconds per operation on one core, the median of seven rounds.\n")
    _print_micro(measure_micro())
    print("\n## HTTP\n")
    print(
        "Answers per second of one process over loopback, under ApacheBench with eight\n"
        "connections at once; 15,000 answers a row, the rows in turn, the median of three rounds.\n"
        "One certificate, no nonce, P-256, a delegated signer, the same status data. `openssl\n"
        "ocsp` closes each connection and signs each answer; ours is shown with a connection for\n"
        "each answer too, and kept alive. It gives a signed answer again while it means the same.\n"
    )
    sys.stdout.flush()
    _print_http(measure_http())


def _machine() -> Iterator[str]:
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True)
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    yield f"{datetime.now(UTC):%Y-%m-%d}, {model}, Python {platform.python_version()}"
    yield f"cryptography {cryptography.__version__}; {openssl.stdout.strip()}"


def _print_micro(rows: list[Row]) -> None:
    print("| operation | certstatus | cryptography | asn1crypto |")
    print("|---|---:|---:|---:|")
    for row in rows:
        peers = [_peer(row, name) for name in ("cryptography", "asn1crypto")]
        print(f"| {row.operation} | {row.ours:.1f} | {' | '.join(peers)} |")


def _peer(row: Row, name: str) -> str:
    figure = row.peers.get(name)
    return "—" if figure is None else f"{figure:.1f}"


def _print_http(loads: list[Load]) -> None:
    print("| server | method | answers per second | beside `openssl ocsp` |")
    print("|---|---|---:|---:|")
    base = {load.method: load.per_second for load in loads if load.is_base}
    for load in loads:
        ratio = load.per_second / base[load.method]
        print(f"| {load.server} | {load.method} | {load.per_second:,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
