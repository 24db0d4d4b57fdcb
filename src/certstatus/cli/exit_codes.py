"""Exit codes of the command that are no verdict; verdicts have theirs in ``certstatus.verify``.

0 good or done · 1 revoked · 2 unknown · 3 not to be believed · 4 refused · 64 usage, or a
file that can't be opened · 65 malformed · 69 unreachable · 70 internal · 78 configuration
· 130 interrupted · 141 the reader of our output went away.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

__all__ = ["ExitCode", "worst"]


class ExitCode(IntEnum):
    """How a command ends when it has no verdict to tell."""

    DONE = 0
    USAGE = 64
    MALFORMED = 65
    UNREACHABLE = 69
    INTERNAL = 70
    CONFIG = 78
    INTERRUPTED = 130
    BROKEN_PIPE = 141


# What a script must not miss comes first: a revoked certificate before anything else.
_BY_WEIGHT: Final = (1, 70, 78, 64, 65, 3, 4, 69, 2)


def worst(codes: Iterable[int]) -> int:
    """Return the one code that tells most of several outcomes; 0 where all are good.

    Revoked (1) wins, then what kept a question from being asked or answered (70, 78, 64,
    65), then answers not to be believed (3), refused (4), unreachable (69), unknown (2).
    """
    given = set(codes) - {ExitCode.DONE}
    for code in _BY_WEIGHT:
        if code in given:
            return code
    return max(given, default=ExitCode.DONE)
