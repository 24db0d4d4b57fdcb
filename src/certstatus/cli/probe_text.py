"""How a probe looks: versions side by side, each staple's checks, the verdict in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from certstatus.cli.output import print_columns, print_hanging, styled
from certstatus.cli.report import (
    VERDICT_STYLES,
    check_row,
    print_checks,
    responder_url,
    verdict_sentence,
)
from certstatus.tls.peer import StapleReport
from certstatus.tls.probed import Comparison, HandshakeResult, ProbeResult, must_staple
from certstatus.verify import Report

__all__ = ["print_line", "print_result"]

_NOTHING: Final = "nothing stapled"
_WIDEST_VERDICT: Final = 15
_WIDEST_HOST: Final = 36


def print_line(out: Console, result: ProbeResult) -> None:
    """Print one host in one line."""
    head = _verdict(result)
    head.pad_right(_WIDEST_VERDICT - head.cell_len)
    host = str(result.host).ljust(_WIDEST_HOST)
    print_hanging(out, Text.assemble(head, "  ", styled(host), "  "), styled(_sentence(result)))


def print_result(out: Console, result: ProbeResult) -> None:
    """Print all that was found of one host."""
    out.print(styled(_title(result), "bold"))
    if result.handshakes:
        out.print()
        print_columns(out, _table(result.handshakes))
    for title, report in _staples(result.handshakes):
        out.print()
        out.print(styled(f"  {title}", "bold"))
        print_checks(out, report)
    for handshake in result.handshakes:
        if handshake.checks:
            out.print()
            out.print(styled(f"  {handshake.version}: the handshake", "bold"))
            print_columns(out, [check_row(check) for check in handshake.checks])
    if result.comparisons:
        out.print()
        out.print(styled("  The responder, when asked", "bold"))
        print_columns(out, [_comparison(one) for one in result.comparisons])
    out.print()
    head = Text.assemble(_verdict(result), "  ")
    print_hanging(out, head, styled(f"{result.host}: {_sentence(result)}"))


def _title(result: ProbeResult) -> str:
    name = "" if result.server_name == result.host.name else f" as {result.server_name}"
    protocol = "" if result.starttls is None else f", STARTTLS {result.starttls}"
    return f"{result.host}{name}{protocol}"


def _verdict(result: ProbeResult) -> Text:
    verdict = result.verdict
    if verdict is None:
        return styled(_NOTHING, "bold")
    return styled(verdict.value, VERDICT_STYLES[verdict])


# --- versions side by side -----------------------------------------------------------------------


def _table(handshakes: Sequence[HandshakeResult]) -> Iterator[list[Text]]:
    yield [Text(), *(styled(one.version, "bold") for one in handshakes)]
    yield [Text("handshake"), *(_ending(one) for one in handshakes)]
    if not any(one.flight is not None and one.flight.chain for one in handshakes):
        return
    yield [Text("chain"), *(_trust(one) for one in handshakes)]
    yield [Text("asked"), *(styled(", ".join(one.asked) or "no") for one in handshakes)]
    yield [Text("promised"), *(_promise(one) for one in handshakes)]
    for place in range(max(len(one.statuses) for one in handshakes)):
        subjects = [
            str(one.statuses[place].certificate.subject)
            for one in handshakes
            if place < len(one.statuses)
        ]
        yield [styled(subjects[0]), *(_staple(one.statuses, place) for one in handshakes)]


def _ending(handshake: HandshakeResult) -> Text:
    seen = handshake.observation
    if seen.failure is not None:
        attempts = getattr(seen.failure, "attempts", ())
        reason = attempts[0].reason if attempts else str(seen.failure)
        return styled(f"none: {reason}", "yellow")
    return styled(f"{seen.cipher or 'done'}, {seen.elapsed.total_seconds() * 1000:.0f} ms")


def _trust(handshake: HandshakeResult) -> Text:
    trust = handshake.observation.trust
    if trust is None:
        return styled("–", "dim")
    return styled("trusted") if trust.problem is None else styled(trust.problem, "yellow")


def _promise(handshake: HandshakeResult) -> Text:
    promised = handshake.is_promised
    return styled("–", "dim") if promised is None else styled("yes" if promised else "no")


def _staple(statuses: Sequence[StapleReport], place: int) -> Text:
    if place >= len(statuses):
        return styled("–", "dim")
    status, promise = statuses[place], must_staple(statuses, place)
    if status.report is None:
        told = styled("not stapled", "" if promise is None else "bold red")
    else:
        verdict = status.report.verdict
        told = styled(f"stapled: {verdict.value}", VERDICT_STYLES[verdict])
    if promise is not None:
        told.append(f", must-staple {promise.value}")
    return told


# --- each staple -----------------------------------------------------------------------------------


def _staples(handshakes: Iterable[HandshakeResult]) -> Iterator[tuple[str, Report]]:
    """Yield each staple once, with the certificate and the versions that it came over."""
    found: dict[tuple[bytes, bytes], tuple[StapleReport, list[str]]] = {}
    for handshake in handshakes:
        for status in handshake.statuses:
            if status.staple is not None:
                key = status.certificate.der, status.staple
                _, versions = found.setdefault(key, (status, []))
                versions.append(handshake.version)
    for status, versions in found.values():
        assert status.report is not None
        yield f"{status.certificate.subject} over {', '.join(versions)}", status.report


def _comparison(comparison: Comparison) -> tuple[Text, ...]:
    mark, rule, _, reason = check_row(comparison.check)
    direct = comparison.direct
    urls = [direct.url or "", *(one.url for one in direct.attempts)]
    asked = next((f"{responder_url(url)}: " for url in urls if url), "")
    return mark, rule, styled(str(comparison.certificate.subject)), styled(asked) + reason


# --- one sentence ----------------------------------------------------------------------------------


def _sentence(result: ProbeResult) -> str:
    """Say in words what the verdict rests on."""
    if result.failure is not None:
        return str(result.failure)
    if not result.is_reached:
        failures = dict.fromkeys(str(one.observation.failure) for one in result.handshakes)
        return "; ".join(failures)
    parts = [*_groups(result), *_contradictions(result)]
    if all(
        one.observation.is_complete is False or not _has_staple(one) for one in result.handshakes
    ):
        parts += [
            f"the responder says {one.direct.verdict}"
            for one in result.comparisons
            if one.direct.is_verified
        ]
    return "; ".join(parts)


def _groups(result: ProbeResult) -> Iterator[str]:
    """Yield what each version came to; versions that came to the same are told together."""
    told: dict[str, list[str]] = {}
    for handshake in result.handshakes:
        text = _handshake_sentence(handshake, result.probed_at)
        told.setdefault(text, []).append(handshake.version)
    for text, versions in told.items():
        yield f"{', '.join(versions)}: {text}"


def _handshake_sentence(handshake: HandshakeResult, now: datetime) -> str:
    if handshake.failures:
        return "; ".join(f"{one.reason} [{one.rule}]" for one in handshake.failures)
    if not handshake.observation.is_complete:
        return "not spoken"
    if not _has_staple(handshake):
        return "without a staple"
    report = handshake.statuses[0].report
    return "stapled to the CA alone" if report is None else verdict_sentence(report, now)


def _has_staple(handshake: HandshakeResult) -> bool:
    return any(status.staple is not None for status in handshake.statuses)


def _contradictions(result: ProbeResult) -> Iterator[str]:
    for comparison in result.comparisons:
        if comparison.agreement.value == "contradiction":
            yield f"{comparison.check.reason} [{comparison.check.rule}]"
