from __future__ import annotations

from pathlib import Path

import pytest

from dev.guards import clauses
from dev.tree import ROOT


def test_clauses_have_one_spelling() -> None:
    assert not (found := clauses.violations(ROOT, clauses.texts(ROOT))), "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "see section 4.2 of it",
        "Section 4.2.2.2",
        "sec. 3.2",
        "RFC6960 §4.2.1",
        "RFC-6960",
        "RFC 6960 § 4.2.1",
        "RFC 6960, §4.2.1",
        "RFC 6960 4.2.1",
        "RFC 6960, 4.2.1",
    ],
)
def test_another_spelling_is_reported(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"first line\n{text}\n", encoding="utf-8")

    (found,) = clauses.violations(tmp_path, [page])

    assert found.startswith("page.md:2: ")


@pytest.mark.parametrize(
    "text",
    [
        "RFC 6960 §4.2.2.2 and RFC 6960 §2.2, §4.4.8",
        "RFC 6960 Appendix A.1",
        "RFC 3279, 4055 and 5758",
        "this section says why; test_rfc6960.py",
    ],
)
def test_the_one_spelling_is_fine(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")

    assert clauses.violations(tmp_path, [page]) == []


def test_code_tests_and_pages_are_read(tmp_path: Path) -> None:
    for name in ("README.md", "src/a.py", "tests/rules/b.py", "docs/c.toml", "tests/guards/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    read = [str(path.relative_to(tmp_path)) for path in clauses.texts(tmp_path)]

    assert read == ["README.md", "docs/c.toml", "src/a.py", "tests/rules/b.py"]
