"""What a CA issued and what became of it, and the same told by each kind of source."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import strategies as st

from certstatus.ocsp import CertID
from certstatus.pkix import CRLReason, RevokedEntry
from certstatus.sources import (
    CRL,
    Answer,
    DatabaseSource,
    EntryExtensions,
    IndexEntry,
    IndexRevocation,
    IndexStatus,
    OpenSSLIndex,
    RevocationTree,
    Source,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.books import DAY, NOW
from tests.trees import tree

__all__ = [
    "HISTORIES",
    "POPULATIONS",
    "Changes",
    "Population",
    "Revoked",
    "answers",
    "crl_of",
    "fill",
    "in_crl",
    "in_database",
    "in_index",
    "in_tree",
    "index_of",
    "strangers",
]


@dataclass(frozen=True, slots=True)
class Revoked:
    """Since when, and why; on hold where the reason is certificateHold."""

    at: datetime
    reason: CRLReason | None = None
    invalidity_date: datetime | None = None

    @property
    def is_hold(self) -> bool:
        """Whether it may be released."""
        return self.reason is CRLReason.CERTIFICATE_HOLD


Population: TypeAlias = Mapping[int, Revoked | None]
"""All that was issued, by serial number; None is good."""
Changes: TypeAlias = Mapping[int, Revoked | str]
"""A revocation, or the end of a hold."""


# --- populations ----------------------------------------------------------------------------

_MOMENTS = st.integers(2 * 86_400, 3 * 365 * 86_400).map(lambda ago: NOW - timedelta(seconds=ago))
_KEY_REASONS = (CRLReason.KEY_COMPROMISE, CRLReason.CA_COMPROMISE)
_OTHER_REASONS = (
    None,
    CRLReason.AFFILIATION_CHANGED,
    CRLReason.SUPERSEDED,
    CRLReason.CESSATION_OF_OPERATION,
    CRLReason.CERTIFICATE_HOLD,
)
"""Those that OpenSSL's index has a word for; it can date a compromise, and nothing else."""

REVOCATIONS = st.one_of(
    st.builds(Revoked, _MOMENTS, st.sampled_from(_OTHER_REASONS)),
    st.builds(Revoked, _MOMENTS, st.sampled_from(_KEY_REASONS), st.none() | _MOMENTS),
)
HOLDS = st.builds(Revoked, _MOMENTS, st.just(CRLReason.CERTIFICATE_HOLD))
SERIALS = st.one_of(
    st.integers(1, 300),
    st.integers(2**63 - 50, 2**63 + 50),
    st.integers(2**127, 2**128),
    st.integers(2**158, 2**159 - 1),
)
POPULATIONS = st.dictionaries(SERIALS, st.none() | HOLDS | REVOCATIONS, max_size=12)


def _with_changes(before: Population) -> st.SearchStrategy[tuple[Population, Changes]]:
    serials = st.sampled_from(sorted(before)) | SERIALS if before else SERIALS
    changes = st.dictionaries(serials, st.just("release") | REVOCATIONS, max_size=12)
    return st.tuples(st.just(before), changes)


HISTORIES = POPULATIONS.flatmap(_with_changes)
"""A population, and what happens then: to those that were issued, and to new ones."""


def strangers(*populations: Collection[int]) -> list[int]:
    """Return serial numbers near those that were issued, which were not."""
    issued = frozenset[int]().union(*populations)
    near = {one + step for one in issued for step in (-1, 1, 256)} | {7, 2**130}
    return sorted(one for one in near - issued if one > 0)


# --- files ----------------------------------------------------------------------------------


def index_of(population: Population) -> bytes:
    """Write OpenSSL's index.txt."""
    return encode_index(_line(serial, what) for serial, what in population.items())


