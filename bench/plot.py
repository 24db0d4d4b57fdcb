"""Bars as an SVG that reads well on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

__all__ = ["Bar", "bars"]

_WIDTH: Final = 860
_LABELS: Final = 392
_ROOM: Final = _WIDTH - _LABELS - 96
_STEP: Final = 26
_TOP: Final = 46
_BAR: Final = 16

_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .group { font-weight: 600; }
  .peer { fill: #8c959f; }
  .ours { fill: #0969da; }
  .spread { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .peer { fill: #6e7681; }
    .ours { fill: #4493f8; }
    .spread { stroke: #e6edf3; }
  }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, and how far the runs lie apart."""

    label: str
    value: float
    least: float
    greatest: float
    is_ours: bool


def bars(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Draw groups of bars from the top down, each from zero to its own longest."""
    lines = list(_groups(groups))
    height = _TOP + sum(_STEP * (len(rows) + 1) for rows in groups.values()) + 8
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" aria-label="{escape(title)}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<text class="title" x="8" y="26">{escape(title)}</text>\n{body}\n</svg>\n'
    )


def _groups(groups: Mapping[str, Sequence[Bar]]) -> Iterator[str]:
    top = _TOP
    for name, rows in groups.items():
        yield f'<text class="group" x="{_LABELS}" y="{top + 13}">{escape(name)}</text>'
        whole = max((one.greatest for one in rows), default=1.0)
        for one in rows:
            top += _STEP
            yield from _bar(one, top, _ROOM / whole)
        top += _STEP


def _bar(one: Bar, top: int, scale: float) -> Iterator[str]:
    middle, text = top + _BAR / 2, top + 13
    kind, end = "ours" if one.is_ours else "peer", _LABELS + one.greatest * scale
    yield f'<text x="{_LABELS - 10}" y="{text}" text-anchor="end">{escape(one.label)}</text>'
    yield (
        f'<rect class="{kind}" x="{_LABELS}" y="{top}" height="{_BAR}" '
        f'width="{one.value * scale:.1f}" rx="2"/>'
    )
    yield (
        f'<line class="spread" x1="{_LABELS + one.least * scale:.1f}" y1="{middle:g}" '
        f'x2="{end:.1f}" y2="{middle:g}"/>'
    )
    yield f'<text x="{end + 8:.1f}" y="{text}">{one.value:,.1f}</text>'
