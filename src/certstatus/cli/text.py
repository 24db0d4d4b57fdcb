"""Text as a terminal may have it: what peers wrote never steers the terminal."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["moment_text", "printable", "relative_text"]


def printable(text: str) -> str:
    """Write control and direction-changing characters as escapes; keep line breaks."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode()
        for one in text
    )


def moment_text(moment: datetime) -> str:
    """Write a time as people read it: 2026-11-21 12:00:00 UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


_UNITS = (
    (timedelta(days=365), "year"),
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def relative_text(moment: datetime, now: datetime) -> str:
    """Say how far off a time is: in 3 days, 12 minutes ago, now."""
    distance = abs(moment - now)
    for unit, word in _UNITS:
        count = distance // unit
        # "1 day" is too coarse where it could be almost two: say 36 hours.
        if count >= 2 or (count and word in {"year", "second"}):
            told = f"{count} {word}{'' if count == 1 else 's'}"
            return f"in {told}" if moment > now else f"{told} ago"
    return "now"
