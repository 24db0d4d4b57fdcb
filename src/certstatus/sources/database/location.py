"""Where a status database is: a path, or a URL of SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from certstatus.errors import ConfigError
from certstatus.sources.database.engine import Engine
from certstatus.sources.database.sqlite import SQLiteEngine

__all__ = ["engine_at", "path_or_url"]

_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = frozenset({"postgresql", "postgresql+psycopg", "postgres"})
_REMEDY: Final = "write a path, sqlite:///path, or postgresql://user@host/name"


def path_or_url(location: str | Path) -> Path | sa.URL:
    """Read a location: a path, ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        ConfigError: it is a URL of another kind of database, or no URL. A password in it is
            not shown.
    """
    text = str(location)
    if text.startswith(_SQLITE) and len(text) > len(_SQLITE):
        return Path(text.removeprefix(_SQLITE))
    scheme, colon, _ = text.partition("://")
    if colon and scheme in _POSTGRESQL:
        return _postgresql_url(text)
    if colon or text.startswith("sqlite:") or text == ":memory:":
        kind = f"{scheme}://…" if colon else repr(text)
        raise ConfigError(
            f"{kind} is not a database that is supported", key="database", remedy=_REMEDY
        )
    return Path(text)


def _postgresql_url(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        # The text may hold a password: what is wrong with it is said without it.
        raise ConfigError(
            "is no URL of a PostgreSQL database", key="database", remedy=_REMEDY
        ) from None
    return url.set(drivername="postgresql+psycopg")


def engine_at(location: str | Path) -> Engine:
    """Return the engine for a location; nothing is opened yet.

    Raises:
        ConfigError: the location is of no kind that is supported, or its driver is missing.
    """
    place = path_or_url(location)
    if isinstance(place, Path):
        return SQLiteEngine(place)
    try:
        from certstatus.sources.database.postgresql import PostgreSQLEngine  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"PostgreSQL needs the package psycopg: {error}",
            key="database",
            remedy="pip install 'certstatus[postgres]'",
        ) from error
    return PostgreSQLEngine(place)
