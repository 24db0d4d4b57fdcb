"""PostgreSQL ends connections, or dies, under an import: whole files or none, and said in a line."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certstatus.errors import SourceError
from tests.ledgers import in_order
from tests.nursery import Ended, Nursery
from tests.postgresql import PostgreSQL
from tests.survival.conftest import Books
from tests.survival.test_killed_import import FILES, told_as_done, whole_files, write_indexes

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'certstatus'"
)


@contextmanager
def meanwhile(seconds: float, strike: Callable[[], object]) -> Iterator[None]:
    """Do something after so many seconds, beside what is done here."""

    def wait_and_strike() -> None:
        time.sleep(seconds)
        strike()

    thread = threading.Thread(target=wait_and_strike)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def is_whole(ended: Ended, books: Books) -> bool:
    """Whether what is there is what was told, and a failure was told in a line."""
    if ended.code:
        assert ended.code == SourceError.exit_code, ended.said
        (line, *_) = (one for one in ended.said.splitlines() if one.startswith("certstatus: "))
        assert re.search(r"database postgresql://\S+ ", line)
    whole = whole_files(in_order(books.location))
    # One more than was told: committed, and the word of it lost with the connection.
    return told_as_done(ended) <= whole == set(range(len(whole)))


@pytest.fixture
def strike(request: pytest.FixtureRequest, postgresql: PostgreSQL) -> Callable[[], object]:
    """Give what the server does to us; it runs again afterwards."""
    if request.param == "terminates":
        return lambda: postgresql.execute(TERMINATE)

    def dies() -> None:
        postgresql.kill()
        postgresql.start()

    return dies


FEWER = 10
"""A server takes long to come back: a tenth of the rounds."""


@pytest.mark.parametrize("strike", ["terminates", "dies"], indirect=True)
def test_an_import_under_a_server_that_fails_is_whole_or_told_as_failed(
    strike: Callable[[], object],
    on_postgresql: Books,
    nursery: Nursery,
    tmp_path: Path,
    rounds: int,
) -> None:
    command = ("db", "import", *write_indexes(tmp_path), *on_postgresql.of)
    seconds = nursery.run(*command).seconds

    for _ in range(rounds // FEWER):
        on_postgresql.afresh()
        with meanwhile(random.random() * seconds, strike):
            ended = nursery.run(*command)
        assert is_whole(ended, on_postgresql)

    again = nursery.run(*command)
    assert again.code == 0, again.said
    assert whole_files(in_order(on_postgresql.location)) == set(range(FILES))
