"""A query beneath SQLAlchemy gives what SQLAlchemy gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from certstatus.sources.database.prepared import Prepared
from certstatus.sources.database.schema import certificates, issuers, metadata

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = [
    {"serial_number": 0x9A, "status": "good", "updated_at": AT},
    {"serial_number": -1, "status": "revoked", "updated_at": AT, "revocation_time": AT},
    {
        "serial_number": 1 << 200,
        "status": "hold",
        "updated_at": AT,
        "revocation_time": AT,
        "reason": 6,
        "invalidity_date": datetime(1969, 1, 1, tzinfo=UTC),
    },
]
COLUMNS = certificates.c
QUERY = (
    sa.select(COLUMNS.serial_number, COLUMNS.revocation_time, COLUMNS.reason, issuers.c.subject)
    .join(issuers, issuers.c.id == COLUMNS.issuer_id)
    .where(
        COLUMNS.serial_number == sa.bindparam("number"), COLUMNS.updated_at >= sa.bindparam("at")
    )
    .where(
        sa.or_(COLUMNS.serial_number == sa.bindparam("number"), issuers.c.id == sa.bindparam("id"))
    )
)


@pytest.fixture
def connection() -> sa.Connection:
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    connection = engine.connect()
    connection.execute(issuers.insert(), {"id": 1, "subject": "CN=CA", "certificate": b""})
    for row in ROWS:
        connection.execute(certificates.insert(), {"issuer_id": 1, **row})
    return connection


@pytest.mark.parametrize("number", [0x9A, -1, 1 << 200])
def test_values_and_rows_are_those_of_the_query(connection: sa.Connection, number: int) -> None:
    """With the columns' own types both ways, and parameters that stand in more than one place."""
    parameters = {"number": number, "at": AT, "id": 7}
    prepared = Prepared(QUERY, sqlite.dialect())

    driver = connection.connection.driver_connection
    assert driver is not None
    found = driver.execute(prepared.text, prepared.values(parameters)).fetchall()
    expected = connection.execute(QUERY, parameters).all()
    connection.close()

    assert [prepared.row(one) for one in found] == [tuple(one) for one in expected]
    row = prepared.row(found[0])
    assert (row.serial_number, row.subject) == (number, "CN=CA")
    assert row.revocation_time == expected[0].revocation_time
