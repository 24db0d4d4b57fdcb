from __future__ import annotations

import pytest

from dev.guards import lock
from dev.tree import ROOT

DIGEST = "0" * 64
GOOD = f"""\
# made by `make lock`
alembic==1.20.1 \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{DIGEST}
    # via certstatus (pyproject.toml)
truststore==0.10.5 ; sys_platform != 'emscripten' \\
    --hash=sha256:{DIGEST}
"""


def test_the_lock_pins_by_hash_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")

    assert not (found := lock.violations(text)), "\n".join(found)
    assert "cryptography==" in text


def test_a_pinned_and_hashed_lock_is_fine() -> None:
    assert lock.violations(GOOD) == []


@pytest.mark.parametrize(
    "line",
    [
        "rich==15.0.0",
        f"rich>=15 --hash=sha256:{DIGEST}",
        f"rich --hash=sha256:{DIGEST}",
        f"rich @ https://example.org/rich.whl --hash=sha256:{DIGEST}",
        "rich==15.0.0 --hash=md5:00000000000000000000000000000000",
        "--index-url https://example.org/simple/",
        "--find-links /srv/wheels",
        "https://example.org/rich-15.0.0.tar.gz",
        "-e .",
    ],
)
def test_a_loose_requirement_or_an_address_is_reported(line: str) -> None:
    assert lock.violations(GOOD + line + "\n") == [f"not pinned by version and hash alone: {line}"]
