"""Where results of a check go as they come: to a person, into one document, or line by line."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

import click
from rich.console import Console
from rich.text import Text

from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.json_results import JSONResults
from certstatus.cli.output import complain, console, print_hanging, styled
from certstatus.cli.report import print_checks, print_verdict, responder_url
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError
from certstatus.requestor import CheckResult
from certstatus.verify import Verdict

__all__ = ["Answered", "CheckOutput", "JSONLinesOutput", "JSONOutput", "TextOutput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of one target: a result, or why there is none."""

    source: str
    result: CheckResult | None = None
    error: CertStatusError | OSError | None = None

    @property
    def exit_code(self) -> int:
        """What the command would end with, were this the only target."""
        if self.result is not None:
            return self.result.verdict.exit_code
        return self.error.exit_code if isinstance(self.error, CertStatusError) else ExitCode.USAGE

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, None where there is no result."""
        return None if self.result is None else self.result.verdict


class CheckOutput(Protocol):
    """Takes each result when it is there; keeps none."""

    def add(self, answered: Answered) -> None:
        """Show one target."""

    def end(self) -> None:
        """Show what all come to."""


class TextOutput:
    """For people: all of each target, or, where ``is_brief``, a line."""

    def __init__(self, *, is_brief: bool) -> None:
        self._is_brief = is_brief
        self._is_first = True

    def add(self, answered: Answered) -> None:
        """Print one target."""
        if answered.result is not None:
            _print(answered.result, is_brief=self._is_brief, is_first=self._is_first)
        if answered.error is not None:
            complain(answered.source, answered.error)
        self._is_first = False

    def end(self) -> None:
        """Print nothing more."""


class JSONOutput:
    """One document: a target's alone, or all under ``results`` with the worst verdict."""

    def __init__(self, *, is_one: bool) -> None:
        self._results = JSONResults(is_one=is_one)

    def add(self, answered: Answered) -> None:
        """Write one target."""
        self._results.add(_json(answered), answered.verdict)
        if answered.error is not None:
            complain(answered.source, answered.error)

    def end(self) -> None:
        """Write the verdict that tells most."""
        self._results.end()


class JSONLinesOutput:
    """One document in each line."""

    def add(self, answered: Answered) -> None:
        """Write one target."""
        click.echo(json.dumps(_json(answered)))
        if answered.error is not None:
            complain(answered.source, answered.error)

    def end(self) -> None:
        """Write nothing more."""


# --- for people -------------------------------------------------------------------------


def _print(result: CheckResult, *, is_brief: bool, is_first: bool) -> None:
    out, now = console(), SystemClock().now().replace(microsecond=0)
    title = f"{result.certificate.subject} (serial {result.certificate.serial_number:#x})"
    if not is_brief:
        if not is_first:
            out.print()
        out.print(styled(title, "bold"))
        _print_exchange(out, result)
        if result.report is not None:
            out.print()
            print_checks(out, result.report)
        out.print()
    if result.report is not None:
        print_verdict(out, result.report, title, now)
    else:
        head = Text.assemble(styled(result.verdict.value, "bold yellow"), "  ")
        print_hanging(out, head, styled(f"{title}: {_why_unreachable(result)}"))


def _print_exchange(out: Console, result: CheckResult) -> None:
    """Tell who was asked, how, and how long that took."""
    took = f"{result.elapsed.total_seconds() * 1000:.0f} ms"
    if result.url is not None:
        how = "kept from an earlier answer" if result.from_cache else f"by {result.method}"
        print_hanging(out, Text("  "), styled(f"{responder_url(result.url)} {how}, {took}", "dim"))
    attempts = Counter((responder_url(one.url), one.reason) for one in result.attempts)
    for (url, reason), count in attempts.items():
        times = f" ({count} times)" if count > 1 else ""
        place = f"{url}: " if url else ""
        print_hanging(out, Text("  ! ", style="yellow"), styled(f"{place}{reason}{times}"))


def _why_unreachable(result: CheckResult) -> str:
    if not result.attempts:
        return "no responder answered"
    last = result.attempts[-1].reason
    if "not a public address" in last:
        return f"{last}; name the responder with --url, or use --allow-private"
    return last


# --- for programs -----------------------------------------------------------------------


def _json(answered: Answered) -> dict[str, object]:
    result = answered.result
    if result is None:
        return {
            "target": {"source": answered.source},
            "verdict": _ERROR_VERDICTS.get(answered.exit_code),
            "error": {"exitCode": int(answered.exit_code), "reason": str(answered.error)},
        }
    target = {
        "source": answered.source,
        "serialNumber": f"{result.certificate.serial_number:x}",
        "subject": str(result.certificate.subject),
        "issuer": str(result.certificate.issuer),
    }
    told: dict[str, object] = {"verdict": result.verdict.value, "checks": [], "findings": []}
    if result.report is not None:
        told = result.report.as_json()
    return {
        "target": target,
        **told,
        "url": result.url,
        "method": result.method,
        "fromCache": result.from_cache,
        "milliseconds": round(result.elapsed.total_seconds() * 1000, 1),
        "attempts": [{"url": one.url, "reason": one.reason} for one in result.attempts],
    }


_ERROR_VERDICTS: Final = {
    int(ExitCode.MALFORMED): Verdict.MALFORMED.value,
    int(ExitCode.UNREACHABLE): Verdict.UNREACHABLE.value,
}
