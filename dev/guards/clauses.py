"""A clause of a standard has one spelling, ``RFC 6960 §4.2.2.2``, so that a search finds all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["texts", "violations"]

_WRONG: Final = re.compile(
    r"""
      \b[Ss]ection\s\d            # "section 4.2"
    | \b[Ss]ecs?\.\s?\d           # "sec. 4.2"
    | §§?\s\d                     # a gap after the sign
    | \bRFC-?\d{4}\b              # "RFC6960"
    | \bRFC\s\d+,?\s\d+\.\d       # a number without the sign
    | \bRFC\s\d+,\s§              # a comma before the sign
    """,
    re.VERBOSE,
)


def texts(root: Path) -> list[Path]:
    """Return the files that cite standards: code, tests and pages, but not the guards' own."""
    found = [*root.glob("*.md")]
    for directory in ("src", "tests", "docs", "examples", "bench"):
        for pattern in ("*.py", "*.md", "*.toml"):
            found += (root / directory).rglob(pattern)
    return sorted(path for path in found if "guards" not in path.relative_to(root).parts)


def violations(root: Path, paths: Iterable[Path]) -> list[str]:
    """List the clauses in files under ``root`` that are spelled otherwise."""
    return [
        f"{path.relative_to(root)}:{number}: write a clause as RFC 6960 §4.2.1, not {wrong[0]!r}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for wrong in _WRONG.finditer(line)
    ]
