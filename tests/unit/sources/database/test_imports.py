"""Imports: certificates, an index, a CRL; whole or not at all, and never loosening."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certstatus.errors import ChangeError, ConfigError, MalformedError
from certstatus.limits import MAX_CRL_FILE_BYTES, MAX_IMPORT_BYTES, MAX_INDEX_BYTES
from certstatus.ocsp import CertID
from certstatus.pkix import Certificate, CRLReason
from certstatus.sources import (
    DatabaseSource,
    ImportKind,
    ImportReport,
    IndexEntry,
    IndexRevocation,
    IndexStatus,
    Issuer,
    Known,
    Outcome,
    Status,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.sources.database.imports import kind_of
from certstatus.testing import Issued, TinyCA
from tests.books import DAY, NOW, altered_crl, ask, crl, revoked, scope, valid

ACTOR = "alice"
Take = Callable[..., ImportReport]


@pytest.fixture
def take(database: StatusDatabase) -> Take:
    """Import bytes as the file "books"."""

    def run(data: bytes, **options: object) -> ImportReport:
        now = options.pop("now", NOW)
        return import_file(database, data, where="books", actor=ACTOR, now=now, **options)  # type: ignore[arg-type]

    return run


def state(database: StatusDatabase) -> dict[int, tuple[Status, CRLReason | None]]:
    return {one.serial_number: (one.status, one.reason) for one in database.records()}


def pem(*issued: Issued) -> bytes:
    return b"".join(one.certificate_pem for one in issued)


# --- what a file is -------------------------------------------------------------------------


def test_a_file_is_what_it_holds(ca: TinyCA) -> None:
    leaf, der = ca.issue(), crl(ca)
    crl_pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)

    assert kind_of(leaf.certificate.der, "x") is ImportKind.CERTIFICATES
    assert kind_of(pem(leaf), "x") is ImportKind.CERTIFICATES
    assert kind_of(b"Certificate:\n    Data:\n" + pem(leaf), "x") is ImportKind.CERTIFICATES
    assert kind_of(der, "x") is ImportKind.CRL
    assert kind_of(crl_pem, "x") is ImportKind.CRL
    assert kind_of(encode_index([valid(1)]), "x") is ImportKind.INDEX
    assert kind_of(b"", "x") is ImportKind.INDEX
    with pytest.raises(MalformedError, match=r"no certificate .* and no CRL"):
        kind_of(b"\x30\x03\x02\x01\x05", "x")


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (ImportKind.CERTIFICATES, MAX_IMPORT_BYTES),
        (ImportKind.INDEX, MAX_INDEX_BYTES),
        (ImportKind.CRL, MAX_CRL_FILE_BYTES),
    ],
)
@pytest.mark.above_the_engine
def test_a_file_beyond_the_limit_is_refused(take: Take, kind: ImportKind, limit: int) -> None:
    class Huge(bytes):
        """Claims its size without having it."""

        def __len__(self) -> int:
            return limit + 1

    with pytest.raises(MalformedError, match=f"books: is larger than {limit} bytes"):
        take(Huge(), kind=kind)


# --- certificates ---------------------------------------------------------------------------


def test_certificates_are_listed_with_their_facts(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    leaf = ca.issue(serial_number=1000)
    report = take(pem(leaf, ca.issue(serial_number=1001)))
    record = database.record(issuer, 1000)

    assert report.counts == {Outcome.ADDED: 2}
    assert record is not None
    assert record.not_after == leaf.certificate.not_after
    assert record.subject == "CN=leaf.example"
    assert record.fingerprint == leaf.certificate.fingerprint


def test_importing_again_changes_nothing(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    data = pem(ca.issue(serial_number=1000))
    take(data)
    before = database.last_change()

    assert take(data).counts == {Outcome.UNCHANGED: 1}
    assert database.last_change() == before


def test_a_new_issuer_is_listed_with_its_first_import(
    database: StatusDatabase, take: Take, ca: TinyCA
) -> None:
    take(ca.issue(serial_number=1000).certificate.der, issuer=ca.certificate)

    assert [one.subject for one in database.issuers()] == ["CN=Tiny CA"]
    assert [entry.action for entry in database.audit()] == ["add-issuer", "add"]


@pytest.mark.above_the_engine
def test_a_foreign_certificate_stops_the_import(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer, other_ca: TinyCA
) -> None:
    data = pem(ca.issue(serial_number=1), other_ca.issue("foreign.example"))

    with pytest.raises(MalformedError, match=r"books: CN=foreign\.example .* not issued by a CA"):
        take(data)
    assert state(database) == {}
    assert take(data, skip_foreign=True).counts == {Outcome.ADDED: 1, Outcome.FOREIGN: 1}


@pytest.mark.above_the_engine
def test_a_certificate_that_another_key_signed_is_foreign(
    take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    with pytest.raises(MalformedError, match="not issued by a CA"):
        take(TinyCA().issue().certificate.der)


def test_an_import_says_nothing_of_the_status(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    leaf = ca.issue(serial_number=1000)
    database.add(issuer, 1000, actor=ACTOR, now=NOW)
    database.revoke(issuer, 1000, actor=ACTOR, now=NOW)

    assert take(leaf.certificate.der).counts == {Outcome.COMPLETED: 1}
    assert state(database) == {1000: (Status.REVOKED, None)}


@pytest.mark.above_the_engine
def test_two_certificates_with_one_serial_number_stop_the_import(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    twins = pem(ca.issue("a.example", serial_number=7), ca.issue("b.example", serial_number=7))

    with pytest.raises(ChangeError, match=r"books: serial 07 .* two bear one serial"):
        take(twins)
    assert state(database) == {}


@pytest.mark.above_the_engine
def test_a_precertificate_and_its_certificate_share_a_serial_number(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    poison = x509.PrecertPoison()
    pre = ca.issue(serial_number=7, extensions=[(poison, True)])
    final = ca.issue(serial_number=7)

    assert take(pem(pre, final)).counts == {Outcome.ADDED: 1, Outcome.COMPLETED: 1}
    assert take(pem(pre)).counts == {Outcome.UNCHANGED: 1}
    record = database.record(issuer, 7)
    assert record is not None
    assert record.fingerprint == final.certificate.fingerprint


@pytest.mark.rule("O1")
def test_an_issuer_is_known_by_the_name_in_its_certificates_too(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    """The issuer's name in a certificate may be spelled otherwise than in the CA's own."""
    loud = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TINY CA")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(loud)
        .issuer_name(loud)
        .public_key(ca.key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    leaf = Certificate.from_x509(builder.sign(ca.key, hashes.SHA256()))
    source = DatabaseSource(database, ca.certificate)
    cert_id = CertID.for_certificate(leaf, ca.certificate)
    assert cert_id.issuer_name_hash != CertID.of(ca.certificate, 7).issuer_name_hash

    take(leaf.der)
    take(leaf.der)

    assert isinstance(ask(source, ca, 7), Known)
    assert isinstance(asyncio.run(source.status(cert_id, NOW)), Known)


# --- an index -------------------------------------------------------------------------------


def test_an_index_brings_status_and_facts(
    database: StatusDatabase, take: Take, issuer: Issuer
) -> None:
    expired = IndexEntry(
        status=IndexStatus.EXPIRED, expiry=NOW - DAY, serial_number=4, subject="/CN=old"
    )
    suspect = IndexEntry(
        status=IndexStatus.REVOKED,
        expiry=NOW + DAY,
        serial_number=5,
        subject="/CN=lost",
        revocation=IndexRevocation(
            revocation_time=NOW - DAY,
            reason=CRLReason.KEY_COMPROMISE,
            invalidity_date=NOW - 2 * DAY,
        ),
    )
    hold = revoked(3, CRLReason.CERTIFICATE_HOLD)
    report = take(encode_index([valid(1), revoked(2, None), hold, expired, suspect]))

    assert report.kind is ImportKind.INDEX
    assert report.counts == {Outcome.ADDED: 5}
    assert state(database) == {
        1: (Status.GOOD, None),
        2: (Status.REVOKED, None),
        3: (Status.HOLD, CRLReason.CERTIFICATE_HOLD),
        4: (Status.GOOD, None),
        5: (Status.REVOKED, CRLReason.KEY_COMPROMISE),
    }
    record = database.record(issuer, 5)
    assert record is not None
    assert record.invalidity_date == NOW - 2 * DAY
    assert (record.not_after, record.subject) == (NOW + DAY, "/CN=lost")


def test_an_index_tightens_and_never_loosens(
    database: StatusDatabase, take: Take, issuer: Issuer
) -> None:
    take(encode_index([valid(1), valid(2), revoked(3), revoked(4, CRLReason.CERTIFICATE_HOLD)]))
    report = take(
        encode_index([revoked(1), revoked(2, CRLReason.CERTIFICATE_HOLD), valid(3), valid(4)])
    )

    assert report.counts == {Outcome.REVOKED: 1, Outcome.HELD: 1, Outcome.KEPT: 2}
    assert report.kept == [
        "serial 03: good here, stays revoked (2026-11-20 12:00:00Z, keyCompromise)",
        "serial 04: good here, stays revoked (2026-11-20 12:00:00Z, certificateHold)",
    ]
    assert [one.action for one in database.audit()][-2:] == ["revoke", "hold"]


@pytest.mark.above_the_engine
def test_only_the_first_few_that_are_kept_are_named(take: Take, issuer: Issuer) -> None:
    take(encode_index([revoked(number) for number in range(50)]))
    report = take(encode_index([valid(number) for number in range(50)]))

    assert report.counts == {Outcome.KEPT: 50}
    assert len(report.kept) == 20


@pytest.mark.above_the_engine
def test_a_bad_line_is_named_and_nothing_is_imported(
    database: StatusDatabase, take: Take, issuer: Issuer
) -> None:
    data = encode_index([valid(number) for number in range(1500)]) + b"hello\n"

    with pytest.raises(MalformedError, match="books line 1501: has 1 fields"):
        take(data)
    assert state(database) == {}
    assert [one.action for one in database.audit()] == ["add-issuer"]


@pytest.mark.above_the_engine
def test_a_revocation_in_the_future_stops_the_import(
    database: StatusDatabase, take: Take, issuer: Issuer
) -> None:
    with pytest.raises(ChangeError, match=r"books: serial 02 .* in the future"):
        take(encode_index([valid(1), revoked(2, at=NOW + DAY)]))
    assert state(database) == {}


@pytest.mark.above_the_engine
def test_an_index_belongs_to_the_issuer_that_is_named(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer, other_ca: TinyCA
) -> None:
    take(encode_index([valid(1)]), issuer=other_ca.certificate)
    with pytest.raises(ConfigError, match=r"does not say whose it is, and the database lists 2"):
        take(encode_index([valid(1)]))

    assert [one.issuer_id for one in database.records()] == [issuer.id + 1]


@pytest.mark.above_the_engine
def test_an_index_for_a_database_without_issuers_is_refused(take: Take) -> None:
    with pytest.raises(ConfigError, match="lists none"):
        take(encode_index([valid(1)]))


@pytest.mark.above_the_engine
def test_progress_is_told_as_it_goes(take: Take, issuer: Issuer) -> None:
    told: list[int] = []
    take(encode_index([valid(number) for number in range(9000)]), progress=told.append)

    assert told == [4000, 8000, 9000]


# --- a CRL ----------------------------------------------------------------------------------

HOLD = [(x509.CRLReason(x509.ReasonFlags.certificate_hold), False)]


def test_a_crl_revokes_what_it_lists_and_leaves_the_rest(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    take(encode_index([valid(1), valid(2), valid(3), revoked(4)]))
    report = take(crl(ca, 1, (2, HOLD), 9))

    assert report.counts == {Outcome.REVOKED: 1, Outcome.HELD: 1, Outcome.ADDED: 1}
    assert state(database) == {
        1: (Status.REVOKED, None),
        2: (Status.HOLD, CRLReason.CERTIFICATE_HOLD),
        3: (Status.GOOD, None),
        4: (Status.REVOKED, CRLReason.KEY_COMPROMISE),
        9: (Status.REVOKED, None),
    }


def test_a_crl_is_noted_in_the_trail(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    take(crl(ca, number=7))
    (noted,) = [one for one in database.audit() if one.action == "import-crl"]

    assert noted.after == {"crlNumber": 7, "thisUpdate": "2026-11-20T12:00:00Z"}
    assert noted.note == "import of books"


@pytest.mark.rule("C1")
def test_an_older_crl_is_not_imported(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    take(crl(ca, 1, number=2**70))

    for older in (
        crl(ca, 2, number=2**70 - 1),
        crl(ca, 2, number=2**70, this_update=NOW - 2 * DAY),
    ):
        with pytest.raises(MalformedError, match="was read before"):
            take(older)
    assert set(state(database)) == {1}
    assert take(crl(ca, 1, 2, number=2**70)).counts == {Outcome.UNCHANGED: 1, Outcome.ADDED: 1}


@pytest.mark.rule("C1")
def test_each_scope_counts_by_itself(take: Take, ca: TinyCA, issuer: Issuer) -> None:
    """§5.2.3 counts "for a given CRL scope and CRL issuer"."""
    take(crl(ca, 1, number=9, extensions=[scope(only_contains_ca_certs=True)]))

    report = take(crl(ca, 2, number=1, extensions=[scope(only_contains_user_certs=True)]))
    assert report.counts == {Outcome.ADDED: 1}


@pytest.mark.above_the_engine
def test_an_expired_crl_still_revokes(take: Take, ca: TinyCA, issuer: Issuer) -> None:
    """What it lists does not become good again because the next CRL is late."""
    assert take(crl(ca, 1), now=NOW + 30 * DAY).counts == {Outcome.ADDED: 1}


def test_of_two_keys_with_one_name_the_signer_counts(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    rekeyed = TinyCA()
    database.add_issuer(rekeyed.certificate, actor=ACTOR, now=NOW)
    take(crl(rekeyed, 1))

    assert [one.issuer_id for one in database.records()] == [issuer.id + 1]


@pytest.mark.rule("C8")
@pytest.mark.parametrize("kind", ["name", "key", "flipped", "named"])
@pytest.mark.above_the_engine
def test_a_crl_of_someone_else_is_refused(
    database: StatusDatabase, take: Take, ca: TinyCA, *, issuer: Issuer, other_ca: TinyCA, kind: str
) -> None:
    options: dict[str, object] = {}
    flipped = bytearray(crl(ca, 1))
    flipped[-1] ^= 1
    data, problem = {
        "name": (
            crl(other_ca, 1),
            "books: CertificateList.issuer: is of CN=Other CA, which the database does not list",
        ),
        "key": (
            crl(TinyCA(), 1),
            "books: CertificateList: is not to be believed: the signature does not match",
        ),
        "flipped": (bytes(flipped), "books: CertificateList: is not to be believed"),
        "named": (
            crl(ca, 1),
            "books: CertificateList.issuer: is of CN=Tiny CA, not of CN=Other CA",
        ),
    }[kind]
    if kind == "named":
        options["issuer"] = other_ca.certificate

    with pytest.raises(MalformedError, match=problem):
        take(data, **options)
    assert state(database) == {}


@pytest.mark.rule("C4", "C8")
@pytest.mark.above_the_engine
def test_what_a_source_would_not_believe_is_not_imported(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    remove = x509.CRLReason(x509.ReasonFlags.remove_from_crl)
    for data, problem in (
        (crl(ca, 1, extensions=[(unknown, True)]), "unknown critical"),
        (crl(ca, 1, (2, [(unknown, True)])), "unknown critical"),
        (crl(ca, 1, extensions=[(x509.DeltaCRLIndicator(1), True)]), "delta CRL"),
        (crl(ca, 1, (2, [(remove, False)])), "removeFromCRL"),
        (altered_crl(ca, crl(ca, 1), next_update=None), "nextUpdate"),
        (crl(ca, 1, this_update=NOW + timedelta(hours=1)), "not valid before"),
        (crl(ca, 1, revocation_date=NOW + timedelta(hours=1)), "in the future"),
    ):
        with pytest.raises((MalformedError, ChangeError), match=rf"^books: .*{problem}"):
            take(data)
    assert state(database) == {}
    assert database.last_change() == 1


def test_a_subject_may_hold_anything(database: StatusDatabase, take: Take, issuer: Issuer) -> None:
    """A NUL too, which not every engine can keep as it is."""
    line = b"V\t270101000000Z\t\t%02X\tunknown\t/CN=tab\\t nul\0 \xff \xc3\xa9\n"
    report = take(b"".join(line % number for number in range(1, 41)))
    subjects = {one.subject for one in database.records()}

    assert report.counts == {Outcome.ADDED: 40}
    assert subjects == {r"/CN=tab\t nul\x00 \xff é"}
