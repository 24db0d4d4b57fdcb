"""Every source that can names what it lists, in one order, page by page, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.sources import CRL, Enumerable, OpenSSLIndex, RevocationTree, Stack, serial_order
from certstatus.sources.listing import SortedSerials
from certstatus.testing import TinyCA
from tests.books import DAY, LATER, NOW, crl, revoked, valid, write_index
from tests.desk import Says, known
from tests.trees import tree

SERIALS = [1, 2, 255, 256, 1000, 2**64, 2**159]
Maker = Callable[[Path, TinyCA], Enumerable]


def index(path: Path, ca: TinyCA) -> OpenSSLIndex:
    entries = [revoked(one) if one % 2 else valid(one) for one in reversed(SERIALS)]
    return OpenSSLIndex(write_index(path / "index.txt", *entries), ca.certificate, now=NOW)


def crls(path: Path, ca: TinyCA) -> CRL:
    """List a part as revoked, some of it in a delta too, and the whole as issued."""
    (path / "ca.crl").write_bytes(crl(ca, *SERIALS[:3]))
    (path / "delta.crl").write_bytes(crl(ca, *SERIALS[2:4], number=2, delta_of=1))
    (path / "issued").write_text("".join(f"{one:X}\n" for one in SERIALS[1:]))
    files = [path / "ca.crl", path / "delta.crl"]
    return CRL(files, ca.certificate, now=NOW, issued=path / "issued")


def revocation_tree(path: Path, ca: TinyCA) -> RevocationTree:
    (path / "ca.crt").write_bytes(tree(ca, *SERIALS))
    return RevocationTree(path / "ca.crt", ca.certificate, now=NOW)


def stack(path: Path, ca: TinyCA) -> Stack:
    """Join what knows half of it each, and one that can name nothing."""
    (path / "ca.crl").write_bytes(crl(ca, *SERIALS[:5]))
    half = write_index(path / "half.txt", *map(valid, SERIALS[3:]))
    return Stack(
        CRL(path / "ca.crl", ca.certificate, now=NOW),
        Says(known()),
        OpenSSLIndex(half, ca.certificate, now=NOW),
    )


SOURCES: dict[str, Maker] = {
    "index": index,
    "crl": crls,
    "tree": revocation_tree,
    "stack": stack,
}


def walked(source: Enumerable, size: int) -> list[int]:
    """Walk over all pages."""
    found: list[int] = []
    while True:
        page = asyncio.run(source.listed(found[-1] if found else None, size, NOW))
        found += [one for one, _ in page]
        if len(page) < size:
            return found


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages_of_any_size_have_all_of_it_once(
    kind: str, size: int, tmp_path: Path, ca: TinyCA
) -> None:
    source = SOURCES[kind](tmp_path, ca)

    assert isinstance(source, Enumerable)
    assert walked(source, size) == SERIALS


@pytest.mark.parametrize(("kind", "most"), [("index", 7), ("crl", 7), ("tree", 7), ("stack", 9)])
def test_they_say_how_many_there_are_at_the_most(
    kind: str, most: int, tmp_path: Path, ca: TinyCA
) -> None:
    assert asyncio.run(SOURCES[kind](tmp_path, ca).count(NOW)) == most


def test_negative_serial_numbers_come_first_as_in_the_database() -> None:
    numbers = [5, -300, 0, 300, -5]
    page = SortedSerials().page((), lambda: numbers, None, 9)

    assert [one for one, _ in page] == sorted(numbers, key=serial_order) == [-5, -300, 0, 5, 300]


def test_what_is_sorted_stands_until_the_state_is_another() -> None:
    counted: list[int] = []
    state, other = object(), object()
    listed = SortedSerials()

    def collect() -> list[int]:
        counted.append(1)
        return [3, 1]

    for of in (state, state, other, other):
        assert listed.page((of,), collect, 1, 9) == [(3, None)]
    assert len(counted) == 2


def test_a_file_that_changed_is_listed_anew(tmp_path: Path, ca: TinyCA) -> None:
    source = index(tmp_path, ca)
    assert walked(source, 100) == SERIALS

    entries = [revoked(one) if one % 2 else valid(one) for one in [*SERIALS, 2**65]]
    write_index(tmp_path / "index.txt", *entries)
    page = asyncio.run(source.listed(2**64, 9, NOW + 2 * LATER))

    assert [one for one, _ in page] == [2**65, 2**159]


@pytest.mark.parametrize("kind", ["crl", "tree"])
def test_what_has_expired_lists_nothing(kind: str, tmp_path: Path, ca: TinyCA) -> None:
    source = SOURCES[kind](tmp_path, ca)

    with pytest.raises(SourceError, match="expired"):
        asyncio.run(source.listed(None, 9, NOW + 9 * DAY))


def test_a_stack_of_what_can_name_nothing_says_so() -> None:
    with pytest.raises(ConfigError, match="can name what was issued"):
        asyncio.run(Stack(Says(known())).listed(None, 9, NOW))
