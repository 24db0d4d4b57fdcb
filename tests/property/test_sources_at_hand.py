"""Whatever a source says at hand, its status says as well: whatever it holds, and whatever changes."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import ChangeError, SourceError
from certstatus.limits import MAX_SERIAL_OCTETS
from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import (
    CRL,
    Answer,
    AtHand,
    DatabaseSource,
    EventKind,
    Known,
    OpenSSLIndex,
    RevocationTree,
    Source,
    Stack,
    StatusDatabase,
)
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, NOW, Entry, Watcher, crl, revoked, valid, write_index
from tests.trees import entry, tree

CA = TinyCA()
LONG = 1 << 8 * MAX_SERIAL_OCTETS
SERIALS = (1, 0x7F, 0x80, 2**64, 2**158, LONG + 1)
STRANGERS = (0, 2, -0x80, 2**63, -LONG)
"""Serial numbers that are never listed: zero, unheard of, negative, of 21 octets."""

statuses = st.sampled_from(["good", "revoked", "held", "absent"])
populations = st.fixed_dictionaries(dict.fromkeys(SERIALS, statuses))
since = st.sampled_from([None, NOW - timedelta(hours=1)])
waits = st.sampled_from(
    [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(milliseconds=300),
        timedelta(seconds=1),
        timedelta(seconds=-5),
        timedelta(days=1),
        timedelta(days=2),
    ]
)
steps = st.lists(st.tuples(waits, st.none() | st.tuples(populations, since)), max_size=6)

_moments = itertools.count(1_000_000_000)


def put(path: Path, data: bytes) -> None:
    """Write a file in one step, as old as no other was, so that no look has to read it again."""
    aside = path.with_suffix(".new")
    aside.write_bytes(data)
    at = next(_moments)
    os.utime(aside, (at, at))
    aside.replace(path)


class Books(Protocol):
    """A source, and how its contents are changed."""

    @property
    def source(self) -> Source: ...

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None: ...


class IndexBooks:
    def __init__(self, folder: Path, watcher: Watcher) -> None:
        self.path = folder / "index.txt"
        self.listed: set[int] = set()
        self.fill({}, None)
        self.source = OpenSSLIndex(self.path, CA.certificate, now=NOW, observer=watcher)

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None:
        reasons = {"revoked": CRLReason.KEY_COMPROMISE, "held": CRLReason.CERTIFICATE_HOLD}
        self.listed.update(one for one, status in population.items() if status != "absent")
        lines = [
            revoked(one, reasons[population[one]]) if population.get(one) in reasons else valid(one)
            for one in self.listed
        ]
        write_index(self.path, *lines)
        at = next(_moments)
        os.utime(self.path, (at, at))


class CRLBooks:
    """A full CRL in a folder, and issued serials beside it where they are listed."""

    def __init__(self, folder: Path, watcher: Watcher, *, lists_issued: bool) -> None:
        self.folder = folder / "crls"
        self.folder.mkdir()
        self.issued = folder / "issued.txt" if lists_issued else None
        self.number = 0
        self.fill({}, None)
        self.source = CRL(
            self.folder,
            CA.certificate,
            now=NOW,
            observer=watcher,
            issued=self.issued,
            crl_id=True,
        )

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None:
        extensions = {"revoked": (), "held": (HOLD,)}
        entries: list[Entry] = [
            (serial, extensions[status])
            for serial, status in population.items()
            if status in extensions and serial < LONG  # the builder takes no longer one
        ]
        self.number += 1
        put(self.folder / "ca.crl", crl(CA, *entries, number=self.number))
        if self.issued is not None:
            put(self.issued, b"".join(b"%X\n" % one for one in SERIALS))


class TreeBooks:
    def __init__(self, folder: Path, watcher: Watcher) -> None:
        self.path = folder / "ca.tree"
        self.fill({}, None)
        self.source = RevocationTree(self.path, CA.certificate, now=NOW, observer=watcher)

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None:
        lost = [entry(serial) for serial, one in population.items() if one in ("revoked", "held")]
        put(self.path, tree(CA, *lost))


@cache
def empty_database() -> bytes:
    """Make a database once, for every run to copy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        StatusDatabase.create(path).close()
        return path.read_bytes()


