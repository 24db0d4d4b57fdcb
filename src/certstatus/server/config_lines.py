"""Where a setting stands in a TOML file, found with the parser itself."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["line_of"]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the number of the line, from 1, on which the setting at ``path`` begins.

    Where the last part of the path is not there, as a setting that is missing, it is the line
    of the table that lacks it; None where that is the whole file. ``text`` is TOML.
    """
    whole = tomllib.loads(text)
    while path and not _holds(whole, path):
        path = path[:-1]
    if not path:
        return None
    lines = [f"{line}\n" for line in text.replace("\r\n", "\n").split("\n")]
    ends = list(_statement_ends(lines))

    def is_there(end: int) -> bool:
        return _holds(tomllib.loads("".join(lines[:end])), path)

    first = bisect_left(ends, True, key=is_there)
    return ends[first - 1] + 1 if first else 1


def _statement_ends(lines: Sequence[str]) -> Iterator[int]:
    """Yield after how many lines a statement ends; a value may take several."""
    start = 0
    for end in range(1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        yield end
        start = end


def _holds(table: Any, path: Sequence[str | int]) -> bool:
    here = table
    for part in path:
        if isinstance(part, int):
            if not isinstance(here, list) or part >= len(here):
                return False
        elif not isinstance(here, dict) or part not in here:
            return False
        here = here[part]
    return True
