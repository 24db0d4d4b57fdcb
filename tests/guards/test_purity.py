from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dev.guards import purity
from dev.tree import ROOT

Plant = Callable[[str, str], None]


def test_the_pure_core_does_no_io_and_reads_no_clock() -> None:
    assert not (found := purity.violations(ROOT / "src")), "\n".join(found)


@pytest.mark.parametrize("module", purity.FORBIDDEN)
def test_each_forbidden_import_is_reported(tmp_path: Path, plant: Plant, module: str) -> None:
    plant("verify/freshness.py", f"def f():\n    import {module}")

    assert purity.violations(tmp_path) == [
        f"certstatus/verify/freshness.py:2: a pure module imports {module}"
    ]


@pytest.mark.parametrize(
    "line",
    ["from urllib.parse import quote", "import os.path", "from os import path", "import time as t"],
)
def test_a_forbidden_import_is_found_in_any_form(tmp_path: Path, plant: Plant, line: str) -> None:
    plant("requestor/plan.py", line)

    assert len(purity.violations(tmp_path)) == 1


@pytest.mark.parametrize(
    "call", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "datetime.today()"]
)
def test_reading_the_clock_is_reported(tmp_path: Path, plant: Plant, call: str) -> None:
    plant("responder/core.py", f"moment = {call}")

    (found,) = purity.violations(tmp_path)

    assert "let the caller pass `now`" in found


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("verify/freshness.py", "from datetime import UTC, datetime"),
        ("verify/freshness.py", "import timeit"),
        ("verify/freshness.py", "later = request.now() + skew"),
        ("responder/service.py", "import asyncio"),
    ],
)
def test_what_is_pure_or_outside_the_core_is_fine(
    tmp_path: Path, plant: Plant, module: str, line: str
) -> None:
    plant(module, line)

    assert purity.violations(tmp_path) == []