class DatabaseBooks:
    def __init__(self, folder: Path, watcher: Watcher, closing: ExitStack) -> None:
        path = folder / "status.db"
        path.write_bytes(empty_database())
        self.database = closing.enter_context(StatusDatabase(path))
        self.other = closing.enter_context(StatusDatabase(path))
        self.issuer = self.database.add_issuer(CA.certificate, actor="alice", now=NOW)
        self.source = DatabaseSource(self.database, CA.certificate, observer=watcher)

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None:
        changes = {
            "good": self.other.release,
            "revoked": self.other.revoke,
            "held": self.database.hold,
            "absent": self.database.release,
        }
        for serial, status in population.items():
            for change in (self.database.add, changes[status]) if status != "absent" else ():
                try:
                    change(self.issuer, serial, actor="alice", now=NOW)
                except ChangeError:
                    continue
        self.database.set_ca_compromised(self.issuer, compromised, actor="alice", now=NOW)


class StackBooks:
    """A CRL over an index: they disagree wherever one was filled later than the other."""

    def __init__(self, folder: Path, watcher: Watcher) -> None:
        self.members = (
            CRLBooks(folder, watcher, lists_issued=False),
            IndexBooks(folder, watcher),
        )
        self.source = Stack(*(one.source for one in self.members), observer=watcher)
        self.turn = 0

    def fill(self, population: dict[int, str], compromised: datetime | None) -> None:
        self.turn += 1
        for member in self.members[: 1 + self.turn % 2]:
            member.fill(population, compromised)


@contextmanager
def opened(kind: str, watcher: Watcher) -> Iterator[Books]:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        match kind:
            case "index":
                yield IndexBooks(folder, watcher)
            case "crl" | "crl-and-issued":
                yield CRLBooks(folder, watcher, lists_issued=kind != "crl")
            case "tree":
                yield TreeBooks(folder, watcher)
            case "database":
                yield DatabaseBooks(folder, watcher, closing)
            case _:
                yield StackBooks(folder, watcher)


async def status(source: Source, serial: int, now: datetime) -> Answer | None:
    """Ask for the status; None: try later."""
    try:
        return await source.status(CertID.of(CA.certificate, serial), now)
    except SourceError:
        return None


async def agree(source: Source, watcher: Watcher, now: datetime) -> None:
    """Hold what is at hand to the status: before status has done what was due, and after it."""
    assert isinstance(source, AtHand)
    for serial in (*SERIALS, *STRANGERS):
        await asyncio.sleep(0)  # a turn of its own
        before = source.at_hand(serial, now)
        told = len(watcher.events)
        said = await status(source, serial, now)
        assert before in (None, said)
        if before is not None:  # then status had nothing to do that counts
            assert watcher.events[told:] == []

        after = source.at_hand(serial, now)
        assert after in (None, said)
        if EventKind.DISAGREEMENT not in [one.kind for one in watcher.events[told:]]:
            assert (after is None) == (said is None or may_decline(source, serial, now))
        if not is_revoked(said):
            assert after is None or after is source.at_hand(serial, now)


def may_decline(source: Source, serial: int, now: datetime) -> bool:
    """Whether a source leaves to status what is odd, or what one of several can't know now."""
    if isinstance(source, DatabaseSource):
        return not 0 <= serial < LONG
    return isinstance(source, Stack) and now >= NOW + DAY


def is_revoked(answer: Answer | None) -> bool:
    return isinstance(answer, Known) and isinstance(answer.cert_status, Revoked)


async def live_through(
    books: Books,
    watcher: Watcher,
    history: list[tuple[timedelta, tuple[dict[int, str], datetime | None] | None]],
) -> None:
    now = NOW
    await agree(books.source, watcher, now)
    for wait, filling in history:
        now += wait
        if filling is not None:
            books.fill(*filling)
        await agree(books.source, watcher, now)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["index", "crl", "crl-and-issued", "tree", "database", "stack"]),
    history=steps,
)
def test_what_is_at_hand_is_what_status_says(
    kind: str, history: list[tuple[timedelta, tuple[dict[int, str], datetime | None] | None]]
) -> None:
    watcher = Watcher()
    with opened(kind, watcher) as books:
        asyncio.run(live_through(books, watcher, history))
