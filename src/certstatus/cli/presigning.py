"""What ``certstatus presign`` does: options to a job, a crew run on it, and its outcome told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from certstatus.cli.exit_codes import ExitCode, worst
from certstatus.cli.output import console, note, print_columns, write_json
from certstatus.cli.text import printable
from certstatus.clock import SystemClock
from certstatus.errors import ConfigError, SourceError, UntrustedError
from certstatus.meter import NoMeter
from certstatus.presign import Crew, Done, Ended, Job, Message, Problem, Started, Tally
from certstatus.presign.desk import claims_database, store_of
from certstatus.server import Tools, make_logger, wants_json
from certstatus.server.config import load_config
from certstatus.server.config_presign import PresignConfig
from certstatus.server.log import configure_library_logs
from certstatus.sources import serial_text

__all__ = ["Wishes", "run"]

_MOST_TOLD: Final = 10
"""Problems that are told one by one; the rest is counted."""

_TELLING: Final = 1_000
"""Answers from which on a rate says more of signing than of starting."""

_SHOWN_AFTER: Final = 1.0
"""Seconds of work before progress is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The command's options; None is "as configured"."""

    only_due: bool
    processes: int | None
    names: frozenset[str]
    algorithms: str | None
    cert_ids: str | None
    verify_signatures: str | None
    is_dry: bool

    def over(self, config: PresignConfig) -> PresignConfig:
        """Lay them over what is configured.

        Raises:
            ConfigError: there is no such form of a CertID.
        """
        named: dict[str, Any] = {}
        if self.algorithms is not None:
            is_word = self.algorithms in {"default", "all"}
            named["algorithms"] = self.algorithms if is_word else self.algorithms.split(",")
        if self.cert_ids is not None:
            named["cert_ids"] = self.cert_ids.split(",")
        if self.verify_signatures is not None:
            named["verify_signatures"] = self.verify_signatures
        try:
            return PresignConfig.model_validate(config.model_dump() | named)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ConfigError(
                f"{self.cert_ids}: {reason}", key="--cert-ids", remedy="write sha1,sha256"
            ) from None


def run(file: Path, wishes: Wishes, *, as_json: bool) -> int:
    """Sign, tell what was done, and return the exit code.

    Raises:
        ConfigError: a setting is wrong.
    """
    config = load_config(file)
    store_of(config)
    presign = wishes.over(config.presign or PresignConfig())
    configure_library_logs()
    with claims_database(config, presign, wishes.names) as claims_at:
        job = Job(
            load=lambda: load_config(file),
            only_due=wishes.only_due,
            claims_at=claims_at,
            wishes=presign,
            names=wishes.names,
            is_dry=wishes.is_dry,
        )
        outcome = _Outcome()
        started = time.monotonic()
        crew = Crew(job, wishes.processes or os.cpu_count() or 1, _tools)
        with _shown(outcome) as show:
            crew.hear, crew.idle = outcome.hear, show
            ends = crew.run()
        seconds = time.monotonic() - started
    if as_json:
        write_json(_told(outcome, ends, crew, wishes, seconds))
    else:
        _print(outcome, seconds)
    return _conclude(outcome, ends, is_interrupted=crew.is_interrupted)


def _tools(index: int) -> Tools:
    log = make_logger(as_json=wants_json(sys.stderr))
    return Tools(clock=SystemClock(), meter=NoMeter(), log=log, index=index)


# --- what is told -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Outcome:
    """What the processes have said, summed up; authorities by name, in their order."""

    totals: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def hear(self, message: Message) -> None:
        """Take a message in."""
        if isinstance(message, Started):
            self.totals[message.authority] = message.total
            self.tallies.setdefault(message.authority, Tally())
        elif isinstance(message, Done):
            self.tallies[message.authority] += Tally.of(message.counts)
        elif isinstance(message, Problem):
            self.problems.append(message)

    @property
    def sum(self) -> Tally:
        """All authorities together."""
        total = Tally()
        for tally in self.tallies.values():
            total += tally
        return total


