"""The table of limits in ``docs/security.md``, written from ``limits.py`` and its sisters (``make docs``)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from certstatus import (
    limits,
    limits_hot,
    limits_path,
    limits_presign,
    limits_scvp,
    limits_signers,
    limits_tls,
)

__all__ = ["limits_table", "with_limits"]

_MODULES: Final = (
    limits,
    limits_hot,
    limits_path,
    limits_presign,
    limits_scvp,
    limits_signers,
    limits_tls,
)

_HEAD: Final = "| limit | value | reason |\n|---|--:|---|\n"
_PLACE: Final = re.compile(r"(<!-- limits:[^\n]*-->\n).*?(<!-- end of limits -->)", re.DOTALL)
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))


def with_limits(page: str) -> str:
    """Return the page with the table between its two marks written anew."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{limits_table()}\n{found[2]}", page)


def limits_table() -> str:
    """Return a row for each constant: its name, its value and its reason."""
    return _HEAD + "".join(
        f"| `{name}` | {_value(getattr(module, name))} | {reason} |\n"
        for module in _MODULES
        for name, reason in _reasons(Path(str(module.__file__)).read_text(encoding="utf-8"))
    )


def _reasons(source: str) -> Iterator[tuple[str, str]]:
    """Yield names with the text that stands below them; several names may share one."""
    waiting: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            waiting.append(node.target.id)
        elif waiting and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = " ".join(str(node.value.value).split()).replace("``", "`")
            yield from ((name, text) for name in waiting)
            waiting = []


def _value(value: object) -> str:
    if not isinstance(value, timedelta):
        return f"{value:,}"
    milliseconds = value // timedelta(milliseconds=1)
    size, unit = next(one for one in _UNITS if milliseconds % one[0] == 0)
    return f"{milliseconds // size} {unit}"
