"""No room for another octet, at any moment of an import or a revocation: nothing half, and said.

The kernel refuses what goes past a file's size (RLIMIT_FSIZE), each time a little later.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from certstatus.errors import SourceError
from certstatus.sources import Status
from tests.ledgers import in_order
from tests.nursery import Ended, Nursery
from tests.survival.conftest import Books
from tests.survival.test_killed_import import (
    ENTRIES,
    FILES,
    told_as_done,
    whole_files,
    write_indexes,
)

STEP = 512
FEWER = 3
"""A round here takes long, and the moments are chosen, not drawn: a third of them sees all."""


def is_told(ended: Ended, books: Books) -> bool:
    """Whether it says in a line what is wrong with which database, and ends as unreachable."""
    line = rf"certstatus: database {re.escape(books.location)} .*(disk|locked|written)"
    return ended.code == SourceError.exit_code and re.search(line, ended.said) is not None


def largest(books: Books) -> int:
    """Return how large the database's largest file is, the write-ahead log included."""
    place = Path(books.location)
    return max(one.stat().st_size for one in place.parent.glob(f"{place.name}*"))


def test_an_import_without_room_leaves_whole_files_and_goes_on_when_there_is(
    sqlite: Books, nursery: Nursery, tmp_path: Path, rounds: int
) -> None:
    files, rounds = write_indexes(tmp_path), rounds // FEWER
    command = ("db", "import", *files, *sqlite.of)
    smallest = largest(sqlite)
    assert nursery.run(*command).code == 0
    needed = largest(sqlite)

    full = 0
    for number in range(rounds):
        sqlite.afresh()
        room = smallest + (needed - smallest) * number // rounds
        ended = nursery.run(*command, file_size=room)
        whole = whole_files(in_order(sqlite.location))
        assert told_as_done(ended) == whole == set(range(len(whole)))
        if ended.code:
            assert is_told(ended, sqlite), (ended.code, ended.said)
            full += 1
        if number % 5 == 0:
            assert nursery.run(*command).code == 0
            assert whole_files(in_order(sqlite.location)) == set(range(FILES))

    assert full > rounds / 2


def test_a_revocation_without_room_is_not_told_and_is_there_when_it_was(
    sqlite: Books, nursery: Nursery, tmp_path: Path, rounds: int
) -> None:
    file, *_ = write_indexes(tmp_path)
    assert nursery.run("db", "import", file, *sqlite.of).code == 0
    rounds //= FEWER
    serials = [0x1000 + n for n in range(ENTRIES) if n % 10]

    full = 0
    for number in range(rounds):
        serial = serials[number % len(serials)]
        room = (number * FEWER + 2) * STEP  # what the command says needs some, too
        ended = nursery.run("db", "revoke", f"{serial:X}", *sqlite.of, file_size=room)
        is_revoked = in_order(sqlite.location)[serial].status is Status.REVOKED
        if ended.code:
            assert is_told(ended, sqlite), (ended.code, ended.said)
            full += 1
        assert is_revoked or ended.code
        if ended.code and not is_revoked:
            assert nursery.run("db", "revoke", f"{serial:X}", *sqlite.of).code == 0

    assert full > rounds / 10


@pytest.mark.parametrize("octets", [1024, 4096, 16_384])
def test_a_database_that_has_no_room_is_not_made(
    sqlite: Books, nursery: Nursery, tmp_path: Path, octets: int
) -> None:
    place = tmp_path / "new.db"

    ended = nursery.run("db", "init", "--database", place, file_size=octets)

    assert ended.code == SourceError.exit_code, ended.said
    assert f"database {place} " in ended.said
    assert not list(tmp_path.glob("new.db*"))
    assert nursery.run("db", "init", "--database", place).code == 0
    assert in_order(place) == {}
