"""The tables of the status database as they are now; ``migrations`` tells how they came to be.

Times are seconds since 1970 (they sort, and no zone can be got wrong), whole ones where
answers rest on them. Serial numbers are text that sorts like the numbers and never
overflows: two hex digits for the number of octets, then the octets, so 1000 is 0203E8.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = [
    "REVISIONS",
    "Number",
    "UTCMoment",
    "UTCSeconds",
    "audit",
    "certificates",
    "crls",
    "issuer_hashes",
    "issuers",
    "metadata",
    "number_text",
    "presign_claims",
    "presign_rounds",
]

REVISIONS: Final = ("0001", "0002")
"""Every shape of the schema, oldest first; this code works with the last."""


class UTCSeconds(TypeDecorator[datetime]):
    """An aware time, to the second below, as seconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Write a time; a naive one is a mistake of the program."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time must be aware")
        return int(value.timestamp() // 1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read a time, UTC."""
        del dialect
        return None if value is None else datetime.fromtimestamp(value, UTC)


class UTCMoment(TypeDecorator[datetime]):
    """An aware time, as seconds since 1970 with their fractions: for what follows quickly."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> float | None:
        """Write a time."""
        del dialect
        return None if value is None else value.timestamp()

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read a time, UTC."""
        del dialect
        return None if value is None else datetime.fromtimestamp(value, UTC)


def number_text(number: int) -> str:
    """Write a whole number of up to 255 octets as text that sorts like it."""
    octets = (abs(number).bit_length() + 7) // 8
    if number > 0:
        return f"{octets:02X}{number.to_bytes(octets).hex().upper()}"  # the quickest there is
    return f"-{octets:02X}{abs(number):0{2 * octets}X}" if octets else "00"


class Number(TypeDecorator[int]):
    """A whole number of any size: a serial number, a CRLNumber. Negative ones come first."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Sort by octets: PostgreSQL's locales may put letters before digits."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(sa.Text(collation=collation))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Write a number."""
        del dialect
        return None if value is None else number_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Read a number."""
        del dialect
        if value is None:
            return None
        sign, digits = (-1, value[3:]) if value.startswith("-") else (1, value[2:])
        return sign * int(digits or "0", 16)


_GROWING: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number that the database gives out; SQLite's only kind is called INTEGER, and has 64 bits."""

metadata: Final = sa.MetaData()

issuers: Final = sa.Table(
    "issuers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("certificate", sa.LargeBinary, nullable=False),
    sa.Column("ca_compromised_at", UTCSeconds),
)

# One issuer has a row for each hash algorithm, and more where its certificates write its
# name otherwise than its own certificate does (O1).
issuer_hashes: Final = sa.Table(
    "issuer_hashes",
    metadata,
    sa.Column("algorithm", sa.Text, primary_key=True),
    sa.Column("name_hash", sa.LargeBinary, primary_key=True),
    sa.Column("key_hash", sa.LargeBinary, primary_key=True),
    sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), nullable=False),
    sqlite_with_rowid=False,
)

certificates: Final = sa.Table(
    "certificates",
    metadata,
    sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), primary_key=True),
    sa.Column("serial_number", Number, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("revocation_time", UTCSeconds),
    sa.Column("reason", sa.Integer),
    sa.Column("invalidity_date", UTCSeconds),
    sa.Column("not_after", UTCSeconds),
    sa.Column("subject", sa.Text),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("updated_at", UTCSeconds, nullable=False),
    sqlite_with_rowid=False,
)

# The newest CRL that was imported, for each scope: an older one is refused (C1).
crls: Final = sa.Table(
    "crls",
    metadata,
    sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("crl_number", Number),
    sa.Column("this_update", UTCSeconds, nullable=False),
)

audit: Final = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _GROWING, primary_key=True),
    sa.Column("at", UTCSeconds, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("issuer_id", sa.Integer),
    sa.Column("serial_number", Number),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Column("note", sa.Text),
    sa.Index("audit_of_certificate", "issuer_id", "serial_number"),
    sqlite_autoincrement=True,
)

# --- signing in advance ---------------------------------------------------------------------

presign_rounds: Final = sa.Table(
    "presign_rounds",
    metadata,
    sa.Column("authority", sa.LargeBinary, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("started_at", UTCMoment, nullable=False),
    sa.Column("split_to", Number),
    sa.Column("is_split", sa.Boolean, nullable=False),
    sa.Column("finished_at", UTCMoment),
    sa.Column("counts", sa.JSON, nullable=False),
    sqlite_with_rowid=False,
)

presign_claims: Final = sa.Table(
    "presign_claims",
    metadata,
    sa.Column("id", _GROWING, primary_key=True),
    sa.Column("authority", sa.LargeBinary, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("round", sa.BigInteger, nullable=False),
    sa.Column("after", Number),
    sa.Column("last", Number, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("expires_at", UTCMoment, nullable=False),
    sa.Index("presign_claims_of_round", "authority", "scope"),
    sqlite_autoincrement=True,
)
