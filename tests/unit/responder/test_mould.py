from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1.doorway import encode
from certstatus.ocsp import CertID, Revoked, parse_response
from certstatus.pkix import HashAlgorithm
from certstatus.responder.mould import Mould, serial_octets
from certstatus.testing import Forge, TinyCA
from tests.desk import DAY, NOW, REVOKED

CA_ = TinyCA("Mould CA")
RESPONDER = CA_.issue_responder()
SERIAL = 0x5EED
OTHER = 0x5EEE
WHOLE = slice(None)


def forged(serial_number: int, *hashes: HashAlgorithm, **more: object) -> Forge:
    cert_ids = tuple(
        CertID.of(CA_.certificate, serial_number, one) for one in hashes or (HashAlgorithm.SHA256,)
    )
    return Forge.honest(CA_, serial_number, RESPONDER).but(
        cert_ids=cert_ids, produced_at=NOW, **more
    )


def of_size(forge: Forge, size: int) -> bytes:
    """Sign until the response is that long: an ECDSA signature has two lengths, or three."""
    return next(der for der in (forge.der for _ in range(10_000)) if len(der) == size)


@given(st.integers(-(2**1015), 2**1015))
def test_serial_octets_are_the_contents_of_an_integer(number: int) -> None:
    octets = serial_octets(number)

    assert encode(number).endswith(octets)
    assert int.from_bytes(octets, signed=True) == number
    assert len(octets) == 1 or int.from_bytes(octets[1:], signed=True) != number


@pytest.mark.parametrize(
    "hashes",
    [(HashAlgorithm.SHA1,), (HashAlgorithm.SHA1, HashAlgorithm.SHA256)],
    ids=["one name", "two names"],
)
@pytest.mark.parametrize("status", [None, REVOKED, Revoked(NOW - DAY)])
def test_another_serial_number_and_signature_fit(
    hashes: tuple[HashAlgorithm, ...], status: Revoked | None
) -> None:
    more = {} if status is None else {"cert_status": status}
    der = forged(SERIAL, *hashes, **more).der
    mould = Mould.of(der, WHOLE)

    other = of_size(forged(OTHER, *hashes, **more), len(der))

    assert mould.fits(der, serial_octets(SERIAL))
    assert mould.fits(other, serial_octets(OTHER))
    assert not mould.fits(other, serial_octets(SERIAL))
    assert not mould.fits(der, serial_octets(OTHER))


def test_no_other_octet_may_differ() -> None:
    der = forged(SERIAL, HashAlgorithm.SHA1, HashAlgorithm.SHA256).der
    mould = Mould.of(der, WHOLE)
    signature = range(len(der))[mould.signature]

    for at in range(len(der)):
        spoiled = bytearray(der)
        spoiled[at] ^= 1
        assert mould.fits(bytes(spoiled), serial_octets(SERIAL)) == (at in signature), at


@given(st.binary(max_size=40), st.integers(0, 40))
def test_nothing_longer_or_shorter_fits(more: bytes, less: int) -> None:
    mould = Mould.of(DER, WHOLE)

    assert mould.fits(DER + more, serial_octets(SERIAL)) == (not more)
    assert mould.fits(DER[: len(DER) - less], serial_octets(SERIAL)) == (not less)
    assert not mould.fits(DER, serial_octets(SERIAL) + more) or not more


DER = forged(SERIAL).der


def test_what_is_signed_and_the_signature_are_found() -> None:
    forge = forged(SERIAL, HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    der = forge.der
    mould = Mould.of(der, WHOLE)
    basic = parse_response(der).basic
    assert basic is not None
    assert der[mould.signed] == basic.tbs_der
    assert der[mould.signature] == basic.signature


@given(st.binary(max_size=90), st.binary(max_size=9), st.binary(max_size=9))
def test_within_an_entry_what_stands_before_counts_and_what_stands_behind_does_not(
    head: bytes, check: bytes, other: bytes
) -> None:
    entry = head + DER + check
    mould = Mould.of(entry, slice(len(head), len(entry) - len(check)))

    assert mould.fits(head + DER + other, serial_octets(SERIAL)) == (len(other) == len(check))
    assert not mould.fits(entry[1:] + b"0", serial_octets(SERIAL))
    assert entry[mould.signed] == DER[Mould.of(DER, WHOLE).signed]
