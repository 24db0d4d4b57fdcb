"""One CA told by CRL, by database, by index and by tree: the same answers (E1)."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.pkix import CRLReason
from certstatus.sources import Answer, EntryExtensions, Known, Source, StatusDatabase, Unlisted
from certstatus.testing import TinyCA
from tests.books import DAY, NOW
from tests.population import (
    HISTORIES,
    POPULATIONS,
    Changes,
    Population,
    Revoked,
    answers,
    crl_of,
    fill,
    in_crl,
    in_database,
    in_index,
    in_tree,
    index_of,
    strangers,
)
from tests.postgresql import PostgreSQL

CA = TinyCA()
EXTENSIONS = st.sampled_from(EntryExtensions)
BASE, NEXT = NOW - DAY, NOW - timedelta(hours=1)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make an empty database once, for every example to copy."""
    path = tmp_path_factory.mktemp("agree") / "empty.db"
    StatusDatabase.create(path).close()
    return path.read_bytes()


@contextmanager
def books(folder: str, empty: bytes, *files: bytes) -> Iterator[StatusDatabase]:
    """Lend a database that these files were imported into."""
    path = Path(folder) / "status.db"
    path.write_bytes(empty)
    with StatusDatabase(path) as database:
        fill(database, CA, *files)
        yield database
    path.unlink()


def said(source: Source, serials: list[int]) -> dict[int, object]:
    """Return what a client would see of each: status and extensions; or why it sees none."""
    return {serial: _seen(answer) for serial, answer in answers(source, CA, serials).items()}


def _seen(answer: Answer) -> object:
    if isinstance(answer, Known):
        return answer.cert_status, answer.single_extensions
    assert isinstance(answer, Unlisted)
    return "never issued" if answer.lists_issued else "not listed"


# --- at one moment --------------------------------------------------------------------------


@pytest.mark.rule("E1", "C9", "C10", "O12", "O28")
@settings(max_examples=40)
@given(population=POPULATIONS, extensions=EXTENSIONS)
def test_index_crl_and_database_say_the_same(
    empty: bytes, population: Population, extensions: EntryExtensions
) -> None:
    serials = [*population, *strangers(population)]
    der = crl_of(CA, population)
    issued = index_of(dict.fromkeys(population))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = said(in_index(folder, CA, population, extensions), serials)
        by_crl = said(in_crl(folder, CA, population, extensions, der), serials)
        with books(name, empty, index_of(population)) as database:
            by_index = said(in_database(database, CA, extensions), serials)
        with books(name, empty, issued, der) as database:
            by_issued_and_crl = said(in_database(database, CA, extensions), serials)

    assert by_crl == expected
    assert by_index == expected
    assert by_issued_and_crl == expected
    assert {serial for serial, one in expected.items() if one != "never issued"} == set(population)


@pytest.mark.rule("E1", "C10")
@settings(max_examples=40)
@given(population=POPULATIONS, extensions=EXTENSIONS)
def test_what_lists_revocations_alone_says_the_same_of_them_and_nothing_of_the_rest(
    population: Population, extensions: EntryExtensions
) -> None:
    serials = [*population, *strangers(population)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = said(in_index(folder, CA, population, extensions), serials)
        by_tree = said(in_tree(folder, CA, population, extensions), serials)

    for serial in serials:
        is_revoked = population.get(serial) is not None
        assert by_tree[serial] == (expected[serial] if is_revoked else "not listed")


# --- from one moment to the next ------------------------------------------------------------


@pytest.mark.rule("E1", "C2", "C3")
@settings(max_examples=40)
@given(history=HISTORIES, extensions=EXTENSIONS)
def test_full_and_delta_crl_say_what_the_next_full_one_does_and_the_database_too(
    empty: bytes, history: tuple[Population, Changes], extensions: EntryExtensions
) -> None:
    before, changes = history
    after, delta = changed(before, changes)
    serials = [*after, *strangers(after)]
    base = crl_of(CA, before, number=1, this_update=BASE)
    added = crl_of(CA, delta, number=2, delta_of=1, this_update=NEXT)
    full = crl_of(CA, after, number=2, this_update=NEXT)
    issued = index_of(dict.fromkeys(after))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = said(in_index(folder, CA, after, extensions), serials)
        by_full = said(in_crl(folder, CA, after, extensions, full), serials)
        by_delta = said(in_crl(folder, CA, after, extensions, base, added), serials)
        with books(name, empty, issued, base, added) as database:
            by_database = said(in_database(database, CA, extensions), serials)

    assert by_full == expected
    assert by_delta == expected
    assert by_database == expected


def changed(
    before: Population, changes: Changes
) -> tuple[dict[int, Revoked | None], dict[int, Revoked | None]]:
    """Change what may change; return what stands then, and the delta's entries."""
    after, delta = dict(before), dict[int, Revoked | None]()
    for serial, change in changes.items():
        stands = before.get(serial)
        is_final = stands is not None and not stands.is_hold
        if isinstance(change, Revoked) and not is_final:
            if stands is not None and change.is_hold:
                continue
            after[serial] = delta[serial] = change
        elif stands is not None and stands.is_hold:
            after[serial] = delta[serial] = None
    return after, delta


# --- on PostgreSQL, and many ------------------------------------------------------------------


def many(count: int) -> dict[int, Revoked | None]:
    """Make a population, half of it revoked; the same in every run."""
    chance = random.Random(5)
    found: dict[int, Revoked | None] = {}
    for _ in range(count):
        serial = chance.getrandbits(chance.choice((20, 64, 127, 158))) + 1
        moment = NOW - timedelta(days=chance.randrange(2, 900))
        what = Revoked(moment, chance.choice(REASONS))
        found[serial] = what if chance.random() < 0.5 else None
    return found


REASONS = (None, CRLReason.SUPERSEDED, CRLReason.CERTIFICATE_HOLD, CRLReason.KEY_COMPROMISE)


@pytest.mark.rule("E1")
@pytest.mark.parametrize("extensions", EntryExtensions)
def test_postgresql_says_what_crl_and_index_do(
    postgresql: PostgreSQL, tmp_path: Path, extensions: EntryExtensions
) -> None:
    population = many(600)
    serials = [*population, *strangers(list(population)[::20])]
    der = crl_of(CA, population)
    with StatusDatabase.create(postgresql.new_database()) as database:
        fill(database, CA, index_of(dict.fromkeys(population)), der)
        by_database = said(in_database(database, CA, extensions), serials)

    assert by_database == said(in_index(tmp_path, CA, population, extensions), serials)
    assert by_database == said(in_crl(tmp_path, CA, population, extensions, der), serials)
    assert len({str(one) for one in by_database.values()}) > 200
