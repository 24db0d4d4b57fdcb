"""Imports into the status database: certificates, an OpenSSL index, a CRL.

Each is one transaction: where a line or a certificate is wrong, nothing of it is imported,
and the message names it. An import adds, revokes, holds and completes. It never alters a
revocation, and takes off a hold only where a delta CRL does (C3): what it would loosen or
alter otherwise is kept, counted and named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from certstatus.asn1 import oids
from certstatus.errors import ChangeError, ConfigError, MalformedError
from certstatus.limits import (
    MAX_CRL_FILE_BYTES,
    MAX_IMPORT_BYTES,
    MAX_INDEX_BYTES,
    MAX_LISTED_SERIAL_OCTETS,
)
from certstatus.pkix import (
    Certificate,
    CertificateList,
    CRLReason,
    RevokedEntry,
)
from certstatus.pkix.crl_rules import check_follows
from certstatus.sources.crl_listing import Listing
from certstatus.sources.database.crl_imports import (
    check_adds,
    listings_about,
    scope_key,
    told_crl,
)
from certstatus.sources.database.ledger import (
    Change,
    Issuer,
    Ledger,
    has_certificates,
    read_issuers,
    read_records,
    signer_of,
)
from certstatus.sources.database.record import CertificateRecord, Outcome, Status, merged
from certstatus.sources.database.store import StatusDatabase
from certstatus.sources.index_format import IndexEntry, parse_index
from certstatus.sources.serial_number import is_listable, serial_text

__all__ = ["ImportKind", "ImportReport", "import_file", "kind_of"]

T = TypeVar("T")

Progress: TypeAlias = Callable[[int], None]
"""Told now and then how many entries are done."""

_CHUNK: Final = 4000
"""Looked up and written at once."""
_MOST_NAMED: Final = 20


class ImportKind(StrEnum):
    """What can be imported."""

    CERTIFICATES = "certificates"
    INDEX = "index"
    CRL = "crl"


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did: how many of each outcome, and the first few that were kept.

    ``kept`` says of each what the file claims and what stands.
    """

    kind: ImportKind
    counts: dict[Outcome, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Add one."""
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    @property
    def total(self) -> int:
        """How many entries the file had."""
        return sum(self.counts.values())


def kind_of(data: bytes, where: str) -> ImportKind:
    """Tell what a file holds by its content: PEM and DER say so, and text is an index.

    Raises:
        MalformedError: it is DER, and neither a certificate nor a CRL.
    """
    if b"-----BEGIN X509 CRL" in data:
        return ImportKind.CRL
    if b"-----BEGIN " in data:
        return ImportKind.CERTIFICATES
    if not data.startswith(b"\x30"):
        return ImportKind.INDEX
    try:
        Certificate.from_der(data)
    except MalformedError as not_certificate:
        try:
            CertificateList.from_der(data)
        except MalformedError as not_crl:
            raise MalformedError(
                f"is no certificate ({not_certificate}) and no CRL ({not_crl})", where=where
            ) from None
        return ImportKind.CRL
    return ImportKind.CERTIFICATES


_MOST_BYTES: Final = {
    ImportKind.CERTIFICATES: MAX_IMPORT_BYTES,
    ImportKind.INDEX: MAX_INDEX_BYTES,
    ImportKind.CRL: MAX_CRL_FILE_BYTES,
}


def import_file(
    database: StatusDatabase,
    data: bytes,
    *,
    where: str,
    actor: str,
    now: datetime,
    kind: ImportKind | None = None,
    issuer: Certificate | None = None,
    skip_foreign: bool = False,
    allow_sha1: bool = False,
    crl_issuers: Collection[Certificate] = (),
    progress: Progress = lambda _: None,
) -> ImportReport:
    """Import the contents of one file in one transaction; ``where`` names it in messages.

    ``issuer`` is listed first where it is new. An index needs it, unless the database has
    one issuer alone. ``skip_foreign`` passes over certificates of other CAs. ``crl_issuers``
    may sign indirect CRLs, with the CAs above them and the issuers (C7, C8).

    Raises:
        MalformedError: the file, a line or a certificate is broken, or is not of a CA that
            is listed.
        ChangeError: it says what the rules forbid.
        SourceError: the database can't be written.
    """
    kind = kind or kind_of(data, where)
    if len(data) > _MOST_BYTES[kind]:
        raise MalformedError(f"is larger than {_MOST_BYTES[kind]} bytes", where=where)
    with database.change(actor=actor, now=now) as ledger:
        listed = None if issuer is None else ledger.add_issuer(issuer)
        job = _Import(ledger, ImportReport(kind=kind), where, progress)
        if kind is ImportKind.CERTIFICATES:
            job.take_certificates(Certificate.load(data, where), skip_foreign=skip_foreign)
        elif kind is ImportKind.INDEX:
            job.take_index(data, listed or _only_issuer(ledger))
        else:
            job.take_crl(data, listed, crl_issuers=crl_issuers, allow_sha1=allow_sha1)
    return job.report


def _only_issuer(ledger: Ledger) -> Issuer:
    issuers = read_issuers(ledger.connection)
    if len(issuers) == 1:
        return issuers[0]
    count = "none" if not issuers else str(len(issuers))
    raise ConfigError(
        f"an index does not say whose it is, and the database lists {count}",
        key="--issuer",
        remedy="name the CA's certificate",
    )


class _Import:
    """One import under way, within its transaction."""

    def __init__(
        self, ledger: Ledger, report: ImportReport, where: str, progress: Progress
    ) -> None:
        self._ledger = ledger
        self.report = report
        self._where = where
        self._progress = progress
        self._note = f"import of {where}"
        # Where nothing is listed yet, and no serial number comes twice, nothing need be looked up.
        self._looks = True
        self._is_delta = False
        self._releases_since: datetime | None = None

    # --- certificates -------------------------------------------------------------------

    def take_certificates(self, found: Iterable[Certificate], *, skip_foreign: bool) -> None:
        """List certificates under the issuers that signed them."""
        issuers = read_issuers(self._ledger.connection)
        self._take(self._issued(found, issuers, skip_foreign=skip_foreign), tells_status=False)

    def _issued(
        self, found: Iterable[Certificate], issuers: Iterable[Issuer], *, skip_foreign: bool
    ) -> Iterator[CertificateRecord]:
        issuers = tuple(issuers)
        for certificate in found:
            issuer = self._signer_of(certificate, issuers)
            if issuer is not None:
                # Its own spelling of the issuer's name is what a CertID hashes (O1).
                if certificate.issuer != issuer.certificate.subject:
                    self._ledger.add_name(issuer, certificate.issuer)
                yield _record_of_certificate(certificate, issuer)
            elif skip_foreign:
                self.report.count(Outcome.FOREIGN)
            else:
                raise MalformedError(
                    f"{certificate} was not issued by a CA of this database "
                    f"(its issuer is {certificate.issuer}); name the CA's certificate, "
                    "or pass such certificates over",
                    where=self._where,
                )

    def _signer_of(self, certificate: Certificate, issuers: Iterable[Issuer]) -> Issuer | None:
        with _naming(f"{self._where}: {certificate}"):
            return signer_of(certificate, issuers)

    # --- an index -----------------------------------------------------------------------

    def take_index(self, data: bytes, issuer: Issuer) -> None:
        """Take over every line of an index."""
        entries = parse_index(data, self._where)
        self._looks = has_certificates(self._ledger.connection, issuer)
        self._take((_record_of_entry(entry, issuer) for entry in entries), tells_status=True)

    # --- a CRL --------------------------------------------------------------------------

    def take_crl(
        self,
        data: bytes,
        issuer: Issuer | None,
        *,
        crl_issuers: Collection[Certificate],
        allow_sha1: bool,
    ) -> None:
        """Revoke what a CRL lists; what it does not list stays as it is."""
        with _naming(self._where):
            crl = CertificateList.load(data)
            listings = listings_about(
                crl,
                read_issuers(self._ledger.connection),
                crl_issuers,
                now=self._ledger.now,
                allow_sha1=allow_sha1,
                asked=issuer,
            )
        for about, listing in listings:
            self._take_listing(crl, listing, about)

    def _take_listing(self, crl: CertificateList, listing: Listing, issuer: Issuer) -> None:
        scope = scope_key(crl, listing, issuer)
        stands, since = self._ledger.newest_crl(issuer, scope)
        with _naming(self._where):
            check_follows(crl, stands, since)
            check_adds(listing, stands)
        self._ledger.set_newest_crl(issuer, scope, crl.crl_number, crl.this_update)
        self._ledger.note("import-crl", issuer, after=told_crl(listing), note=self._note)
        self._looks = has_certificates(self._ledger.connection, issuer)
        self._is_delta = not listing.is_full
        # Read once more, a delta does not take off a hold that came after it.
        is_new = stands is None or listing.crl_number is None or listing.crl_number > stands
        self._releases_since = listing.this_update if is_new and self._is_delta else None
        records = (_record_of_revoked(entry, issuer) for entry in listing.entries.in_order())
        self._take(records, tells_status=True)

    # --- all ----------------------------------------------------------------------------

    def _take(self, reported: Iterable[CertificateRecord], *, tells_status: bool) -> None:
        for chunk in _chunks(reported):
            self._merge(chunk, tells_status=tells_status)
            self._progress(self.report.total)

    def _merge(self, reported: list[CertificateRecord], *, tells_status: bool) -> None:
        standing = self._standing(reported)
        changes: list[Change] = []
        for one in reported:
            key = one.issuer_id, one.serial_number
            before = standing.get(key)
            if before is None and self._is_delta and one.status is Status.GOOD:
                self.report.count(Outcome.UNCHANGED)
                continue
            try:
                after, outcome = merged(
                    before,
                    one,
                    tells_status=tells_status,
                    now=self._ledger.now,
                    releases_since=self._releases_since,
                )
            except ChangeError as error:
                raise ChangeError(f"{self._where}: {error.message}", rule=error.rule) from error
            self.report.count(outcome)
            if outcome is Outcome.KEPT and before is not None:
                self._name_kept(before, one)
            if after != before:
                action = _ACTIONS.get(outcome, "complete")
                changes.append(Change(action=action, before=before, after=after, note=self._note))
                standing[key] = after
        self._ledger.write(changes)

    def _standing(
        self, reported: list[CertificateRecord]
    ) -> dict[tuple[int, int], CertificateRecord]:
        serials: dict[int, set[int]] = {}
        for one in reported:
            if not is_listable(one.serial_number):
                raise MalformedError(
                    f"has a serial number of more than {MAX_LISTED_SERIAL_OCTETS} octets",
                    where=self._where,
                )
            serials.setdefault(one.issuer_id, set()).add(one.serial_number)
        if not self._looks:
            return {}
        return {
            (issuer_id, serial): record
            for issuer_id, numbers in serials.items()
            for serial, record in read_records(self._ledger.connection, issuer_id, numbers).items()
        }

    def _name_kept(self, standing: CertificateRecord, reported: CertificateRecord) -> None:
        if len(self.report.kept) < _MOST_NAMED:
            self.report.kept.append(
                f"serial {serial_text(reported.serial_number)}: {reported.cert_status} here, "
                f"stays {standing.cert_status}"
            )


_ACTIONS: Final = {
    Outcome.ADDED: "add",
    Outcome.REVOKED: "revoke",
    Outcome.HELD: "hold",
    Outcome.RELEASED: "release",
}


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Put the place before what a MalformedError names."""
    try:
        yield
    except MalformedError as error:
        where = f"{place}: {error.where}"
        raise MalformedError(error.message, where=where, rule=error.rule) from error


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _record_of_certificate(certificate: Certificate, issuer: Issuer) -> CertificateRecord:
    # A precertificate and its certificate share their serial number, not their bytes.
    is_precertificate = oids.ID_CT_POISON in certificate.extensions
    return CertificateRecord(
        issuer_id=issuer.id,
        serial_number=certificate.serial_number,
        not_after=certificate.not_after,
        subject=str(certificate.subject),
        fingerprint=None if is_precertificate else certificate.fingerprint,
    )


def _record_of_entry(entry: IndexEntry, issuer: Issuer) -> CertificateRecord:
    revocation = entry.revocation
    reason = None if revocation is None else revocation.reason
    return CertificateRecord(
        issuer_id=issuer.id,
        serial_number=entry.serial_number,
        status=Status.GOOD if revocation is None else _revoked_status(reason),
        revocation_time=None if revocation is None else revocation.revocation_time,
        reason=reason,
        invalidity_date=None if revocation is None else revocation.invalidity_date,
        not_after=entry.expiry,
        subject=entry.subject,
    )


def _record_of_revoked(entry: RevokedEntry, issuer: Issuer) -> CertificateRecord:
    if entry.reason is CRLReason.REMOVE_FROM_CRL:
        return CertificateRecord(issuer_id=issuer.id, serial_number=entry.serial_number)
    # Unspecified says no more than nothing (RFC 5280 §5.3.1, C9).
    reason = None if entry.reason is CRLReason.UNSPECIFIED else entry.reason
    return CertificateRecord(
        issuer_id=issuer.id,
        serial_number=entry.serial_number,
        status=_revoked_status(reason),
        revocation_time=entry.revocation_date,
        reason=reason,
        invalidity_date=entry.invalidity_date,
    )


def _revoked_status(reason: CRLReason | None) -> Status:
    return Status.HOLD if reason is CRLReason.CERTIFICATE_HOLD else Status.REVOKED
