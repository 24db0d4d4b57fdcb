from __future__ import annotations

from pathlib import Path

import pytest

from dev import rules
from dev.rules import Mark, Rule
from dev.tree import ROOT

ENTRY = 'document = "RFC 6960"\nsection = "2.2, A.1"\nlevel = "must"\ntext = "It holds."\n'


@pytest.fixture(scope="module")
def book() -> dict[str, Rule]:
    return rules.load((ROOT / "docs" / "rules.toml").read_text(encoding="utf-8"))


def test_every_held_rule_has_a_test_and_every_marked_id_a_rule(book: dict[str, Rule]) -> None:
    found = rules.violations(book, rules.marks(ROOT / "tests"))

    assert not found, "\n".join(found)


def test_every_id_in_the_code_is_a_rule(book: dict[str, Rule]) -> None:
    found = rules.unknown(book, ROOT / "src")

    assert not found, "\n".join(found)


# --- reading rules.toml ------------------------------------------------------------------


def test_a_rule_is_held_unless_it_says_otherwise() -> None:
    (rule,) = rules.load(f"[O1]\n{ENTRY}").values()

    assert rule.status == "held"
    assert rule.clauses == ["RFC 6960 §2.2", "RFC 6960 Appendix A.1"]


@pytest.mark.parametrize(
    "entry",
    [
        "[O1]\n" + ENTRY.replace("text", "words"),
        "[O1]\n" + ENTRY.replace('level = "must"\n', ""),
        "[O1]\n" + ENTRY.replace("must", "perhaps"),
        f'[O1]\n{ENTRY}status = "done"',
        f'[O1]\n{ENTRY}status = "declined"',
        f'[O1]\n{ENTRY}reason = "none needed"',
        f"[rule-1]\n{ENTRY}",
    ],
)
def test_a_wrong_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"^(O1|rule-1): "):
        rules.load(entry)


# --- reading the marks -------------------------------------------------------------------


def test_marks_are_found_wherever_pytest_finds_them(tmp_path: Path) -> None:
    (tmp_path / "test_marks.py").write_text(
        """\
import pytest
pytestmark = pytest.mark.rule("O1")
CASES = [pytest.param(1, marks=[pytest.mark.rule("O2")])]

@pytest.mark.rule("O3", "L6")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("O4"))])
async def test_this(x): ...

@pytest.mark.rule("O5")
class TestThat:
    @pytest.mark.rule("O6")
    def test_it(self): ...
"""
    )

    found = {mark.id: mark.test for mark in rules.marks(tmp_path)}

    assert found == {
        "O1": None,
        "O2": None,
        "O3": "test_this",
        "L6": "test_this",
        "O4": "test_this",
        "O5": "TestThat",
        "O6": "TestThat::test_it",
    }


# --- judging -----------------------------------------------------------------------------

BOOK = rules.load(
    f'[O1]\n{ENTRY}[O2]\n{ENTRY}status = "planned"\n[O3]\n{ENTRY}status = "declined"\nreason = "no"\n'
)


def mark(identifier: str, test: str = "test_it") -> Mark:
    return Mark(identifier, "test_box.py", 7, test)


def test_rules_and_tests_that_agree_are_fine() -> None:
    assert rules.violations(BOOK, [mark("O1"), mark("O1", "TestBox")]) == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([], "held, and no test carries its ID: O1"),
        ([mark("O1"), mark("O2")], "not held, and a test carries its ID: O2"),
        ([mark("O1"), mark("O3")], "not held, and a test carries its ID: O3"),
        ([mark("O1"), mark("Q9")], "test_box.py:7: no rule 'Q9' in docs/rules.toml"),
        (
            [mark("O1", "make_box")],
            "test_box.py:7: the mark stands on 'make_box', which is no test",
        ),
    ],
)
def test_a_disagreement_is_reported(found: list[Mark], problem: str) -> None:
    assert rules.violations(BOOK, found) == [problem]


def test_an_id_in_the_code_without_a_rule_is_reported(tmp_path: Path) -> None:
    (tmp_path / "box.py").write_text(
        'raise BoxError("is shut", rule="O1")\nCheck.failed("Q9", "lid")\n'
    )

    assert rules.unknown(BOOK, tmp_path) == ["box.py:2: no rule 'Q9'"]


# --- citations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_cited"),
    [
        ("# O1", True),
        ("# (O1, L6)", True),
        ("# RFC 6960 §2.2.", True),
        ("# RFC 6960 Appendix A.1", True),
        ("# O13", False),
        ("# RFC 6960 §2.2.1", False),
        ("# RFC 6960 §2.21", False),
        ("# RFC 9919 §2.2", False),
    ],
)
def test_code_cites_a_rule_by_id_or_clause(tmp_path: Path, text: str, is_cited: bool) -> None:
    (tmp_path / "box.py").write_text(text, encoding="utf-8")

    assert rules.citations(tmp_path, BOOK["O1"]) == (["box.py"] if is_cited else [])
