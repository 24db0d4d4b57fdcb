"""The fixed shape of a request for one certificate: where its CertID stands, and its nonce. Pure.

An OCSPRequest that has nothing optional, or a nonce alone, is told by its length: in DER all
that stands around CertID and nonce follows from how long they are. So it is recognised by
comparing octets, and nothing is parsed. What is equal here is read alike by the parser.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from certstatus.limits import MAX_LISTED_SERIAL_OCTETS, MAX_NONCE_OCTETS

__all__ = ["NONCE_OID", "Frame", "frame_with_nonce", "frames_without_nonce", "is_usual_serial"]

NONCE_OID: Final = bytes.fromhex("06092b0601050507300102")
"""id-pkix-ocsp-nonce, as an element."""

_CERT_ID_OCTETS: Final = range(40, 256)
"""Contents of a CertID: from SHA-1 and a serial number of one octet to SHA-512 and 20, and more."""


class Frame(NamedTuple):
    """What stands around CertID and nonce.

    The CertID's element begins at ``start``; its contents begin at ``content``, where ``head``
    ends, and end at ``end``. ``middle`` stands between them and the nonce's octets.
    """

    head: bytes
    start: int
    content: int
    end: int
    middle: bytes = b""


def _length(count: int) -> bytes:
    if count < 0x80:
        return bytes((count,))
    octets = count.to_bytes((count.bit_length() + 7) // 8)
    return bytes((0x80 + len(octets),)) + octets


def _element(tag: int, *parts: bytes) -> bytes:
    contents = b"".join(parts)
    return bytes((tag,)) + _length(len(contents)) + contents


def nonce_extensions(nonce: bytes) -> bytes:
    """Write ``[2] Extensions`` with a nonce and no other, as RFC 9654 has it."""
    value = _element(0x04, _element(0x04, nonce))
    return _element(0xA2, _element(0x30, _element(0x30, NONCE_OID, value)))


def _frame(cert_id_octets: int, nonce_octets: int | None) -> tuple[int, Frame]:
    """Build the frame of a CertID and a nonce of such lengths; return the request's length, too."""
    cert_id = _element(0x30, b"\xff" * cert_id_octets)
    requests = _element(0x30, _element(0x30, cert_id))
    tail = b"" if nonce_octets is None else nonce_extensions(b"\xff" * nonce_octets)
    der = _element(0x30, _element(0x30, requests, tail))
    start = len(der) - len(tail) - len(cert_id)
    end = start + len(cert_id)
    middle = der[end : len(der) - (nonce_octets or 0)]
    content = end - cert_id_octets
    return len(der), Frame(der[:content], start, content, end, middle)


def frames_without_nonce() -> dict[int, Frame]:
    """Return the frame of each length that a request without a nonce may have."""
    return dict(_frame(octets, None) for octets in _CERT_ID_OCTETS)


@lru_cache(maxsize=1024)
def frame_with_nonce(length: int, nonce_octets: int) -> Frame | None:
    """Return the frame of a request of that length with such a nonce; None: there is none."""
    if not 1 <= nonce_octets <= MAX_NONCE_OCTETS:
        return None
    fixed = _frame(0, nonce_octets)[0]
    for octets in range(max(40, length - fixed - 12), min(256, length - fixed + 1)):
        found, frame = _frame(octets, nonce_octets)
        if found == length:
            return frame
    return None


def is_usual_serial(octets: bytes) -> bool:
    """Whether an INTEGER's octets are a positive number in DER, no longer than sources list."""
    if not octets or len(octets) > MAX_LISTED_SERIAL_OCTETS or octets[0] >= 0x80:
        return False
    return octets[0] > 0 or (len(octets) > 1 and octets[1] >= 0x80)
