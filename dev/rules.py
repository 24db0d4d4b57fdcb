"""The rules of ``docs/rules.toml``, and the tests that hold the code to them.

A test names its rules by ``@pytest.mark.rule("O13", "L6")``. Marks are read from the
syntax, without importing a test, so that the check takes a moment.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.tree import modules

__all__ = ["Mark", "Rule", "citations", "load", "marks", "unknown", "violations"]

_ID: Final = re.compile(r"[A-Z]\d{1,2}")
LEVELS: Final = ("must", "should", "may", "choice")
STATUSES: Final = ("held", "planned", "declined")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One requirement. ``sections`` are those of ``document`` that ask for it."""

    id: str
    document: str
    sections: tuple[str, ...]
    level: str
    text: str
    status: str
    reason: str

    @property
    def clauses(self) -> list[str]:
        """The clauses as code cites them: ``RFC 6960 §4.2.1``, ``RFC 6960 Appendix A.1``."""
        return [f"{self.document} {_sign(section)}{section}" for section in self.sections]


def _sign(section: str) -> str:
    return "§" if section[0].isdigit() else "Appendix "


@dataclass(frozen=True, slots=True)
class Mark:
    """One rule ID on one test. ``test`` is None where the mark stands for a whole file."""

    id: str
    file: str
    line: int
    test: str | None


# --- reading -----------------------------------------------------------------------------


def load(text: str) -> dict[str, Rule]:
    """Read the text of ``rules.toml``.

    Raises:
        ValueError: An entry lacks a key, has one that isn't known, or has a wrong value.
    """
    return {name: _rule(name, entry) for name, entry in tomllib.loads(text).items()}


def _rule(name: str, entry: Mapping[str, Any]) -> Rule:
    required = {"document", "section", "level", "text"}
    if wrong := required - entry.keys() or entry.keys() - required - {"status", "reason"}:
        raise ValueError(f"{name}: missing or unknown: {', '.join(sorted(wrong))}")
    rule = Rule(
        id=name,
        document=entry["document"],
        sections=tuple(entry["section"].split(", ")),
        level=entry["level"],
        text=entry["text"],
        status=entry.get("status", "held"),
        reason=entry.get("reason", ""),
    )
    if not _ID.fullmatch(name):
        raise ValueError(f"{name}: an ID is a capital letter and a number under 100")
    if rule.level not in LEVELS or rule.status not in STATUSES:
        raise ValueError(f"{name}: level is one of {LEVELS}, status one of {STATUSES}")
    if (rule.status == "declined") != bool(rule.reason):
        raise ValueError(f"{name}: a declined rule has a reason, and no other has one")
    return rule


def marks(tests: Path) -> list[Mark]:
    """Return every rule mark on the tests under a directory, in the order of the files."""
    return [
        Mark(_text(argument), str(module.path.relative_to(tests)), argument.lineno, test)
        for module in modules(tests)
        for call, test in _calls(module.tree, None)
        for argument in call.args
    ]


def _calls(node: ast.AST, test: str | None) -> Iterator[tuple[ast.Call, str | None]]:
    """Yield each call of ``pytest.mark.rule`` with the test that it stands on."""
    for child in ast.iter_child_nodes(node):
        inside = test
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inside = f"{test}::{child.name}" if test else child.name
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "pytest.mark.rule":
            yield child, inside
        yield from _calls(child, inside)


def _text(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return ast.unparse(argument)


def citations(source: Path, rule: Rule) -> list[str]:
    """Return the modules under ``source`` whose text cites a rule by ID or clause."""
    clauses = "|".join(rf"{re.escape(clause)}(?![.\d]*\d)" for clause in rule.clauses)
    cited = re.compile(rf"\b{rule.id}\b|{clauses}")
    return [
        str(path.relative_to(source))
        for path in sorted(source.rglob("*.py"))
        if cited.search(path.read_text(encoding="utf-8"))
    ]


# --- judging -----------------------------------------------------------------------------


def violations(rules: Mapping[str, Rule], found: Iterable[Mark]) -> list[str]:
    """List marks without a rule, held rules without a test, and planned ones that have one."""
    found = list(found)
    tested = {mark.id for mark in found}
    untested = [
        rule.id for rule in rules.values() if rule.status == "held" and rule.id not in tested
    ]
    early = [rule.id for rule in rules.values() if rule.status != "held" and rule.id in tested]
    problems = [
        f"{mark.file}:{mark.line}: no rule {mark.id!r} in docs/rules.toml"
        for mark in found
        if mark.id not in rules
    ]
    problems += [
        f"{mark.file}:{mark.line}: the mark stands on {mark.test!r}, which is no test"
        for mark in found
        if mark.test and not re.search(r"(^|::)(test_\w+|Test\w+)$", mark.test)
    ]
    if untested:
        problems.append(f"held, and no test carries its ID: {', '.join(untested)}")
    if early:
        problems.append(f"not held, and a test carries its ID: {', '.join(early)}")
    return problems


def unknown(rules: Mapping[str, Rule], source: Path) -> list[str]:
    """List the IDs that code under ``source`` gives to checks and errors, and no rule has."""
    return [
        f"{module.path.relative_to(source)}:{node.lineno}: no rule {node.value!r}"
        for module in modules(source)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _ID.fullmatch(node.value)
        and node.value not in rules
    ]
