"""The requirements of ``docs/rules.toml``, which the distribution carries along."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

__all__ = ["Rule", "load_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One requirement: where it stands, how strongly it asks, and what holds.

    ``status`` is held, planned or declined, the last with its ``reason``.
    """

    id: str
    document: str
    sections: tuple[str, ...]
    level: str
    text: str
    status: str = "held"
    reason: str = ""

    @property
    def clause(self) -> str:
        """Where it stands, as code cites it: RFC 6960 §2.2, §4.4.8."""
        signs = (one if not one[0].isdigit() else f"§{one}" for one in self.sections)
        told = ", ".join(one if one[0] == "§" else f"Appendix {one}" for one in signs)
        return f"{self.document} {told}"

    def as_json(self) -> dict[str, object]:
        """Return what ``rule --json`` prints."""
        return {
            "id": self.id,
            "document": self.document,
            "sections": list(self.sections),
            "level": self.level,
            "text": self.text,
            "status": self.status,
            "reason": self.reason or None,
        }


@cache
def load_rules() -> dict[str, Rule]:
    """Return every rule by its ID, in the order of the file."""
    return {
        name: Rule(
            id=name,
            document=entry["document"],
            sections=tuple(entry["section"].split(", ")),
            level=entry["level"],
            text=entry["text"],
            status=entry.get("status", "held"),
            reason=entry.get("reason", ""),
        )
        for name, entry in tomllib.loads(_text()).items()
    }


def _text() -> str:
    """Read the copy inside the package; in a checkout there is none, but the file itself."""
    packaged = files("certstatus") / "rules.toml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).parents[3] / "docs" / "rules.toml"
    return checkout.read_text(encoding="utf-8")
