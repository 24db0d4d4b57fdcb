"""One transaction's hand on the tables: no change without its line in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from certstatus.errors import ChangeError
from certstatus.pkix import (
    Certificate,
    CRLReason,
    HashAlgorithm,
    Name,
    signature_algorithm,
    signature_problem,
)
from certstatus.sources.database.record import CertificateRecord, Status
from certstatus.sources.database.schema import (
    Number,
    audit,
    certificates,
    crls,
    issuer_hashes,
    issuers,
)

__all__ = [
    "Change",
    "Issuer",
    "Ledger",
    "find_issuer",
    "has_certificates",
    "read_issuers",
    "read_records",
    "record_of",
    "signer_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A CA whose certificates are listed: one name and one key, by its first certificate.

    ``ca_compromised_at`` is set once the CA is known to be compromised (O14).
    """

    id: int
    certificate: Certificate
    subject: str
    ca_compromised_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One certificate's step; ``before`` is None where it was not listed."""

    action: str
    before: CertificateRecord | None
    after: CertificateRecord
    note: str | None = None


# --- reading ----------------------------------------------------------------------------------


def find_issuer(connection: sa.Connection, certificate: Certificate) -> Issuer | None:
    """Return the issuer with this certificate's name and key, whichever certificate it shows."""
    algorithm = HashAlgorithm.SHA256
    query = (
        sa.select(issuers)
        .join(issuer_hashes, issuer_hashes.c.issuer_id == issuers.c.id)
        .where(
            issuer_hashes.c.algorithm == algorithm.oid.dotted_string,
            issuer_hashes.c.name_hash == certificate.subject_name_hash(algorithm),
            issuer_hashes.c.key_hash == certificate.key_hash(algorithm),
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else issuer_of(row)


def read_issuers(connection: sa.Connection) -> tuple[Issuer, ...]:
    """Return every issuer, in the order in which they were added."""
    return tuple(map(issuer_of, connection.execute(sa.select(issuers).order_by(issuers.c.id))))


def signer_of(certificate: Certificate, candidates: Iterable[Issuer]) -> Issuer | None:
    """Return the issuer that signed a certificate: by name first, then by the signature.

    Raises:
        MalformedError: the signature's algorithm is not supported.
    """
    for issuer in candidates:
        if certificate.issuer.matches(issuer.certificate.subject):
            algorithm = signature_algorithm(certificate.signature_algorithm)
            key = issuer.certificate.public_key
            if not signature_problem(algorithm, key, certificate.signature, certificate.tbs_der):
                return issuer
    return None


def issuer_of(row: sa.Row[Any]) -> Issuer:
    """Read a row of ``issuers``."""
    return Issuer(
        id=row.id,
        certificate=Certificate.from_der(row.certificate),
        subject=row.subject,
        ca_compromised_at=row.ca_compromised_at,
    )


def record_of(row: sa.Row[Any]) -> CertificateRecord:
    """Read a row of ``certificates``."""
    return CertificateRecord(
        issuer_id=row.issuer_id,
        serial_number=row.serial_number,
        status=Status(row.status),
        revocation_time=row.revocation_time,
        reason=None if row.reason is None else CRLReason(row.reason),
        invalidity_date=row.invalidity_date,
        not_after=row.not_after,
        subject=row.subject,
        fingerprint=row.fingerprint,
    )


def read_records(
    connection: sa.Connection, issuer_id: int, serial_numbers: Collection[int]
) -> dict[int, CertificateRecord]:
    """Return what is listed of these serial numbers."""
    column = certificates.c.serial_number
    # One array in place of thousands of parameters, each of which costs both ends.
    listed = (
        column == sa.func.any(sa.cast(list(serial_numbers), postgresql.ARRAY(Number)))
        if connection.dialect.name == "postgresql"
        else column.in_(serial_numbers)
    )
    query = sa.select(certificates).where(certificates.c.issuer_id == issuer_id, listed)
    return {row.serial_number: record_of(row) for row in connection.execute(query)}


def has_certificates(connection: sa.Connection, issuer: Issuer) -> bool:
    """Whether anything is listed of an issuer."""
    query = sa.select(certificates.c.serial_number).filter_by(issuer_id=issuer.id).limit(1)
    return connection.execute(query).first() is not None


# --- writing ----------------------------------------------------------------------------------

Insert: TypeAlias = Callable[[sa.Connection, sa.Table, Iterable[Mapping[str, Any]]], None]
"""How the engine adds rows to a table."""

_UPDATE: Final = (
    sa.update(certificates)
    .where(
        certificates.c.issuer_id == sa.bindparam("of_issuer"),
        certificates.c.serial_number == sa.bindparam("of_serial"),
    )
    .values(
        {
            name: sa.bindparam(name)
            for name in (
                "status",
                "revocation_time",
                "reason",
                "invalidity_date",
                "not_after",
                "subject",
                "fingerprint",
                "updated_at",
            )
        }
    )
)


class Ledger:
    """Writes within a transaction that the caller holds, rows by the engine's ``insert``.

    ``now`` is aware UTC.
    """

    def __init__(
        self, connection: sa.Connection, insert: Insert, *, actor: str, now: datetime
    ) -> None:
        if not actor:
            raise ChangeError("a change needs an actor: the audit trail says who")
        self.connection = connection
        self._insert = insert
        self._actor = actor
        self.now = now

    def add_issuer(self, certificate: Certificate) -> Issuer:
        """List a CA; one that is listed already stays as it is."""
        known = find_issuer(self.connection, certificate)
        if known is not None:
            return known
        subject = str(certificate.subject)
        insert = issuers.insert().values(subject=subject, certificate=certificate.der)
        issuer_id = self.connection.execute(insert.returning(issuers.c.id)).scalar_one()
        issuer = Issuer(
            id=issuer_id, certificate=certificate, subject=subject, ca_compromised_at=None
        )
        self.add_name(issuer, certificate.subject)
        self.note("add-issuer", issuer, after=_told_issuer(issuer))
        return issuer

    def add_name(self, issuer: Issuer, name: Name) -> None:
        """Let CertIDs name the issuer by this spelling of its name too (O1)."""
        rows = [
            {
                "algorithm": algorithm.oid.dotted_string,
                "name_hash": algorithm.digest(name.der),
                "key_hash": issuer.certificate.key_hash(algorithm),
                "issuer_id": issuer.id,
            }
            for algorithm in HashAlgorithm
        ]
        first = rows[0]
        known = sa.select(issuer_hashes.c.issuer_id).filter_by(
            algorithm=first["algorithm"], name_hash=first["name_hash"], key_hash=first["key_hash"]
        )
        if self.connection.execute(known).first() is None:
            self.connection.execute(issuer_hashes.insert(), rows)

    def set_ca_compromised(self, issuer: Issuer, since: datetime | None) -> None:
        """Mark a CA as compromised since a time, or as not compromised (O14)."""
        if since == issuer.ca_compromised_at:
            return
        self.connection.execute(
            sa.update(issuers).where(issuers.c.id == issuer.id).values(ca_compromised_at=since)
        )
        after = replace(issuer, ca_compromised_at=since)
        action = "ca-compromised" if since is not None else "ca-not-compromised"
        self.note(action, issuer, before=_told_issuer(issuer), after=_told_issuer(after))

    def newest_crl(self, issuer: Issuer, scope: str) -> tuple[int | None, datetime | None]:
        """Return number and thisUpdate of the newest CRL that was imported for a scope."""
        query = sa.select(crls.c.crl_number, crls.c.this_update).filter_by(
            issuer_id=issuer.id, scope=scope
        )
        row = self.connection.execute(query).one_or_none()
        return (None, None) if row is None else (row.crl_number, row.this_update)

    def set_newest_crl(
        self, issuer: Issuer, scope: str, crl_number: int | None, this_update: datetime
    ) -> None:
        """Remember a CRL, so that no older one is imported (C1)."""
        key = {"issuer_id": issuer.id, "scope": scope}
        self.connection.execute(crls.delete().filter_by(**key))
        self.connection.execute(
            crls.insert().values(crl_number=crl_number, this_update=this_update, **key)
        )

    def write(self, changes: Sequence[Change]) -> None:
        """Carry changes out, and note each of them."""
        if not changes:
            return
        added = [one.after for one in changes if one.before is None]
        altered = [self._altered(one.after) for one in changes if one.before is not None]
        if added:
            self._insert(self.connection, certificates, map(self._row, added))
        if altered:
            self.connection.execute(_UPDATE, altered)
        self._note_all(
            {
                "action": one.action,
                "issuer_id": one.after.issuer_id,
                "serial_number": one.after.serial_number,
                "before": None if one.before is None else one.before.told(),
                "after": one.after.told(),
                "note": one.note,
            }
            for one in changes
        )

    def note(
        self,
        action: str,
        issuer: Issuer,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """Write a line that is about an issuer, not a certificate."""
        line = {"action": action, "issuer_id": issuer.id, "serial_number": None}
        self._note_all([{**line, "before": before, "after": after, "note": note}])

    def _note_all(self, lines: Iterable[dict[str, Any]]) -> None:
        rows = ({"at": self.now, "actor": self._actor, **line} for line in lines)
        self._insert(self.connection, audit, rows)

    def _row(self, record: CertificateRecord) -> dict[str, Any]:
        return {
            "issuer_id": record.issuer_id,
            "serial_number": record.serial_number,
            "status": str(record.status),
            "revocation_time": record.revocation_time,
            "reason": None if record.reason is None else int(record.reason),
            "invalidity_date": record.invalidity_date,
            "not_after": record.not_after,
            # PostgreSQL's text holds no NUL; other octets that are no text come escaped so, too.
            "subject": record.subject and record.subject.replace("\0", r"\x00"),
            "fingerprint": record.fingerprint,
            "updated_at": self.now,
        }

    def _altered(self, record: CertificateRecord) -> dict[str, Any]:
        row = self._row(record)
        return {"of_issuer": row.pop("issuer_id"), "of_serial": row.pop("serial_number"), **row}


def _told_issuer(issuer: Issuer) -> dict[str, Any]:
    compromised = issuer.ca_compromised_at
    told: dict[str, Any] = {
        "subject": issuer.subject,
        "fingerprint": issuer.certificate.fingerprint.hex(),
    }
    if compromised is not None:
        told["caCompromisedAt"] = f"{compromised:%Y-%m-%dT%H:%M:%SZ}"
    return told
