"""Status under eIDAS: at all times, beyond expiry, the same by CRL and OCSP (EN 319 411)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.ocsp import ArchiveCutoff, CertID, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Archive, Authority, AuthorityPolicy
from certstatus.signing import Profile
from certstatus.sources import CRL, DatabaseSource, Source, StatusDatabase
from certstatus.sources.database import Revocation
from tests import der as hand
from tests.books import crl
from tests.desk import CA, DAY, NOW, REVOKED, authority, known, request, respond, signers, single

EXPIRED = NOW - DAY
ISSUED = range(1, 6)
REASONS = {2: CRLReason.KEY_COMPROMISE, 3: None, 5: CRLReason.SUPERSEDED}
"""The serial numbers that are revoked, and why; all were issued, and all have expired."""


def expired_certs_on_crl(since: datetime) -> tuple[x509.ExtensionType, bool]:
    value = hand.generalized_time(f"{since:%Y%m%d%H%M%SZ}")
    return x509.UnrecognizedExtension(oids.ID_CE_EXPIRED_CERTS_ON_CRL, value), False


def etsi(source: Source, **policy: object) -> Authority:
    return replace(
        authority(by=signers()),
        source=source,
        policy=AuthorityPolicy(profile=Profile.ETSI, **policy),  # type: ignore[arg-type]
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[DatabaseSource]:
    """List five certificates that have expired, three of them revoked before."""
    with StatusDatabase.create(tmp_path / "status.db") as books:
        issuer = books.add_issuer(CA.certificate, actor="test", now=NOW)
        for serial in ISSUED:
            books.add(issuer, serial, not_after=EXPIRED, actor="test", now=NOW)
        for serial, reason in REASONS.items():
            wish = Revocation(revocation_time=NOW - 2 * DAY, reason=reason)
            books.revoke(issuer, serial, wish, actor="test", now=NOW)
        yield DatabaseSource(books, CA.certificate)


@pytest.fixture
def listed(tmp_path: Path) -> CRL:
    """Say the same by a CRL that keeps what has expired since the CA began."""
    reasons = {
        serial: [(x509.CRLReason(x509.ReasonFlags(_word(reason))), False)] if reason else []
        for serial, reason in REASONS.items()
    }
    path = tmp_path / "ca.crl"
    extension = expired_certs_on_crl(CA.certificate.not_before)
    path.write_bytes(crl(CA, *reasons.items(), extensions=[extension]))
    issued = tmp_path / "issued.txt"
    issued.write_text("".join(f"{serial:x}\n" for serial in ISSUED))
    return CRL((path,), CA.certificate, now=NOW, issued=issued, archive_cutoff=True)


def _word(reason: CRLReason) -> str:
    first, *rest = reason.name.lower().split("_")
    return first + "".join(map(str.title, rest))


@pytest.mark.rule("E1")
@pytest.mark.parametrize("serial", [*ISSUED, 99])
def test_crl_and_ocsp_say_the_same(database: DatabaseSource, listed: CRL, serial: int) -> None:
    asked = request(CertID.of(CA.certificate, serial))
    by_crl, by_database = (single(respond(etsi(one), asked)) for one in (listed, database))

    assert by_crl.cert_status == by_database.cert_status
    assert isinstance(by_crl.cert_status, Revoked) == (serial in REASONS)
    assert by_crl.single_extensions == by_database.single_extensions


@pytest.mark.rule("E2")
def test_status_goes_on_beyond_expiry(database: DatabaseSource) -> None:
    later = NOW + 400 * DAY
    for serial in ISSUED:
        one = single(respond(etsi(database), request(CertID.of(CA.certificate, serial)), now=later))

        assert isinstance(one.cert_status, Revoked if serial in REASONS else Good)
        start = CA.certificate.not_before
        assert one.single_extensions.get(ArchiveCutoff) == ArchiveCutoff(start)


@pytest.mark.rule("E2")
@pytest.mark.parametrize(
    ("archive", "cutoff"),
    [
        (None, CA.certificate.not_before),
        (Archive.CA_START, CA.certificate.not_before),
        (timedelta(days=7 * 365), NOW - timedelta(days=7 * 365)),
        (Archive.NONE, None),
    ],
)
def test_how_far_back_is_the_cas_start_or_a_length_of_time(
    archive: timedelta | Archive | None, cutoff: datetime | None
) -> None:
    one = single(respond(authority(known(REVOKED), profile=Profile.ETSI, archive=archive)))

    found = one.single_extensions.get(ArchiveCutoff)
    assert found == (None if cutoff is None else ArchiveCutoff(cutoff))


@pytest.mark.rule("E2", "E1")
def test_the_profile_promises_nothing_for_a_source_that_forgets_the_expired() -> None:
    forgetful = known(next_update=NOW + DAY)
    by_profile = single(respond(authority(forgetful, profile=Profile.ETSI)))
    by_word = single(respond(authority(forgetful, profile=Profile.ETSI, archive=Archive.CA_START)))

    assert not by_profile.single_extensions.has(ArchiveCutoff)
    assert by_word.single_extensions.has(ArchiveCutoff)


# --- the last CRL ---------------------------------------------------------------------------

THE_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.rule("E3", "O27", "C14")
@pytest.mark.parametrize("later", [0, 1, 400])
def test_the_last_crl_of_a_ca_goes_on_saying_revoked_of_what_has_expired(
    tmp_path: Path, later: int
) -> None:
    """No CRL follows it, and nothing that it lists becomes good again."""
    since = CA.certificate.not_before
    path = tmp_path / "last.crl"
    path.write_bytes(crl(CA, 2, next_update=THE_END, extensions=[expired_certs_on_crl(since)]))
    source = CRL(path, CA.certificate, now=NOW, archive_cutoff=True)
    now = NOW + later * DAY

    one = single(respond(etsi(source), request(CertID.of(CA.certificate, 2)), now=now))

    assert one.cert_status == Revoked(NOW - 2 * DAY)
    assert one.this_update == NOW - DAY
    assert one.next_update is not None
    assert now < one.next_update <= now + 4 * DAY
    assert one.single_extensions.get(ArchiveCutoff) == ArchiveCutoff(since)


@pytest.mark.rule("E3")
def test_no_answer_from_the_last_crl_outlives_its_signer(tmp_path: Path) -> None:
    path = tmp_path / "last.crl"
    path.write_bytes(crl(CA, 2, next_update=THE_END))
    served = etsi(CRL(path, CA.certificate, now=NOW))
    end = min(one.certificate.not_after for one in served.signers)
    asked = request(CertID.of(CA.certificate, 2))

    last = single(respond(served, asked, now=end - timedelta(hours=1)))

    assert last.next_update is not None
    assert last.next_update <= end
    assert respond(served, asked, now=end + DAY).response_status.label == "internalError"
