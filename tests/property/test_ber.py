"""BER of any form says what its DER says, and DER is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1.ber import element_at, normalize
from certstatus.errors import MalformedError
from tests import der

END = b"\0\0"


@dataclass(frozen=True)
class Leaf:
    tag: int
    contents: bytes


@dataclass(frozen=True)
class Branch:
    tag: int
    members: tuple[Tree, ...]


Tree: TypeAlias = Leaf | Branch

leaves = st.one_of(
    st.builds(Leaf, st.sampled_from([0x04, 0x0C, 0x13, 0x16]), st.binary(max_size=12)),
    st.builds(Leaf, st.just(0x03), st.binary(max_size=12).map(lambda octets: b"\0" + octets)),
    st.builds(Leaf, st.sampled_from([0x02, 0x06, 0x80, 0x81]), st.binary(min_size=1, max_size=9)),
    st.builds(Leaf, st.just(0x01), st.sampled_from([b"\0", b"\xff"])),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda inner: st.builds(
        Branch,
        st.sampled_from([0x30, 0x31, 0xA0, 0xA1]),
        st.lists(inner, max_size=4).map(tuple),
    ),
    max_leaves=12,
)


def as_der(tree: Tree) -> bytes:
    if isinstance(tree, Leaf):
        return der.tlv(tree.tag, tree.contents)
    return der.tlv(tree.tag, *map(as_der, tree.members))


def as_ber(tree: Tree, data: st.DataObject) -> bytes:
    if isinstance(tree, Branch):
        return wrapped(tree.tag, [as_ber(member, data) for member in tree.members], data)
    if tree.tag == 0x01 and tree.contents != b"\0":
        return der.tlv(0x01, bytes((data.draw(st.integers(1, 255)),)))
    if tree.tag in {0x03, 0x04, 0x0C, 0x13, 0x16} and data.draw(st.booleans()):
        return in_pieces(tree, data)
    return definite(tree.tag, tree.contents, data)


def in_pieces(leaf: Leaf, data: st.DataObject) -> bytes:
    is_bits = leaf.tag == 0x03
    octets = leaf.contents[1:] if is_bits else leaf.contents
    cut = data.draw(st.integers(0, len(octets)))
    piece = Leaf(0x03 if is_bits else 0x04, b"")
    halves = [
        Leaf(piece.tag, (b"\0" if is_bits else b"") + half) for half in (octets[:cut], octets[cut:])
    ]
    pieces = [definite(half.tag, half.contents, data) for half in halves]
    return wrapped(leaf.tag | 0x20, pieces, data)


def wrapped(tag: int, members: list[bytes], data: st.DataObject) -> bytes:
    if data.draw(st.booleans()):
        return bytes((tag, 0x80)) + b"".join(members) + END
    return definite(tag, b"".join(members), data)


def definite(tag: int, contents: bytes, data: st.DataObject) -> bytes:
    if data.draw(st.booleans()):
        return der.tlv(tag, contents)
    return bytes((tag, 0x83)) + len(contents).to_bytes(3) + contents


@given(trees)
def test_der_is_the_same_object(tree: Tree) -> None:
    whole = as_der(tree)

    assert normalize(whole, "it") is whole


@given(trees, st.data())
def test_ber_becomes_der(tree: Tree, data: st.DataObject) -> None:
    written = as_ber(tree, data)

    assert normalize(written, "it") == as_der(tree)
    assert element_at(written + b"\xff", 0, len(written) + 1, "it").end == len(written)


@given(st.binary(max_size=64))
def test_bytes_of_nothing_are_refused_or_become_der(junk: bytes) -> None:
    for data in (junk, b"\x30\x80" + junk + END, der.sequence(junk)):
        try:
            made = normalize(data, "it")
        except MalformedError:
            continue
        assert normalize(made, "it") is made
