"""The status database: who was issued what, what became of it, and who said so.

Every change is one transaction together with its line in the audit trail. ``actor`` is who
asks for it, ``now`` the time, aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa

from certstatus.errors import ChangeError, MalformedError
from certstatus.limits import DEFAULT_SKEW, MAX_LISTED_SERIAL_OCTETS
from certstatus.pkix import Certificate
from certstatus.sources.database.ledger import (
    Change,
    Issuer,
    Ledger,
    find_issuer,
    read_issuers,
    read_records,
    record_of,
    signer_of,
)
from certstatus.sources.database.location import engine_at
from certstatus.sources.database.record import (
    CertificateRecord,
    Revocation,
    Status,
    held,
    released,
    revoked,
)
from certstatus.sources.database.schema import REVISIONS, audit, certificates
from certstatus.sources.serial_number import is_listable, serial_text

__all__ = ["AuditEntry", "IssuerSummary", "StatusDatabase"]

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit trail. ``id`` grows; before and after are as ``told`` has them."""

    id: int
    at: datetime
    actor: str
    action: str
    issuer_id: int | None
    serial_number: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSummary:
    """An issuer, and how many of its certificates have which status."""

    issuer: Issuer
    counts: dict[Status, int]


class StatusDatabase:
    """A database of statuses, safe for many threads, processes and nodes at once."""

    def __init__(self, location: str | Path) -> None:
        """Open a database: a path, ``sqlite:///path`` or ``postgresql://user@host/name``.

        Raises:
            ConfigError: there is none, or its schema asks for ``certstatus db migrate``.
            SourceError: it can't be reached, is locked or damaged.
        """
        self.engine = engine_at(location)
        self.engine.open()

    @classmethod
    def create(cls, location: str | Path) -> Self:
        """Make an empty database; on PostgreSQL, its tables in a database that is there.

        Raises:
            ConfigError: one stands there already.
            SourceError: it can't be made.
        """
        engine_at(location).create()
        return cls(location)

    @staticmethod
    def migrate(location: str | Path) -> tuple[str, str]:
        """Bring a database to this code's schema; return its version before and after.

        Raises:
            ConfigError: there is none, or it is newer than this code.
            SourceError: it can't be reached, is locked or damaged.
        """
        return engine_at(location).migrate()

    @property
    def version(self) -> str:
        """The version of its schema."""
        return REVISIONS[-1]

    def close(self) -> None:
        """Let go of its connections."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- reading ------------------------------------------------------------------------

    def _read(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        return self.engine.read(lambda connection: list(connection.execute(query)))

    def issuers(self) -> tuple[Issuer, ...]:
        """Return every issuer, in the order in which they were added."""
        return self.engine.read(read_issuers)

    def issuer(self, certificate: Certificate) -> Issuer | None:
        """Return the issuer with this certificate's name and key."""
        return self.engine.read(lambda connection: find_issuer(connection, certificate))

    def signer_of(self, certificate: Certificate) -> Issuer | None:
        """Return the listed issuer that signed a certificate.

        Raises:
            MalformedError: the signature's algorithm is not supported.
        """
        return signer_of(certificate, self.issuers())

    def record(self, issuer: Issuer, serial_number: int) -> CertificateRecord | None:
        """Return what is listed of a certificate; None: nothing."""
        if not is_listable(serial_number):
            return None
        records = self.engine.read(
            lambda connection: read_records(connection, issuer.id, (serial_number,))
        )
        return records.get(serial_number)

    def records(
        self, issuer: Issuer | None = None, status: Status | None = None
    ) -> Iterator[CertificateRecord]:
        """Yield the listed certificates by issuer and serial number."""
        columns = certificates.c
        query = sa.select(certificates).order_by(columns.issuer_id, columns.serial_number)
        if issuer is not None:
            query = query.where(columns.issuer_id == issuer.id)
        if status is not None:
            query = query.where(columns.status == str(status))
        key = sa.tuple_(columns.issuer_id, columns.serial_number)
        for row in self._pages(query, key, lambda row: (row.issuer_id, row.serial_number)):
            yield record_of(row)

    def audit(
        self,
        issuer: Issuer | None = None,
        serial_number: int | None = None,
        *,
        after: int = 0,
    ) -> Iterator[AuditEntry]:
        """Yield the audit trail in order, from the entry after the one with id ``after``."""
        query = sa.select(audit).where(audit.c.id > after).order_by(audit.c.id)
        if issuer is not None:
            query = query.where(audit.c.issuer_id == issuer.id)
        if serial_number is not None:
            query = query.where(audit.c.serial_number == serial_number)
        for row in self._pages(query, audit.c.id, lambda row: row.id):
            yield AuditEntry(**row._asdict())

    def last_change(self) -> int:
        """Return the id of the newest audit entry, 0 where there is none: it grows with every change.

        Whoever keeps answers compares it, and asks ``audit(after=…)`` what has changed.
        """
        return int(self._read(sa.select(sa.func.max(audit.c.id)))[0][0] or 0)

    def _pages(
        self, query: sa.Select[Any], key: Any, key_of: Callable[[sa.Row[Any]], Any]
    ) -> Iterator[sa.Row[Any]]:
        """Yield rows in pages, so that no reader holds the database while they are shown."""
        page = self._read(query.limit(_PAGE))
        yield from page
        while len(page) == _PAGE:
            page = self._read(query.where(key > key_of(page[-1])).limit(_PAGE))
            yield from page

    def summary(self) -> tuple[IssuerSummary, ...]:
        """Count the certificates of every issuer by status."""
        columns = certificates.c
        counts: dict[int, dict[Status, int]] = {}
        total = sa.func.count().label("certificates")
        query = sa.select(columns.issuer_id, columns.status, total).group_by(
            columns.issuer_id, columns.status
        )
        for row in self._read(query):
            counts.setdefault(row.issuer_id, {})[Status(row.status)] = row.certificates
        return tuple(
            IssuerSummary(issuer=issuer, counts=counts.get(issuer.id, {}))
            for issuer in self.issuers()
        )

    # --- changing -----------------------------------------------------------------------

    @contextmanager
    def change(self, *, actor: str, now: datetime) -> Iterator[Ledger]:
        """Give one transaction: everything done in it stands together, or not at all.

        Raises:
            SourceError: another process holds the database for too long, or it fails.
        """
        with self.engine.change() as connection:
            yield Ledger(connection, self.engine.insert, actor=actor, now=now)

    def add_issuer(self, certificate: Certificate, *, actor: str, now: datetime) -> Issuer:
        """List a CA, or return it where it is listed."""
        with self.change(actor=actor, now=now) as ledger:
            return ledger.add_issuer(certificate)

    def add(
        self,
        issuer: Issuer,
        serial_number: int,
        *,
        not_after: datetime | None = None,
        subject: str | None = None,
        actor: str,
        now: datetime,
    ) -> CertificateRecord:
        """List a certificate as issued, before it is published even (BR §4.9.9); good from now on.

        Raises:
            ChangeError: the serial number is listed already.
            MalformedError: the serial number is too long.
        """
        _check_length(serial_number)
        record = CertificateRecord(
            issuer_id=issuer.id, serial_number=serial_number, not_after=not_after, subject=subject
        )
        with self.change(actor=actor, now=now) as ledger:
            if read_records(ledger.connection, issuer.id, (serial_number,)):
                raise ChangeError(f"serial {serial_text(serial_number)} is listed already")
            ledger.write([Change(action="add", before=None, after=record)])
        return record

    def revoke(
        self,
        issuer: Issuer,
        serial_number: int,
        wish: Revocation | None = None,
        *,
        actor: str,
        now: datetime,
        note: str | None = None,
    ) -> CertificateRecord:
        """Revoke for good, now unless ``wish`` says when; saying it again changes nothing.

        Raises:
            ChangeError: it is not listed; it is revoked already with other facts; a time lies
                in the future; or the reason is removeFromCRL.
        """
        wish = wish or Revocation()

        def step(record: CertificateRecord) -> CertificateRecord:
            return revoked(record, wish, now)

        return self._step(
            issuer, serial_number, step, action="revoke", actor=actor, now=now, note=note
        )

    def hold(
        self,
        issuer: Issuer,
        serial_number: int,
        wish: Revocation | None = None,
        *,
        actor: str,
        now: datetime,
        note: str | None = None,
    ) -> CertificateRecord:
        """Put on hold; ``release`` takes it back, ``revoke`` makes it final.

        Raises:
            ChangeError: it is not listed, or revoked already; or a time lies in the future.
        """
        wish = wish or Revocation()

        def step(record: CertificateRecord) -> CertificateRecord:
            return held(record, wish, now)

        return self._step(
            issuer, serial_number, step, action="hold", actor=actor, now=now, note=note
        )

    def release(
        self,
        issuer: Issuer,
        serial_number: int,
        *,
        actor: str,
        now: datetime,
        note: str | None = None,
    ) -> CertificateRecord:
        """Take off hold. Raises ChangeError where it is not on hold, or not listed."""
        return self._step(
            issuer, serial_number, released, action="release", actor=actor, now=now, note=note
        )

    def _step(
        self,
        issuer: Issuer,
        serial_number: int,
        step: Callable[[CertificateRecord], CertificateRecord],
        *,
        action: str,
        actor: str,
        now: datetime,
        note: str | None,
    ) -> CertificateRecord:
        """Read, apply the rule, write; within the write lock, so that two never cross."""
        _check_length(serial_number)
        with self.change(actor=actor, now=now) as ledger:
            record = read_records(ledger.connection, issuer.id, (serial_number,)).get(serial_number)
            if record is None:
                raise ChangeError(
                    f"serial {serial_text(serial_number)} is not listed for {issuer.subject}"
                )
            after = step(record)
            if after != record:
                action = "hold" if after.status is Status.HOLD else action
                ledger.write([Change(action=action, before=record, after=after, note=note)])
        return after

    def set_ca_compromised(
        self, issuer: Issuer, since: datetime | None, *, actor: str, now: datetime
    ) -> None:
        """Mark a CA as compromised: all that it issued is revoked from then on (O14).

        None takes the mark back.

        Raises:
            ChangeError: the time lies in the future.
        """
        if since is not None and since > now + DEFAULT_SKEW:
            raise ChangeError(f"{issuer.subject} can't be compromised in the future")
        whole = None if since is None else since.replace(microsecond=0)
        with self.change(actor=actor, now=now) as ledger:
            fresh = find_issuer(ledger.connection, issuer.certificate)
            ledger.set_ca_compromised(fresh or issuer, whole)


def _check_length(serial_number: int) -> None:
    if not is_listable(serial_number):
        raise MalformedError(
            f"is longer than {MAX_LISTED_SERIAL_OCTETS} octets", where="serialNumber"
        )
