"""The table of faults in ``docs/manual/fault.md``, written from ``FAULTS`` (``make docs``)."""

from __future__ import annotations

import re
from typing import Final

from certstatus.tls.fault import FAULTS, Fault, Where
from certstatus.tls.fault_page import expected

__all__ = ["faults_table", "with_faults"]

_HEAD: Final = (
    "| name | what is wrong | shows in | rule to name | a right client says |\n"
    "|---|---|---|---|---|\n"
)
_PLACE: Final = re.compile(r"(<!-- faults:[^\n]*-->\n).*?(<!-- end of faults -->)", re.DOTALL)


def with_faults(page: str) -> str:
    """Return the page with the table between its two marks written anew."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{faults_table()}\n{found[2]}", page)


def faults_table() -> str:
    """Return a row for each fault."""
    return _HEAD + "".join(f"| {' | '.join(_cells(fault))} |\n" for fault in FAULTS.values())


def _cells(fault: Fault) -> tuple[str, ...]:
    needs = f" Ask with {fault.special_needs}." if fault.special_needs else ""
    places = [name.removeprefix("TLS ") for name in fault.version_names]
    shown = [f"TLS {', '.join(places)}"] if places else []
    if Where.RESPONDER in fault.where:
        shown.append("HTTP")
    return (
        f"`{fault.name}`",
        fault.description + needs,
        "; ".join(shown),
        ", ".join(fault.rules) or "–",
        expected(fault),
    )
