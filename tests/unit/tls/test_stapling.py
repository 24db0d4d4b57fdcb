from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from certstatus.handshake import TLS12, TLS13, CertificateStatusRequest, OCSPStatusRequest
from certstatus.ocsp import ByKey, ByName, ResponderID
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.tls.stapling import Choice, Handed, Stapling, choose_staples
from tests.shaking import NOW, Shelf

ROOT = TinyCA("Root")
MIDDLE = TinyCA("Middle", parent=ROOT)
LEAF = MIDDLE.issue_server("leaf.example")
CHAIN = [one.certificate.fingerprint for one in (LEAF, MIDDLE)]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_the_staples_of_a_chain_follow_the_leafs_without_a_gap(shelf: Shelf) -> None:
    top = TinyCA("Lowest", parent=MIDDLE)
    leaf = top.issue_server("leaf.example")
    laid = [shelf.put(top, leaf.certificate), shelf.put(ROOT, MIDDLE.certificate)]
    chain = [one.certificate.fingerprint for one in (leaf, top, MIDDLE)]

    with_a_gap = choose_staples(shelf, chain)
    laid.insert(1, shelf.put(MIDDLE, top.certificate))

    assert with_a_gap == Choice(Handed.STAPLE, (laid[0].der,))
    assert choose_staples(shelf, chain) == Choice(Handed.STAPLE, tuple(one.der for one in laid))


def test_without_a_staple_of_the_leaf_nothing_is_handed_out(shelf: Shelf) -> None:
    shelf.put(ROOT, MIDDLE.certificate)

    assert choose_staples(shelf, CHAIN) == Choice(Handed.NOTHING)


def test_an_intermediates_staple_needs_its_signer_at_hand(shelf: Shelf) -> None:
    """GnuTLS 3.7 ends a handshake over a root's own answer where the root is not sent."""
    leaf = shelf.put(MIDDLE, LEAF.certificate)
    root = Issued(certificate=ROOT.certificate, key=ROOT.key)
    answer = Forge.honest(ROOT, MIDDLE.certificate.serial_number, root).but(now=NOW).der
    middle = shelf.put(ROOT, MIDDLE.certificate, answer)

    assert choose_staples(shelf, CHAIN) == Choice(Handed.STAPLE, (leaf.der,))
    with_root = [*CHAIN, ROOT.certificate.fingerprint]
    assert choose_staples(shelf, with_root) == Choice(Handed.STAPLE, (leaf.der, middle.der))


def test_the_leafs_own_staple_goes_out_whoever_signed_it(shelf: Shelf) -> None:
    middle = Issued(certificate=MIDDLE.certificate, key=MIDDLE.key)
    answer = Forge.honest(MIDDLE, LEAF.certificate.serial_number, middle).but(now=NOW).der
    leaf = shelf.put(MIDDLE, LEAF.certificate, answer)

    assert choose_staples(shelf, CHAIN[:1]) == Choice(Handed.STAPLE, (leaf.der,))


def asking(*trusted: ResponderID) -> CertificateStatusRequest:
    return CertificateStatusRequest(OCSPStatusRequest(responder_id_list=trusted))


@pytest.mark.rule("T2")
def test_a_listed_responder_is_known_by_key_and_by_name(shelf: Shelf) -> None:
    laid = shelf.put(MIDDLE, LEAF.certificate)
    signer = laid.verified.signer

    for listed in (ByKey.of(signer), ByName(signer.subject)):
        stranger = ByKey(bytes(20))
        request = asking(stranger, listed)
        told = choose_staples(shelf, CHAIN[:1], request=request, version=TLS12)
        assert told == Choice(Handed.STAPLE, (laid.der,), request)


@pytest.mark.rule("T2")
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_staple_by_none_of_those_listed_is_kept_back(shelf: Shelf, version: int) -> None:
    shelf.put(MIDDLE, LEAF.certificate)

    request = asking(ByKey(bytes(20)))
    told = choose_staples(shelf, CHAIN, request=request, version=version)

    assert told == Choice(Handed.OTHER_RESPONDER, request=request)


def test_what_was_handed_out_is_counted_by_kind() -> None:
    stapling = Stapling()

    for handed in (Handed.STAPLE, Handed.NOTHING, Handed.STAPLE):
        stapling.hand_out(lambda handed=handed: Choice(handed), lambda: None)  # type: ignore[misc]

    assert stapling.handed == {Handed.STAPLE: 2, Handed.NOTHING: 1}


def test_what_threads_hand_out_at_once_is_all_counted() -> None:
    stapling = Stapling()

    def hand_out(_: int) -> None:
        for _ in range(500):
            stapling.hand_out(lambda: Choice(Handed.NOTHING), lambda: None)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(hand_out, range(4)))
    finally:
        sys.setswitchinterval(usual)

    assert stapling.handed == {Handed.NOTHING: 2_000}
