"""Results as JSON, written as they come: a long list needs no more memory than a short one."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from certstatus.cli.exit_codes import worst
from certstatus.cli.output import write_json
from certstatus.verify import Verdict

__all__ = ["JSONResults"]

_OPENING: Final = '{\n  "results": ['


class JSONResults:
    """One document: one result alone, or all under ``results`` with the worst verdict."""

    def __init__(self, *, is_one: bool) -> None:
        self._is_one = is_one
        self._count = 0
        self._verdicts: set[Verdict] = set()

    def add(self, document: Any, verdict: Verdict | None) -> None:
        """Write one result."""
        self._count += 1
        if verdict is not None:
            self._verdicts.add(verdict)
        if self._is_one:
            write_json(document)
            return
        lines = json.dumps(document, indent=2).replace("\n", "\n    ")
        click.echo(f"{_OPENING if self._count == 1 else ','}\n    {lines}", nl=False)

    def end(self) -> None:
        """Close the list, and write the verdict that tells most."""
        if self._is_one:
            return
        code = worst(verdict.exit_code for verdict in self._verdicts)
        verdict = next((one.value for one in self._verdicts if one.exit_code == code), None)
        opening = "" if self._count else _OPENING
        click.echo(f'{opening}\n  ],\n  "verdict": {json.dumps(verdict)}\n}}')
