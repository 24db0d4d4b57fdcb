from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[str, str], None]:
    """Give a function that writes a module, named as under certstatus/, into a small tree."""

    def write(module: str, text: str) -> None:
        path = tmp_path / "certstatus" / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    return write
