"""Whatever is done to the status database, its trail tells it whole, and revoked stays revoked."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from certstatus.errors import ChangeError
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import (
    DatabaseSource,
    IndexEntry,
    Known,
    Revocation,
    Status,
    StatusDatabase,
    Unlisted,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.books import NOW, ask, crl, revoked, valid

CA = TinyCA()
SERIALS = (0, 1, 0x9A, 2**64, 2**158)

serials = st.sampled_from(SERIALS)
reasons = st.sampled_from([None, *CRLReason])
ago = st.sampled_from(
    [None, timedelta(0), timedelta(hours=1), timedelta(days=3), -timedelta(days=1)]
)
wishes = st.builds(
    lambda reason, since, invalid: Revocation(
        reason=reason,
        revocation_time=None if since is None else NOW - since,
        invalidity_date=None if invalid is None else NOW - invalid,
    ),
    reasons,
    ago,
    ago,
)
lines = st.builds(
    lambda serial, is_revoked, reason, since: (
        revoked(serial, reason, at=NOW - since) if is_revoked else valid(serial)
    ),
    serials,
    st.booleans(),
    st.sampled_from([None, CRLReason.KEY_COMPROMISE, CRLReason.CERTIFICATE_HOLD]),
    st.sampled_from([timedelta(0), timedelta(days=3)]),
)
indexes = st.lists(lines, max_size=4, unique_by=lambda line: line.serial_number)


@cache
def empty_database() -> bytes:
    """Make a database once, for every run to copy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        StatusDatabase.create(path).close()
        return path.read_bytes()


class Books(RuleBasedStateMachine):
    """Changes of all kinds, in any order, some of them refused."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        path = self.folder / "status.db"
        path.write_bytes(empty_database())
        self.database = StatusDatabase(path)
        self.issuer = self.database.add_issuer(CA.certificate, actor="alice", now=NOW)
        self.source = DatabaseSource(self.database, CA.certificate)
        self.final: dict[int, Revoked] = {}
        self.crl_number = 0

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def attempt(self, change: Any, *arguments: Any) -> None:
        """Make a change; one that is refused must leave no trace."""
        before = self.database.last_change()
        try:
            change(self.issuer, *arguments, actor="alice", now=NOW)
        except ChangeError:
            assert self.database.last_change() == before

    @rule(serial=serials)
    def add(self, serial: int) -> None:
        self.attempt(self.database.add, serial)

    @rule(serial=serials, wish=wishes)
    def revoke(self, serial: int, wish: Revocation) -> None:
        self.attempt(self.database.revoke, serial, wish)

    @rule(serial=serials, wish=wishes)
    def hold(self, serial: int, wish: Revocation) -> None:
        self.attempt(self.database.hold, serial, wish)

    @rule(serial=serials)
    def release(self, serial: int) -> None:
        self.attempt(self.database.release, serial)

    @rule(index=indexes)
    def take_index(self, index: list[IndexEntry]) -> None:
        import_file(self.database, encode_index(index), where="index.txt", actor="bob", now=NOW)

    @rule(listed=st.sets(serials, max_size=3))
    def take_crl(self, listed: set[int]) -> None:
        self.crl_number += 1
        # A CRL can't be built with serial number 0.
        data = crl(CA, *(listed - {0}), number=self.crl_number)
        import_file(self.database, data, where="ca.crl", actor="bob", now=NOW)

    @invariant()
    def the_trail_replays_to_what_stands(self) -> None:
        replayed: dict[int | None, Any] = {}
        for entry in self.database.audit():
            if entry.serial_number is not None:
                assert replayed.get(entry.serial_number) == entry.before
                assert entry.before != entry.after
                replayed[entry.serial_number] = entry.after

        assert replayed == {one.serial_number: one.told() for one in self.database.records()}

    @invariant()
    def a_revocation_is_final(self) -> None:
        standing = {one.serial_number: one for one in self.database.records()}
        for serial, was in self.final.items():
            assert standing[serial].cert_status == was
        for serial, record in standing.items():
            if record.status is Status.REVOKED:
                assert isinstance(record.cert_status, Revoked)
                self.final[serial] = record.cert_status

    @invariant()
    def the_source_says_what_stands(self) -> None:
        standing = {one.serial_number: one.cert_status for one in self.database.records()}
        for serial in SERIALS:
            answer = ask(self.source, CA, serial)
            if serial in standing:
                assert isinstance(answer, Known)
                assert answer.cert_status == standing[serial]
            else:
                assert isinstance(answer, Unlisted)

    @invariant()
    def no_revocation_lies_in_the_future(self) -> None:
        for record in self.database.records():
            moment: datetime | None = record.revocation_time
            assert moment is None or moment <= NOW
            assert isinstance(record.cert_status, Good) == (moment is None)


BooksTest = Books.TestCase
BooksTest.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
