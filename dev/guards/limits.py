"""Every limit has a test: each constant of ``limits.py`` and its sisters is named in one at least."""

from __future__ import annotations

import ast
from pathlib import Path

from dev.tree import Module, modules

__all__ = ["violations"]


def violations(limits: Path, tests: Path) -> list[str]:
    """List the constants of the file ``limits`` that no test under ``tests`` names."""
    tested = {name for module in modules(tests) for name in _mentioned(module)}
    return [f"{name} has no test" for name in _constants(limits) if name not in tested]


def _constants(limits: Path) -> list[str]:
    tree = Module("limits", limits).tree
    return [
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def _mentioned(module: Module) -> set[str]:
    """Return every name that the code of a module uses; its comments and texts don't count."""
    nodes = list(ast.walk(module.tree))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }
