"""Answers over HTTP: one worker beside nginx, cfssl and `openssl ocsp`, in one run.

`.venv/bin/python -m bench.http_load [--quick] [--large]` prints the table alone. A server has
one core to itself and wrk another; the rows take turns, and every ratio is one of figures
of the same round. ``--large`` adds ten million answers: 15 GB under build/, made once.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.pacing import Latency, measure_latency
from bench.population import Population
from bench.processes import SERVER_CORE, cpu_seconds, pinned, rss_anon
from bench.rows import BASE, Row, Scale, Start, nonce_of, rows_of, starts_of, stored_of
from bench.servers import MissingPeerError, Server
from bench.spread import Spread
from bench.wrk import Tally, load

__all__ = ["HTTPFigures", "Paced", "Runs", "measure_http", "print_http", "read_speed"]

_SPEEDS: Final = {"p256": "ecdsap256", "ed25519": "ed25519", "rsa2048": "rsa2048"}
_SPEED_LINES: Final = {
    "p256": ("+F4", "256"),
    "ed25519": ("+F6", "253"),
    "rsa2048": ("+F2", "2048"),
}
_PACED_SECONDS: Final = 4
_STEP: Final = 17_389
"""Where the next round begins among the questions."""


@dataclass(slots=True)
class Runs:
    """The runs of one row: answers a second, and microseconds of CPU for each."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    wrk_costs: list[float] = field(default_factory=list)
    refused: int = 0
    megabytes: float = 0.0
    """RssAnon of the largest process after the last run."""

    def add(self, tally: Tally, server_seconds: float) -> None:
        """Add a run."""
        self.rates.append(tally.answers / tally.seconds)
        self.costs.append(server_seconds / tally.answers * 1e6)
        self.wrk_costs.append(tally.own_seconds / tally.answers * 1e6)
        self.refused += tally.refused


@dataclass(frozen=True, slots=True)
class Paced:
    """Latency of a server at a steady rate."""

    row: Row
    latency: Latency


@dataclass(slots=True)
class HTTPFigures:
    """All runs by the names of their rows, and what was seen beside them."""

    scale: Scale
    runs: dict[str, Runs] = field(default_factory=dict)
    raw: dict[str, list[float]] = field(default_factory=dict)
    """Signatures a second by ``openssl speed``, one figure of each round, by kind of key."""
    paced: list[Paced] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """What is wrong with a server, by its name."""

    def ratio(self, one: str, other: str) -> Spread | None:
        """Return the CPU of an answer of one row beside that of another; None: one is missing."""
        ours, theirs = self.runs.get(one), self.runs.get(other)
        if ours is None or theirs is None:
            return None
        return Spread.of_ratios(ours.costs, theirs.costs)

    def beside_raw(self, kind: str) -> Spread | None:
        """Return answers with a nonce in a second of CPU, beside signatures alone."""
        runs, raw = self.runs.get(nonce_of(kind)), self.raw.get(kind)
        if runs is None or raw is None:
            return None
        return Spread.of_ratios((1e6 / cost for cost in runs.costs), raw)


def measure_http(scale: Scale) -> HTTPFigures:
    """Run every server, and load them in turn."""
    people = Population.settle()
    starts, rows = starts_of(scale, people), rows_of(scale)
    figures = HTTPFigures(scale)
    with ExitStack() as running:
        lend = _Lender(starts, running, figures.missing)
        for number in range(scale.rounds):
            for kind, rate in _raw_rates(is_quick=scale.is_quick).items():
                figures.raw.setdefault(kind, []).append(rate)
            for row in rows:
                if row.server not in figures.missing:
                    _say(f"round {number + 1} of {scale.rounds}: {row.name}")
                    _run(row, lend, people, figures, number)
        figures.paced.extend(_paced(lend, people, figures))
    for server in figures.missing:  # what broke in the middle has no figure
        for row in rows:
            if row.server == server:
                figures.runs.pop(row.name, None)
    return figures


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class _Lender:
    """Servers by name: each is started when it is first wanted, and runs to the end."""

    starts: Mapping[str, Start]
    running: ExitStack
    missing: dict[str, str]
    lent: dict[str, Server] = field(default_factory=dict)

    @contextmanager
    def server(self, name: str, *, is_fresh: bool = False) -> Iterator[Server]:
        """Lend a server; a fresh one ends with its block."""
        if is_fresh:
            with self.starts[name]() as server:
                yield server
            return
        if name not in self.lent:
            self.lent[name] = self.running.enter_context(self.starts[name]())
        yield self.lent[name]


