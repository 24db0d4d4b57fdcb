"""ReplyWantBack: a type for every wantBack, and what is not of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.x509 import ObjectIdentifier
from pyasn1.codec.der.decoder import decode as judge_decode
from pyasn1_alt_modules import rfc5055 as judge
from pyasn1_alt_modules import rfc5280

from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BUNDLE_CERTS, MAX_CERT_BUNDLES, MAX_RELAYED_RESPONSES
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    PublicKeyInfo,
    ReplyWantBack,
    RevInfoWantBack,
    RevocationInfo,
    SCVPResponses,
    WantBack,
    WantBackValue,
)
from tests import der as hand
from tests import scvp_messages as of

PATH = CertBundle((of.LEAF.der, of.CA.certificate.der))
PATH_OCTETS = hand.sequence(of.LEAF.der, of.CA.certificate.der)
DATA = RevInfoWantBack(
    (RevocationInfo.crl(of.FULL_CRL), RevocationInfo.ocsp(of.OCSP_RESPONSE)), (of.OTHER.der,)
)
DATA_OCTETS = hand.sequence(
    hand.sequence(of.retagged(0xA0, of.FULL_CRL), of.retagged(0xA2, of.OCSP_RESPONSE)),
    hand.sequence(of.OTHER.der),
)
CONTENT_INFO = hand.sequence(
    hand.oid("1.2.840.113549.1.9.16.1.11"), hand.explicit(0, of.MINIMAL_RESPONSE_OCTETS)
)
OF_DATA = (
    WantBack.PKC_REVOCATION_INFO,
    WantBack.AA_REVOCATION_INFO,
    WantBack.AC_REVOCATION_INFO,
    WantBack.PKC_EE_REVOCATION_INFO,
    WantBack.PKC_CAS_REVOCATION_INFO,
)
TYPED: list[tuple[WantBack, WantBackValue, bytes]] = [
    (WantBack.PKC_BEST_CERT_PATH, PATH, PATH_OCTETS),
    (WantBack.AA_CERT_PATH, PATH, PATH_OCTETS),
    (WantBack.PKC_PUBLIC_KEY_INFO, PublicKeyInfo(of.LEAF.spki_der), of.LEAF.spki_der),
    (WantBack.RELAYED_RESPONSES, SCVPResponses((CONTENT_INFO,)), hand.sequence(CONTENT_INFO)),
    (
        WantBack.PKC_ALL_CERT_PATHS,
        CertBundles((PATH, CertBundle((of.LEAF.der,)))),
        hand.sequence(PATH_OCTETS, hand.sequence(of.LEAF.der)),
    ),
    *((want_back, DATA, DATA_OCTETS) for want_back in OF_DATA),
]
JUDGES = {
    CertBundle: judge.CertBundle,
    CertBundles: judge.CertBundles,
    RevInfoWantBack: judge.RevInfoWantBack,
    SCVPResponses: judge.SCVPResponses,
    PublicKeyInfo: rfc5280.SubjectPublicKeyInfo,
}


@pytest.mark.parametrize(
    ("want_back", "value", "octets"), TYPED, ids=[one[0].name for one in TYPED]
)
def test_each_want_back_has_its_type_both_ways(
    want_back: WantBack, value: WantBackValue, octets: bytes
) -> None:
    reply = ReplyWantBack.of(want_back, value)

    assert reply == ReplyWantBack(want_back.oid, octets)
    assert reply.typed() == value
    judged, rest = judge_decode(octets, asn1Spec=JUDGES[type(value)]())
    assert judged.isValue
    assert rest == b""


def test_two_want_backs_are_answered_in_the_certificate_itself() -> None:
    assert {one[0] for one in TYPED} == set(WantBack) - {WantBack.PKC_CERT, WantBack.AC_CERT}


@pytest.mark.parametrize("oid", [ObjectIdentifier("1.2.3"), WantBack.PKC_CERT.oid])
def test_an_untyped_want_back_keeps_its_octets(oid: ObjectIdentifier) -> None:
    assert ReplyWantBack(oid, b"whatever").typed() is None


def test_a_reply_finds_what_was_sent_back() -> None:
    assert of.CERT_REPLY.want_back(WantBack.PKC_BEST_CERT_PATH) == PATH
    assert of.CERT_REPLY.want_back(WantBack.PKC_PUBLIC_KEY_INFO) is None
    broken = replace(
        of.CERT_REPLY, reply_want_backs=(ReplyWantBack(WantBack.PKC_ALL_CERT_PATHS.oid, b""),)
    )
    with pytest.raises(MalformedError, match="id-swb-pkc-all-cert-paths"):
        broken.want_back(WantBack.PKC_ALL_CERT_PATHS)


def test_no_relayed_response_is_an_empty_list() -> None:
    """A server that asked no other says so (S20)."""
    reply = ReplyWantBack.of(WantBack.RELAYED_RESPONSES, SCVPResponses(()))

    assert reply.value == hand.sequence()
    assert reply.typed() == SCVPResponses(())


@pytest.mark.parametrize(
    ("want_back", "value"),
    [
        (WantBack.PKC_BEST_CERT_PATH, b""),
        (WantBack.PKC_BEST_CERT_PATH, hand.sequence()),
        (WantBack.PKC_BEST_CERT_PATH, hand.sequence(hand.NULL)),
        (WantBack.PKC_BEST_CERT_PATH, PATH_OCTETS + b"\0"),
        (WantBack.PKC_ALL_CERT_PATHS, hand.sequence()),
        (WantBack.PKC_ALL_CERT_PATHS, hand.sequence(hand.sequence())),
        (WantBack.PKC_REVOCATION_INFO, hand.sequence(hand.sequence())),
        (WantBack.PKC_REVOCATION_INFO, hand.sequence(hand.sequence(b"\xa0\0"), hand.sequence())),
        (WantBack.PKC_REVOCATION_INFO, hand.sequence(of.FULL_CRL)),
        (WantBack.PKC_PUBLIC_KEY_INFO, of.LEAF.der),
        (WantBack.RELAYED_RESPONSES, hand.sequence(hand.NULL)),
        (
            WantBack.PKC_BEST_CERT_PATH,
            hand.sequence(*[hand.sequence()] * (MAX_BUNDLE_CERTS + 1)),
        ),
        (
            WantBack.PKC_ALL_CERT_PATHS,
            hand.sequence(*[hand.sequence(hand.sequence())] * (MAX_CERT_BUNDLES + 1)),
        ),
        (
            WantBack.RELAYED_RESPONSES,
            hand.sequence(*[hand.sequence()] * (MAX_RELAYED_RESPONSES + 1)),
        ),
    ],
)
def test_a_value_that_breaks_its_type_is_malformed(want_back: WantBack, value: bytes) -> None:
    with pytest.raises(MalformedError):
        ReplyWantBack(want_back.oid, value).typed()


@pytest.mark.parametrize(
    "value",
    [
        CertBundle(()),
        CertBundle((hand.NULL,)),
        CertBundles(()),
        CertBundles((CertBundle(()),)),
        RevInfoWantBack(()),
        SCVPResponses((hand.NULL,)),
        SCVPResponses((hand.sequence(),) * (MAX_RELAYED_RESPONSES + 1)),
        PublicKeyInfo(hand.NULL),
    ],
)
def test_what_breaks_its_type_is_not_written_either(value: WantBackValue) -> None:
    with pytest.raises(MalformedError):
        value.encode()
