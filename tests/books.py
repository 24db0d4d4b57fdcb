"""A CA's books in any state: indexes, CRLs that say anything, sources that are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import decode, encode, encode_sequence_of, encode_tlv
from certstatus.ocsp import CertID, Good, Revoked
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm
from certstatus.sources import Answer, AtHand, EventKind, Known, Source, SourceEvent, encode_index
from certstatus.sources.index_format import IndexEntry, IndexRevocation, IndexStatus
from certstatus.testing import TinyCA, sign_plain

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = timedelta(seconds=1)
"""Longer than a source waits between two looks at its file."""


def ask(
    source: Source,
    ca: TinyCA,
    serial_number: int,
    now: datetime = NOW,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
) -> Answer:
    """Ask for a certificate of ``ca``."""
    return asyncio.run(source.status(CertID.of(ca.certificate, serial_number, algorithm), now))


def status_of(
    source: Source, ca: TinyCA, serial_number: int, now: datetime = NOW
) -> Good | Revoked:
    """Ask for a certificate that is known."""
    answer = ask(source, ca, serial_number, now)
    assert isinstance(answer, Known), answer
    return answer.cert_status


def at_hand(source: AtHand, serial_number: int, now: datetime = NOW) -> Answer | None:
    """Look a certificate up at hand, in a turn of an event loop of its own."""

    async def look() -> Answer | None:
        return source.at_hand(serial_number, now)

    return asyncio.run(look())


def edition(source: AtHand, now: datetime = NOW) -> object | None:
    """Return a source's edition in a turn of an event loop of its own."""

    async def look() -> object | None:
        return source.edition(now)

    return asyncio.run(look())


@dataclass
class Watcher:
    """An observer that remembers."""

    events: list[SourceEvent] = field(default_factory=list)

    def __call__(self, event: SourceEvent) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[EventKind]:
        """What happened, in order."""
        return [event.kind for event in self.events]


# --- indexes ------------------------------------------------------------------------------


def valid(serial_number: int, *, expiry: datetime = NOW + 30 * DAY) -> IndexEntry:
    """Make a line V."""
    return IndexEntry(
        status=IndexStatus.VALID, expiry=expiry, serial_number=serial_number, subject="/CN=leaf"
    )


def revoked(
    serial_number: int,
    reason: CRLReason | None = CRLReason.KEY_COMPROMISE,
    *,
    at: datetime = NOW - DAY,
) -> IndexEntry:
    """Make a line R."""
    return IndexEntry(
        status=IndexStatus.REVOKED,
        expiry=NOW + 30 * DAY,
        serial_number=serial_number,
        subject="/CN=leaf",
        revocation=IndexRevocation(revocation_time=at, reason=reason),
    )


def write_index(path: Path, *entries: IndexEntry) -> Path:
    """Put an index in place as ``openssl ca`` does: a new file over the old one."""
    aside = path.with_suffix(".new")
    aside.write_bytes(encode_index(entries))
    aside.replace(path)
    return path


# --- CRLs ---------------------------------------------------------------------------------

Entry = tuple[int, Sequence[tuple[x509.ExtensionType, bool]]]


def scope(
    *, full_name: str | None = None, some: Iterable[x509.ReasonFlags] | None = None, **only: bool
) -> tuple[x509.ExtensionType, bool]:
    """Make an issuingDistributionPoint, critical."""
    flags = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    point = x509.IssuingDistributionPoint(
        full_name=None if full_name is None else [x509.UniformResourceIdentifier(full_name)],
        relative_name=None,
        only_some_reasons=None if some is None else frozenset(some),
        **flags | only,
    )
    return point, True


HOLD: Final = (x509.CRLReason(x509.ReasonFlags.certificate_hold), False)
REMOVED: Final = (x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)


def issued_by(ca: TinyCA) -> tuple[x509.ExtensionType, bool]:
    """Make the certificateIssuer of an entry, critical."""
    return x509.CertificateIssuer([x509.DirectoryName(ca.certificate.subject.parsed())]), True


def crl(
    ca: TinyCA,
    *entries: int | Entry,
    number: int | None = 1,
    delta_of: int | None = None,
    this_update: datetime = NOW - DAY,
    next_update: datetime = NOW + DAY,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    revocation_date: datetime = NOW - 2 * DAY,
) -> bytes:
    """Issue a CRL that says anything, DER; an entry is a serial, or one with extensions.

    ``delta_of`` makes it a delta over that BaseCRLNumber.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject.parsed())
        .last_update(this_update)
        .next_update(next_update)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if delta_of is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(delta_of), critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    for entry in entries:
        serial_number, entry_extensions = (entry, ()) if isinstance(entry, int) else entry
        revocation = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial_number)
            .revocation_date(revocation_date)
        )
        for extension, critical in entry_extensions:
            revocation = revocation.add_extension(extension, critical=critical)
        builder = builder.add_revoked_certificate(revocation.build())
    signed = builder.sign(ca.key, ca.signing_hash)
    return signed.public_bytes(serialization.Encoding.DER)


def altered_crl(ca: TinyCA, der: bytes, *, sha1: bool = False, **fields: object) -> bytes:
    """Change fields of a CRL's tbsCertList as no builder would, and sign it again.

    ``sha1`` signs with SHA-1; the CA's key is then an RSA one.
    """
    declared = decode(asn1.CertificateList, der, "CRL")
    algorithm = declared.signature_algorithm
    if sha1:
        algorithm = AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\x00").declared()
        fields["signature"] = algorithm
    tbs = decode(asn1.TBSCertList, encode(declared.tbs_cert_list), "CRL")
    signed = encode(replace(tbs, **fields))  # type: ignore[arg-type]
    if sha1:
        assert isinstance(ca.key, rsa.RSAPrivateKey)
        signature = ca.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    else:
        signature = sign_plain(ca.key, signed)
    return encode_sequence_of([signed, encode(algorithm), encode_tlv(0x03, b"\0" + signature)])
