"""What a tree is built from: nothing that is not to be believed, nothing that leaves a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from certstatus.errors import MalformedError
from certstatus.pkix import CRLReason, RevokedEntry
from certstatus.sources import Revocation, StatusDatabase, encode_index
from certstatus.sources.crt import books_of_crl, books_of_index, books_of_records
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, crl, revoked, scope, valid

LOST, FINE = 0x9B, 0x9A


@pytest.mark.rule("C9")
def test_a_crls_times_go_over_to_the_tree(ca: TinyCA) -> None:
    books = books_of_crl(crl(ca, LOST), ca.certificate, now=NOW)

    assert (books.this_update, books.next_update) == (NOW - DAY, NOW + DAY)
    assert books.entries == (RevokedEntry(serial_number=LOST, revocation_date=NOW - 2 * DAY),)


@pytest.mark.rule("C9")
def test_no_tree_is_built_from_an_expired_crl(ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="expired on 2026-11-22 12:00:00Z"):
        books_of_crl(crl(ca, LOST), ca.certificate, now=NOW + DAY)


@pytest.mark.rule("C8")
def test_no_tree_is_built_from_a_strangers_crl(ca: TinyCA, other_ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="not to be believed"):
        books_of_crl(crl(other_ca, LOST), ca.certificate, now=NOW)


@pytest.mark.rule("C4")
def test_no_tree_is_built_from_a_crl_that_leaves_certificates_out(ca: TinyCA) -> None:
    partial = crl(ca, LOST, extensions=[scope(only_contains_user_certs=True)])

    with pytest.raises(MalformedError, match="covers user certificates only, and a tree speaks"):
        books_of_crl(partial, ca.certificate, now=NOW)


def test_an_index_gives_what_it_revokes_as_of_now() -> None:
    data = encode_index([valid(FINE), revoked(LOST), revoked(0x9C, CRLReason.CERTIFICATE_HOLD)])
    books = books_of_index(data, now=NOW)

    assert (books.this_update, books.next_update) == (NOW, None)
    assert [(one.serial_number, one.reason) for one in books.entries] == [
        (LOST, CRLReason.KEY_COMPROMISE),
        (0x9C, CRLReason.CERTIFICATE_HOLD),
    ]


def test_a_database_gives_what_is_revoked_and_what_is_on_hold(tmp_path: Path, ca: TinyCA) -> None:
    with StatusDatabase.create(tmp_path / "status.db") as database:
        issuer = database.add_issuer(ca.certificate, actor="me", now=NOW)
        for number in (FINE, LOST, 0x9C):
            database.add(issuer, number, actor="me", now=NOW)
        wish = Revocation(reason=CRLReason.KEY_COMPROMISE, invalidity_date=NOW - DAY)
        database.revoke(issuer, LOST, wish, actor="me", now=NOW)
        database.hold(issuer, 0x9C, Revocation(), actor="me", now=NOW)
        books = books_of_records(database.records(issuer), now=NOW)

    assert books.entries == (
        RevokedEntry(
            serial_number=LOST,
            revocation_date=NOW,
            reason=CRLReason.KEY_COMPROMISE,
            invalidity_date=NOW - DAY,
        ),
        RevokedEntry(serial_number=0x9C, revocation_date=NOW, reason=CRLReason.CERTIFICATE_HOLD),
    )
