"""How a server's word on paths is shown: to a person, and to a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.x509 import ObjectIdentifier
from rich.console import Console
from rich.text import Text

from certstatus.asn1 import oids
from certstatus.cli.output import console, print_columns, print_hanging, styled
from certstatus.cli.report import print_checks
from certstatus.cli.text import moment_text
from certstatus.delegated import (
    DelegatedReply,
    DelegatedResult,
    DelegatedVerdict,
    PoliciesReport,
    PoliciesResult,
)
from certstatus.errors import Attempt
from certstatus.pkix import Certificate
from certstatus.scvp import ValPolResponse

__all__ = [
    "policies_json",
    "print_discovered",
    "print_policies",
    "print_result",
    "result_json",
]

_STYLES: Final = {
    DelegatedVerdict.GOOD: "bold green",
    DelegatedVerdict.UNKNOWN: "bold yellow",
    DelegatedVerdict.REFUSED: "bold yellow",
    DelegatedVerdict.UNREACHABLE: "bold yellow",
}
_BAD: Final = "bold red"


# --- one question -------------------------------------------------------------------------


def print_result(result: DelegatedResult, *, is_brief: bool) -> None:
    """Print who was asked, every check, the paths that came, and a verdict for each certificate."""
    out = console()
    if not is_brief:
        _print_exchange(out, result)
        if result.report is not None:
            out.print()
            print_checks(out, result.report)
        out.print()
    if result.report is None or not result.report.replies:
        for certificate in result.question.certificates:
            _print_verdict(out, result.verdict, f"{_title(certificate)}: {_trouble(result)}")
        return
    for reply in result.report.replies:
        if not is_brief and reply.path:
            out.print(styled(_title(reply.certificate), "bold"))
            _print_path(out, reply.path)
            out.print()
        _print_verdict(out, reply.verdict, f"{_title(reply.certificate)}: {_sentence(reply)}")


def _print_exchange(out: Console, result: DelegatedResult) -> None:
    took = f"{result.elapsed.total_seconds() * 1000:.0f} ms"
    if result.report is not None:
        print_hanging(out, Text("  "), styled(f"{result.url} by POST, {took}", "dim"))
    _print_attempts(out, result.attempts)


def _print_attempts(out: Console, attempts: Sequence[Attempt]) -> None:
    for (url, reason), count in Counter((one.url, one.reason) for one in attempts).items():
        times = f" ({count} times)" if count > 1 else ""
        print_hanging(out, Text("  ! ", style="yellow"), styled(f"{url}: {reason}{times}"))


def _print_path(out: Console, path: Sequence[Certificate]) -> None:
    rows = [
        (styled("•", "cyan"), styled(str(one.subject)), f"until {one.not_after:%F}") for one in path
    ]
    print_columns(out, rows)


def _print_verdict(out: Console, verdict: DelegatedVerdict, text: str) -> None:
    head = Text.assemble(styled(verdict.value, _STYLES.get(verdict, _BAD)), "  ")
    print_hanging(out, head, styled(text))


def _title(certificate: Certificate) -> str:
    return f"{certificate.subject} (serial {certificate.serial_number:#x})"


def _sentence(reply: DelegatedReply) -> str:
    end = reply.reply.next_update
    until = "" if end is None else f"; news is due on {moment_text(end)}"
    return f"{reply.reason}, as of {moment_text(reply.validation_time)}{until}"


def _trouble(result: DelegatedResult) -> str:
    """Say why there is no word to be believed."""
    if result.report is None:
        return result.attempts[-1].reason if result.attempts else "the server did not answer"
    failed = result.report.failures
    if result.verdict is DelegatedVerdict.REFUSED:
        return f"the server answered {failed[-1].reason}"
    if result.verdict is DelegatedVerdict.MALFORMED:
        return f"what came is no reply of SCVP: {failed[-1].reason}"
    return f"don't believe the reply: {', '.join(one.name for one in failed)}"


def result_json(result: DelegatedResult) -> dict[str, object]:
    """Return the document of one question."""
    told: dict[str, object] = {
        "verdict": result.verdict.value,
        "responseStatus": None,
        "producedAt": None,
        "serverConfigurationID": None,
        "signer": None,
        "results": [],
        "checks": [],
        "findings": [],
    }
    if result.report is not None:
        told = result.report.as_json()
    return {
        **told,
        "url": result.url,
        "milliseconds": round(result.elapsed.total_seconds() * 1000, 1),
        "attempts": _attempts_json(result.attempts),
    }


def _attempts_json(attempts: Sequence[Attempt]) -> list[dict[str, str]]:
    return [{"url": one.url, "reason": one.reason} for one in attempts]


# --- paths, one after the other -----------------------------------------------------------


def print_discovered(results: Sequence[DelegatedResult]) -> None:
    """Print every path that came, and why there are no more."""
    out = console()
    paths = [
        path
        for result in results
        if result.report
        for one in result.report.replies
        for path in one.paths
    ]
    first, last = results[0], results[-1]
    _print_attempts(out, first.attempts)
    for number, path in enumerate(paths, 1):
        out.print(styled(f"path {number}", "bold"))
        _print_path(out, path)
        out.print()
    title = _title(first.question.certificates[0])
    if paths and last.verdict in {DelegatedVerdict.GOOD, DelegatedVerdict.INVALID}:
        counted = "1 path" if len(paths) == 1 else f"{len(paths)} paths"
        more = last.report is not None and last.report.server_context_info is not None
        _print_verdict(out, first.verdict, f"{title}: {counted}{_MORE if more else ''}")
        return
    if last.report is not None and last.report.replies:
        _print_verdict(out, last.verdict, f"{title}: {last.report.replies[0].reason}")
        return
    _print_verdict(out, last.verdict, f"{title}: {_trouble(last)}")


_MORE: Final = "; the server has more"


# --- policies -----------------------------------------------------------------------------


def print_policies(result: PoliciesResult) -> None:
    """Print what a server can do, after every check of its word."""
    out = console()
    _print_attempts(out, result.attempts)
    report = result.report
    if report is None:
        _print_verdict(out, result.verdict, f"{result.url} did not answer")
        return
    print_checks(out, report)
    out.print()
    if report.policies is not None:
        print_columns(out, _policy_rows(report.policies))
        out.print()
        _print_verdict(out, result.verdict, f"{result.url} says what it can do")
        return
    _print_verdict(out, result.verdict, f"{result.url}: {_policies_trouble(report)}")


def _policies_trouble(report: PoliciesReport) -> str:
    return f"don't believe what it says: {', '.join(one.name for one in report.failures)}"


def _policy_rows(found: ValPolResponse) -> Iterator[tuple[Text, str]]:
    default = found.default_policy_values
    anchors = len(default.trust_anchors)
    rows = {
        "configuration": str(found.server_configuration_id),
        "as of": moment_text(found.this_update),
        "until": "" if found.next_update is None else moment_text(found.next_update),
        "policies": _names(found.validation_policies),
        "algorithms": _names(found.validation_algs),
        "checks": _names(found.supported_checks),
        "wantBacks": _names(found.supported_want_backs),
        "replies": found.response_types.label,
        "revocation data": ", ".join(
            str(one.name).lower().replace("_", " ") for one in found.revocation_info_types
        ),
        "signs with": _names(tuple(one.oid for one in found.signature_generation)),
        "verifies": _names(tuple(one.oid for one in found.signature_verification)),
        "hashes": _names(found.hash_algorithms),
        "clock skew": f"{int(found.clock_skew.total_seconds()) // 60} minutes",
        "trust anchors": str(anchors) if anchors else "",
    }
    for name, value in rows.items():
        if value:
            yield styled(name, "cyan"), value


def _names(identifiers: Sequence[ObjectIdentifier]) -> str:
    return ", ".join(map(oids.name_of, identifiers))


def policies_json(result: PoliciesResult) -> dict[str, object]:
    """Return the document of a server's policies."""
    told: dict[str, object] = {
        "verdict": result.verdict.value,
        "policies": None,
        "checks": [],
        "findings": [],
    }
    if result.report is not None:
        told = result.report.as_json()
    return {**told, "url": result.url, "attempts": _attempts_json(result.attempts)}
