"""Rounds of signing in advance, and who has which part of one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables; nothing that stands is touched."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    number = sa.Text(collation="C") if is_postgresql else sa.Text()
    growing = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "presign_rounds",
        sa.Column("authority", sa.LargeBinary, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("split_to", number),
        sa.Column("is_split", sa.Boolean, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("counts", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presign_claims",
        sa.Column("id", growing, primary_key=True),
        sa.Column("authority", sa.LargeBinary, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("round", sa.BigInteger, nullable=False),
        sa.Column("after", number),
        sa.Column("last", number, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("presign_claims_of_round", "presign_claims", ["authority", "scope"])
