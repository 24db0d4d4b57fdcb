"""The hash tree: domain separation, odd counts, paths of exactly the right length."""

from __future__ import annotations

import hashlib

import pytest

from certstatus.pkix import HashAlgorithm
from certstatus.sources.crt import merkle

SHA256 = HashAlgorithm.SHA256
COUNTS = (*range(1, 34), 63, 64, 65, 100)


def leaves_of(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def by_definition(leaves: list[bytes]) -> bytes:
    """Hash as RFC 9162 §2.1.1 defines it: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    halves = by_definition(leaves[:split]) + by_definition(leaves[split:])
    return hashlib.sha256(b"\1" + halves).digest()


def root_of(leaves: list[bytes]) -> bytes:
    return merkle.root(SHA256, merkle.leaf_hashes(SHA256, leaves))


def path_of(leaves: list[bytes], position: int) -> tuple[bytes, ...]:
    levels = merkle.levels(SHA256, merkle.leaf_hashes(SHA256, leaves))
    return merkle.path(levels, 32, position)


@pytest.mark.rule("K2")
@pytest.mark.parametrize("count", COUNTS)
def test_the_root_is_the_one_of_the_definition(count: int) -> None:
    assert root_of(leaves_of(count)) == by_definition(leaves_of(count))


@pytest.mark.rule("K2")
def test_a_node_never_passes_for_a_leaf() -> None:
    """Without the octet in front, the two hashes below would be one leaf with the same root."""
    first, second = (merkle.leaf_hash(SHA256, leaf) for leaf in leaves_of(2))

    assert root_of([first + second]) != root_of(leaves_of(2))
    assert merkle.leaf_hash(SHA256, b"") == hashlib.sha256(b"\0").digest()


@pytest.mark.parametrize("algorithm", set(HashAlgorithm) - {HashAlgorithm.SHA1})
def test_every_hash_makes_a_tree(algorithm: HashAlgorithm) -> None:
    hashes = merkle.leaf_hashes(algorithm, leaves_of(5))
    size = len(algorithm.digest(b""))
    levels = list(merkle.levels(algorithm, hashes))

    assert [len(level) // size for level in levels] == [5, 3, 2, 1]
    path = merkle.path(levels, size, 4)
    assert merkle.root_by_path(algorithm, b"leaf 4", 4, 5, path) == bytes(levels[-1])


@pytest.mark.rule("K6")
@pytest.mark.parametrize("count", COUNTS)
def test_every_leaf_has_its_path(count: int) -> None:
    leaves = leaves_of(count)
    for position, leaf in enumerate(leaves):
        path = path_of(leaves, position)

        assert len(path) <= (count - 1).bit_length()
        assert len(list(merkle.sides(position, count))) == len(path)
        assert merkle.root_by_path(SHA256, leaf, position, count, path) == root_of(leaves)


@pytest.mark.rule("K6")
@pytest.mark.parametrize("count", range(1, 18))
def test_a_path_fits_no_other_position(count: int) -> None:
    leaves = leaves_of(count)
    for position, leaf in enumerate(leaves):
        path = path_of(leaves, position)
        found = [
            other
            for other in range(count)
            if merkle.root_by_path(SHA256, leaf, other, count, path) == root_of(leaves)
        ]

        assert found == [position]


@pytest.mark.rule("K6")
def test_a_path_that_is_too_long_or_too_short_leads_nowhere() -> None:
    path = path_of(leaves_of(6), 2)

    assert merkle.root_by_path(SHA256, b"leaf 2", 2, 6, path[:-1]) is None
    assert merkle.root_by_path(SHA256, b"leaf 2", 2, 6, (*path, path[0])) is None
    assert merkle.root_by_path(SHA256, b"leaf 0", 0, 1, (path[0],)) is None


def test_sides_of_a_huge_tree_are_few() -> None:
    assert list(merkle.sides((1 << 40) - 1, 1 << 40)) == [True] * 40
    assert list(merkle.sides(1 << 39, (1 << 39) + 1)) == [True]
