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

from bench.checking import measure_checking, print_checking
from bench.crl import measure_answering, measure_reading, print_crl
from bench.database import measure_database, print_database
from bench.handshakes import Attaching, Handshakes, measure_attaching, measure_handshakes
from bench.http_load import Load
from bench.http_load import measure as measure_http
from bench.judging import measure_judging, print_judging
from bench.micro import Row
from bench.micro import measure as measure_micro
from bench.presign import measure_presign, print_presign
from bench.probing import Probing, measure_probing
from bench.stores import measure_stores, print_stores
from bench.tokens import measure_tokens, print_tokens


def main() -> None:
    """Measure all, print all."""
    print("# Benchmarks\n")
    print("`make bench` prints this page; every figure on it comes from one run.\n")
    for line in _machine():
        print(f"- {line}")
    print("\n## Messages and judgment\n")
    print("Microseconds per operation on one core, the median of seven rounds.\n")
    _print_micro(measure_micro())
    print(
        "\nJudgment beside the raw verifications that it holds, of an answer by a P-256 delegate:\n"
    )
    print_judging(measure_judging())
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
    print("\n## TLS handshakes\n")
    print(
        "Handshakes per second through Python's `ssl`, client and server in one thread, P-256,\n"
        "the client verifying the chain; 150 handshakes a round, the kinds in turn, the median of\n"
        "seven rounds. The server's context staples in every row; asking is up to the client.\n"
    )
    sys.stdout.flush()
    _print_handshakes(measure_handshakes())
    print("\nWhat one call costs, in microseconds:\n")
    _print_attaching(measure_attaching())
    print("\n## Probe\n")
    print(
        "A thousand hosts on loopback, all served by one Python process with asyncio; each is\n"
        "probed by TLS 1.2 and by TLS 1.3, its chain and its staple judged, from one process.\n"
    )
    sys.stdout.flush()
    _print_probing(measure_probing())
    print("\n## Many certificates\n")
    print(
        "A thousand certificates of one CA, asked about one by one and many at once, every answer\n"
        "signed when it is asked for by `certstatus serve` beside, and judged; a connection each.\n"
    )
    sys.stdout.flush()
    print_checking(measure_checking())
    print("\n## Keys in a token\n")
    print(
        "Signatures per second by one process, over 304 octets: the key in memory, the same key in\n"
        "SoftHSM, and in SoftHSM waited for in an event loop, as `serve` does it: in threads, four\n"
        "at once. 400 signatures a round, the three in turn, the median of seven rounds.\n"
    )
    sys.stdout.flush()
    print_tokens(measure_tokens())
    print("\n## Status database\n")
    print(
        "An index of a million certificates imported in one transaction, each with its line in\n"
        "the audit trail; then two thousand lookups one after another, all over the table.\n"
        "PostgreSQL runs beside on loopback, with `fsync` off; a lookup goes through a thread.\n"
    )
    sys.stdout.flush()
    print_database(measure_database())
    print("\n## Stores of signed answers\n")
    print(
        "Answers of 700 octets with random serial numbers, put in batches of 5,000, then twenty\n"
        'thousand look-ups one after another, all over the store; "within limits" is a look-up\n'
        "as an answer makes it, which waits 100 ms at the longest.\n"
    )
    sys.stdout.flush()
    print_stores(measure_stores())
    print("\n## CRLs\n")
    print(
        "A CRL of a million entries: read, its signature verified, every entry looked at; then\n"
        "serial numbers that it lists, asked for all over it. Each row is a process of its own;\n"
        "memory is the most that it had beside the file's own octets and its modules.\n"
    )
    sys.stdout.flush()
    print_crl(measure_reading(), measure_answering())

    print("\n## Signing in advance\n")
    print(
        "`certstatus presign --all` over an index of ten thousand certificates in SQLite, two\n"
        "answers for each, every one read back, verified and looked at before it is stored in LMDB;\n"
        "beside it what the same kind of key signs in as many processes that do nothing else. Last,\n"
        "`--due` looks at all of them again.\n"
    )
    sys.stdout.flush()
    print_presign(measure_presign())


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


def _print_handshakes(rows: list[Handshakes]) -> None:
    print("| version | asks for nothing | asks for a staple | asks and judges it | ratios |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        figures = " | ".join(f"{rate:,.0f}" for rate in (row.plain, row.stapled, row.judged))
        ratios = f"{row.stapled / row.plain:.2f}, {row.judged / row.plain:.2f}"
        print(f"| {row.version} | {figures} | {ratios} |")


def _print_attaching(rows: list[Attaching]) -> None:
    print("| call | microseconds |")
    print("|---|---:|")
    for row in rows:
        print(f"| {row.what} | {row.microseconds:,.0f} |")


def _print_probing(rows: list[Probing]) -> None:
    print("| hosts | at once | handshakes | seconds | hosts per second |")
    print("|---:|---:|---:|---:|---:|")
    for row in rows:
        each = f"{row.seconds:.1f} | {row.hosts / row.seconds:.0f}"
        print(f"| {row.hosts:,} | {row.concurrency} | {row.handshakes:,} | {each} |")


def _print_http(loads: list[Load]) -> None:
    print("| server | method | answers per second | beside `openssl ocsp` |")
    print("|---|---|---:|---:|")
    base = {load.method: load.per_second for load in loads if load.is_base}
    for load in loads:
        ratio = load.per_second / base[load.method]
        print(f"| {load.server} | {load.method} | {load.per_second:,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
