"""Writes what is generated of ``docs/``: conformance, errors, tables of limits and faults (``make docs``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from certstatus import errors
from dev.faults_table import with_faults
from dev.limits_table import with_limits
from dev.rules import Mark, Rule, citations, load, marks
from dev.tree import ROOT

__all__ = ["conformance_page", "errors_page", "tested_rules", "write"]


def write(root: Path = ROOT) -> list[Path]:
    """Write the pages, and return the ones that changed."""
    security = root / "docs" / "security.md"
    fault = root / "docs" / "manual" / "fault.md"
    pages = {
        root / "docs" / "conformance.md": conformance_page(root),
        root / "docs" / "errors.md": errors_page(),
        security: with_limits(_read(security)),
        fault: with_faults(_read(fault)),
    }
    changed = [page for page, text in pages.items() if _read(page) != text]
    for page in changed:
        page.write_text(pages[page], encoding="utf-8")
    return changed


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


# --- docs/conformance.md -----------------------------------------------------------------

_CONFORMANCE: Final = """\
# Conformance

<!-- Written by `make docs` from docs/rules.toml, the source and the tests; edit those. -->

Every requirement that certstatus answers to: what it asks, where it stands, the code that cites it, and the tests that fail when it is broken.
*held* means that tests hold the code to it; *planned*, that its code does not exist yet; *declined*, that it is not followed, for the reason given.
"""


def conformance_page(root: Path) -> str:
    """Return the page of every rule with its code and its tests."""
    rules = load(_read(root / "docs" / "rules.toml"))
    found = marks(root / "tests")
    parts = [_CONFORMANCE, _summary(rules.values())]
    for document in dict.fromkeys(rule.document for rule in rules.values()):
        parts.append(f"## {document}\n")
        parts += [
            _entry(rule, found, root / "src" / "certstatus")
            for rule in rules.values()
            if rule.document == document
        ]
    return "\n".join(parts)


def _summary(rules: Iterable[Rule]) -> str:
    counts: dict[str, dict[str, int]] = {}
    for rule in rules:
        row = counts.setdefault(rule.document, {"held": 0, "planned": 0, "declined": 0})
        row[rule.status] += 1
    rows = [
        f"| {document} | {row['held']} | {row['planned']} | {row['declined']} |"
        for document, row in counts.items()
    ]
    return "\n".join(["| document | held | planned | declined |", "|---|--:|--:|--:|", *rows, ""])


def _entry(rule: Rule, found: list[Mark], source: Path) -> str:
    lines = [f"### {rule.id}", "", f"{rule.text}", ""]
    lines.append(f"- {', '.join(rule.clauses)} · {rule.level} · {rule.status}")
    if rule.reason:
        lines.append(f"- Reason: {rule.reason}")
    if rule.status == "held":
        code = [f"`{module}`" for module in citations(source, rule)]
        lines.append(f"- Code: {', '.join(code) or 'cited nowhere'}")
        lines.append(f"- Tests: {_tests(rule, found) or 'none'}")
    return "\n".join([*lines, ""])


def _tests(rule: Rule, found: list[Mark]) -> str:
    """Return the tests of a rule by file, ``rules/test_x.py`` (``test_a``, ``test_b``)."""
    places = sorted({(mark.file, mark.test or "") for mark in found if mark.id == rule.id})
    files = []
    for file, members in groupby(places, key=lambda place: place[0]):
        names = ", ".join(f"`{test}`" for _, test in members if test)
        files.append(f"`{file}` ({names})" if names else f"`{file}`")
    return "; ".join(files)


def tested_rules(page: str) -> dict[str, str]:
    """Read back from the page which tests it gives for each rule."""
    return dict(re.findall(r"^### (\w+)$.*?^- Tests: (.*?)$", page, re.MULTILINE | re.DOTALL))


# --- docs/errors.md ----------------------------------------------------------------------

_ERRORS: Final = """\
# Errors

<!-- Written by `make docs` from src/certstatus/errors.py; edit that. -->

Every error that certstatus raises on purpose is a `CertStatusError`, and says what it means at each border: the OCSP response status that a responder sends for it, the alert that a TLS peer gets, the exit code of the command, and what to do next.
Revoked and unknown are answers, not errors.

| error | when | OCSP response status | TLS alert | exit code | what to do |
|---|---|---|---|--:|---|
"""

_STATUS_NAMES: Final[Mapping[int, str]] = {
    1: "malformedRequest",
    2: "internalError",
    3: "tryLater",
    5: "sigRequired",
    6: "unauthorized",
}
_ALERT_NAMES: Final[Mapping[int, str]] = {
    50: "decode_error",
    80: "internal_error",
    113: "bad_certificate_status_response",
}


def errors_page() -> str:
    """Return the page of every error with its word at each border."""
    return _ERRORS + "".join(_error_row(error) for error in _children(errors.CertStatusError))


def _children(parent: type[errors.CertStatusError]) -> Iterator[type[errors.CertStatusError]]:
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _children(child)


def _error_row(error: type[errors.CertStatusError]) -> str:
    when = (error.__doc__ or "").split("\n")[0].rstrip(".").replace("``", "`")
    status = f"{error.response_status} {_STATUS_NAMES[error.response_status]}"
    alert = f"{error.tls_alert} {_ALERT_NAMES[error.tls_alert]}"
    return (
        f"| `{error.__name__}` | {when} | {status} | {alert} | {error.exit_code} | {error.hint} |\n"
    )


if __name__ == "__main__":
    for path in write():
        print(f"wrote {path.relative_to(ROOT)}")
