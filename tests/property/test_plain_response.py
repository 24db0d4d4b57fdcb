"""What is read by the short way is read as by the declarations, or left to them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.limits import MAX_RESPONSE_CERTS
from certstatus.ocsp import (
    ByName,
    CertID,
    Extensions,
    Nonce,
    ResponseData,
    Revoked,
    Unknown,
    encode_response,
    encode_response_data,
)
from certstatus.ocsp.plain_response import read_plain
from certstatus.ocsp.response import _by_declaration
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.testing import LIES, Forge, TinyCA, contradicting, never_issued
from tests.courtroom import CA, DAY, DELEGATE, LEAF, NOW, honest
from tests.property.mutation import Mutator
from tests.property.strategies import response_data

PLAIN: dict[str, Forge] = {
    "good": honest(),
    "unknown": honest().but(cert_status=Unknown()),
    "revoked": honest().but(cert_status=Revoked(NOW - DAY)),
    "revoked, with a reason": honest().but(
        cert_status=Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    ),
    "by the CA": honest().but(signer=CA.issued, certs=()),
    "by name": honest().but(responder_id=ByName(DELEGATE.certificate.subject)),
    "without end": honest().but(has_next_update=False),
    "two certificates": honest().but(certs=(DELEGATE.certificate.der, CA.certificate.der)),
    "RSA": Forge.honest(TinyCA("RSA", kind="rsa2048"), 1),
    "short": honest().but(certs=(), signer=CA.issued, has_next_update=False),
} | {
    hash_.label: replace(honest(), cert_ids=(CertID.for_certificate(LEAF, CA.certificate, hash_),))
    for hash_ in HashAlgorithm
}
OTHERS: dict[str, Forge] = {
    "nonce": honest().but(response_extensions=Extensions.of(Nonce(bytes(32)))),
    "never issued": never_issued(honest()),
    "contradicting": contradicting(honest()),
}


DERS = {name: forge.der for name, forge in PLAIN.items()}


def agrees(der: bytes) -> bool:
    """Whether the short way was taken; raises where it says otherwise than the long one."""
    plain = read_plain(der)
    if plain is None:
        return False
    assert plain == _by_declaration(der)
    assert plain.departures == ()
    return True


@pytest.mark.parametrize("name", PLAIN)
def test_the_usual_shapes_are_read_the_short_way(name: str) -> None:
    assert agrees(PLAIN[name].der)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_otherwise_is_left_to_the_declarations(name: str) -> None:
    assert read_plain(OTHERS[name].der) is None


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_read_alike_both_ways(name: str) -> None:
    agrees(LIES[name][1](honest()).der)


@pytest.mark.parametrize("serial", [0, -1, -129, 1, 127, 128, 2**158, 2**159 - 1, 2**159, 2**200])
def test_odd_serial_numbers_are_left_to_the_declarations(serial: int) -> None:
    """They are noted there; the short way notes nothing."""
    forge = Forge.honest(CA, serial, DELEGATE)

    assert agrees(forge.der) == (0 < serial < 2**159)


@pytest.mark.parametrize("count", [0, 1, MAX_RESPONSE_CERTS, MAX_RESPONSE_CERTS + 1])
def test_as_many_certificates_are_read_as_the_limit_says(count: int) -> None:
    der = honest().but(certs=(DELEGATE.certificate.der,) * count).der

    assert agrees(der) == (count <= MAX_RESPONSE_CERTS)


@pytest.mark.parametrize("size", [*range(100), *range(200, 280), *range(65_200, 65_700, 7)])
def test_signatures_of_any_size_are_read_alike(size: int) -> None:
    """All lengths of the layers around move from one form of DER to the next."""
    basic = _by_declaration(honest().der).basic
    assert basic is not None

    der = encode_response(basic.tbs_der, basic.signature_algorithm, bytes(size))

    assert agrees(der) == (len(der) < 0x10000 + 4)


@pytest.mark.parametrize("name", ["good", "revoked, with a reason", "by name", "sha512"])
def test_every_flipped_octet_is_read_alike(name: str) -> None:
    der = DERS[name]
    for place in range(len(der)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            spoiled = der[:place] + bytes((der[place] ^ flip,)) + der[place + 1 :]
            agrees(spoiled)


@given(st.sampled_from(sorted(PLAIN)), st.data())
def test_whatever_is_cut_out_or_put_in_is_read_alike(name: str, data: st.DataObject) -> None:
    der = DERS[name]
    start = data.draw(st.integers(0, len(der)))
    end = data.draw(st.integers(start, min(len(der), start + 8)))

    agrees(der[:start] + data.draw(st.binary(max_size=8)) + der[end:])


@given(response_data(), st.binary(max_size=300), st.lists(st.just(LEAF.der), max_size=3))
def test_any_response_is_read_alike(
    data: ResponseData, signature: bytes, certs: list[bytes]
) -> None:
    basic = _by_declaration(honest().der).basic
    assert basic is not None
    agrees(
        encode_response(
            encode_response_data(data), basic.signature_algorithm, signature, tuple(certs)
        )
    )


def test_what_is_no_response_is_none() -> None:
    for der in (b"", b"\x30", b"\x30\x03\x0a\x01\x06", b"\x00" * 500):
        assert read_plain(der) is None
        with pytest.raises(MalformedError):
            _by_declaration(der if der[1:2] != b"\x03" else der + b"\0")


def test_what_is_broken_deep_inside_is_read_alike() -> None:
    for der in Mutator(5, [*DERS.values()]).inputs(3_000):
        agrees(der)


def test_what_was_read_before_does_not_matter() -> None:
    """Moments, names and algorithms are kept: what is broken is never taken for one that is kept."""
    der = honest().but(now=NOW + timedelta(seconds=1)).der
    assert agrees(der)
    found = re.search(rb"\d{14}Z", der)
    assert found is not None
    time = found[0]

    for broken in (time[:-1] + b"A", b"2026131" + time[7:], time[:-3] + b"99Z"):
        assert read_plain(der.replace(time, broken)) is None
    assert agrees(der)
