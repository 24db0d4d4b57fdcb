from __future__ import annotations

import pytest

from certstatus.limits_hot import MAX_SHAPES
from certstatus.ocsp import CertID, Extension, Extensions, Nonce, encode_request
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder.forms import forms_of
from certstatus.responder.shapes import Shapes
from certstatus.responder.stored import Variants
from certstatus.testing import TinyCA
from tests.desk import CA, authority

OTHER = TinyCA("Other CA")
SERIAL = (1 << 64) + 5


def shapes() -> Shapes:
    return Shapes(forms_of([authority()], Variants()))


def asking(
    serial_number: int = SERIAL,
    nonce: bytes | None = None,
    algorithm: HashAlgorithm = HashAlgorithm.SHA1,
    ca: TinyCA = CA,
) -> bytes:
    made = CertID.of(ca.certificate, serial_number, algorithm)
    usual = AlgorithmIdentifier(algorithm.oid, b"\x05\x00")
    cert_id = CertID(usual, made.issuer_name_hash, made.issuer_key_hash, serial_number)
    extensions = Extensions() if nonce is None else Extensions.of(Nonce(nonce))
    return encode_request([cert_id], request_extensions=extensions)


@pytest.mark.parametrize("nonce", [None, b"n", b"n" * 32, b"n" * 112])
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("serial_number", [1, 0x80, SERIAL, (1 << 159) - 1])
def test_a_shape_tells_where_everything_stands(
    nonce: bytes | None, algorithm: HashAlgorithm, serial_number: int
) -> None:
    known = shapes()
    der = asking(serial_number, nonce, algorithm)

    for _ in range(2):
        shape = known.find(der)
        assert shape is not None
        assert CertID.from_der(der[shape.start : shape.end]).serial_number == serial_number
        assert int.from_bytes(der[shape.at : shape.end]) == serial_number
        if nonce is None:
            assert not shape.extension
        else:
            assert der[shape.extension :].endswith(nonce)
            assert der[shape.extension] == 0x30


def test_a_shape_that_is_known_is_found_for_other_serial_numbers_and_nonces() -> None:
    known = shapes()

    first = known.find(asking(SERIAL, b"n" * 32))

    assert known.find(asking(SERIAL + 1, b"m" * 32)) is first
    assert known.find(asking(SERIAL, b"n" * 31)) is not first


ODD = {
    "another issuer": asking(ca=OTHER),
    "zero": asking(0),
    "negative": asking(-(1 << 64) - 5),
    "no nonce in it": asking(nonce=b""),
    "a nonce too long": asking(nonce=b"n" * 113),
    "octets behind": asking() + b"\0",
    "cut": asking(nonce=b"n" * 32)[:-1],
    "needless octet": asking(1 << 63).replace(b"\x02\x09\x00\x80", b"\x02\x09\x00\x10"),
    "another extension": encode_request(
        [CertID.of(CA.certificate, SERIAL, HashAlgorithm.SHA1)],
        request_extensions=Extensions.of(Extension(Nonce.oid, b"\x04\x01n", critical=True)),
    ),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_has_no_shape_whatever_was_seen_before(kind: str) -> None:
    known = shapes()
    assert known.find(ODD[kind]) is None

    for usual in (asking(), asking(nonce=b"n" * 32), asking(1 << 63), asking(nonce=b"n" * 31)):
        assert known.find(usual) is not None

    assert known.find(ODD[kind]) is None


def test_no_more_shapes_are_known_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.responder.shapes.MAX_SHAPES", 5)
    known = shapes()

    for length in range(1, 20):
        assert known.find(asking(nonce=b"n" * length)) is not None
        assert len(known._known) <= 5

    assert MAX_SHAPES > 5
