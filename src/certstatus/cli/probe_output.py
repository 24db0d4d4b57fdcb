"""Where results of a probe go as they come: to a person, into one document, or line by line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, Protocol

import click

from certstatus.cli.exit_codes import worst
from certstatus.cli.output import console, styled, write_json
from certstatus.cli.probe_json import probe_json
from certstatus.cli.probe_text import print_line, print_result
from certstatus.tls.probed import ProbeResult
from certstatus.verify import Verdict

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
        self._is_one = is_one
        self._count = 0
        self._verdicts: set[Verdict] = set()

    def add(self, result: ProbeResult) -> None:
        """Write one host, so that a long list needs no more memory than a short one."""
        self._count += 1
        if result.verdict is not None:
            self._verdicts.add(result.verdict)
        if self._is_one:
            write_json(probe_json(result))
            return
        lines = json.dumps(probe_json(result), indent=2).replace("\n", "\n    ")
        click.echo(f"{_OPENING if self._count == 1 else ','}\n    {lines}", nl=False)

    def end(self) -> None:
        """Close the list, and write the verdict that tells most."""
        if self._is_one:
            return
        code = worst(verdict.exit_code for verdict in self._verdicts)
        verdict = next((one.value for one in self._verdicts if one.exit_code == code), None)
        opening = "" if self._count else _OPENING
        click.echo(f'{opening}\n  ],\n  "verdict": {json.dumps(verdict)}\n}}')


_OPENING: Final = '{\n  "results": ['


class JSONLinesOutput:
    """One document in each line."""

    def add(self, result: ProbeResult) -> None:
        """Write one host."""
        click.echo(json.dumps(probe_json(result)))

    def end(self) -> None:
        """Write nothing more."""
