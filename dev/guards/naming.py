"""A module is named for what it holds, and holds no more than a reader can keep in mind."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dev.tree import modules

__all__ = ["MAX_LINES", "NAMELESS", "violations"]

NAMELESS: Final = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})
MAX_LINES: Final = 500


def violations(directory: Path) -> list[str]:
    """List the modules under ``directory`` with a name that says nothing, or too many lines."""
    found = []
    for module in modules(directory):
        place = module.path.relative_to(directory)
        found += [
            f"{place}: name it for what it holds, not {part!r}"
            for part in module.name.split(".")
            if part.strip("_") in NAMELESS
        ]
        lines = module.path.read_text(encoding="utf-8").count("\n")
        if lines > MAX_LINES:
            found.append(f"{place}: {lines} lines, more than {MAX_LINES}; make two rooms of it")
    return found
