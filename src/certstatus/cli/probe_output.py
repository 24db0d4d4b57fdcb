"""Where results of a probe go as they come: to a person, into one document, or line by line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, Protocol

import click

from certstatus.cli.json_results import JSONResults
from certstatus.cli.output import console, styled
from certstatus.cli.probe_json import probe_json
from certstatus.cli.probe_text import print_line, print_result
from certstatus.tls.probed import ProbeResult

__all__ = ["JSONLinesOutput", "JSONOutput", "ProbeOutput", "TextOutput"]

_NO_VERDICT: Final = "nothing stapled"


class ProbeOutput(Protocol):
    """Takes each result when it is there; keeps none."""

    def add(self, result: ProbeResult) -> None:
        """Show one host."""

    def end(self) -> None:
        """Show what all come to."""


class TextOutput:
    """For people: all of each host, or, where ``is_brief``, a line."""

    def __init__(self, *, is_brief: bool) -> None:
        self._is_brief = is_brief
        self._counts: Counter[str] = Counter()

    def add(self, result: ProbeResult) -> None:
        """Print one host."""
        out = console()
        if self._is_brief:
            print_line(out, result)
        else:
            if self._counts:
                out.print()
            print_result(out, result)
        verdict = result.verdict
        self._counts[_NO_VERDICT if verdict is None else verdict.value] += 1

    def end(self) -> None:
        """Print how many hosts came to what, where there are many."""
        total = self._counts.total()
        if self._is_brief and total > 1:
            counts = ", ".join(f"{count:,} {word}" for word, count in self._counts.most_common())
            console().print(styled(f"\n{total:,} hosts: {counts}"))


class JSONOutput:
    """One document: a host's alone, or all under ``results`` with the worst verdict."""

    def __init__(self, *, is_one: bool) -> None:
        self._results = JSONResults(is_one=is_one)

    def add(self, result: ProbeResult) -> None:
        """Write one host."""
        self._results.add(probe_json(result), result.verdict)

    def end(self) -> None:
        """Write the verdict that tells most."""
        self._results.end()


class JSONLinesOutput:
    """One document in each line."""

    def add(self, result: ProbeResult) -> None:
        """Write one host."""
        click.echo(json.dumps(probe_json(result)))

    def end(self) -> None:
        """Write nothing more."""
