"""What stored answers keep of their rate while somebody attacks: `python -m bench.attacks [--quick]`.

A worker has one core; wrk asks for stored answers from another, which the attackers share.
It is measured alone, under an attack, alone, under the next, and so on; each ratio is that of
two runs side by side.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from bench.asking import post_request
from bench.attackers import SLOW_CLIENTS
from bench.figures import Figure
from bench.population import FIRST, Asked, Population
from bench.processes import LOAD_CORE, cpu_seconds, pinned
from bench.rows import Scale
from bench.servers import Server, ours
from bench.spread import Spread
from bench.wrk import load, loading, write_requests
from certstatus.ocsp import CertID, encode_request
from certstatus.pkix import HashAlgorithm
from certstatus.testing import TinyCA

__all__ = ["ABOUT", "Attacked", "attack_figures", "measure_attacks", "print_attacks"]

_LEAST: Final = 0.5
"""Of their rate, what stored answers keep under any attack."""

_CROWD: Final = 128
"""Connections of an attacker that asks as others do: four times theirs."""

_LEAD: Final = 1
"""Seconds that an attack goes on in full swing before anything is counted."""

_QUESTIONS: Final = 10_000
_ROUNDS: Final = 5
_QUICK_ROUNDS: Final = 1
_LEAST_SECONDS: Final = 2
"""Seconds of a run, under which a bench is a quick one."""

ABOUT: Final = """
One worker has a core; wrk asks it for stored answers over 32 connections from the other core,
which the attackers share with it, so that some of what is lost is wrk's own. A run alone and a
run under attack take turns, and a ratio is that of two such runs. "Of the worker's time" is
stored answers for each second of its processor time, under attack over alone: it counts no
time in which wrk asked for nothing, and may be less than what is kept where the worker was
not busy, or more where many answers are read at once.
"""


@dataclass(frozen=True, slots=True)
class _Attack:
    """By a second wrk with requests of its own, or by a kind of ``bench.attackers``."""

    shown: str
    means: Path | str

    def going_on(self, server: Server, seconds: int) -> AbstractContextManager[None]:
        """Attack during a block, on the core of the load."""
        if isinstance(self.means, Path):
            return loading(server.url, self.means, seconds, _CROWD)
        return _doing_harm(self.means, server.port, seconds)


@contextmanager
def _doing_harm(kind: str, port: int, seconds: int) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.attackers", kind, str(port), str(seconds)]
    with subprocess.Popen(
        pinned(LOAD_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"{kind} did not begin")
            yield
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """Stored answers a second, alone and under an attack, and what was kept, round by round.

    ``share`` is that of the worker's processor time: what stored answers take when they are
    alone, times those that were given, over all that it used.
    """

    shown: str
    alone: Spread
    under: Spread
    kept: Spread
    share: Spread


def measure_attacks(scale: Scale) -> list[Attacked]:
    """Measure all attacks, in turn."""
    people = Population.settle()
    stored = people.asked(Asked(certificates=scale.few, method="POST"))
    source, store = f'index = "{people.index(scale.few)}"', people.store(scale.few)
    runs: dict[str, list[tuple[_Run, _Run]]] = {}
    with (
        TemporaryDirectory() as name,
        ours(people.folder, source, people.question(FIRST), store=store) as server,
    ):
        attacks = list(_attacks(people, Path(name), scale.few))
        rounds = _QUICK_ROUNDS if scale.seconds < _LEAST_SECONDS else _ROUNDS
        for number in range(rounds):
            for attack in attacks:
                _say(f"round {number + 1} of {rounds}: {attack.shown}")
                alone = _Run.of(server, stored, scale.seconds)
                with attack.going_on(server, scale.seconds + 2 * _LEAD):
                    time.sleep(_LEAD)
                    under = _Run.of(server, stored, scale.seconds)
                runs.setdefault(attack.shown, []).append((alone, under))
    return [_summed(shown, found) for shown, found in runs.items()]


@dataclass(frozen=True, slots=True)
class _Run:
    """Stored answers: how many a second, and how many for a second of the worker's processor time."""

    rate: float
    per_cpu: float

    @classmethod
    def of(cls, server: Server, requests: Path, seconds: int) -> Self:
        before = cpu_seconds(server.pid)
        tally = load(server.url, requests, seconds)
        return cls(
            tally.answers / tally.seconds, tally.answers / (cpu_seconds(server.pid) - before)
        )


def _summed(shown: str, runs: list[tuple[_Run, _Run]]) -> Attacked:
    return Attacked(
        shown=shown,
        alone=Spread.of(alone.rate for alone, _ in runs),
        under=Spread.of(under.rate for _, under in runs),
        kept=Spread.of(under.rate / alone.rate for alone, under in runs),
        share=Spread.of(under.per_cpu / alone.per_cpu for alone, under in runs),
    )


def _attacks(people: Population, folder: Path, count: int) -> Iterator[_Attack]:
    question = people.question(FIRST)
    nonces = people.asked(Asked(certificates=count, method="POST", has_nonce=True))
    yield _Attack(f"{_CROWD} connections that ask with nonces", nonces)
    foreign = encode_request([CertID.of(TinyCA("Another CA").certificate, 1, HashAlgorithm.SHA1)])
    asked = _written(folder / "foreign", foreign)
    yield _Attack(f"{_CROWD} that ask about an unknown issuer", asked)
    asked = _written(folder / "malformed", question[:-1] + b"\x00\x00")
    yield _Attack(f"{_CROWD} that send malformed OCSP", asked)
    many = encode_request([CertID.of(people.issuer, one, HashAlgorithm.SHA1) for one in range(100)])
    yield _Attack(
        f"{_CROWD} that ask for a hundred certificates each", _written(folder / "many", many)
    )
    yield _Attack(f"{SLOW_CLIENTS:,} connections that send an octet each half second", "drip")
    yield _Attack("64 that pour announced gigabytes", "pour")
    yield _Attack("64 that pour chunks of one octet", "chunks")
    yield _Attack("malformed HTTP, a connection each", "broken")
    yield _Attack("new connections", "connections")


def _written(file: Path, der: bytes) -> Path:
    write_requests(file, [post_request(der, is_kept_alive=True)] * _QUESTIONS)
    return file


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def print_attacks(rows: list[Attacked]) -> None:
    """Print a Markdown table."""
    print("| attack | stored answers a second, alone | meanwhile | kept | of the worker's time |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        rates = f"{row.alone.text(',.0f')} | {row.under.text(',.0f')}"
        print(f"| {row.shown} | {rates} | {row.kept.text()} | {row.share.text()} |")


def attack_figures(rows: list[Attacked]) -> Iterator[Figure]:
    """Hold each row against what the project asks for."""
    for row in rows:
        yield Figure.at_least(
            f"stored answers under {row.shown}", _LEAST, "of their rate", row.kept
        )


if __name__ == "__main__":
    print_attacks(measure_attacks(Scale.of(is_quick="--quick" in sys.argv, is_large=False)))
