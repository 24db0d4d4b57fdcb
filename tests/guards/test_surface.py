from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from dev.guards import surface
from dev.tree import ROOT, modules

PACKAGES = [package.name for package in modules(ROOT / "src") if package.path.name == "__init__.py"]


def test_every_package_lists_its_public_names() -> None:
    assert not (found := surface.violations(ROOT / "src")), "\n".join(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_imported(package: str) -> None:
    assert surface.missing(package) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("from box.lid import Lid", "not in __all__: Lid"),
        ("import json\n__all__ = []", "not in __all__: json"),
        ("LIMIT: int = 3\ndef open_box(): ...", "not in __all__: LIMIT, open_box"),
        ("__all__ = ['Lid']", "in __all__, but not there: Lid"),
    ],
)
def test_a_difference_is_reported(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__init__.py").write_text(text, encoding="utf-8")

    assert surface.violations(tmp_path) == [f"box/__init__.py: {problem}"]


@pytest.mark.parametrize(
    "text",
    [
        '"""Nothing public."""\nfrom __future__ import annotations',
        "from box.lid import Lid, _hinge\n__all__ = ['Lid']",
        "__all__ = ['Lid']\ndef __getattr__(name): ...",
    ],
)
def test_an_exact_surface_is_fine(tmp_path: Path, text: str) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__init__.py").write_text(text, encoding="utf-8")

    assert surface.violations(tmp_path) == []


def test_a_promised_name_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    box = types.ModuleType("box_of_promises")
    vars(box).update(__all__=["Lid", "Key"], Lid=object)
    monkeypatch.setitem(sys.modules, box.__name__, box)

    assert surface.missing("box_of_promises") == ["box_of_promises.Key"]
