"""Signed messages that lie: whatever is turned, cut or put in, nothing else is believed."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from certstatus.cms import SavedEvidence, encode_evidence, parse_evidence, parse_signed_data
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BER_BYTES
from certstatus.ocsp import parse_response
from certstatus.testing import Forge
from tests import der
from tests.envelopes import CA, CONTENT, REQUEST, Draft, issued, judge, signed, signer
from tests.property.mutation import Mutator

FLIPS = (0x01, 0x20, 0xFF)
INPUTS = 3_000
SLOWEST = 2.0
"""Seconds of one thread for one input; a usual one takes a thousandth."""


@pytest.mark.rule("S2")
def test_no_flipped_byte_changes_what_is_believed() -> None:
    """Every byte of a message, of which the certificate comes along and is pinned."""
    whole = signed()
    assert judge(whole).verified is not None

    believed = 0
    for position in range(len(whole)):
        for flip in FLIPS:
            changed = bytearray(whole)
            changed[position] ^= flip
            verified = judge(bytes(changed)).verified
            if verified is None:
                continue
            believed += 1
            assert (verified.content_type, verified.content) == (REQUEST, CONTENT), position
            assert verified.signer == issued().certificate
    # The enclosed certificate is known beforehand, so its own octets may be turned.
    assert believed <= len(FLIPS) * (len(issued().certificate.der) + 32)


def test_no_broken_message_raises_or_takes_long() -> None:
    evidence = SavedEvidence(
        certificates=(CA.certificate,), ocsp_responses=(parse_response(Forge.honest(CA, 5).der),)
    )
    corpus = [signed(), Draft(unsigned=der.tlv(0xA1)).der, encode_evidence(evidence)]
    mutator = Mutator(random.getrandbits(64), corpus)

    for data in mutator.inputs(INPUTS):
        start = time.thread_time()
        report = judge(data)
        if report.verified is not None:
            assert report.verified.content == CONTENT, data.hex()
        with suppress(MalformedError):
            parse_evidence(data)
        assert time.thread_time() - start < SLOWEST, data.hex()


# --- many of everything ---------------------------------------------------------------------


def wrapped(*members: bytes) -> bytes:
    """Write a ContentInfo of a SignedData with these members."""
    kind = der.oid("1.2.840.113549.1.7.2")
    return der.sequence(kind, der.explicit(0, der.sequence(*members)))


HEAD = (
    der.integer(3),
    der.tlv(0x31),
    der.sequence(der.oid(REQUEST.dotted_string), der.explicit(0, der.octet_string(CONTENT))),
)
MANY = der.NULL * 1_000_000


@pytest.mark.parametrize(
    "data",
    [
        wrapped(HEAD[0], der.tlv(0x31, MANY), HEAD[2], der.tlv(0x31)),
        wrapped(*HEAD, der.tlv(0xA0, MANY), der.tlv(0x31)),
        wrapped(*HEAD, der.tlv(0xA1, MANY), der.tlv(0x31)),
        wrapped(*HEAD, der.tlv(0x31, MANY)),
        wrapped(*HEAD, der.tlv(0x31, der.sequence(MANY))),
        wrapped(*HEAD, MANY),
        wrapped(MANY),
        b"\x30\x80" * 1_000_000,
        b"\x30\x80" + der.oid("1.2.840.113549.1.7.2") + b"\xa0\x80\x30\x80" + MANY,
        b"\x30\x80" + der.oid("1.2.840.113549.1.7.2") + b"\xa0\x80\x24\x80" + b"\x04\0" * 1_000_000,
        Draft(attributes=(der.sequence(der.oid("1.2.3"), der.tlv(0x31, MANY)),)).der,
        Draft(sid=der.sequence(MANY)).der,
        b"\x30\x84\x7f\xff\xff\xff" + signed()[4:],
    ],
    ids=[
        "digests",
        "certificates",
        "CRLs",
        "signers",
        "one signer's parts",
        "members",
        "nothing else",
        "open ends",
        "members without end",
        "pieces of a string",
        "values of an attribute",
        "parts of a name",
        "a length that lies",
    ],
)
def test_huge_counts_are_refused_in_bounded_time(data: bytes) -> None:
    assert len(data) < MAX_BER_BYTES
    start = time.thread_time()

    report = judge(data)

    assert time.thread_time() - start < SLOWEST
    assert [check.name for check in report.failures] == ["CMS"]


def test_a_thousand_certificates_of_the_signers_name_cost_few_signatures() -> None:
    own = issued().certificate
    other = CA.issue(serial_number=own.serial_number).certificate.der
    others = tuple(other[:-20] + number.to_bytes(20) for number in range(999))
    data = Draft(certificates=(*others, own.der), signer=signer()).der
    start = time.thread_time()

    report = judge(data, trusted=())

    assert time.thread_time() - start < SLOWEST
    assert report.check("signature").reason == "the signature does not match"
    assert len(parse_signed_data(data).certificates) == 1_000
