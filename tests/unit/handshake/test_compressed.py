from __future__ import annotations

import zlib

import pytest

from certstatus.errors import DecodeError
from certstatus.handshake import Flight, HandshakeType
from certstatus.handshake.compressed import algorithm_name, unpack_certificate
from certstatus.limits_tls import MAX_UNPACKED_BYTES
from tests.flights import CHAIN, certificate, of_server

PLAIN = certificate().body


def packed(data: bytes, *, length: int | None = None, algorithm: int = 1) -> bytes:
    size = len(PLAIN) if length is None else length
    return algorithm.to_bytes(2) + size.to_bytes(3) + len(data).to_bytes(3) + data


def test_a_certificate_message_packed_with_zlib_is_read() -> None:
    body = packed(zlib.compress(PLAIN))

    assert unpack_certificate(body) == (1, PLAIN)
    flight = Flight.read((of_server(HandshakeType.COMPRESSED_CERTIFICATE, body),))
    assert flight.chain == CHAIN


def test_other_algorithms_are_named_and_left_packed() -> None:
    assert unpack_certificate(packed(b"x", algorithm=2)) == (2, None)
    assert [algorithm_name(number) for number in (1, 2, 3, 9)] == [
        *("zlib", "brotli", "zstd"),
        "unknown(9)",
    ]


BOMB = zlib.compress(bytes(4 * MAX_UNPACKED_BYTES))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "algorithm: is cut short"),
        (packed(b""), "compressed_certificate_message: is empty"),
        (packed(b"junk"), "is no zlib"),
        (packed(zlib.compress(PLAIN)[:-1]), "does not unpack to its"),
        (packed(zlib.compress(PLAIN), length=len(PLAIN) - 1), "does not unpack to its"),
        (packed(zlib.compress(PLAIN), length=len(PLAIN) + 1), "does not unpack to its"),
        (packed(zlib.compress(PLAIN) + b"x"), "does not unpack to its"),
        (packed(zlib.compress(PLAIN)) + b"x", "has 1 octet after its end"),
        (packed(BOMB, length=4 * MAX_UNPACKED_BYTES), f"more than {MAX_UNPACKED_BYTES}"),
        (packed(BOMB, length=100), "does not unpack to its 100 octets"),
    ],
)
def test_what_does_not_unpack_is_a_decode_error(body: bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        unpack_certificate(body)
