"""One entry of a CRL, by its declaration (RFC 5280 §5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import (
    GeneralizedTime,
    decode,
    decode_enumerated,
    decode_time,
    read_tlv,
)
from certstatus.errors import MalformedError
from certstatus.pkix.name import GeneralName, decode_general_names
from certstatus.pkix.reason import CRLReason

__all__ = [
    "RevokedEntry",
    "decode_date",
    "decode_reason",
    "extensions_by_oid",
    "parse_entry",
]

# What we understand; any other critical extension makes the CRL unusable (C8).
_KNOWN: Final = frozenset(
    {oids.ID_CE_CERTIFICATE_ISSUER, oids.ID_CE_CRL_REASONS, oids.ID_CE_INVALIDITY_DATE}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokedEntry:
    """One entry: the serial, when and why; ``certificate_issuer`` as it stands in the entry."""

    serial_number: int
    revocation_date: datetime
    reason: CRLReason | None = None
    invalidity_date: datetime | None = None
    certificate_issuer: tuple[GeneralName, ...] = ()


def parse_entry(der: bytes) -> RevokedEntry:
    """Read a member of revokedCertificates.

    Raises:
        MalformedError: it is broken, or carries an unknown critical extension (C8).
    """
    declared = decode(asn1.RevokedCertificate, der, "revokedCertificates")
    where = "crlEntryExtensions"
    extensions = extensions_by_oid(declared.crl_entry_extensions, where)
    for oid, (critical, _) in extensions.items():
        if critical and oid not in _KNOWN:
            raise MalformedError(
                f"unknown critical extension {oids.name_of(oid)}", where=where, rule="C8"
            )
    reason = extensions.get(oids.ID_CE_CRL_REASONS)
    invalidity = extensions.get(oids.ID_CE_INVALIDITY_DATE)
    issuer = extensions.get(oids.ID_CE_CERTIFICATE_ISSUER)
    return RevokedEntry(
        serial_number=declared.user_certificate,
        revocation_date=decode_time(declared.revocation_date, "revocationDate"),
        reason=None if reason is None else decode_reason(reason[1], where),
        invalidity_date=None if invalidity is None else decode_date(invalidity[1], where),
        certificate_issuer=() if issuer is None else decode_general_names(issuer[1], where),
    )


def extensions_by_oid(
    declared: list[asn1.Extension] | None, where: str
) -> dict[ObjectIdentifier, tuple[bool, bytes]]:
    """Return criticality and value of each extension.

    Raises:
        MalformedError: one stands twice.
    """
    found: dict[ObjectIdentifier, tuple[bool, bytes]] = {}
    for extension in declared or ():
        if extension.extn_id in found:
            raise MalformedError(f"{oids.name_of(extension.extn_id)} stands twice", where=where)
        found[extension.extn_id] = (bool(extension.critical), extension.extn_value)
    return found


def decode_reason(der: bytes, where: str) -> CRLReason:
    """Read the value of reasonCode (RFC 5280 §5.3.1). Raises MalformedError."""
    where = f"{where}.reasonCode"
    return CRLReason.from_number(decode_enumerated(read_tlv(der, where), where), where)


def decode_date(der: bytes, where: str) -> datetime:
    """Read the value of invalidityDate (RFC 5280 §5.3.2). Raises MalformedError."""
    where = f"{where}.invalidityDate"
    return decode_time(decode(GeneralizedTime, der, where), where)
