"""A web server that answers by script, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripted import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Lend a server; it ends with the test."""
    with ScriptedServer() as running:
        yield running
