"""How paths are shown: to a person, in one document, or line by line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from certstatus.asn1 import oids
from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.json_results import JSONResults
from certstatus.cli.output import complain, console, print_columns, print_hanging, styled
from certstatus.cli.report import VERDICT_STYLES
from certstatus.cli.text import moment_text, relative_text
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError
from certstatus.path import CertificateReport, PathReport, PathSearch, RevocationStatus
from certstatus.verify import Verdict

__all__ = ["PathAnswered", "PathJSONLinesOutput", "PathJSONOutput", "PathTextOutput"]

_GONE: Final = {RevocationStatus.REVOKED, RevocationStatus.ON_HOLD}


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAnswered:
    """What came of one target: a search, or why there is none."""

    source: str
    search: PathSearch | None = None
    error: CertStatusError | OSError | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, None where nothing was searched."""
        return None if self.search is None else _verdict(self.search)

    @property
    def exit_code(self) -> int:
        """What the command would end with, were this the only target."""
        if self.verdict is not None:
            return self.verdict.exit_code
        return self.error.exit_code if isinstance(self.error, CertStatusError) else ExitCode.USAGE


def _verdict(search: PathSearch) -> Verdict:
    """Put what came of a search into a verdict: untrusted where the path itself is not valid."""
    report = search.report
    if report is None or not report.is_built_valid:
        return Verdict.UNTRUSTED
    statuses = {one.status for one in report.unsettled}
    if not statuses:
        return Verdict.GOOD
    if statuses & _GONE:
        return Verdict.REVOKED
    is_away = RevocationStatus.UNAVAILABLE in statuses
    return Verdict.UNREACHABLE if is_away else Verdict.UNKNOWN


class PathTextOutput:
    """For people: all of each target, or, where ``is_brief``, a line."""

    def __init__(self, *, is_brief: bool) -> None:
        self._is_brief = is_brief
        self._is_first = True

    def add(self, answered: PathAnswered) -> None:
        """Print one target."""
        if answered.search is not None:
            _print(answered.search, is_brief=self._is_brief, is_first=self._is_first)
        if answered.error is not None:
            complain(answered.source, answered.error)
        self._is_first = False

    def end(self) -> None:
        """Print nothing more."""


class PathJSONOutput:
    """One document: a target's alone, or all under ``results`` with the worst verdict."""

    def __init__(self, *, is_one: bool) -> None:
        self._results = JSONResults(is_one=is_one)

    def add(self, answered: PathAnswered) -> None:
        """Write one target."""
        self._results.add(_json(answered), answered.verdict)
        if answered.error is not None:
            complain(answered.source, answered.error)

    def end(self) -> None:
        """Write the verdict that tells most."""
        self._results.end()


class PathJSONLinesOutput:
    """One document in each line."""

    def add(self, answered: PathAnswered) -> None:
        """Write one target."""
        click.echo(json.dumps(_json(answered)))
        if answered.error is not None:
            complain(answered.source, answered.error)

    def end(self) -> None:
        """Write nothing more."""


# --- for people -------------------------------------------------------------------------


def _print(search: PathSearch, *, is_brief: bool, is_first: bool) -> None:
    out, now = console(), SystemClock().now().replace(microsecond=0)
    title = f"{search.certificate.subject} (serial {search.certificate.serial_number:#x})"
    if not is_brief:
        if not is_first:
            out.print()
        out.print(styled(title, "bold"))
        if search.report is not None:
            _print_path(out, search.report)
        out.print()
    verdict = _verdict(search)
    head = Text.assemble(styled(verdict.value, VERDICT_STYLES[verdict]), "  ")
    print_hanging(out, head, styled(f"{title}: {_sentence(search, now)}"))


def _print_path(out: Console, report: PathReport) -> None:
    """Print a line for each certificate, the anchor, and what does not hold."""
    told = {one.certificate: one for one in report.certificates}
    rows = [
        _row(str(one.subject), told.get(one), is_built=report.is_built_valid)
        for one in report.path.certificates
    ]
    rows.append((styled("•", "cyan"), styled(str(report.path.anchor.subject)), "trust anchor", ""))
    print_columns(out, rows)
    for problem in report.problems:
        print_hanging(out, Text("  ✗ ", style="bold red"), styled(problem))


def _row(
    subject: str, told: CertificateReport | None, *, is_built: bool
) -> tuple[Text, Text, Text | str, Text | str]:
    if told is None:
        why = "" if is_built else "the path is not valid"
        return styled("–", "dim"), styled(subject), "not checked", styled(why, "dim")
    if told.status is RevocationStatus.NOT_CHECKED:
        mark, style = "–", "dim"
    else:
        mark, style = ("✓", "green") if told.status.is_fine else ("✗", "bold red")
    return styled(mark, style), styled(subject), styled(told.status.value, style), told.reason


def _sentence(search: PathSearch, now: datetime) -> str:
    report = search.report
    if report is None or not report.is_valid:
        return search.reason
    count = len(report.path.certificates)
    certificates = "certificate" if count == 1 else "certificates"
    until = ""
    if report.next_update is not None:
        moment = report.next_update
        until = f"; this holds until {moment_text(moment)} ({relative_text(moment, now)})"
    return f"a valid path of {count} {certificates} to {report.path.anchor.subject}{until}"


# --- for programs -----------------------------------------------------------------------


def _json(answered: PathAnswered) -> dict[str, object]:
    search = answered.search
    if search is None:
        return {
            "target": {"source": answered.source},
            "verdict": None,
            "error": {"exitCode": int(answered.exit_code), "reason": str(answered.error)},
        }
    report = search.report
    told = {} if report is None else {one.certificate: one for one in report.certificates}
    certificates = () if report is None else report.path.certificates
    return {
        "target": {
            "source": answered.source,
            "serialNumber": f"{search.certificate.serial_number:x}",
            "subject": str(search.certificate.subject),
            "issuer": str(search.certificate.issuer),
        },
        "verdict": _verdict(search).value,
        "validationTime": None if report is None else _moment(report.validation_time),
        "path": [
            {
                "subject": str(one.subject),
                "issuer": str(one.issuer),
                "serialNumber": f"{one.serial_number:x}",
                **_status_json(told.get(one)),
            }
            for one in certificates
        ],
        "anchor": None if report is None else str(report.path.anchor.subject),
        "errors": [one.label for one in search.errors],
        "reasons": [search.reason] if report is None else list(report.reasons),
        "policies": sorted(map(oids.name_of, report.policies)) if report is not None else [],
        "pathsTried": search.tried,
    }


def _status_json(told: CertificateReport | None) -> dict[str, object]:
    if told is None:
        return {"status": RevocationStatus.NOT_CHECKED.value, "reason": None, "nextUpdate": None}
    found: dict[str, object] = {
        "status": told.status.value,
        "reason": told.reason,
        "nextUpdate": _moment(told.next_update),
    }
    if told.revocation_date is not None:
        reason = told.revocation_reason
        found["revocationTime"] = _moment(told.revocation_date)
        found["revocationReason"] = None if reason is None else reason.label
    return found


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
