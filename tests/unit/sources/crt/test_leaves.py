"""Leaves in bulk: the reader by hand says what the declaration says, and refuses what lies."""

from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.sources.crt import Leaf
from certstatus.sources.crt.leaves import Leaves
from certstatus.sources.crt.message import encode_leaf
from tests import der as hand
from tests.trees import entry, honest_leaves

SERIALS = (-(1 << 1000), -128, 0, 1, 2, 127, 128, 1 << 120, 1 << 1000)


def read(leaves: list[bytes], count: int | None = None) -> Leaves:
    return Leaves(memoryview(b"".join(leaves)), len(leaves) if count is None else count)


@pytest.mark.rule("K1")
def test_every_leaf_is_found_and_read_as_declared() -> None:
    written = honest_leaves(*SERIALS)
    leaves = read(written)

    assert len(leaves) == len(written)
    assert [bytes(der) for der in leaves] == written
    for position, der in enumerate(written):
        assert leaves.der(position) == der
        assert leaves.leaf(position) == Leaf.from_der(der)


@pytest.mark.rule("K1")
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_serial_number_is_found_in_the_leaf_that_covers_it(step: int) -> None:
    leaves = read(honest_leaves(*SERIALS))
    for serial_number in SERIALS:
        position = leaves.find(serial_number + step)
        covering = [n for n in range(len(leaves)) if leaves.leaf(n).covers(serial_number + step)]

        assert covering == [position]


FIRST, MIDDLE, LAST = honest_leaves(5, 9)
WRONG = {
    "gap": ([FIRST, encode_leaf(entry(6), 9), LAST], "does not begin where"),
    "overlap": ([FIRST, encode_leaf(entry(4), 9), LAST], "does not begin where"),
    "unsorted": ([FIRST, LAST, MIDDLE], "does not begin where"),
    "twice": ([FIRST, MIDDLE, MIDDLE, LAST], "does not begin where"),
    "no first": ([MIDDLE, LAST], "has a low end, and is the first"),
    "first twice": ([FIRST, FIRST, MIDDLE, LAST], "does not begin where"),
    "no last": ([FIRST, MIDDLE], "is missing: the last one has a high end"),
    "last twice": ([FIRST, MIDDLE, LAST, LAST], "has no high end, and is not the last"),
    "after the last": ([FIRST, MIDDLE, LAST, MIDDLE], "has no high end, and is not the last"),
    "empty range": ([FIRST, encode_leaf(entry(5), 5), MIDDLE, LAST], "not below its high end"),
    "backwards": ([FIRST, encode_leaf(entry(5), 3)], "not below its high end"),
    "no revocation": ([FIRST, hand.sequence(hand.tlv(0x80, b"\5"))], "without a revocation"),
    "more behind": ([FIRST, hand.sequence(LAST[2:], b"\5\0")], "not its contents'"),
    "another tag": ([FIRST, b"\x31" + LAST[1:]], "tag 0x31, not 0x30"),
    "cut short": ([FIRST, MIDDLE, LAST[:-1]], "is cut short"),
    "cut in a length": ([FIRST, MIDDLE, LAST[:1]], "is cut short"),
    "endless": ([FIRST, b"\x30\x80", MIDDLE], "length that no leaf has"),
    "huge": ([FIRST, b"\x30\x84\xff\xff\xff\xff", MIDDLE], "is cut short"),
    "length of eight": ([FIRST, b"\x30\x88" + b"\xff" * 8], "length that no leaf has"),
}


@pytest.mark.rule("K1")
@pytest.mark.parametrize("name", WRONG)
def test_leaves_that_lie_are_refused(name: str) -> None:
    leaves, problem = WRONG[name]

    with pytest.raises(MalformedError, match=problem):
        read(leaves)


@pytest.mark.rule("K7")
@pytest.mark.parametrize(
    ("count", "problem"),
    [
        (4, "are 3, and the root counts 4"),
        (1 << 40, "are 3, and the root counts"),
        (2, "are more than the 2 that the root counts"),
        (1, "are more than the 1 that the root counts"),
    ],
)
def test_another_count_than_the_roots_is_refused(count: int, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        read([FIRST, MIDDLE, LAST], count)
