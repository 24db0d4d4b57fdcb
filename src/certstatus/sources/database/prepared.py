"""A query as the driver takes it: what SQLAlchemy would do at each call, done once.

For look-ups that are made for every question: SQLAlchemy takes longer over one than
SQLite does. The query is still written once, and its columns' types still read and write.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

__all__ = ["Prepared"]


def _as_it_is(value: Any) -> Any:
    return value


class Prepared:
    """The text of a query, and what makes values of parameters and rows of values."""

    def __init__(self, query: sa.Select[Any], dialect: Dialect) -> None:
        """Prepare ``query``, whose values are all parameters that ``dialect`` knows by place."""
        compiled = query.compile(dialect=dialect)
        assert compiled.positiontup is not None
        self.text = str(compiled)
        self._values: list[tuple[str, Callable[[Any], Any]]] = [
            (name, compiled.binds[name].type.bind_processor(dialect) or _as_it_is)
            for name in compiled.positiontup
        ]
        columns = list(query.selected_columns)
        self._columns = [
            one.type.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is
            for one in columns
        ]
        self._row: Any = namedtuple("Row", [one.key for one in columns])  # type: ignore[misc]  # noqa: PYI024

    def values(self, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Return what stands for the parameters, in the order of their places."""
        return [write(parameters[name]) for name, write in self._values]

    def row(self, values: Sequence[Any]) -> Any:
        """Return what the driver gave with the columns' names and types."""
        return self._row(*[read(one) for read, one in zip(self._columns, values, strict=True)])
