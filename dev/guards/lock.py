"""The lock pins every requirement by version and hash, and says nothing of where to get it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["violations"]

_PINNED: Final = re.compile(r"[\w.\-]+==[\w.]+( ; [^\s-][^/]*?)?(\s+--hash=sha256:[0-9a-f]{64})+")


def violations(lock: str) -> list[str]:
    """List the lines in the text of a lock that are no pinned and hashed requirement."""
    text = "\n".join(line for line in lock.splitlines() if not line.lstrip().startswith("#"))
    requirements = text.replace("\\\n", " ").splitlines()
    return [
        f"not pinned by version and hash alone: {requirement.strip()}"
        for requirement in requirements
        if requirement.strip() and not _PINNED.fullmatch(requirement.strip())
    ]
