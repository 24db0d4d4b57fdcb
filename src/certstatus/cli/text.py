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
    (timedelta(days=365), "years"),
    (timedelta(days=1), "days"),
    (timedelta(hours=1), "hours"),
    (timedelta(minutes=1), "minutes"),
    (timedelta(seconds=1), "seconds"),
)


def relative_text(moment: datetime, now: datetime) -> str:
    """Say roughly how far off a time is: in 3 days, 12 minutes ago, now."""
    distance = abs(moment - now)
    for unit, word in _UNITS:
        count = round(distance / unit)
        if count > 1:  # "1 day" would be too coarse where it is almost two: say 36 hours
            return f"in {count} {word}" if moment > now else f"{count} {word} ago"
    return "now"
