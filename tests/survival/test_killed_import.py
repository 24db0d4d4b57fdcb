"""``db import`` and ``db revoke`` killed at any moment: whole or not at all, and told as done."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certstatus.pkix import CRLReason
from certstatus.sources import CertificateRecord, Status
from certstatus.testing import TinyCA
from tests.ledgers import in_order
from tests.nursery import Ended, Nursery, Strikes
from tests.survival.conftest import Books, Serving

FILES = 2
ENTRIES = 60
"""Lines of each index: more than the twenty from which on PostgreSQL copies."""

FEWER = 3
"""A CRL is imported in one transaction, as an index is: a third of the rounds will do."""


def write_indexes(folder: Path) -> list[Path]:
    """Write indexes with serial numbers of their own, every tenth of them revoked."""
    files = []
    for number in range(FILES):
        file = folder / f"index-{number}.txt"
        lines = []
        for entry in range(ENTRIES):
            serial = 0x1000 * (number + 1) + entry
            is_revoked = entry % 10 == 0
            state, at = ("R", "261101000000Z,superseded") if is_revoked else ("V", "")
            lines.append(f"{state}\t291231235959Z\t{at}\t{serial:04X}\tunknown\t/CN={serial}\n")
        file.write_text("".join(lines), "ascii")
        files.append(file)
    return files


def whole_files(listed: dict[int, CertificateRecord]) -> set[int]:
    """Return the numbers of the indexes that are listed; none is listed in part."""
    counts: dict[int, int] = {}
    for serial, record in listed.items():
        file, entry = divmod(serial, 0x1000)
        counts[file - 1] = counts.get(file - 1, 0) + 1
        assert record.status is (Status.REVOKED if entry % 10 == 0 else Status.GOOD)
    assert set(counts.values()) <= {ENTRIES}, counts
    return set(counts)


def told_as_done(ended: Ended) -> set[int]:
    return {int(n) for n in re.findall(rf"index-(\d)\.txt: {ENTRIES} added", ended.said)}


def test_an_import_that_is_killed_leaves_whole_files_and_what_it_told(
    books: Books, nursery: Nursery, tmp_path: Path, rounds: int
) -> None:
    files = write_indexes(tmp_path)
    command = ("db", "import", *files, *books.of)
    books.afresh()
    undisturbed = nursery.run(*command)
    assert undisturbed.code == 0, undisturbed.said
    assert whole_files(in_order(books.location)) == told_as_done(undisturbed) == set(range(FILES))

    killed = 0
    for strike in Strikes(nursery, rounds, undisturbed.seconds):
        books.afresh()
        ended = strike(*command)
        killed += ended.was_killed
        whole = whole_files(in_order(books.location))
        # One more than was told: committed, and killed before it could say so.
        assert told_as_done(ended) <= whole == set(range(len(whole)))
        assert len(whole) <= len(told_as_done(ended)) + 1

    assert killed > rounds / 4
    again = nursery.run(*command)
    assert again.code == 0, again.said
    assert whole_files(in_order(books.location)) == set(range(FILES))


def test_a_crl_import_that_is_killed_revokes_all_of_it_or_nothing(
    sqlite: Books, nursery: Nursery, ca: TinyCA, tmp_path: Path, rounds: int
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    listed = [(n, now - timedelta(days=1), CRLReason.SUPERSEDED) for n in range(1, 201)]
    crl = tmp_path / "ca.crl"
    crl.write_bytes(ca.crl(listed, this_update=now - timedelta(hours=1)))
    command = ("db", "import", crl, *sqlite.of)
    sqlite.afresh()
    undisturbed = nursery.run(*command)
    assert undisturbed.code == 0, undisturbed.said
    assert len(in_order(sqlite.location)) == len(listed)

    for strike in Strikes(nursery, rounds // FEWER, undisturbed.seconds):
        sqlite.afresh()
        ended = strike(*command)
        count = len(in_order(sqlite.location))
        assert count in {0, len(listed)}
        assert count or "200" not in ended.said


def test_a_revocation_that_is_killed_is_whole_and_served_as_it_stands(
    books: Books, nursery: Nursery, serving: Serving, tmp_path: Path, rounds: int
) -> None:
    """One after the other on the same books: none that was told is missing, or taken back."""
    file, *_ = write_indexes(tmp_path)
    assert nursery.run("db", "import", file, *books.of).code == 0
    serials = [0x1000 + n for n in range(ENTRIES) if n % 10]
    seconds = nursery.run("db", "revoke", f"{serials.pop():X}", *books.of).seconds

    revoked: list[int] = []
    killed = 0
    with serving(books) as responder:
        for n, strike in enumerate(Strikes(nursery, rounds, seconds)):
            serial = serials[n % len(serials)]
            command = ("db", "revoke", f"{serial:X}", "--reason", "keyCompromise", *books.of)
            ended = strike(*command)
            assert ended.was_killed or ended.code == 0, ended.said
            killed += ended.was_killed
            listed = in_order(books.location)
            if listed[serial].status is Status.REVOKED:
                revoked.append(serial)
            else:
                assert ended.was_killed
            assert all(listed[one].status is Status.REVOKED for one in revoked)
            for asked in (serial, revoked[-1] if revoked else serial, serials[-1]):
                assert responder.says(asked) == listed[asked].cert_status

    assert killed > rounds / 4
