"""A responder to feed staplers, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.feeding import Feed
from tests.scripted import ScriptedServer


@pytest.fixture
def feed() -> Iterator[Feed]:
    """Lend a responder; it ends with the test."""
    with ScriptedServer() as server:
        yield Feed(server)
