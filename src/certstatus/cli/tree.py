"""How an explanation looks on a terminal: name, value, meaning, and the section at the edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from certstatus.cli.output import print_hanging, print_lines, styled, wrapped
from certstatus.cli.text import moment_text, relative_text
from certstatus.explain import Field

__all__ = ["print_tree"]

_INDENT: Final = 2
_WIDEST_NAME: Final = 32
_ROOM_FOR_TEXT: Final = 44
"""Where less is left for values and meanings, sections follow the meaning instead."""

_ABSENT: Final = "dim"
_MEANING: Final = "dim"
_SECTION: Final = "cyan"


def print_tree(out: Console, root: Field, *, now: datetime, with_bytes: bool = False) -> None:
    """Print a field and all under it; times are also told as seen from ``now``."""
    fields = list(_with_depth(root, 0))
    margin = max(min(_head(field, depth).cell_len, _WIDEST_NAME) for field, depth in fields) + 2
    sections = max(len(field.section) for field, _ in fields)
    room = out.width - margin - sections - 2
    for field, depth in fields:
        head, body = _head(field, depth), _body(field, now)
        head.pad_right(max(margin - head.cell_len, 2))
        section = styled(field.section, _SECTION)
        if room >= _ROOM_FOR_TEXT:
            section.pad_right(sections - section.cell_len)
            lines = _with_edge(out, head.cell_len, body, section)
        else:
            lines = _with_end(out, head.cell_len, body, section)
        print_lines(out, head, lines)
        _print_notes(out, field, margin)
        if with_bytes and field.der is not None and field.der != field.value:
            print_hanging(out, Text(" " * margin), styled(field.der.hex(" "), "blue"))


def _with_depth(field: Field, depth: int) -> Iterator[tuple[Field, int]]:
    yield field, depth
    for child in field.children:
        yield from _with_depth(child, depth + 1)


def _head(field: Field, depth: int) -> Text:
    style = _ABSENT if field.is_absent else "bold" if field.children else ""
    return Text(" " * (_INDENT * depth)) + styled(field.name, style)


def _body(field: Field, now: datetime) -> Text:
    if isinstance(field.value, datetime):
        value = f"{moment_text(field.value)} ({relative_text(field.value, now)})"
    else:
        value = "absent" if field.is_absent else field.text
    body = styled(value, _ABSENT if field.is_absent else "")
    if value and field.meaning:
        body.append(" — ", style=_MEANING)
    return body + styled(field.meaning, _MEANING)


def _with_edge(out: Console, margin: int, body: Text, section: Text) -> list[Text]:
    """Wrap a text, with its section at the right edge of the first line."""
    room = out.width - margin - section.cell_len - 2
    first, *rest = wrapped(out, body, room)
    first.pad_right(out.width - margin - section.cell_len - first.cell_len)
    return [first + section, *rest]


def _with_end(out: Console, margin: int, body: Text, section: Text) -> list[Text]:
    """Wrap a text, with its section after the last word, or on a line of its own."""
    room = out.width - margin
    *rest, last = wrapped(out, body, room)
    if last.cell_len + 2 + section.cell_len > room:
        return [*rest, last, section]
    return [*rest, last + "  " + section if last else section]


def _print_notes(out: Console, field: Field, margin: int) -> None:
    for departure in field.departures:
        print_hanging(out, Text(" " * margin + "! ", style="yellow"), styled(departure, "yellow"))
    if field.problem:
        print_hanging(out, Text(" " * margin + "✗ ", style="red"), styled(field.problem, "red"))
