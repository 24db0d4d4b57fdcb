"""A lab on disk, and the command run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from certstatus.cli import main
from certstatus.clock import SystemClock
from certstatus.testing import Lab, build_lab
from tests.scripted import ScriptedServer

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab that no test changes."""
    return build_lab(tmp_path_factory.mktemp("lab"), now=SystemClock().now())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``certstatus`` with arguments; caches stay in the test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*args: object, stdin: bytes | str | None = None) -> Result:
        return CliRunner().invoke(main, [str(one) for one in args], input=stdin)

    return call


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Run ``certstatus … --json`` and return what it wrote."""

    def call(*args: object, stdin: bytes | str | None = None) -> Any:
        return json.loads(run(*args, "--json", stdin=stdin).stdout)

    return call


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Lend a web server; it ends with the test."""
    with ScriptedServer() as running:
        yield running
