"""What a person sees while work goes on: on a terminal alone, on stderr, and gone at its end."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from certstatus.cli.text import printable

__all__ = ["counting", "waiting"]


@contextlib.contextmanager
def waiting(what: str) -> Iterator[Callable[[], None]]:
    """Show what takes longer than a second; what this gives to call has no effect."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    status = Console(stderr=True).status(Text(printable(what)))
    timer = threading.Timer(1, status.start)
    timer.start()
    try:
        yield _nothing
    finally:
        timer.cancel()
        status.stop()


@contextlib.contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show how many are done of ``total``, if that is known; call what this gives for each."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _nothing() -> None:
    pass
