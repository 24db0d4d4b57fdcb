"""The sections of the page: what each measures, prints, and holds against the figures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from bench.attacks import ABOUT as ATTACKED
from bench.attacks import attack_figures, measure_attacks, print_attacks
from bench.checking import measure_checking, print_checking
from bench.crl import measure_answering, measure_reading, print_crl
from bench.database import measure_database, print_database
from bench.figures import Figure
from bench.handshakes import Attaching, Handshakes, measure_attaching, measure_handshakes
from bench.http_figures import bars_of, figures_of
from bench.http_load import HTTPFigures, measure_http, print_http
from bench.judging import measure_judging, print_judging
from bench.micro import Row
from bench.micro import measure as measure_micro
from bench.plot import bars
from bench.presign import measure_presign, print_presign
from bench.probing import Probing, measure_probing
from bench.rows import KEYS, Scale
from bench.signing import measure_signing, print_signing
from bench.spread import Spread
from bench.starting import measure_help
from bench.stores import measure_stores, print_stores
from bench.tokens import measure_tokens, print_tokens
from certstatus.errors import CertStatusError

__all__ = ["Measured", "Section", "measured", "sections_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page. ``measure`` prints tables and yields figures of the project."""

    title: str
    about: str
    measure: Callable[[], Iterator[Figure]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A section that was measured; ``problem`` says what broke, and then the rest is what came before."""

    section: Section
    text: str
    figures: tuple[Figure, ...]
    problem: str | None


_BROKEN: Final = (
    *(AssertionError, CertStatusError, OSError, RuntimeError, ValueError, SystemExit),
    *(subprocess.SubprocessError, pytest.fail.Exception),
)


def measured(section: Section) -> Measured:
    """Measure a section; what is missing for it is told, and the others go on."""
    figures: list[Figure] = []
    problem = None
    with redirect_stdout(StringIO()) as text:
        try:
            figures.extend(section.measure())
        except _BROKEN as error:
            problem = f"{type(error).__name__}: {error}"
    return Measured(section, text.getvalue(), tuple(figures), problem)


def sections_of(scale: Scale, *, is_quick: bool, plot: Path | None) -> Iterator[Section]:
    """Yield what is measured, in the order of the page; quick: what the figures rest on, smaller.

    The plot of the first section is written to ``plot``.
    """
    yield Section(title="HTTP", about=_HTTP, measure=lambda: _http(scale, plot))
    yield Section(title="Under attack", about=ATTACKED, measure=lambda: _attacks(scale))
    if not is_quick:
        yield Section(title="Messages", about=_MICRO, measure=_micro)
    yield Section(title="Judgment", about=_JUDGMENT, measure=_judgment)
    yield Section(title="TLS handshakes", about=_HANDSHAKES, measure=_handshakes)
    listed = 100_000 if is_quick else 1_000_000
    if not is_quick:
        yield Section(title="Probe", about=_PROBE, measure=_probe)
        yield Section(title="Many certificates", about=_CHECKS, measure=_checks)
        yield Section(title="Answers signed now", about=_SIGNING, measure=_signing)
        yield Section(title="Keys in a token", about=_TOKENS, measure=_tokens)
        yield Section(title="Status database", about=_DATABASE, measure=_database)
        yield Section(title="Stores of signed answers", about=_STORES, measure=_stores)
    yield Section(title="CRLs", about=_CRLS, measure=lambda: _crls(listed))
    if not is_quick:
        yield Section(title="Signing in advance", about=_PRESIGN, measure=_presign)
    yield Section(title="Start", about=_START, measure=_start)


# --- HTTP -----------------------------------------------------------------------------------

_HTTP: Final = """
Each server has one core to itself, with a load by wrk (one thread, 32 connections) on another;
where two processes serve, they share both cores with wrk. Serial numbers are random. "CPU" is
the processor time of all processes of a server, in user mode and in the kernel, over the
answers that wrk counted; "beside nginx" is that figure over nginx's of the same round, for
GET of a file over connections that are kept alive. Median, least and greatest of the rounds,
in which the rows take turns.

nginx has one worker, no access log, an open-file cache, connections without end, and
`sendfile off`, by which it is faster here. cfssl reads answers that were signed before from a
file; its GET takes `+` for a blank, so it is asked by POST. `openssl ocsp` closes each
connection, and is started anew for each run, since a connection that ends without a question
hangs it. The stored answers of certstatus are copies of one that it signed, each with its own
serial number, put into LMDB at once: their structure, meaning and times are judged as ever,
and signatures are no matter to who hands them out.
"""


def _attacks(scale: Scale) -> Iterator[Figure]:
    rows = measure_attacks(scale)
    print_attacks(rows)
    yield from attack_figures(rows)


def _http(scale: Scale, plot: Path | None) -> Iterator[Figure]:
    seen = measure_http(scale)
    print_http(seen)
    _print_beside(seen)
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        plot.write_text(bars("CPU per answer, microseconds", bars_of(seen)), encoding="utf-8")
    yield from figures_of(seen)


def _print_beside(seen: HTTPFigures) -> None:
    """Print what was measured beside the rows."""
    costs = [cost for runs in seen.runs.values() for cost in runs.wrk_costs]
    print(f"\nwrk itself used {min(costs):.1f} µs of its core for an answer at the least.\n")
    print("| beside it, per second of CPU | `openssl speed` |\n|---|---:|")
    for kind, rates in seen.raw.items():
        print(f"| signatures, {KEYS[kind]} | {Spread.of(rates).text(',.0f')} |")
    if not seen.paced:
        return
    print(
        "\nMilliseconds from when a question was due until its answer was there; questions are due\n"
        "at a steady rate over 32 connections, whatever the server does, at half of the peak above.\n"
        "Waiting is that of the question for a connection and for the generator, and counts.\n"
    )
    print("| server | rate | median | 99 % within | longest | waiting, 99 % within |")
    print("|---|---:|---:|---:|---:|---:|")
    for one in seen.paced:
        told = one.latency
        print(
            f"| {one.row.shown}, {one.row.how} | {told.rate:,.0f} | {told.median:.2f} | {told.most_of_99:.2f} "
            f"| {told.longest:.2f} | {told.late:.2f} |"
        )


# --- the others -----------------------------------------------------------------------------

_MICRO: Final = "Microseconds of processor time per operation, the median of seven rounds."


def _micro() -> Iterator[Figure]:
    _print_micro(measure_micro())
    yield from ()


_JUDGMENT: Final = """
Judgment beside the raw verifications that it holds, of an answer by a P-256 delegate, in
microseconds of processor time.
"""


def _judgment() -> Iterator[Figure]:
    judgings = measure_judging()
    print_judging(judgings)
    ratios = {one.what: one.ratio for one in judgings}
    work = "judging a delegated answer for the first time"
    yield Figure.at_most(work, 1.3, "× its two raw verifications", ratios["first time"])
    work = "judging an answer of a known delegate"
    yield Figure.at_most(work, 1.3, "× one raw verification", ratios["known delegate"])


def _print_micro(rows: list[Row]) -> None:
    print("| operation | certstatus | cryptography | asn1crypto |")
    print("|---|---:|---:|---:|")
    for row in rows:
        peers = [_peer(row, name) for name in ("cryptography", "asn1crypto")]
        print(f"| {row.operation} | {row.ours:.1f} | {' | '.join(peers)} |")


def _peer(row: Row, name: str) -> str:
    figure = row.peers.get(name)
    return "—" if figure is None else f"{figure:.1f}"


_HANDSHAKES: Final = """
Handshakes per second of processor time through Python's `ssl`, client and server in one
thread, P-256, the client verifying the chain; 150 handshakes a round, the kinds in turn, the
median of seven rounds. The server's context staples in every row; asking is up to the client.
"""


def _handshakes() -> Iterator[Figure]:
    rows = measure_handshakes()
    _print_handshakes(rows)
    print("\nWhat one call costs, in microseconds:\n")
    _print_attaching(measure_attaching())
    for row in rows:
        work = f"handshake with a staple, {row.version}: rate"
        yield Figure.at_least(work, 0.95, "× without", row.stapled / row.plain)


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


_PROBE: Final = """
A thousand hosts on loopback, all served by one Python process with asyncio; each is
probed by TLS 1.2 and by TLS 1.3, its chain and its staple judged, from one process.
"""


def _probe() -> Iterator[Figure]:
    _print_probing(measure_probing())
    yield from ()


def _print_probing(rows: list[Probing]) -> None:
    print("| hosts | at once | handshakes | seconds | hosts per second |")
    print("|---:|---:|---:|---:|---:|")
    for row in rows:
        each = f"{row.seconds:.1f} | {row.hosts / row.seconds:.0f}"
        print(f"| {row.hosts:,} | {row.concurrency} | {row.handshakes:,} | {each} |")


_CHECKS: Final = """
A thousand certificates of one CA, asked about one by one and many at once, every answer
signed when it is asked for by `certstatus serve` beside, and judged; a connection each.
"""


def _checks() -> Iterator[Figure]:
    print_checking(measure_checking())
    yield from ()


_SIGNING: Final = """
Microseconds of processor time for one good answer with a nonce of 32 octets: the signature
alone over as many octets; the answer from the octets of a request, as the fast lane makes it;
and a whole reply of the responder's core. The three take turns; the median of seven rounds.
"""


def _signing() -> Iterator[Figure]:
    print_signing(measure_signing())
    yield from ()


_TOKENS: Final = """
Signatures per second by one process, over 304 octets: the key in memory, the same key in
SoftHSM, and in SoftHSM waited for in an event loop, as `serve` does it: in threads, four
at once. 400 signatures a round, the three in turn, the median of seven rounds.
"""


def _tokens() -> Iterator[Figure]:
    print_tokens(measure_tokens())
    yield from ()


_DATABASE: Final = """
An index of a million certificates imported in one transaction, each with its line in
the audit trail; then two thousand lookups one after another, all over the table.
PostgreSQL runs beside on loopback, with `fsync` off; a lookup goes through a thread.
"""


def _database() -> Iterator[Figure]:
    print_database(measure_database())
    yield from ()


_STORES: Final = """
Answers of 700 octets with random serial numbers, put in batches of 5,000, then twenty
thousand look-ups one after another, all over the store; "within limits" is a look-up
as an answer makes it, which waits 100 ms at the longest.
"""


def _stores() -> Iterator[Figure]:
    print_stores(measure_stores())
    yield from ()


_CRLS: Final = """
A CRL of a million entries: read, its signature verified, every entry looked at; then
serial numbers that it lists, asked for all over it. Each row is a process of its own;
memory is the most that it had beside the file's own octets and its modules.
"""


def _crls(count: int) -> Iterator[Figure]:
    readings = measure_reading(count)
    print_crl(readings, measure_answering(count))
    by_way = {one.way: one for one in readings}
    ours = by_way["certstatus, a CRL"]
    theirs = by_way["cryptography, all entries in a dict"]
    work = f"a CRL of {count:,} entries: processor time"
    yield Figure.at_most(
        work, 2, "× the library's own parse and walk", ours.seconds / theirs.seconds
    )
    work = f"a CRL of {count:,} entries: memory beside its own octets"
    yield Figure.at_most(work, 400, "MB", ours.mebibytes * 1.048576)


_PRESIGN: Final = """
`certstatus presign --all` over an index in SQLite, two answers for each certificate, each
looked at before it is stored in LMDB: with all signatures verified, and with a sample. Beside
it what the same kind of key signs in as many processes that do nothing else, by `openssl
speed` and from Python, for each second of CPU that they got. The start of the processes is in
all figures but the one without it, which has the CPU of signing for one certificate taken off;
"at the most" is what `openssl speed` itself would reach if it verified as many of its
signatures. Last, `--due` looks at all of them again.
"""


def _presign() -> Iterator[Figure]:
    rows = measure_presign()
    print_presign(rows)
    for row in rows:
        work = f"signing {row.answers:,} answers in advance, {row.key}, all cores"
        ratio = row.cpu_rate / row.raw
        yield Figure.at_least(work, 0.6, "× raw signatures × cores, of CPU", ratio)


_START: Final = "`certstatus --help`, eleven times: median, least and greatest."


def _start() -> Iterator[Figure]:
    clock, cpu = measure_help()
    print("| seconds by the clock | of processor time |\n|---:|---:|")
    print(f"| {clock.text()} | {cpu.text()} |")
    yield Figure.at_most("start of `certstatus --help`", 0.3, "s", clock)
