"""What a tree is built from: a CRL, an OpenSSL index, or the records of the status database.

No file and no clock here. A CRL's times go over to the tree; an index and a database are
right as of now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, RevokedEntry
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import load_full_crl
from certstatus.sources.crl_scope import Issuance, coverage_gap
from certstatus.sources.index_format import parse_index

if TYPE_CHECKING:
    from certstatus.sources.database import CertificateRecord

__all__ = ["Books", "books_of_crl", "books_of_index", "books_of_records"]


@dataclass(frozen=True, kw_only=True)
class Books:
    """What was revoked, and as of when; ``next_update`` is None where the books always know."""

    entries: tuple[RevokedEntry, ...]
    this_update: datetime
    next_update: datetime | None = None


def books_of_crl(data: bytes, issuer: Certificate, *, now: datetime) -> Books:
    """Read a full CRL of ``issuer``, PEM or DER, that covers all that it issues.

    Raises:
        MalformedError: it is not to be believed (C8), has expired (C9), or leaves
            certificates out: what it does not list may still be revoked (C4).
    """
    crl = load_full_crl(data, issuer, now=now)
    assert crl.next_update is not None  # load_full_crl asks for it
    where = "CertificateList"
    if now >= crl.next_update:
        ended = f"{crl.next_update:%Y-%m-%d %H:%M:%SZ}"
        raise MalformedError(f"expired on {ended}", where=where, rule="C9")
    gap = coverage_gap([crl.scope], Issuance())
    if gap is not None:
        raise MalformedError(f"{gap}, and a tree speaks of all", where=where, rule="C4")
    return Books(
        entries=tuple(CRLIndex(crl, issuer.subject).in_order()),
        this_update=min(crl.this_update, now),
        next_update=crl.next_update,
    )


def books_of_index(data: bytes, *, now: datetime) -> Books:
    """Read an OpenSSL index.txt. Raises MalformedError where a line is no entry."""
    entries = (
        RevokedEntry(
            serial_number=entry.serial_number,
            revocation_date=entry.revocation.revocation_time,
            reason=entry.revocation.reason,
            invalidity_date=entry.revocation.invalidity_date,
        )
        for entry in parse_index(data, "index")
        if entry.revocation is not None
    )
    return Books(entries=tuple(entries), this_update=now)


def books_of_records(records: Iterable[CertificateRecord], *, now: datetime) -> Books:
    """Take what is revoked or on hold of one issuer's records."""
    entries = (
        RevokedEntry(
            serial_number=record.serial_number,
            revocation_date=record.revocation_time,
            reason=record.reason,
            invalidity_date=record.invalidity_date,
        )
        for record in records
        if record.revocation_time is not None
    )
    return Books(entries=tuple(entries), this_update=now)
