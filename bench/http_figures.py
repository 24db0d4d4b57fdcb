"""What is asked of answers over HTTP, out of what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bench.figures import Figure
from bench.http_load import HTTPFigures
from bench.plot import Bar
from bench.rows import BASE, CFSSL, OPENSSL, TWO, Row, nonce_of, rows_of, stored_of
from bench.spread import Spread

__all__ = ["bars_of", "figures_of"]

_NGINX: Final = 1.25
_CFSSL: Final = 1 / 8


def figures_of(seen: HTTPFigures) -> Iterator[Figure]:
    """Judge every figure."""
    many = seen.scale.many
    for source, text in (("index", "index.txt"), ("sqlite", "SQLite")):
        for method in ("GET", "POST"):
            name = stored_of(source, many, method)
            work = f"stored answers, {method}, of {many:,}, status in {text}: CPU"
            yield Figure.at_most(work, _NGINX, "× nginx, a static file", seen.ratio(name, BASE))
    stored = stored_of("index", many, "POST")
    work = f"stored answers, POST, of {many:,}, status in index.txt: CPU"
    yield Figure.at_most(work, _CFSSL, "× cfssl, POST", seen.ratio(stored, CFSSL))
    yield from _signed(seen)
    yield from _large(seen)
    yield Figure.at_most("two workers: CPU", 1.1, "× one worker", seen.ratio(TWO, stored))
    paced = next((one.latency.most_of_99 for one in seen.paced if one.row.name == stored), None)
    yield Figure.at_most("latency of 99 % at half of the peak rate", 5, "ms", paced)


def _signed(seen: HTTPFigures) -> Iterator[Figure]:
    beside = seen.beside_raw("p256")
    work = "answers with a nonce, P-256: in a second of CPU"
    yield Figure.at_least(work, 0.4, "× the raw signatures of `openssl speed`", beside)
    ratio = seen.ratio(OPENSSL, nonce_of("p256"))
    yield Figure.at_least(work, 3, "× `openssl ocsp`", ratio)


def _large(seen: HTTPFigures) -> Iterator[Figure]:
    scale = seen.scale
    most, few = scale.most or scale.many, scale.few
    for method in ("GET", "POST"):
        name = stored_of("sqlite", most, method)
        ratio = seen.ratio(stored_of("sqlite", few, method), name)
        work = f"{most:,} answers, {method}, status in SQLite: answers in a second of CPU"
        yield Figure.at_least(work, 0.8, f"× those of {few:,}", ratio)
    runs = seen.runs.get(stored_of("sqlite", most, "POST"))
    memory = runs.megabytes if runs else None
    work = f"memory of the worker with {most:,} answers, without mapped pages (RssAnon)"
    yield Figure.at_most(work, 150, "MB", memory)


def bars_of(seen: HTTPFigures) -> dict[str, list[Bar]]:
    """Draw the CPU of one answer, row by row: those that are stored, and those that are signed."""
    groups: dict[str, list[Bar]] = {"stored": [], "signed for each question": []}
    for row in rows_of(seen.scale):
        if row.name in seen.runs:
            is_signed = row.asked is not None and row.asked.has_nonce
            groups["signed for each question" if is_signed else "stored"].append(_bar(row, seen))
    return {name: rows for name, rows in groups.items() if rows}


def _bar(row: Row, seen: HTTPFigures) -> Bar:
    cost = Spread.of(seen.runs[row.name].costs)
    each = "" if row.is_kept_alive else ", connection each"
    return Bar(
        label=f"{row.shown}: {row.short}, {row.asked.method if row.asked else 'GET'}{each}",
        value=cost.median,
        least=cost.least,
        greatest=cost.greatest,
        is_ours=row.shown.startswith("certstatus"),
    )
