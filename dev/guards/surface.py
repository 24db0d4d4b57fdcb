"""A package's ``__init__`` is its public surface, and its ``__all__`` says exactly what is on it.

That ``__all__`` is sorted is the linter's business (RUF022).
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from dev.tree import Module, modules

__all__ = ["missing", "violations"]


def violations(source: Path) -> list[str]:
    """List the packages under ``source`` whose public names and ``__all__`` differ."""
    return [
        f"{package.path.relative_to(source)}: {problem}"
        for package in modules(source)
        if package.path.name == "__init__.py"
        for problem in _differences(package)
    ]


def _differences(package: Module) -> Iterator[str]:
    public, listed = set(_public(package.tree)), _listed(package.tree)
    if unlisted := sorted(public - listed):
        yield f"not in __all__: {', '.join(unlisted)}"
    if (unbound := sorted(listed - public)) and not _is_lazy(package.tree):
        yield f"in __all__, but not there: {', '.join(unbound)}"


def _public(tree: ast.Module) -> Iterator[str]:
    """Yield what the file binds at its top, but for private names and ``__future__``."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.asname or alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def _listed(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _is_lazy(tree: ast.Module) -> bool:
    """Say whether the package makes names on demand, so that only importing can tell."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body
    )


def missing(package: str) -> list[str]:
    """List the names that an installed package promises in ``__all__`` and does not have."""
    surface = importlib.import_module(package)
    promised = getattr(surface, "__all__", ())
    return [f"{package}.{name}" for name in promised if not hasattr(surface, name)]
