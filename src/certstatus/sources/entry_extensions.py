"""Which CRL entry extensions an answer repeats as singleExtensions (RFC 6960 §4.4.5, O28)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.ocsp import NO_EXTENSIONS, Extensions, InvalidityDate, ReasonCode
from certstatus.pkix import CRLReason

__all__ = ["EntryExtensions"]


class EntryExtensions(StrEnum):
    """The profiles; the reason stands in RevokedInfo whichever is chosen."""

    NONE = "none"
    """Repeat nothing: the shortest answer, and what most responders do."""

    CABF = "cabf"
    """invalidityDate, and never reasonCode, which BR §7.3 forbids here (B5)."""

    RFC = "rfc"
    """reasonCode and invalidityDate, as RFC 6960 §4.4.5 allows."""

    @property
    def oids(self) -> frozenset[ObjectIdentifier]:
        """The extensions that the profile repeats, of whatever source."""
        return _OIDS[self]

    def of(self, reason: CRLReason | None, invalidity_date: datetime | None) -> Extensions:
        """Return the singleExtensions of a revoked certificate."""
        if self is EntryExtensions.NONE:
            return NO_EXTENSIONS
        values: list[ReasonCode | InvalidityDate] = []
        if self is EntryExtensions.RFC and reason is not None:
            values.append(ReasonCode(reason))
        if invalidity_date is not None:
            values.append(InvalidityDate(invalidity_date))
        return Extensions.of(*values) if values else NO_EXTENSIONS


_OIDS: Final = {
    EntryExtensions.NONE: frozenset[ObjectIdentifier](),
    EntryExtensions.CABF: frozenset({InvalidityDate.oid}),
    EntryExtensions.RFC: frozenset({ReasonCode.oid, InvalidityDate.oid}),
}
