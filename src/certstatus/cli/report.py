"""How a judgment looks: every check by its rule, the findings, and the verdict in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from rich.console import Console
from rich.text import Text

from certstatus.cli.exit_codes import worst
from certstatus.cli.output import print_columns, print_hanging, styled
from certstatus.cli.text import moment_text, relative_text
from certstatus.errors import MalformedError
from certstatus.explain import parse_get_url
from certstatus.ocsp import Revoked
from certstatus.verify import Check, Finding, Outcome, Report, Verdict

__all__ = [
    "VERDICT_STYLES",
    "check_row",
    "print_checks",
    "print_verdict",
    "responder_url",
    "results_json",
    "verdict_sentence",
]

_MARKS: Final = {
    Outcome.PASS: ("✓", "green"),
    Outcome.FAIL: ("✗", "bold red"),
    Outcome.SKIP: ("–", "dim"),
}
VERDICT_STYLES: Final = {
    Verdict.GOOD: "bold green",
    Verdict.REVOKED: "bold red",
    Verdict.UNKNOWN: "bold yellow",
    Verdict.UNTRUSTED: "bold red",
    Verdict.REFUSED: "bold yellow",
    Verdict.MALFORMED: "bold red",
    Verdict.UNREACHABLE: "bold yellow",
}


class Judged(Protocol):
    """What came of a judgment, of whatever it was."""

    @property
    def checks(self) -> Sequence[Check]:
        """Every check."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What does no harm."""
        ...


def print_checks(out: Console, report: Judged) -> None:
    """Print a line for each check, then what departs from the standards without harm."""
    print_columns(out, [check_row(check) for check in report.checks])
    if report.findings:
        out.print()
        out.print(styled("  Worth knowing", "bold"))
        for finding in report.findings:
            print_hanging(
                out, Text("  ! ", style="yellow"), _finding_text(finding.where, finding.text)
            )


def check_row(check: Check) -> tuple[Text, Text, Text, Text]:
    """Return a check as cells: mark, rule, name, reason."""
    mark, style = _MARKS[check.outcome]
    quiet = "dim" if check.outcome is Outcome.SKIP else ""
    loud = "bold red" if check.outcome is Outcome.FAIL else quiet
    return (
        styled(mark, style),
        styled(check.rule, "cyan"),
        styled(check.name, loud),
        styled(check.reason, quiet),
    )


def _finding_text(where: str, text: str) -> Text:
    return Text.assemble(styled(where, "bold"), " ", styled(text))


def print_verdict(out: Console, report: Report, subject: str, now: datetime) -> None:
    """Print the verdict and what follows from it, in one line; ``subject`` is who it is about."""
    head = Text.assemble(styled(report.verdict.value, VERDICT_STYLES[report.verdict]), "  ")
    print_hanging(out, head, styled(f"{subject}: {verdict_sentence(report, now)}"))


def verdict_sentence(report: Report, now: datetime) -> str:
    """Say in words what a report comes to."""
    verdict, verified = report.verdict, report.verified
    if verified is not None:
        until = ""
        if verified.expires is not None:
            until = f"; the answer holds until {_moment(verified.expires, now)}"
        return f"{_status_sentence(report, now)}{until}"
    if verdict is Verdict.REFUSED and report.response is not None:
        status = report.response.response_status.label
        return f"the responder answered {status}, which says nothing of the certificate"
    if verdict is Verdict.MALFORMED:
        reasons = "; ".join(check.reason for check in report.failures)
        return f"what came is no OCSP response: {reasons}"
    if report.response is None:
        return "; ".join(check.reason for check in report.failures)
    said = "" if report.single is None else f"it says {report.single.cert_status}, but "
    failed = [check.name for check in report.failures]
    return f"{said}don't believe it: {', '.join(failed)}" if failed else "no answer to believe"


def _status_sentence(report: Report, now: datetime) -> str:
    assert report.single is not None
    status = report.single.cert_status
    if not isinstance(status, Revoked):
        known = report.verdict is Verdict.GOOD
        return "not revoked" if known else "the responder does not know this certificate"
    reason = f" for {status.reason.label}" if status.reason is not None else ""
    return f"revoked{reason} since {_moment(status.revocation_time, now)}"


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment_text(moment)} ({relative_text(moment, now)})"


def responder_url(url: str) -> str:
    """Return the responder's own URL, without the request that a GET URL carries."""
    try:
        return parse_get_url(url).base
    except MalformedError:
        return url


def results_json(
    results: Sequence[dict[str, object]], verdicts: Sequence[Verdict]
) -> dict[str, object]:
    """Return the JSON of one result, or of several under ``results`` with the worst verdict."""
    if len(results) == 1:
        return results[0]
    code = worst(verdict.exit_code for verdict in verdicts)
    verdict = next((one for one in verdicts if one.exit_code == code), None)
    return {"verdict": None if verdict is None else verdict.value, "results": list(results)}
