"""The first shape: issuers, their certificates, the CRLs that were imported, the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SQLITE = """
CREATE TRIGGER audit_no_{what} BEFORE {event} ON audit {when}
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
"""

_POSTGRESQL = (
    """
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit trail is append-only'
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
    """
    CREATE FUNCTION audit_tells() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('certstatus_audit', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER audit_tells AFTER INSERT ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_tells()
    """,
)


def upgrade() -> None:
    """Make everything."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    # Sorted by octets: a locale may put letters before digits.
    number = sa.Text(collation="C") if is_postgresql else sa.Text()
    growing = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "issuers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
        sa.Column("ca_compromised_at", sa.BigInteger),
    )
    op.create_table(
        "issuer_hashes",
        sa.Column("algorithm", sa.Text, primary_key=True),
        sa.Column("name_hash", sa.LargeBinary, primary_key=True),
        sa.Column("key_hash", sa.LargeBinary, primary_key=True),
        sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "certificates",
        sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), primary_key=True),
        sa.Column("serial_number", number, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("revocation_time", sa.BigInteger),
        sa.Column("reason", sa.Integer),
        sa.Column("invalidity_date", sa.BigInteger),
        sa.Column("not_after", sa.BigInteger),
        sa.Column("subject", sa.Text),
        sa.Column("fingerprint", sa.LargeBinary),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("status IN ('good', 'revoked', 'hold')", name="status_known"),
        sa.CheckConstraint(
            "(status = 'good') = (revocation_time IS NULL)", name="revoked_has_time"
        ),
        sa.CheckConstraint(
            "status <> 'good' OR (reason IS NULL AND invalidity_date IS NULL)",
            name="good_has_no_reason",
        ),
        sa.CheckConstraint("(status = 'hold') = (COALESCE(reason, 0) = 6)", name="hold_is_hold"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "crls",
        sa.Column("issuer_id", sa.Integer, sa.ForeignKey("issuers.id"), primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("crl_number", number),
        sa.Column("this_update", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", growing, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("issuer_id", sa.Integer),
        sa.Column("serial_number", number),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.Column("note", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_of_certificate", "audit", ["issuer_id", "serial_number"])
    if is_postgresql:
        _append_only_postgresql()
    else:
        _append_only_sqlite()


def _append_only_sqlite() -> None:
    for what, event, when in (
        ("update", "UPDATE", ""),
        ("delete", "DELETE", ""),
        # INSERT OR REPLACE would otherwise delete a row without a word.
        ("replace", "INSERT", "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
    ):
        op.execute(_SQLITE.format(what=what, event=event, when=when))


def _append_only_postgresql() -> None:
    """Forbid all but adding, and tell those who listen of what is added."""
    for statement in _POSTGRESQL:
        op.execute(statement)
