"""The database: every change with its line in a trail that nobody can rewrite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from certstatus.errors import ChangeError, MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.pkix import CRLReason
from certstatus.sources import (
    AuditEntry,
    CertificateRecord,
    Issuer,
    Revocation,
    Status,
    StatusDatabase,
)
from certstatus.testing import TinyCA
from tests.books import DAY, LATER, NOW

ACTOR = "alice"
LOST = Revocation(revocation_time=NOW - DAY, reason=CRLReason.KEY_COMPROMISE)


@pytest.fixture
def leaf(database: StatusDatabase, issuer: Issuer) -> CertificateRecord:
    """List 1000."""
    return database.add(issuer, 1000, actor=ACTOR, now=NOW)


def trail(database: StatusDatabase) -> list[tuple[str, int | None]]:
    return [(entry.action, entry.serial_number) for entry in database.audit()]


# --- issuers --------------------------------------------------------------------------------


def test_an_issuer_is_listed_once(database: StatusDatabase, ca: TinyCA) -> None:
    first = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)

    assert database.add_issuer(ca.certificate, actor=ACTOR, now=NOW) == first
    assert database.issuers() == (first,)
    assert trail(database) == [("add-issuer", None)]


@pytest.mark.above_the_engine
def test_a_renewed_certificate_is_the_same_issuer(database: StatusDatabase, ca: TinyCA) -> None:
    """One name and one key: the same CertIDs, whatever the certificate."""
    issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
    renewed = TinyCA(not_after=ca.not_after + 365 * DAY, key=ca.key)

    assert renewed.certificate != ca.certificate
    assert database.issuer(renewed.certificate) == issuer


@pytest.mark.above_the_engine
def test_a_new_key_is_another_issuer(database: StatusDatabase, ca: TinyCA) -> None:
    """A CA with two keys is two issuers: RFC 6960 §4.2.2.2 binds status to the key."""
    issuer = database.add_issuer(ca.certificate, actor=ACTOR, now=NOW)
    rekeyed = TinyCA()

    assert database.issuer(rekeyed.certificate) is None
    assert database.add_issuer(rekeyed.certificate, actor=ACTOR, now=NOW).id != issuer.id


def test_the_signer_of_a_certificate_is_found_by_its_signature(
    database: StatusDatabase, ca: TinyCA, issuer: Issuer
) -> None:
    rekeyed = database.add_issuer(TinyCA().certificate, actor=ACTOR, now=NOW)

    assert rekeyed.subject == issuer.subject
    assert database.signer_of(ca.issue().certificate) == issuer
    assert database.signer_of(TinyCA().issue().certificate) is None


# --- changes --------------------------------------------------------------------------------


def test_a_serial_is_listed_before_its_certificate_exists(
    database: StatusDatabase, issuer: Issuer
) -> None:
    record = database.add(
        issuer, 2**159, not_after=NOW + DAY, subject="CN=leaf", actor=ACTOR, now=NOW
    )

    assert database.record(issuer, 2**159) == record
    assert record.status is Status.GOOD
    with pytest.raises(ChangeError, match="is listed already"):
        database.add(issuer, 2**159, actor=ACTOR, now=NOW)


@pytest.mark.parametrize("number", [0, 1, -1, 0x80, 2**63, 2**64, 2**160, -(2**70)])
def test_a_serial_number_of_any_size_and_sign_is_listed(
    database: StatusDatabase, issuer: Issuer, number: int
) -> None:
    database.add(issuer, number, actor=ACTOR, now=NOW)

    assert [record.serial_number for record in database.records()] == [number]
    assert database.record(issuer, number + 1) is None


def test_a_serial_number_beyond_the_limit_is_never_listed(
    database: StatusDatabase, issuer: Issuer
) -> None:
    number = 1 << 8 * MAX_LISTED_SERIAL_OCTETS

    assert database.record(issuer, number) is None
    for attempt in (database.add, database.revoke, database.hold, database.release):
        with pytest.raises(MalformedError, match=f"{MAX_LISTED_SERIAL_OCTETS} octets"):
            attempt(issuer, number, actor=ACTOR, now=NOW)


def test_one_serial_of_two_issuers_is_two_certificates(
    database: StatusDatabase, issuer: Issuer, leaf: CertificateRecord, other_ca: TinyCA
) -> None:
    other = database.add_issuer(other_ca.certificate, actor=ACTOR, now=NOW)
    database.add(other, 1000, actor=ACTOR, now=NOW)
    database.revoke(other, 1000, actor=ACTOR, now=NOW)

    assert database.record(issuer, 1000) == leaf


def test_revoke_hold_and_release_are_kept(
    database: StatusDatabase, issuer: Issuer, leaf: CertificateRecord
) -> None:
    held = database.hold(issuer, 1000, actor=ACTOR, now=NOW)
    assert database.record(issuer, 1000) == held
    assert held.status is Status.HOLD

    assert database.release(issuer, 1000, actor=ACTOR, now=NOW) == leaf
    assert database.record(issuer, 1000) == leaf

    lost = database.revoke(issuer, 1000, LOST, actor=ACTOR, now=NOW)
    assert database.record(issuer, 1000) == lost
    assert lost.status is Status.REVOKED


def test_every_change_has_its_line_and_no_change_has_none(
    database: StatusDatabase, issuer: Issuer, leaf: CertificateRecord
) -> None:
    database.hold(issuer, 1000, actor="bob", now=NOW, note="card not found")
    database.hold(issuer, 1000, actor="bob", now=NOW + LATER)
    database.release(issuer, 1000, actor="bob", now=NOW)
    database.revoke(issuer, 1000, LOST, actor="bob", now=NOW + LATER)
    database.revoke(issuer, 1000, LOST, actor="bob", now=NOW + LATER)
    with pytest.raises(ChangeError):
        database.revoke(issuer, 1000, actor="bob", now=NOW)
    entries = list(database.audit(issuer, 1000))

    assert [entry.action for entry in entries] == ["add", "hold", "release", "revoke"]
    assert entries[1] == AuditEntry(
        id=3,
        at=NOW,
        actor="bob",
        action="hold",
        issuer_id=issuer.id,
        serial_number=1000,
        before={"status": "good"},
        after={
            "status": "hold",
            "revocationTime": "2026-11-21T12:00:00Z",
            "reason": "certificateHold",
        },
        note="card not found",
    )


@pytest.mark.parametrize("name", ["revoke", "hold", "release"])
@pytest.mark.above_the_engine
def test_what_is_not_listed_is_not_changed(
    database: StatusDatabase, issuer: Issuer, name: str
) -> None:
    with pytest.raises(ChangeError, match="serial 03E8 is not listed for CN=Tiny CA"):
        getattr(database, name)(issuer, 1000, actor=ACTOR, now=NOW)

    assert trail(database) == [("add-issuer", None)]


@pytest.mark.above_the_engine
def test_a_change_needs_someone_who_makes_it(database: StatusDatabase, issuer: Issuer) -> None:
    with pytest.raises(ChangeError, match="needs an actor"):
        database.add(issuer, 1000, actor="", now=NOW)


@pytest.mark.rule("O14")
def test_a_compromised_ca_is_marked_and_unmarked(database: StatusDatabase, issuer: Issuer) -> None:
    database.set_ca_compromised(issuer, NOW - DAY, actor=ACTOR, now=NOW)
    database.set_ca_compromised(issuer, NOW - DAY, actor=ACTOR, now=NOW)
    marked = database.issuers()[0]
    database.set_ca_compromised(marked, None, actor=ACTOR, now=NOW)

    assert marked.ca_compromised_at == NOW - DAY
    assert database.issuers() == (issuer,)
    assert [action for action, _ in trail(database)[1:]] == ["ca-compromised", "ca-not-compromised"]
    with pytest.raises(ChangeError, match="in the future"):
        database.set_ca_compromised(issuer, NOW + DAY, actor=ACTOR, now=NOW)


# --- the trail ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit (id, at, actor, action) VALUES (1, 0, 'nobody', 'add')",
        "REPLACE INTO audit (id, at, actor, action) VALUES (1, 0, 'nobody', 'add')",
    ],
)
def test_the_trail_is_append_only_for_everyone(
    database: StatusDatabase, issuer: Issuer, path: Path, statement: str
) -> None:
    before = list(database.audit())
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()

    assert list(database.audit()) == before


def test_ids_of_the_trail_are_never_used_again(database: StatusDatabase, issuer: Issuer) -> None:
    """A change that failed may leave a gap; the next id is higher all the same."""
    last = database.last_change()
    for number in range(3):
        database.add(issuer, number, actor=ACTOR, now=NOW)

    assert [entry.id for entry in database.audit(after=last)] == [last + 1, last + 2, last + 3]
    assert database.last_change() == last + 3


def test_an_empty_database_has_seen_no_change(database: StatusDatabase) -> None:
    assert database.last_change() == 0
    assert database.summary() == ()


# --- lists ----------------------------------------------------------------------------------


def test_lists_are_read_in_pages_without_loss(
    database: StatusDatabase, issuer: Issuer, other_ca: TinyCA, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = database.add_issuer(other_ca.certificate, actor=ACTOR, now=NOW)
    numbers = [-3, 0, 1, 255, 256, 2**64, 2**159]
    for number in reversed(numbers):
        database.add(other, number, actor=ACTOR, now=NOW)
        database.add(issuer, number, actor=ACTOR, now=NOW)
    everything = [(one, number) for one in (issuer.id, other.id) for number in numbers]

    for page in (1, 2, 7, 14, 1000):
        monkeypatch.setattr("certstatus.sources.database.store._PAGE", page)
        found = [(record.issuer_id, record.serial_number) for record in database.records()]
        assert found == everything
        assert len(list(database.audit())) == 16


def test_a_list_may_be_of_one_issuer_and_one_status(
    database: StatusDatabase, issuer: Issuer, other_ca: TinyCA
) -> None:
    other = database.add_issuer(other_ca.certificate, actor=ACTOR, now=NOW)
    for one in (issuer, other):
        for number in (1, 2):
            database.add(one, number, actor=ACTOR, now=NOW)
    database.revoke(other, 2, actor=ACTOR, now=NOW)

    assert [one.issuer_id for one in database.records(issuer)] == [issuer.id] * 2
    assert [one.serial_number for one in database.records(status=Status.REVOKED)] == [2]
    assert list(database.records(issuer, Status.REVOKED)) == []
    assert [one.counts for one in database.summary()] == [
        {Status.GOOD: 2},
        {Status.GOOD: 1, Status.REVOKED: 1},
    ]
