"""The house has floors, and a module imports only from floors under its own.

Packages on one floor don't import each other, but for the doors listed here with their
reason. A new package or top module takes its place in ``FLOORS`` and in ARCHITECTURE.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev.tree import Import, Module, modules, named

__all__ = ["DOORS", "FLOORS", "drawn", "violations"]

FLOORS: Final[Mapping[str, int]] = {
    name: floor
    for floor, names in enumerate(
        (
            (
                "errors",
                "limits",
                "limits_hot",
                "limits_path",
                "limits_presign",
                "limits_scvp",
                "limits_signers",
                "limits_tls",
                "clock",
                "meter",
                "background",
            ),
            ("asn1",),
            ("pkix",),
            ("ocsp",),
            ("verify", "signing", "stores", "fetch", "scvp", "testing"),
            ("requestor", "handshake", "cms"),
            ("sources", "staple", "explain", "path"),
            ("responder", "tls", "delegated"),
            ("server",),
            ("console", "presign"),
            ("cli", "__main__"),
        )
    )
    for name in names
}

DOORS: Final[Mapping[tuple[str, str], str]] = {
    ("testing", "signing"): "the tiny CA signs with the same signers that production uses",
    ("__main__", "cli"): "`python -m certstatus` is the command",
}
"""(from, to) on one floor, and why that door is open."""

_DOORWAY: Final = "certstatus.asn1.doorway"
_DECLARATIONS: Final = "cryptography.hazmat.asn1"


def violations(source: Path) -> list[str]:
    """List the imports under ``source`` that go up, sideways, or around the doorway."""
    return [
        f"{module.path.relative_to(source)}:{imported.line}: {reason}"
        for module in modules(source)
        for imported in module.imports()
        if (reason := _problem(module, imported))
    ]


def _problem(module: Module, imported: Import) -> str | None:
    if named(imported.name, _DECLARATIONS) and module.name != _DOORWAY:
        return f"only {_DOORWAY} imports {_DECLARATIONS}"
    if module.name == "certstatus" or not named(imported.name, "certstatus"):
        return None
    here, there = _room(module.name), _room(imported.name)
    for room in (here, there):
        if room not in FLOORS:
            return f"certstatus.{room} is on no floor; give it one in dev/guards/floors.py"
    if here == there or (here, there) in DOORS or FLOORS[there] < FLOORS[here]:
        return None
    return f"{here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})"


def _room(name: str) -> str:
    """Return the package or top module under ``certstatus`` that a name stands in."""
    return name.split(".")[1] if "." in name else name


def drawn(architecture: str) -> dict[str, int]:
    """Read which room stands on which floor from the table in the text of ARCHITECTURE.md."""
    floors: dict[str, int] = {}
    floor = 0
    for number, rooms in re.findall(r"^\| *(\d*) *\| (`.*?) \|", architecture, re.MULTILINE):
        floor = int(number) if number else floor
        floors |= dict.fromkeys(re.findall(r"`(\w+)/?`", rooms), floor)
    return floors
