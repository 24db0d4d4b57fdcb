from __future__ import annotations

import pytest

from certstatus.testing import TinyCA


@pytest.fixture(scope="session")
def ca() -> TinyCA:
    return TinyCA()


@pytest.fixture(scope="session")
def other_ca() -> TinyCA:
    return TinyCA("Other CA")
