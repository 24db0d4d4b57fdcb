"""Broken, cut, swapped and hostile files beneath the sources: never a guess, never a crash."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import UTCTime, decode, encode, read_tlv
from certstatus.errors import CertStatusError, ConfigError, MalformedError, SourceError
from certstatus.limits import MAX_DATABASE_BACK_OFF
from certstatus.ocsp import Good, Revoked
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import load_full_crl
from certstatus.sources import (
    CRL,
    DatabaseSource,
    EventKind,
    Known,
    OpenSSLIndex,
    StatusDatabase,
    Unlisted,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.books import DAY, LATER, NOW, Watcher, altered_crl, ask, crl, revoked, status_of, valid

LOST, FINE = 0x9B, 0x9A
ACTOR = "mallory'); DROP TABLE audit; --"


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA()


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


# --- databases ------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@pytest.fixture
def database(path: Path, ca: TinyCA) -> Iterator[StatusDatabase]:
    with StatusDatabase.create(path) as database:
        data = encode_index([valid(number) for number in range(2000)] + [revoked(0xFFFF)])
        options = {"where": "index.txt", "actor": ACTOR, "now": NOW, "issuer": ca.certificate}
        import_file(database, data, **options)  # type: ignore[arg-type]
        database.close()
        yield database


def _zeros(data: bytes) -> bytes:
    return bytes(len(data))


def _noise(data: bytes) -> bytes:
    return data[:4096] + random.Random(1).randbytes(len(data) - 4096)


def _no_header(data: bytes) -> bytes:
    return b"not a database, " + data[16:]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 3]


@pytest.mark.parametrize("damage", [_zeros, _noise, _no_header, _cut])
def test_a_damaged_database_is_never_a_guess(
    database: StatusDatabase,
    path: Path,
    ca: TinyCA,
    *,
    watcher: Watcher,
    damage: Callable[[bytes], bytes],
) -> None:
    """Damaged under our eyes: tryLater and one alarm; mended: answers, and the alarm's end."""
    source = DatabaseSource(database, ca.certificate, observer=watcher)
    whole = path.with_suffix(".whole")
    shutil.copy(path, whole)
    aside = path.with_suffix(".damaged")
    aside.write_bytes(damage(path.read_bytes()))
    aside.replace(path)
    moment = NOW

    for number in (1, 1999, 0xFFFF, 0x7FFF):
        moment += MAX_DATABASE_BACK_OFF
        with pytest.raises(SourceError):
            ask(source, ca, number, moment)
    assert watcher.kinds == [EventKind.DATABASE_FAILED]

    whole.replace(path)
    moment += MAX_DATABASE_BACK_OFF
    assert status_of(source, ca, 1, moment) == Good()
    assert isinstance(status_of(source, ca, 0xFFFF, moment), Revoked)
    assert watcher.kinds == [EventKind.DATABASE_FAILED, EventKind.RECOVERED]