def _run(row: Row, lend: _Lender, people: Population, figures: HTTPFigures, number: int) -> None:
    try:
        with lend.server(row.server, is_fresh=row.is_fresh) as server:
            _load(row, server, people, figures, number)
    except (MissingPeerError, subprocess.SubprocessError) as error:
        figures.missing[row.server] = str(error)
        _say(str(error))


def _load(row: Row, server: Server, people: Population, figures: HTTPFigures, number: int) -> None:
    requests = people.asked(row.asked) if row.asked else None
    url = server.url if requests else f"{server.url}answer"
    before = cpu_seconds(server.pid)
    tally = load(
        url,
        requests,
        figures.scale.seconds,
        start=number * _STEP,
        close=requests is None and not row.is_kept_alive,
    )
    if tally.answers == 0:
        raise MissingPeerError(f"{row.shown}: answered nothing of {row.how}")
    runs = figures.runs.setdefault(row.name, Runs())
    runs.add(tally, cpu_seconds(server.pid) - before)
    runs.megabytes = rss_anon(server.pid)


def _paced(lend: _Lender, people: Population, figures: HTTPFigures) -> Iterator[Paced]:
    """Ask at half of the peak: for our stored answers, and nginx for its file at that rate."""
    name = stored_of("index", figures.scale.many, "POST")
    if name not in figures.runs:
        return
    rate = Spread.of(figures.runs[name].rates).median / 2
    for row in rows_of(figures.scale):
        if row.name not in {name, BASE} or row.name not in figures.runs:
            continue
        _say(f"at half of the peak: {row.name}")
        requests = people.asked(row.asked) if row.asked else people.asked_for_file()
        try:
            with lend.server(row.server) as server:
                latency = measure_latency(server.port, requests, rate, _PACED_SECONDS)
        except subprocess.SubprocessError as error:
            _say(str(error))
        else:
            yield Paced(row, latency)


def _raw_rates(*, is_quick: bool) -> dict[str, float]:
    """Return what ``openssl speed`` signs in a second of its core's time, by kind of key."""
    names = [_SPEEDS["p256"]] if is_quick else list(_SPEEDS.values())
    told = subprocess.run(
        pinned(SERVER_CORE, ["openssl", "speed", "-mr", "-seconds", "1", *names]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    return read_speed(told)


def read_speed(told: str) -> dict[str, float]:
    """Read the signatures per second out of what ``openssl speed -mr`` told, by kind of key."""
    rows = [line.split(":") for line in told.splitlines() if line.startswith("+F")]
    found = {(one[0], one[2]): float(one[-2]) for one in rows}
    return {kind: found[line] for kind, line in _SPEED_LINES.items() if line in found}


def print_http(figures: HTTPFigures) -> None:
    """Print Markdown tables."""
    print("| server | work | method | answers per second | CPU per answer, µs | beside nginx |")
    print("|---|---|---|---:|---:|---:|")
    for row in rows_of(figures.scale):
        about = f"| {row.shown} | {row.what} | {row.how} "
        if row.name not in figures.runs:
            print(f"{about}| — | — | {figures.missing.get(row.server, 'not measured')} |")
            continue
        runs, ratio = figures.runs[row.name], figures.ratio(row.name, BASE)
        beside = "—" if ratio is None else ratio.text()
        rate, cost = Spread.of(runs.rates), Spread.of(runs.costs)
        refused = f"; {runs.refused:,} refused" if runs.refused else ""
        print(f"{about}| {rate.text(',.0f')} | {cost.text(',.1f')} | {beside}{refused} |")


if __name__ == "__main__":
    _scale = Scale.of(is_quick="--quick" in sys.argv, is_large="--large" in sys.argv)
    print_http(measure_http(_scale))
