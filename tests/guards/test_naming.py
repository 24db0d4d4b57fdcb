from __future__ import annotations

from pathlib import Path

import pytest

from dev.guards import naming
from dev.tree import ROOT


@pytest.mark.parametrize("directory", ["src", "tests", "dev"])
def test_modules_are_named_for_what_they_hold(directory: str) -> None:
    found = [line for line in naming.violations(ROOT / directory) if "name it" in line]

    assert not found, "\n".join(found)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    found = [line for line in naming.violations(ROOT / "src") if "lines" in line]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["utils.py", "_helpers.py", "misc/box.py", "ocsp/common.py"])
def test_a_name_that_says_nothing_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()

    (found,) = naming.violations(tmp_path)

    assert found.startswith(f"{name}: name it")


def test_a_file_past_the_limit_is_reported(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * (naming.MAX_LINES + 1), encoding="utf-8")
    (tmp_path / "full.py").write_text("x = 1\n" * naming.MAX_LINES, encoding="utf-8")

    (found,) = naming.violations(tmp_path)

    assert found.startswith("long.py: 501 lines")
