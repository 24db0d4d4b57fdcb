"""The deployments of ``examples/deployments``, which the distribution carries along."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

__all__ = ["KINDS", "example_files"]

KINDS: Final = {
    "one-box": "one CA on one machine, from the index.txt of `openssl ca`",
    "crl-fed": "a hundred CAs on one machine, from their CRLs",
    "three-nodes": "three nodes on one PostgreSQL and one Redis behind nginx, with containers too",
}
"""Every kind, with its one line."""


def example_files(kind: str) -> dict[str, bytes]:
    """Return the files of a deployment by name."""
    found = sorted(_folder(kind).iterdir(), key=lambda one: one.name)
    return {one.name: one.read_bytes() for one in found if one.is_file()}


def _folder(kind: str) -> Traversable:
    """Find the copy inside the package; in a checkout there is none, but the folder itself."""
    packaged = files("certstatus") / "deployments" / kind
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[3] / "examples" / "deployments" / kind
