from __future__ import annotations

from pathlib import Path

import pytest

from certstatus.errors import CertStatusError
from dev import pages
from dev.tree import ROOT

RULE = '[O1]\ndocument = "RFC 6960"\nsection = "2.2"\nlevel = "must"\ntext = "It holds."\n'


def test_the_conformance_page_names_the_tests_of_every_rule() -> None:
    """Only rules and tests are compared: the code that cites them may move between two writings."""
    written = pages.tested_rules((ROOT / "docs" / "conformance.md").read_text(encoding="utf-8"))
    fresh = pages.tested_rules(pages.conformance_page(ROOT))

    stale = sorted(rule for rule in fresh | written if fresh.get(rule) != written.get(rule))

    assert not stale, f"run `make docs`: stale for {', '.join(stale)}"


def test_the_errors_page_is_the_one_that_the_classes_write() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")

    assert written == pages.errors_page(), "run `make docs`"


def test_the_errors_page_follows_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pages.errors_page()
    monkeypatch.setattr(CertStatusError.__subclasses__()[0], "exit_code", 99)

    assert "| 99 |" in pages.errors_page()
    assert pages.errors_page() != before


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    for directory in ("docs", "tests/rules", "src/certstatus/ocsp"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "docs" / "rules.toml").write_text(RULE)
    (tmp_path / "src" / "certstatus" / "ocsp" / "status.py").write_text("# RFC 6960 §2.2\n")
    (tmp_path / "tests" / "rules" / "test_box.py").write_text(
        '@pytest.mark.rule("O1")\ndef test_b(): ...\n\n@pytest.mark.rule("O1")\ndef test_a(): ...\n'
    )
    return tmp_path


def test_the_conformance_page_brings_rule_code_and_tests_together(small_tree: Path) -> None:
    page = pages.conformance_page(small_tree)

    assert "| RFC 6960 | 1 | 0 | 0 |" in page
    assert "### O1\n\nIt holds.\n\n- RFC 6960 §2.2 · must · held\n" in page
    assert "- Code: `ocsp/status.py`\n- Tests: `rules/test_box.py` (`test_a`, `test_b`)\n" in page


def test_a_new_test_makes_the_page_stale(small_tree: Path) -> None:
    before = pages.tested_rules(pages.conformance_page(small_tree))
    (small_tree / "tests" / "test_more.py").write_text(
        'pytestmark = pytest.mark.rule("O1")\ndef test_c(): ...\n'
    )

    after = pages.tested_rules(pages.conformance_page(small_tree))

    assert before == {"O1": "`rules/test_box.py` (`test_a`, `test_b`)"}
    assert after == {"O1": "`rules/test_box.py` (`test_a`, `test_b`); `test_more.py`"}


def test_writing_again_changes_nothing(small_tree: Path) -> None:
    first = pages.write(small_tree)

    assert [page.name for page in first] == ["conformance.md", "errors.md"]
    assert pages.write(small_tree) == []
