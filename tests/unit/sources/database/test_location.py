"""Where a status database is, and how a location that is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from certstatus.errors import ConfigError
from certstatus.sources.database.location import engine_at, path_or_url


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("status.db", "status.db"),
        ("/srv/status.db", "/srv/status.db"),
        ("sqlite:///status.db", "status.db"),
        ("sqlite:////srv/status.db", "/srv/status.db"),
    ],
)
def test_a_location_of_sqlite_is_a_path_or_a_url(text: str, path: str) -> None:
    assert path_or_url(text) == Path(path)
    assert path_or_url(Path(path)) == Path(path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_a_url_of_postgresql_is_one_by_each_of_its_names(scheme: str) -> None:
    url = path_or_url(f"{scheme}://alice@db.example:5433/status?sslmode=verify-full")

    assert isinstance(url, sa.URL)
    assert (url.host, url.port, url.database) == ("db.example", 5433, "status")
    assert engine_at(f"{scheme}://alice@db.example/status").is_remote


@pytest.mark.parametrize(
    "text",
    [
        "mysql://db/status",
        "postgresql+asyncpg://db/status",
        "postgresql://db:port/status",
        "sqlite://",
        "sqlite:///",
        ":memory:",
        "sqlite:status.db",
        "http://x",
    ],
)
def test_another_database_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"database: .*write a path, sqlite:///path, or postgresql://"
    ):
        path_or_url(text)


SECRETS = [
    "postgresql://alice:hunter2@db.example:port/status",
    "postgresql://alice:hunter2@db.example/status?colour=blue",
    "mysql://alice:hunter2@db.example/status",
    "postgresql://alice@db.example/status?password=hunter2&colour=blue",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_location_that_is_wrong_is_told_without_its_password(text: str) -> None:
    with pytest.raises(ConfigError) as told:
        engine_at(text)

    assert told.value.key == "database"
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("postgresql://alice:hunter2@db/status", "postgresql://alice:***@db/status"),
        (
            "postgresql://alice@db/status?password=hunter2",
            "postgresql://alice@db/status?password=***",
        ),
        (
            "postgresql://db/status?sslkey=k.pem&sslpassword=hunter2",
            "postgresql://db/status?sslkey=k.pem&sslpassword=***",
        ),
        ("sqlite:////srv/status.db", "/srv/status.db"),
    ],
)
def test_messages_name_a_database_without_its_password(text: str, name: str) -> None:
    assert engine_at(text).name == name
