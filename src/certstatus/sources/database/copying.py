"""Rows as the text that COPY takes: a line for each, tabs between their fields.

PostgreSQL's manual, COPY, "Text Format": a backslash stands before what would end a field, and
backslash N is NULL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

__all__ = ["copied"]

_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL: Final = r"\N"
_LINES: Final = 500
"""Written in one go: the server takes them in while the next ones are made."""


def copied(
    table: sa.Table, names: Sequence[str], rows: Iterable[Mapping[str, Any]], dialect: Dialect
) -> Iterator[bytes]:
    """Yield the lines of rows, many at a time; ``names`` are the columns in their order."""
    fields = [(name, _field_of(table.c[name].type, dialect)) for name in names]
    lines = ("\t".join([field(row[name]) for name, field in fields]) + "\n" for row in rows)
    while many := "".join(islice(lines, _LINES)):
        yield many.encode()


def _field_of(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Callable[[Any], str]:
    """Return what writes a value of a column."""
    if isinstance(kind, sa.LargeBinary):
        return _octets
    if isinstance(kind, sa.JSON):
        return _json
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    if process is None:
        return _text

    def processed(value: Any) -> str:
        return _text(process(value))

    return processed


def _octets(value: bytes | None) -> str:
    return _NULL if value is None else rf"\\x{value.hex()}"


def _json(value: dict[str, Any] | None) -> str:
    return _NULL if value is None else _text(json.dumps(value))


def _text(value: str | int | None) -> str:
    if value is None:
        return _NULL
    if not isinstance(value, str):
        return f"{value:d}"
    # What ends a field, and the backslash alone of what is printable, are rare.
    is_plain = value.isprintable() and "\\" not in value
    return value if is_plain else value.translate(_ESCAPES)
