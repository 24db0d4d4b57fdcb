"""The manual's page on TLS by hand: its program runs, and its table has every manner."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from certstatus.handshake import TLS12, TLS13
from certstatus.tls.wire import Manner
from dev.tree import ROOT

PAGE: Final = (ROOT / "docs" / "manual" / "wire.md").read_text(encoding="utf-8")
VERSIONS: Final = {TLS12: "1.2", TLS13: "1.3"}


@pytest.mark.rule("T1", "T3", "T5")
def test_the_program_of_the_page_runs_and_says_what_the_page_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "wire.md", "exec"), program)

    last = capsys.readouterr().out.splitlines()[-1]
    assert f"That prints `{last}`" in PAGE


def test_the_table_has_every_manner_with_its_versions() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([0-9., ]+) \|", PAGE, re.MULTILINE)

    assert dict(rows) == {
        manner.value: ", ".join(VERSIONS[version] for version in manner.versions)
        for manner in Manner
    }