def _line(serial: int, revoked: Revoked | None) -> IndexEntry:
    return IndexEntry(
        status=IndexStatus.VALID if revoked is None else IndexStatus.REVOKED,
        expiry=NOW + 30 * DAY,
        serial_number=serial,
        subject=f"/CN={serial:X}",
        revocation=None
        if revoked is None
        else IndexRevocation(
            revocation_time=revoked.at,
            reason=revoked.reason,
            invalidity_date=revoked.invalidity_date,
        ),
    )


def crl_of(
    ca: TinyCA,
    revoked: Mapping[int, Revoked | None],
    number: int = 1,
    delta_of: int | None = None,
    this_update: datetime = NOW - DAY,
) -> bytes:
    """Issue a CRL; in a delta None is removeFromCRL, and in a full one it is not there."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject.parsed())
        .last_update(this_update)
        .next_update(NOW + DAY)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if delta_of is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(delta_of), critical=True)
    for serial, what in revoked.items():
        if what is not None or delta_of is not None:
            builder = builder.add_revoked_certificate(_entry(serial, what))
    signed = builder.sign(ca.key, ca.signing_hash)
    return signed.public_bytes(serialization.Encoding.DER)


def _entry(serial: int, revoked: Revoked | None) -> x509.RevokedCertificate:
    what = revoked or Revoked(NOW - 2 * DAY, CRLReason.REMOVE_FROM_CRL)
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(what.at)
    if what.reason is not None:
        builder = builder.add_extension(
            x509.CRLReason(x509.ReasonFlags(what.reason.label)), critical=False
        )
    if what.invalidity_date is not None:
        since = what.invalidity_date.replace(tzinfo=None)
        builder = builder.add_extension(x509.InvalidityDate(since), critical=False)
    return builder.build()


# --- sources --------------------------------------------------------------------------------


def in_index(
    folder: Path, ca: TinyCA, population: Population, extensions: EntryExtensions
) -> OpenSSLIndex:
    """Tell a population by an index."""
    path = folder / "index.txt"
    path.write_bytes(index_of(population))
    return OpenSSLIndex(path, ca.certificate, now=NOW, entry_extensions=extensions)


def in_crl(
    folder: Path, ca: TinyCA, issued: Iterable[int], extensions: EntryExtensions, *crls: bytes
) -> CRL:
    """Tell a population by CRLs and the list of what was issued."""
    for number, der in enumerate(crls):
        (folder / f"{number}.crl").write_bytes(der)
    listed = folder / "issued.txt"
    listed.write_text("".join(f"{serial:X}\n" for serial in issued))
    paths = [folder / f"{number}.crl" for number in range(len(crls))]
    return CRL(paths, ca.certificate, now=NOW, issued=listed, entry_extensions=extensions)


def fill(database: StatusDatabase, ca: TinyCA, *files: bytes) -> None:
    """Fill a database with files, one after another."""
    for data in files:
        import_file(database, data, where="books", actor="test", now=NOW, issuer=ca.certificate)


def in_tree(
    folder: Path, ca: TinyCA, population: Population, extensions: EntryExtensions
) -> RevocationTree:
    """Tell what is revoked of a population by a revocation tree."""
    entries = (
        RevokedEntry(
            serial_number=serial,
            revocation_date=what.at,
            reason=what.reason,
            invalidity_date=what.invalidity_date,
        )
        for serial, what in population.items()
        if what is not None
    )
    path = folder / "ca.crt"
    path.write_bytes(tree(ca, *entries))
    return RevocationTree(path, ca.certificate, now=NOW, entry_extensions=extensions)


def answers(source: Source, ca: TinyCA, serials: Iterable[int]) -> dict[int, Answer]:
    """Ask for many certificates."""

    async def ask() -> dict[int, Answer]:
        return {
            serial: await source.status(CertID.of(ca.certificate, serial), NOW)
            for serial in serials
        }

    return asyncio.run(ask())


def in_database(database: StatusDatabase, ca: TinyCA, extensions: EntryExtensions) -> Source:
    """Tell what a database has."""
    return DatabaseSource(database, ca.certificate, entry_extensions=extensions)
