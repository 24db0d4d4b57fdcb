"""Broken DER without end: a seeded generator that knows what elements are.

The same seed and corpus give the same inputs. Half of the changes mend the lengths around
them, so that what is broken lies deep; the others leave them wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

from tests import der as hand

Path = tuple[int, ...]

_INTERESTING = (b"", b"\0", b"\x7f", b"\x80", b"\xff", b"\xff" * 20, b"\x30\x80\0\0", bytes(300))
_LENGTHS = (b"\0", b"\x7f", b"\x80", b"\x81\x00", b"\x81\x80", b"\x82\xff\xff", b"\x83\x01\0\0")
_HUGE = (b"\x84\x7f\xff\xff\xff", b"\x84\xff\xff\xff\xff", b"\x88" + b"\xff" * 8, b"\xff")


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Write elements in elements, so many deep."""
    der = b""
    for _ in range(depth):
        der = hand.tlv(tag, der)
    return der


_DEEP = tuple(nested(depth, tag) for depth in (3, 60, 2_000) for tag in (0x30, 0xA0, 0x04))


def paths(der: bytes, base: Path = ()) -> Iterator[Path]:
    """Yield the path of every element, into OCTET STRINGs too where they hold DER."""
    yield base
    try:
        (outer,) = hand.elements(der)
        members = hand.elements(outer.contents)
    except (AssertionError, IndexError, ValueError):
        return
    if outer.tag & 0x20 or outer.tag == 0x04:
        for position, member in enumerate(members):
            yield from paths(member.der, (*base, position))


class Mutator:
    """Make inputs of the messages of ``corpus``; ``seed`` decides which."""

    def __init__(self, seed: int, corpus: Sequence[bytes]) -> None:
        self.random = Random(seed)
        self.corpus = [
            (der, [path for path in paths(der) if _is_sound(der, path)]) for der in corpus
        ]

    def inputs(self, count: int) -> Iterator[bytes]:
        """Yield so many inputs."""
        return islice(iter(self.one, None), count)

    def one(self) -> bytes:
        """Make one input."""
        if self.random.random() < 0.05:
            return self.junk()
        der, known = self.random.choice(self.corpus)
        if self.random.random() < 0.8:
            der = self.structural(der, known)
        while self.random.random() < 0.5:
            der = self.random.choice(_BLIND)(self.random, der)
        return der

    def junk(self) -> bytes:
        """Make bytes of nothing, now and then behind the head of a SEQUENCE."""
        body = self.random.randbytes(self.random.randrange(64))
        return hand.sequence(body) if self.random.random() < 0.5 else body

    def element(self) -> bytes:
        """Take an element out of some message."""
        der, known = self.random.choice(self.corpus)
        return hand.at(der, *self.random.choice(known))

    def structural(self, der: bytes, known: Sequence[Path]) -> bytes:
        """Change one element, and mend the lengths around it."""
        change = self.random.choice(_CHANGES)
        return hand.changed(der, self.random.choice(known), lambda one: change(self, one))


def _is_sound(der: bytes, path: Path) -> bool:
    try:
        return bool(hand.at(der, *path))
    except (AssertionError, IndexError, ValueError):
        return False


# --- changes of one element ---------------------------------------------------------------


def _retag(mutator: Mutator, one: bytes) -> bytes:
    return bytes((mutator.random.randrange(256),)) + one[1:]


def _relength(mutator: Mutator, one: bytes) -> bytes:
    element = hand.elements(one)[0]
    length = mutator.random.choice((*_LENGTHS, *_HUGE, mutator.random.randbytes(1)))
    return one[:1] + length + element.contents


def _refill(mutator: Mutator, one: bytes) -> bytes:
    filling = mutator.random.choice((*_INTERESTING, mutator.random.randbytes(9)))
    return hand.tlv(one[0], filling)


def _bury(mutator: Mutator, one: bytes) -> bytes:
    deep = mutator.random.choice(_DEEP)
    return deep if mutator.random.random() < 0.5 else hand.tlv(one[0], deep)


def _drop(mutator: Mutator, one: bytes) -> bytes:
    return b""


def _double(mutator: Mutator, one: bytes) -> bytes:
    return one * mutator.random.choice((2, 2, 2, 3, 40))


def _splice(mutator: Mutator, one: bytes) -> bytes:
    other = mutator.element()
    return mutator.random.choice((other, one + other, other + one, hand.tlv(one[0], other)))


def _turn_contents(mutator: Mutator, one: bytes) -> bytes:
    contents = bytearray(hand.elements(one)[0].contents)
    for _ in range(mutator.random.choice((1, 1, 2, 8))):
        if contents:
            contents[mutator.random.randrange(len(contents))] = mutator.random.randrange(256)
    return hand.tlv(one[0], bytes(contents))


_CHANGES: tuple[Callable[[Mutator, bytes], bytes], ...] = (
    _retag,
    _relength,
    _refill,
    _refill,
    _bury,
    _drop,
    _double,
    _splice,
    _splice,
    _turn_contents,
    _turn_contents,
)


# --- changes that know nothing of elements -----------------------------------------------------


def _flip(random: Random, der: bytes) -> bytes:
    changed = bytearray(der or b"\0")
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(random: Random, der: bytes) -> bytes:
    return der[: random.randrange(len(der) + 1)]


def _take_out(random: Random, der: bytes) -> bytes:
    start = random.randrange(len(der) + 1)
    return der[:start] + der[start + random.choice((1, 1, 2, 16)) :]


def _put_in(random: Random, der: bytes) -> bytes:
    start = random.randrange(len(der) + 1)
    return der[:start] + random.choice((*_INTERESTING, random.randbytes(3))) + der[start:]


_BLIND: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _flip,
    _flip,
    _cut,
    _take_out,
    _put_in,
)
