"""What is read by the short way is read as by the declarations, or left to them."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509 import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.limits import MAX_INTEGER_OCTETS
from certstatus.pkix import Certificate
from certstatus.pkix.plain_certificate import read_plain
from certstatus.testing import KEY_KINDS, TinyCA
from tests import der as hand
from tests.courtroom import CA, DELEGATE, LEAF
from tests.property.mutation import Mutator

FULL = CA.issue(
    "full.example",
    ocsp_uris=["http://ocsp.example/"],
    ca_issuers_uris=["http://ca.example/ca.cer"],
    crl_uris=["http://ca.example/ca.crl"],
    extensions=((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), bytes(300)), False),),
).certificate
PLAIN: dict[str, bytes] = {
    "leaf": LEAF.der,
    "delegate": DELEGATE.certificate.der,
    "CA": CA.certificate.der,
    "with all extensions": FULL.der,
} | {kind: TinyCA("CA", kind=kind).certificate.der for kind in KEY_KINDS}

TBS = 0
VERSION, SERIAL, SIGNATURE, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = (
    (TBS, position) for position in range(8)
)
KEY_USAGE = hand.extension("2.5.29.15", b"\x03\x02\x07\x80", hand.TRUE)


def agrees(der: bytes) -> bool:
    """Whether the short way was taken; raises where it says otherwise than the long one."""
    plain = read_plain(der)
    if plain is None:
        return False
    whole = Certificate(der)
    assert whole._spki.subject_public_key is not None
    assert {name: getattr(whole, name) for name in plain} == plain
    assert [*whole.extensions] == [*Certificate.from_der(der).extensions]
    return True


def changed(path: tuple[int, ...], put: bytes) -> bytes:
    return hand.changed(LEAF.der, path, lambda _: put)


@pytest.mark.parametrize("name", PLAIN)
def test_the_usual_shapes_are_read_the_short_way(name: str) -> None:
    assert agrees(PLAIN[name])


OTHERS = {
    "v1": hand.changed(changed(EXTENSIONS, b""), VERSION, lambda _: b""),
    "v4": changed(VERSION, hand.explicit(0, hand.integer(3))),
    "v1 written out": changed(VERSION, hand.explicit(0, hand.integer(0))),
    "no extensions": changed(EXTENSIONS, b""),
    "an empty list of extensions": changed(EXTENSIONS, hand.explicit(3, hand.sequence())),
    "an extension twice": changed(
        EXTENSIONS, hand.explicit(3, hand.sequence(KEY_USAGE, KEY_USAGE))
    ),
    "critical FALSE": changed(
        EXTENSIONS, hand.explicit(3, hand.sequence(hand.extension("1.2.3", b"", hand.FALSE)))
    ),
    "critical 01": changed(
        EXTENSIONS, hand.explicit(3, hand.sequence(hand.extension("1.2.3", b"", b"\1\1\1")))
    ),
    "a unique identifier": changed(
        EXTENSIONS, hand.tlv(0x81, b"\0\1") + hand.explicit(3, hand.sequence(KEY_USAGE))
    ),
    "something after the extensions": changed(
        EXTENSIONS, hand.explicit(3, hand.sequence(KEY_USAGE)) + hand.NULL
    ),
    "a GeneralizedTime": changed(
        (*VALIDITY, 1), hand.generalized_time("20600101000000Z")
    ),
    "a name that is no SEQUENCE": changed(SUBJECT, hand.NULL),
    "unused bits in the key": changed((*SPKI, 1), hand.bit_string(b"\xf0", 4)),
    "no bits in the key": changed((*SPKI, 1), hand.bit_string(b"")),
    "unused bits in the signature": changed((2,), hand.bit_string(b"\xf0", 4)),
    "an octet after its end": LEAF.der + b"\0",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_otherwise_is_left_to_the_declarations(name: str) -> None:
    assert read_plain(OTHERS[name]) is None


@pytest.mark.parametrize(
    "serial", [0, -1, -129, 1, 127, 128, 2**159, 2**200, 2 ** (8 * MAX_INTEGER_OCTETS)], ids=hex
)
def test_serial_numbers_above_zero_are_read_the_short_way(serial: int) -> None:
    is_plain = serial > 0 and serial.bit_length() < 8 * MAX_INTEGER_OCTETS

    assert agrees(changed(SERIAL, hand.integer(serial))) == is_plain


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\1", b"\x80", b"\0\x80", b"\1"], ids=repr)
def test_a_serial_number_in_another_form_is_left_to_the_declarations(octets: bytes) -> None:
    der = changed(SERIAL, hand.tlv(0x02, octets))

    assert agrees(der) == (octets in {b"\0\x80", b"\1"})


@pytest.mark.parametrize("size", [*range(60, 70), *range(100, 300, 9), *range(65_000, 65_700, 31)])
def test_extensions_of_any_size_are_read_alike(size: int) -> None:
    """All lengths of the layers around move from one form of DER to the next."""
    extension = hand.extension("1.2.3", bytes(size))
    der = changed(EXTENSIONS, hand.explicit(3, hand.sequence(KEY_USAGE, extension)))

    assert agrees(der) == (len(der) < 0x10000 + 4)


@pytest.mark.parametrize("name", ["delegate", "with all extensions"])
def test_every_flipped_octet_is_read_alike(name: str) -> None:
    der = PLAIN[name]
    for place in range(len(der)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            agrees(der[:place] + bytes((der[place] ^ flip,)) + der[place + 1 :])


@given(st.sampled_from(sorted(PLAIN)), st.data())
def test_whatever_is_cut_out_or_put_in_is_read_alike(name: str, data: st.DataObject) -> None:
    der = PLAIN[name]
    start = data.draw(st.integers(0, len(der)))
    end = data.draw(st.integers(start, min(len(der), start + 8)))

    agrees(der[:start] + data.draw(st.binary(max_size=8)) + der[end:])


def test_what_is_broken_deep_inside_is_read_alike() -> None:
    for der in Mutator(7, [*PLAIN.values()]).inputs(3_000):
        agrees(der)


def test_what_is_no_certificate_is_none() -> None:
    for der in (b"", b"\x30", b"\x30\x03\x0a\x01\x06", b"\x00" * 500, DELEGATE.certificate.tbs_der):
        assert read_plain(der) is None
        with pytest.raises(MalformedError):
            Certificate.from_der(der)


def test_what_was_read_before_does_not_matter() -> None:
    """Times, algorithms and extensions are kept: a broken one is never taken for one of them."""
    der = DELEGATE.certificate.der
    assert agrees(der)
    for whole, broken in ((b"Z\x17\x0d", b"A\x17\x0d"), (b"\x55\x1d\x0f", b"\x55\x9d\x80")):
        assert whole in der
        assert read_plain(der.replace(whole, broken)) is None
    assert agrees(der)
