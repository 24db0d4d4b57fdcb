"""Paths of broken certificates, signed all the same: no error comes out, and nothing false is valid.

What a CA signs may be broken anywhere; so tbs parts are changed and signed anew. The seed is
pytest-randomly's, and stands in the failure beside the input itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.ocsp import CertID, Good, parse_response
from certstatus.path import CertificatePool, PathInputs, PathSearch
from certstatus.pkix import Certificate, CertificateList, Name
from certstatus.testing import Forge, TinyCA
from certstatus.testing.ca import sign_plain
from tests import der as hand
from tests.paths import NOW, checked, crl, cross, paths, policies
from tests.property.mutation import Mutator

ROOT: Final = TinyCA("Root")
CA: Final = TinyCA("CA")
SIGNED: Final = cross(
    ROOT, CA, extensions=(policies("1.2.3"),), crl_uris=("http://crl.example/root",)
)
LEAF: Final = CA.issue(
    "leaf", crl_uris=("http://crl.example/ca",), ocsp_uris=("http://ocsp.example/",)
).certificate
CRLS: Final = (crl(ROOT), crl(CA))
ANSWER: Final = parse_response(
    Forge(
        ca=CA,
        signer=CA.issue_responder("responder"),
        cert_ids=(CertID.for_certificate(LEAF, SIGNED),),
        now=NOW,
        cert_status=Good(),
    ).der
)
INPUTS: Final = PathInputs(anchors=(ROOT.certificate,))
ROUNDS: Final = 150


def signed_anew(tbs: bytes, like: bytes, by: TinyCA) -> bytes:
    """Put a signature below a changed tbs part."""
    _, algorithm, _ = hand.elements(hand.elements(like)[0].contents)
    return hand.sequence(tbs, algorithm.der, hand.tlv(0x03, b"\0" + sign_plain(by.key, tbs)))


def changed(like: bytes, tbs: bytes, by: TinyCA) -> Iterator[bytes]:
    mutator = Mutator(random.getrandbits(32), [tbs])
    return (signed_anew(one, like, by) for one in mutator.inputs(ROUNDS))


def search(leaf: Certificate, ca: Certificate, crls: tuple[CertificateList, ...]) -> PathSearch:
    return checked(leaf, INPUTS, pool=(ca,), crls=crls, ocsp_responses=(ANSWER,))


def test_as_they_are_they_are_valid() -> None:
    assert search(LEAF, SIGNED, CRLS).is_valid


@pytest.mark.parametrize("which", ["end entity", "CA"])
def test_a_broken_certificate_is_told_of(which: str) -> None:
    is_leaf = which == "end entity"
    like, by = (LEAF, CA) if is_leaf else (SIGNED, ROOT)
    read = 0
    for der in changed(like.der, like.tbs_der, by):
        try:
            broken = Certificate.from_der(der)
        except MalformedError:
            continue
        read += 1
        found = search(*((broken, SIGNED) if is_leaf else (LEAF, broken)), CRLS)
        assert found.is_valid or found.reason, der.hex()
    assert read  # or nothing was tried


def test_a_broken_crl_makes_nothing_good() -> None:
    told = 0
    for der in changed(CRLS[1].der, CRLS[1].tbs_der, CA):
        try:
            broken = CertificateList.from_der(der)
        except MalformedError:
            continue
        told += 1
        found = checked(LEAF, INPUTS, pool=(SIGNED,), crls=(CRLS[0], broken))
        assert found.is_valid or found.reason, der.hex()
        beside = checked(LEAF, INPUTS, pool=(SIGNED,), crls=(*CRLS, broken))
        assert beside.report is not None, der.hex()
    assert told


# --- graphs ------------------------------------------------------------------------------------

AUTHORITIES: Final = tuple(TinyCA(f"CA {number}", kind="ed25519") for number in range(6))
EDGES: Final = st.sets(
    st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda edge: edge[0] != edge[1]),
    max_size=12,
)
_CROSSED: Final[dict[tuple[int, int], Certificate]] = {}


def crossed(edge: tuple[int, int]) -> Certificate:
    if edge not in _CROSSED:
        _CROSSED[edge] = cross(AUTHORITIES[edge[0]], AUTHORITIES[edge[1]])
    return _CROSSED[edge]


def expected(edges: set[tuple[int, int]]) -> set[tuple[int, ...]]:
    """Walk every way up from CA 5 to CA 0, through no CA twice."""
    found: set[tuple[int, ...]] = set()
    waiting: list[tuple[int, ...]] = [(5,)]
    while waiting:
        way = waiting.pop()
        for issuer, subject in edges:
            if subject == way[-1] and issuer not in way:
                if issuer == 0:
                    found.add((*way, 0))
                else:
                    waiting.append((*way, issuer))
    return found


@settings(max_examples=60)
@given(EDGES)
def test_every_path_of_a_graph_is_found_once_and_the_shortest_first(
    edges: set[tuple[int, int]],
) -> None:
    leaf = AUTHORITIES[5].issue("leaf").certificate
    found = paths(leaf, [AUTHORITIES[0].certificate], map(crossed, edges))
    ways = [(5, *(int(str(one.issuer)[-1]) for one in path.certificates[1:])) for path in found]
    assert set(ways) == expected(edges)
    assert len(ways) == len(set(ways))
    assert not ways or len(ways[0]) == min(map(len, ways))


@settings(max_examples=40)
@given(EDGES, st.randoms(use_true_random=False))
def test_distances_are_the_same_however_the_pool_is_laid(
    edges: set[tuple[int, int]], chance: random.Random
) -> None:
    certificates = [crossed(edge) for edge in edges]
    chance.shuffle(certificates)
    half = len(certificates) // 2
    layered = CertificatePool(certificates[:half], over=CertificatePool(certificates[half:]))
    anchors = frozenset({Name.from_rfc4514("CN=CA 0").folded})
    assert layered.distances(anchors) == CertificatePool(certificates).distances(anchors)
