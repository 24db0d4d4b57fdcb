"""The tables, their migrations, and numbers and times as they are stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import sqlite

from certstatus.errors import SourceError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.sources import StatusDatabase
from certstatus.sources.database.schema import (
    REVISIONS,
    Number,
    UTCSeconds,
    metadata,
    number_text,
)

DIALECT = sqlite.dialect()


def test_the_migrations_make_the_tables_that_the_code_uses(
    database: StatusDatabase,
) -> None:
    def compare(connection: sa.Connection) -> Any:
        def differs(*columns: Any) -> bool | None:
            # Alembic looks past Number's choice of a collation.
            *_, found, wanted = columns
            if not isinstance(wanted, Number):
                return None
            chosen: Any = wanted.load_dialect_impl(connection.dialect)
            return bool(found.collation != chosen.collation)

        context = MigrationContext.configure(connection, opts={"compare_type": differs})
        return compare_metadata(context, metadata)

    assert database.engine.read(compare) == []


def test_every_migration_is_known_to_the_code() -> None:
    config = Config()
    config.set_main_option("script_location", "certstatus.sources:migrations")
    config.set_main_option("path_separator", "os")
    steps = ScriptDirectory.from_config(config).walk_revisions()

    assert tuple(step.revision for step in steps)[::-1] == REVISIONS


NUMBERS = [-(2**64), -256, -1, 0, 1, 9, 10, 127, 128, 255, 256, 1000, 2**63, 2**64, 2**159, 2**160]


@pytest.mark.parametrize("number", [*NUMBERS, (1 << 8 * MAX_LISTED_SERIAL_OCTETS) - 1])
def test_a_number_of_any_size_goes_round(number: int) -> None:
    kind = Number()
    text = kind.process_bind_param(number, DIALECT)

    assert kind.process_result_value(text, DIALECT) == number


def test_numbers_sort_as_text() -> None:
    positive = [number for number in NUMBERS if number >= 0]

    assert sorted(positive, key=number_text) == positive
    assert number_text(1000) == "0203E8"


def test_a_time_is_kept_to_the_second_in_utc() -> None:
    kind = UTCSeconds()
    east = datetime(2026, 11, 21, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    stored = kind.process_bind_param(east, DIALECT)

    assert kind.process_result_value(stored, DIALECT) == datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("year", [1950, 1969, 1970, 2038, 2106, 9999])
def test_every_year_of_a_certificate_fits(year: int) -> None:
    kind = UTCSeconds()
    moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert kind.process_result_value(kind.process_bind_param(moment, DIALECT), DIALECT) == moment


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="must be aware"):
        UTCSeconds().process_bind_param(datetime(2026, 11, 21), DIALECT)  # noqa: DTZ001


@pytest.mark.parametrize(
    "row",
    [
        "(1, '0101', 'lost', 0, NULL, NULL)",
        "(1, '0101', 'good', 0, NULL, NULL)",
        "(1, '0101', 'good', NULL, 1, NULL)",
        "(1, '0101', 'good', NULL, NULL, 0)",
        "(1, '0101', 'revoked', NULL, 1, NULL)",
        "(1, '0101', 'revoked', 0, 6, NULL)",
        "(1, '0101', 'hold', 0, 1, NULL)",
        "(1, '0101', 'hold', 0, NULL, NULL)",
        "(2, '0101', 'good', NULL, NULL, NULL)",
    ],
)
def test_a_row_that_makes_no_sense_is_refused_by_the_database_itself(
    database: StatusDatabase, issuer: object, row: str
) -> None:
    columns = "issuer_id, serial_number, status, revocation_time, reason, invalidity_date"
    statement = f"INSERT INTO certificates ({columns}, updated_at) VALUES {row[:-1]}, 0)"
    with (
        pytest.raises(SourceError, match=r"(?i)constraint"),
        database.engine.change() as connection,
    ):
        connection.exec_driver_sql(statement)