@pytest.mark.parametrize("damage", [_zeros, _noise, _no_header, _cut])
def test_a_damaged_database_does_not_open(
    database: StatusDatabase, path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path.write_bytes(damage(path.read_bytes()))

    for attempt in (StatusDatabase.migrate, _read_all):
        with pytest.raises((SourceError, ConfigError)) as caught:
            attempt(path)
        assert str(path) in str(caught.value)


def _read_all(path: Path) -> None:
    with StatusDatabase(path) as database:
        assert len(list(database.records())) == 2001


def test_a_database_with_one_damaged_page_never_lies(
    database: StatusDatabase, path: Path, ca: TinyCA
) -> None:
    """Whatever page is hit: the right answer, or tryLater."""
    whole = path.read_bytes()
    page = 4096
    for start in range(page, len(whole), 4 * page):
        path.write_bytes(whole[:start] + b"\xff" * page + whole[start + page :])
        try:
            with StatusDatabase(path) as damaged:
                source = DatabaseSource(damaged, ca.certificate)
                assert status_of(source, ca, 1) == Good()
                assert isinstance(status_of(source, ca, 0xFFFF), Revoked)
        except CertStatusError as error:
            assert isinstance(error, (SourceError, ConfigError))  # noqa: PT017


def test_a_database_that_vanishes_and_returns(
    database: StatusDatabase, path: Path, ca: TinyCA, watcher: Watcher
) -> None:
    """SQLite would go on reading the unlinked file, and never see a revocation again."""
    source = DatabaseSource(database, ca.certificate, observer=watcher)
    path.rename(path.with_suffix(".away"))
    with pytest.raises(SourceError, match="is gone"):
        ask(source, ca, 1)

    path.with_suffix(".away").rename(path)
    assert isinstance(ask(source, ca, 1, NOW + MAX_DATABASE_BACK_OFF), Known)
    assert watcher.kinds == [EventKind.DATABASE_FAILED, EventKind.RECOVERED]


def test_another_database_in_its_place_is_not_answered_from(
    database: StatusDatabase, path: Path, ca: TinyCA
) -> None:
    """An empty one does not make every certificate a stranger's."""
    source = DatabaseSource(database, ca.certificate)
    other = path.with_suffix(".other")
    StatusDatabase.create(other).close()
    other.replace(path)

    answer = ask(source, ca, 1)
    assert answer.origin == "database"
    assert not isinstance(answer, (Known, Unlisted))


def test_text_from_outside_is_stored_as_it_is(database: StatusDatabase) -> None:
    assert {entry.actor for entry in database.audit()} == {ACTOR}


# --- indexes --------------------------------------------------------------------------------


def test_an_index_cut_at_every_byte_never_loses_a_revocation(tmp_path: Path, ca: TinyCA) -> None:
    path = tmp_path / "index.txt"
    whole = encode_index([valid(FINE), revoked(LOST), valid(1)])
    path.write_bytes(whole)
    index = OpenSSLIndex(path, ca.certificate, now=NOW)

    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        now = NOW + (size + 1) * LATER
        assert status_of(index, ca, FINE, now) == Good()
        assert isinstance(status_of(index, ca, LOST, now), Revoked)


def test_a_mutated_index_is_the_old_one_or_a_whole_new_one(tmp_path: Path, ca: TinyCA) -> None:
    """Noise may make another valid line; it never makes an exception or an empty answer."""
    path = tmp_path / "index.txt"
    whole = encode_index([valid(FINE), revoked(LOST)])
    path.write_bytes(whole)
    index = OpenSSLIndex(path, ca.certificate, now=NOW)
    dice = random.Random(2)

    for number in range(100):
        mutated = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        path.write_bytes(mutated)
        assert isinstance(status_of(index, ca, LOST, NOW + (number + 1) * LATER), Revoked)


def test_a_line_without_end_costs_no_more_than_its_bytes(tmp_path: Path, ca: TinyCA) -> None:
    path = tmp_path / "index.txt"
    path.write_bytes(b"V" * 5_000_000 + b"\n" + b"\t" * 5_000_000 + b"\n")

    with pytest.raises(ConfigError, match="line 1"):
        OpenSSLIndex(path, ca.certificate, now=NOW)


@pytest.mark.parametrize("kind", ["folder", "loop"])
def test_what_is_no_file_is_refused(tmp_path: Path, ca: TinyCA, kind: str) -> None:
    path = tmp_path / "index.txt"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)

    for source in (OpenSSLIndex, CRL):
        with pytest.raises(ConfigError, match=str(path)):
            source(path, ca.certificate, now=NOW)


# --- CRLs -----------------------------------------------------------------------------------


def test_a_crl_cut_at_every_byte_is_refused(ca: TinyCA) -> None:
    whole = crl(ca, FINE, LOST)

    for size in range(len(whole)):
        with pytest.raises(MalformedError):
            load_full_crl(whole[:size], ca.certificate, now=NOW)
    with pytest.raises(MalformedError):
        load_full_crl(whole + b"\0", ca.certificate, now=NOW)


def test_a_crl_with_any_bit_flipped_is_refused_or_says_the_same(ca: TinyCA) -> None:
    """The count of unused bits before the signature is read, and means nothing."""
    whole = crl(ca, LOST)
    signed = load_full_crl(whole, ca.certificate, now=NOW).tbs_der

    for position in range(8 * len(whole)):
        mutated = bytearray(whole)
        mutated[position // 8] ^= 1 << position % 8
        try:
            believed = load_full_crl(bytes(mutated), ca.certificate, now=NOW)
        except MalformedError:
            continue
        assert believed.tbs_der == signed


@pytest.mark.parametrize("number", [0, -1, -(2**63), 2**159, 2**168 - 1, 2**400])
def test_odd_serial_numbers_in_a_crl_are_revoked_like_others(
    tmp_path: Path, ca: TinyCA, number: int
) -> None:
    entry = asn1.RevokedCertificate(
        user_certificate=number, revocation_date=UTCTime(NOW - DAY), crl_entry_extensions=None
    )
    path = tmp_path / "ca.crl"
    listed = [read_tlv(encode(entry), "entry")]
    path.write_bytes(altered_crl(ca, crl(ca), revoked_certificates=listed))
    source = CRL(path, ca.certificate, now=NOW)

    assert status_of(source, ca, number) == Revoked(NOW - DAY)
    assert isinstance(ask(source, ca, number + 1), Unlisted)
    assert decode(asn1.RevokedCertificate, encode(entry), "entry") == entry


def test_a_broken_entry_makes_the_whole_crl_unusable(ca: TinyCA) -> None:
    good = asn1.RevokedCertificate(
        user_certificate=FINE, revocation_date=UTCTime(NOW - DAY), crl_entry_extensions=None
    )
    listed = [read_tlv(encode(good), "entry"), read_tlv(b"\x30\x03\x02\x01\x05", "entry")]
    broken = altered_crl(ca, crl(ca), revoked_certificates=listed)

    with pytest.raises(MalformedError, match="revokedCertificates"):
        CRLIndex(load_full_crl(broken, ca.certificate, now=NOW), ca.certificate.subject)
