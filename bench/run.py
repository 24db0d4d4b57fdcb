"""`make bench`: how fast the parts are, beside peers, measured in one run.

`python -m bench.run [--quick] [--large]` writes docs/benchmarks.md and docs/images/benchmarks.svg;
``--large`` has ten million answers beside the million (15 GB under build/), and ``--quick``
takes less than three minutes, measures less of everything, and prints the page alone.
Ratios of one run hold when the machine's speed drifts; absolute figures are those of the
machine named at the top.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final

import cryptography

from bench.figures import print_figures
from bench.rows import Scale
from bench.sections import Measured, measured, sections_of

_ROOT: Final = Path(__file__).parents[1]
_PAGE: Final = _ROOT / "docs" / "benchmarks.md"
_PLOT: Final = _ROOT / "docs" / "images" / "benchmarks.svg"
_REMARKS: Final = Path(__file__).with_name("remarks.md")
"""What a person wrote about figures that are not reached: it becomes part of the page."""

_VERSIONS: Final = {
    "OpenSSL": ["openssl", "version"],
    "nginx": ["/usr/sbin/nginx", "-v"],
    "cfssl": ["dpkg-query", "-W", "-f", "cfssl ${Version}", "golang-cfssl"],
    "wrk": ["dpkg-query", "-W", "-f", "wrk ${Version}", "wrk"],
}


def main(arguments: Sequence[str]) -> int:
    """Measure all, write all; 1 where something could not be measured."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are ended then, too
    is_quick, is_large = "--quick" in arguments, "--large" in arguments
    scale = Scale.of(is_quick=is_quick, is_large=is_large)
    done: list[Measured] = []
    for section in sections_of(scale, is_quick=is_quick, plot=None if is_quick else _PLOT):
        began = time.monotonic()
        print(f"bench: {section.title}", file=sys.stderr, flush=True)
        done.append(measured(section))
        print(f"bench: {section.title}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    page = _page(done, is_quick=is_quick)
    if is_quick:
        print(page, end="")
    else:
        _PAGE.write_text(page, encoding="utf-8")
        print(f"bench: wrote {_PAGE} and {_PLOT}", file=sys.stderr)
    for one in done:
        if one.problem is not None:
            print(f"bench: {one.section.title}: {one.problem}", file=sys.stderr)
    return int(any(one.problem is not None for one in done))


def _page(done: list[Measured], *, is_quick: bool) -> str:
    with redirect_stdout(StringIO()) as page:
        print("# Benchmarks\n")
        print("`make bench` writes this page; every figure on it comes from one run.\n")
        for line in _machine():
            print(f"- {line}")
        print("\n## Figures\n")
        print("What is asked for, as ratios of one run, and what was measured.\n")
        print_figures(figure for one in done for figure in one.figures)
        if not is_quick:
            print("\n![CPU per answer, server by server](images/benchmarks.svg)")
        if _REMARKS.exists():
            print(f"\n{_REMARKS.read_text('utf-8').rstrip()}")
        for one in done:
            print(f"\n## {one.section.title}\n\n{one.section.about.strip()}\n")
            print(one.text.rstrip())
            if one.problem is not None:
                print(f"\nNot measured to its end: {one.problem}")
    return page.getvalue()


def _machine() -> Iterator[str]:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = (one.partition(":")[2].strip() for one in lines if one.startswith("model name"))
    model = next(models, platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{datetime.now(UTC):%Y-%m-%d}, {model}, {os.cpu_count()} cores, {memory:.0f} GiB"
    yield f"Linux {platform.release()}, Python {platform.python_version()}{_whose_python()}"
    yield f"cryptography {cryptography.__version__}, {', '.join(_versions())}"


def _whose_python() -> str:
    """Tell whose build it is: one without profiles (PGO) is slower by a fifth."""
    return " (the distribution's)" if sys.base_prefix == "/usr" else ""


def _versions() -> Iterator[str]:
    for name, command in _VERSIONS.items():
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            yield f"no {name}"
        else:
            yield (told.stdout or told.stderr).strip().removeprefix("nginx version: ")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
