"""The source tree as its syntax says it, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Import", "Module", "modules", "named"]

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports, in full (``certstatus.ocsp.CertID``), and where."""

    name: str
    line: int


@dataclass(frozen=True)
class Module:
    """One Python file: ``name`` as it is imported, ``path`` where it stands."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    def imports(self) -> Iterator[Import]:
        """Yield every import, wherever it stands: in functions and for type checking too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                yield from (Import(f"{origin}.{alias.name}", node.lineno) for alias in node.names)

    def _origin(self, node: ast.ImportFrom) -> str:
        """Return the module that a ``from … import`` names, a relative one in full."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".")
        up = node.level - (self.path.name == "__init__.py")
        return ".".join([*package[: len(package) - up], *filter(None, [node.module])])


def modules(source: Path) -> list[Module]:
    """Return every module under ``source``, the directory that holds the top packages."""
    return [Module(_name(path.relative_to(source)), path) for path in sorted(source.rglob("*.py"))]


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(name: str, *owners: str) -> bool:
    """Say whether ``name`` is one of ``owners``, or stands inside one."""
    return any(name == owner or name.startswith(f"{owner}.") for owner in owners)
