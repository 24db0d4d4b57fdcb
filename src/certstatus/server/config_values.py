"""How values are written in the configuration: lengths of time, paths, URLs, tables."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "CRLPlaces",
    "Duration",
    "Paths",
    "Table",
    "URLs",
    "duration_text",
    "without_login",
]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> object:
    """Read ``4d`` or ``90s``; what is no text is left to pydantic."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{1,9})([smhd])", value.strip())
    if found is None:
        raise ValueError("is not a length of time: write 45s, 30m, 12h or 4d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def duration_text(length: timedelta) -> str:
    """Write a length of time as the configuration does, in the largest unit that is exact."""
    seconds = int(length.total_seconds())
    unit, size = next(one for one in reversed(_UNITS.items()) if seconds % one[1] == 0)
    return f"{seconds // size}{unit}" if seconds else "0s"


_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)|(?<=[?&]password=)[^&\s]+")


def without_login(text: str) -> str:
    """Leave user and password out of a URL that has both, and a password out of its query."""
    return _LOGIN.sub("…", text)


def parse_paths(value: object) -> object:
    """Take one path, or one URL, for a list of one."""
    return (value,) if isinstance(value, str) else value


def parse_crl_places(value: object) -> object:
    """Take files, folders and URLs, one or several; a list in the list has alternatives."""
    named = value if isinstance(value, list | tuple) else (value,)
    return tuple(Path(one) if isinstance(one, str) and "://" not in one else one for one in named)


CRLPlaces: TypeAlias = Annotated[
    tuple[Path | str | Annotated[tuple[str, ...], Field(min_length=1)], ...],
    BeforeValidator(parse_crl_places),
]
Paths: TypeAlias = Annotated[tuple[Path, ...], BeforeValidator(parse_paths)]
URLs: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(parse_paths)]
Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]


class Table(BaseModel):
    """A TOML table: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)
