from __future__ import annotations

from pathlib import Path

import pytest

from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.limits_tls import MAX_WIRE_BYTES
from dev.guards import limits
from dev.tree import ROOT


@pytest.mark.parametrize(
    "name",
    [
        "limits.py",
        "limits_hot.py",
        "limits_path.py",
        "limits_presign.py",
        "limits_scvp.py",
        "limits_signers.py",
        "limits_tls.py",
    ],
)
def test_every_limit_has_a_test(name: str) -> None:
    found = limits.violations(ROOT / "src" / "certstatus" / name, ROOT / "tests")

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("test", "untested"),
    [
        ("assert read(MAX_BYTES)", ["MAX_HOPS has no test"]),
        ("assert read(limits.MAX_HOPS)", ["MAX_BYTES has no test"]),
        ("assert MAX_HOPS < MAX_BYTES", []),
        (
            "# MAX_BYTES and MAX_HOPS\ntext = 'MAX_HOPS'",
            ["MAX_BYTES has no test", "MAX_HOPS has no test"],
        ),
    ],
)
def test_a_limit_that_no_test_names_is_reported(
    tmp_path: Path, test: str, untested: list[str]
) -> None:
    (tmp_path / "limits.py").write_text("MAX_BYTES: Final = 3\nMAX_HOPS: Final = 4\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_reading.py").write_text(test)

    assert limits.violations(tmp_path / "limits.py", tmp_path / "tests") == untested


def test_a_limit_of_tls_rests_on_one_of_messages() -> None:
    """Two modules of the ground floor don't import each other."""
    assert MAX_WIRE_BYTES == 2 * MAX_RESPONSE_BYTES + 131_072
