from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dev.guards import floors
from dev.tree import ROOT, modules

Plant = Callable[[str, str], None]


def test_every_module_imports_from_lower_floors_only() -> None:
    assert not (found := floors.violations(ROOT / "src")), "\n".join(found)


@pytest.mark.parametrize(
    ("module", "line", "reason"),
    [
        ("ocsp/certid.py", "from certstatus.verify import report", "ocsp (floor 3) imports verify"),
        ("ocsp/certid.py", "import certstatus.cli", "ocsp (floor 3) imports cli (floor 10)"),
        ("ocsp/certid.py", "from certstatus import cli", "ocsp (floor 3) imports cli (floor 10)"),
        ("ocsp/certid.py", "from ..verify import report", "ocsp (floor 3) imports verify"),
        ("stores/base.py", "from certstatus.fetch import http", "imports fetch (floor 4)"),
        ("ocsp/certid.py", "from certstatus.nowhere import x", "certstatus.nowhere is on no floor"),
        ("attic/box.py", "from certstatus import errors", "certstatus.attic is on no floor"),
        ("ocsp/certid.py", "from cryptography.hazmat import asn1", "only certstatus.asn1.doorway"),
        ("asn1/x509.py", "import cryptography.hazmat.asn1", "only certstatus.asn1.doorway"),
    ],
)
def test_an_import_up_sideways_or_around_the_doorway_is_reported(
    tmp_path: Path, plant: Plant, module: str, line: str, reason: str
) -> None:
    plant(module, line)

    (found,) = floors.violations(tmp_path)

    assert found.startswith(f"certstatus/{module}:1: ")
    assert reason in found


def test_an_import_for_type_checking_counts(tmp_path: Path, plant: Plant) -> None:
    plant("pkix/crl.py", "if TYPE_CHECKING:\n    from certstatus.ocsp import CertID")

    assert len(floors.violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ocsp/certid.py", "from certstatus.pkix import Certificate"),
        ("ocsp/certid.py", "from certstatus.ocsp.nonce import Nonce"),
        ("ocsp/certid.py", "from .nonce import Nonce"),
        ("testing/pki.py", "from certstatus.signing import LocalSigner"),
        ("asn1/doorway.py", "from cryptography.hazmat import asn1"),
        ("__init__.py", "from certstatus.verify import verify_response"),
    ],
)
def test_an_import_down_or_through_a_door_is_fine(
    tmp_path: Path, plant: Plant, module: str, line: str
) -> None:
    plant(module, line)

    assert floors.violations(tmp_path) == []


def test_the_architecture_page_draws_every_room_on_its_floor() -> None:
    drawn = floors.drawn((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    names = [module.name.split(".") for module in modules(ROOT / "src")]
    rooms = {name[1] for name in names if len(name) > 1} - {"__main__"}

    assert drawn == {room: floors.FLOORS[room] for room in drawn}
    assert not rooms - drawn.keys(), "not drawn in ARCHITECTURE.md"


def test_the_table_of_floors_is_read_row_by_row() -> None:
    text = "| floor | rooms |\n|---|---|\n| 0 | `errors` `clock` | a |\n|   | `box/` | b |\n| 10 | `cli/` | c |\n"

    assert floors.drawn(text) == {"errors": 0, "clock": 0, "box": 0, "cli": 10}


def test_each_door_opens_on_its_own_floor_and_has_a_reason() -> None:
    for (here, there), reason in floors.DOORS.items():
        assert floors.FLOORS[here] == floors.FLOORS[there]
        assert reason