@contextmanager
def _shown(outcome: _Outcome) -> Iterator[Any]:
    """Draw progress on a terminal, once it has lasted; there is no thread, for this forks."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    tasks: dict[str, TaskID] = {}
    started = time.monotonic()

    def show() -> None:
        lasted = time.monotonic() - started
        if lasted < _SHOWN_AFTER:
            return
        progress.start()
        for name, tally in outcome.tallies.items():
            if name not in tasks:
                tasks[name] = progress.add_task(
                    printable(name), total=outcome.totals[name], rate=0.0
                )
            rate = tally.signed / lasted
            progress.update(tasks[name], completed=tally.looked_at, rate=rate)
        progress.refresh()

    try:
        yield show
    finally:
        progress.stop()


def _print(outcome: _Outcome, seconds: float) -> None:
    rows = [
        (name, ", ".join(_phrases(tally)) or "nothing is listed")
        for name, tally in outcome.tallies.items()
    ]
    out = console()
    print_columns(out, rows, indent=0)
    signed = outcome.sum.signed
    if signed:
        rate = f", {signed / seconds:,.0f} per second" if signed >= _TELLING else ""
        out.print(f"{signed:,} signed in {seconds:.1f} s{rate}")


def _phrases(tally: Tally) -> Iterator[str]:
    words = {
        "looked_at": "certificates",
        "signed": "signed",
        "fresh": "fresh already",
        "newer": "newer in the store",
        "unlisted": "with no answer to store",
        "refused": "refused by the linter",
        "failed": "failed",
    }
    counts = tally.counts()
    return (f"{counts[name]:,} {word}" for name, word in words.items() if counts[name])


def _told(
    outcome: _Outcome, ends: Sequence[Ended], crew: Crew, wishes: Wishes, seconds: float
) -> Mapping[str, Any]:
    return {
        "mode": "due" if wishes.only_due else "all",
        "dryRun": wishes.is_dry,
        "verifySignatures": crew.job.wishes.verify_signatures.value,
        "processes": crew.size,
        "seconds": round(seconds, 3),
        "interrupted": crew.is_interrupted,
        "authorities": [
            {"name": name, "total": outcome.totals[name], **_counts(tally)}
            for name, tally in outcome.tallies.items()
        ],
        "problems": [_problem(one) for one in outcome.problems],
        "errors": [one.error for one in ends if one.error],
    }


def _counts(tally: Tally) -> Mapping[str, int]:
    counts = tally.counts()
    return {"lookedAt" if name == "looked_at" else name: one for name, one in counts.items()}


def _problem(one: Problem) -> Mapping[str, Any]:
    return {
        "authority": one.authority,
        "serialNumber": f"{one.serial_number:x}",
        "form": one.form,
        "outcome": "refused" if one.is_defect else "failed",
        "rules": list(one.rules),
        "reason": one.detail,
    }


def _conclude(outcome: _Outcome, ends: Sequence[Ended], *, is_interrupted: bool) -> int:
    """Say what went wrong, each thing once, and return the exit code."""
    for one in outcome.problems[:_MOST_TOLD]:
        what = "refused" if one.is_defect else "failed"
        rules = "".join(f" [{rule}]" for rule in one.rules)
        serial = serial_text(one.serial_number)
        note(
            f"certstatus: {one.authority}: serial {serial} {what} ({one.form}): {one.detail}{rules}"
        )
    if len(outcome.problems) > _MOST_TOLD:
        note(f"certstatus: and {len(outcome.problems) - _MOST_TOLD:,} more such answers")
    for error, hint in dict.fromkeys((one.error, one.hint) for one in ends if one.error):
        note(f"certstatus: {error}")
        note(f"  {hint}")
    codes = [one.exit_code for one in ends]
    codes += [UntrustedError.exit_code] if outcome.sum.refused else []
    codes += [SourceError.exit_code] if outcome.sum.failed else []
    if is_interrupted:
        note("certstatus: interrupted; the next run goes on with the rest")
        return ExitCode.INTERRUPTED
    return worst(codes)
