"""The hash tree itself: leaf hashes, node hashes, the root, and paths from a leaf to it.

A leaf is hashed behind the octet 0, a node behind the octet 1, so that no node passes for
a leaf, nor a leaf for a node (K2). Nodes are paired from the left; an odd last one rises
unchanged. That is the tree of RFC 9162 §2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from certstatus.pkix import HashAlgorithm

__all__ = ["leaf_hash", "leaf_hashes", "levels", "path", "root", "root_by_path", "sides"]

_LEAF = b"\0"
_NODE = b"\1"


def _hasher(algorithm: HashAlgorithm) -> Callable[..., hashlib._Hash]:
    """Return the hash's own constructor: half the time of looking it up by name, a million times."""
    found: Callable[..., hashlib._Hash] = getattr(hashlib, algorithm.label)
    return found


def leaf_hash(algorithm: HashAlgorithm, der: bytes | memoryview) -> bytes:
    """Hash one leaf's DER."""
    return algorithm.digest(b"".join((_LEAF, der)))


def leaf_hashes(algorithm: HashAlgorithm, leaves: Iterable[bytes | memoryview]) -> bytearray:
    """Hash every leaf; the hashes stand one behind the other."""
    hasher, hashes = _hasher(algorithm), bytearray()
    for der in leaves:
        hashes += hasher(b"".join((_LEAF, der))).digest()
    return hashes


def levels(algorithm: HashAlgorithm, leaves: bytearray) -> Iterator[bytearray]:
    """Yield the levels of a tree from its leaf hashes up to its root; there is at least one leaf."""
    hasher, level = _hasher(algorithm), leaves
    size = hasher().digest_size
    while True:
        yield level
        if len(level) == size:
            return
        above = bytearray()
        for start in range(0, len(level), 2 * size):
            pair = level[start : start + 2 * size]
            above += hasher(_NODE + pair).digest() if len(pair) > size else pair
        level = above


def root(algorithm: HashAlgorithm, leaves: bytearray) -> bytes:
    """Return the root above leaf hashes."""
    top = leaves
    for level in levels(algorithm, leaves):
        top = level
    return bytes(top)


def path(levels: Iterable[bytearray], size: int, position: int) -> tuple[bytes, ...]:
    """Return the siblings on the way from the leaf at ``position`` to the root, lowest first.

    ``size`` is how many octets a hash has.
    """
    found: list[bytes] = []
    for level in levels:
        start = (position ^ 1) * size
        if sibling := bytes(level[start : start + size]):
            found.append(sibling)
        position >>= 1
    return tuple(found)


def sides(position: int, count: int) -> Iterator[bool]:
    """Yield for each sibling on a leaf's way up whether it stands on the left.

    Where the way passes an odd last node there is no sibling, and nothing is yielded.
    """
    last = count - 1
    while last:
        if position & 1:
            yield True
        elif position < last:
            yield False
        position, last = position >> 1, last >> 1


def root_by_path(
    algorithm: HashAlgorithm, der: bytes, position: int, count: int, siblings: Sequence[bytes]
) -> bytes | None:
    """Return the root that a path leads to; None: the path is not as long as it must be."""
    wanted = list(islice(sides(position, count), len(siblings) + 1))
    if len(wanted) != len(siblings):
        return None
    node = leaf_hash(algorithm, der)
    for is_left, sibling in zip(wanted, siblings, strict=True):
        node = algorithm.digest(_NODE + (sibling + node if is_left else node + sibling))
    return node
