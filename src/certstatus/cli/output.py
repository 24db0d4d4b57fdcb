"""How results look: one console for people, one JSON for programs.

Its law: results go to stdout; colour and style only on a terminal, no colour with
NO_COLOR; nothing that a peer wrote reaches the terminal unescaped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from certstatus.cli.text import printable

__all__ = [
    "complain",
    "console",
    "note",
    "print_columns",
    "print_commands",
    "print_hanging",
    "print_lines",
    "styled",
    "wrapped",
    "write_file",
    "write_json",
]

_WIDEST: Final = 120
"""Lines stay readable on a wide screen, and whole in a pipe, where there is no width."""

_NARROWEST: Final = 24
_GAP: Final = 2


class _Console(Console):
    """A console that leaves a broken pipe to the frame, as every other error."""

    def on_broken_pipe(self) -> None:
        """Raise, where rich would end the process with 1: here that says revoked."""
        raise BrokenPipeError


def console() -> Console:
    """Return the console for results: as wide as the terminal, but never too wide."""
    terminal = Console(file=sys.stdout)
    width = min(terminal.width, _WIDEST) if terminal.is_terminal else _WIDEST
    return _Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def styled(text: str, style: str = "") -> Text:
    """Make a piece of text that is safe to show."""
    return Text(printable(text), style=style)


def print_columns(out: Console, rows: Iterable[Iterable[Text | str]], *, indent: int = 2) -> None:
    """Print rows whose cells line up; the last cell wraps, and nothing trails a line."""
    told = [[one if isinstance(one, Text) else styled(one) for one in row] for row in rows]
    count = max(map(len, told), default=0)
    widths = [
        max((row[n].cell_len for row in told if n < len(row) - 1), default=0) for n in range(count)
    ]
    for row in told:
        *heads, last = row
        line = Text(" " * indent)
        for head, width in zip(heads, widths, strict=False):
            line.append_text(head)
            line.pad_right(width - head.cell_len + _GAP)
        print_hanging(out, line, last)


def print_hanging(out: Console, head: Text, body: Text) -> None:
    """Print ``head`` and ``body`` on one line; on a terminal, what does not fit hangs under it."""
    lines = wrapped(out, body, out.width - head.cell_len) if out.is_terminal else [body]
    print_lines(out, head, lines)


def wrapped(out: Console, body: Text, room: int) -> list[Text]:
    """Break a text into lines, at least one, of at most ``room`` cells."""
    lines = list(body.wrap(out, max(room, _NARROWEST), overflow="fold")) or [Text()]
    for line in lines:
        line.rstrip()
    return lines


def print_lines(out: Console, head: Text, lines: Iterable[Text]) -> None:
    """Print lines beside ``head``, without blanks at their ends."""
    for number, line in enumerate(lines):
        full = Text.assemble(head if number == 0 else " " * head.cell_len, line)
        full.rstrip()
        out.print(full, no_wrap=True, overflow="ignore", crop=False)


def print_commands(out: Console, commands: Iterable[str]) -> None:
    """Print command lines to copy: each on one line, however narrow the terminal."""
    for command in commands:
        out.print(styled(f"  {command}"), no_wrap=True, overflow="ignore", crop=False)


def note(text: str) -> None:
    """Say something to the person, on stderr; a program reading stdout never sees it."""
    click.echo(printable(text), err=True)


def complain(source: str, error: Exception) -> None:
    """Say on stderr what is wrong with one input of several, naming it once."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    place = "" if text.startswith(source) else f"{source}: "
    note(f"certstatus: {place}{text}")


def write_file(name: str, data: bytes) -> None:
    """Write a whole file, or none of it; ``-`` is stdout.

    Raises:
        OSError: the file can't be written.
    """
    if name == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        with click.open_file(name, "wb", atomic=True) as file:
            file.write(data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error


def write_json(value: Any) -> None:
    """Write one JSON document to stdout, in the order in which it was made, ASCII alone."""
    click.echo(json.dumps(value, indent=2))
