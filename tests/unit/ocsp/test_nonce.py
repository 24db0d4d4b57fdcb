"""The nonce: octets in an octet string, or bare as old clients send them."""

from __future__ import annotations

import pytest

from certstatus.limits import MAX_NONCE_OCTETS
from certstatus.ocsp import Nonce
from tests import der as hand


@pytest.mark.parametrize("size", [0, 1, 15, 16, 32, 33, MAX_NONCE_OCTETS, MAX_NONCE_OCTETS + 1])
@pytest.mark.rule("N1", "N2")
def test_a_nonce_stands_in_an_octet_string_of_its_own(size: int) -> None:
    octets = bytes(range(1, 129))[:size].ljust(size, b"\xff")

    assert Nonce(octets).encode() == hand.octet_string(octets)
    assert Nonce.decode(hand.octet_string(octets)) == Nonce(octets)


@pytest.mark.rule("N1")
def test_thirty_two_octets_are_wrapped_as_rfc_9654_shows() -> None:
    assert Nonce(bytes(32)).encode()[:2] == b"\x04\x20"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x01",
        b"sixteen octets!!",
        b"\x04",
        b"\x04\x05four",
        b"\x04\x03four",
        b"\x24\x02\x04\x00",
        b"\x04\x81\x01a",
    ],
)
@pytest.mark.rule("N3")
def test_a_bare_nonce_is_read_whole_marked_and_written_as_it_was(value: bytes) -> None:
    """RFC 2560 had no syntax for it; what is no DER OCTET STRING is taken as it stands."""
    read = Nonce.decode(value)

    assert read == Nonce(value, is_bare=True)
    assert read.encode() == value
