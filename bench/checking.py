"""How long it takes to ask about a thousand certificates, and to judge every answer.

All are of one CA, whose responder runs beside in a process of its own and signs each answer
when it is asked; so the figure is what both sides cost together, with a connection for each.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from certstatus.requestor import Inquiry, Requestor
from certstatus.testing.lab import Lab, build_lab
from certstatus.verify import Verdict
from tests.responding import Responding

__all__ = ["Checking", "measure_checking", "print_checking"]

CERTIFICATES: Final = 1_000


@dataclass(frozen=True)
class Checking:
    """A check of many certificates: how many at once, and how long it took in all."""

    certificates: int
    concurrency: int
    seconds: float


def measure_checking(concurrencies: tuple[int, ...] = (1, 10, 100)) -> list[Checking]:
    """Check all certificates, by several numbers at once."""
    with tempfile.TemporaryDirectory() as folder:
        lab = build_lab(Path(folder) / "lab", now=datetime.now(UTC))
        leaves = [lab.ca.issue_server(f"{one}.example") for one in range(CERTIFICATES)]
        inquiries = [Inquiry(one.certificate, lab.ca.certificate) for one in leaves]
        _list(lab, inquiries)
        with Responding(_arguments(lab), Path(folder)) as responder:
            return [asyncio.run(_check(responder.url, inquiries, one)) for one in concurrencies]


def _arguments(lab: Lab) -> list[str]:
    return [
        *("--no-access-log", "--port", "0"),
        *("--ca", str(lab.ca_certificate), "--index", str(lab.index)),
        *("--signer", str(lab.responder_certificate), "--key", str(lab.responder_key)),
    ]


def _list(lab: Lab, inquiries: list[Inquiry]) -> None:
    """Write all certificates into the index that the responder serves from."""
    lines = [
        f"V\t{one.certificate.not_after:%y%m%d%H%M%SZ}\t\t{one.certificate.serial_number:X}"
        f"\tunknown\t/{one.certificate.subject}"
        for one in inquiries
    ]
    with lab.index.open("a") as index:
        index.writelines(f"{line}\n" for line in lines)


async def _check(url: str, inquiries: list[Inquiry], concurrency: int) -> Checking:
    requestor = Requestor(urls=(url,))
    started, good = time.perf_counter(), 0
    async for result in requestor.acheck_each(inquiries, concurrency=concurrency):
        good += result.verdict is Verdict.GOOD
    if good != len(inquiries):
        raise SystemExit(f"only {good} of {len(inquiries)} certificates were found good")
    return Checking(len(inquiries), concurrency, time.perf_counter() - started)


def print_checking(rows: list[Checking]) -> None:
    """Print a row for each number at once."""
    print("| certificates | at once | seconds | certificates per second |")
    print("|---:|---:|---:|---:|")
    for row in rows:
        rate = row.certificates / row.seconds
        print(f"| {row.certificates:,} | {row.concurrency} | {row.seconds:.1f} | {rate:,.0f} |")
