"""DER of an answer, spliced from prepared parts around the few fields that change. Pure.

Law: byte for byte what ``encode_response_data`` and ``encode_response`` write; a property test
holds both side by side. The declarations are slower than the signature itself; here all else
takes less than half of it. A ``Frame`` is what all answers of one signer have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode, explicit
from certstatus.limits import MAX_NONCE_OCTETS, MAX_REMEMBERED_TIMES
from certstatus.ocsp import (
    CertStatus,
    ExtendedRevoke,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    ResponderID,
    Revoked,
    encode_responder_id,
)
from certstatus.signing import Signer

__all__ = [
    "EXTENDED_REVOKE",
    "Frame",
    "nonce_extension",
    "response_data",
    "single_response",
    "single_response_tail",
    "time_der",
]


# --- lengths -------------------------------------------------------------------------------


def _length_octets(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(octets),)) + octets


_USUAL: Final = 2048
_LENGTHS: Final = tuple(_length_octets(size) for size in range(_USUAL))
"""The lengths of nearly all that an answer holds, written once."""


def _length(size: int) -> bytes:
    return _LENGTHS[size] if size < _USUAL else _length_octets(size)


# --- SingleResponse (RFC 6960 §4.2.1) ------------------------------------------------------


@lru_cache(MAX_REMEMBERED_TIMES)
def time_der(moment: datetime) -> bytes:
    """Write an aware time as GeneralizedTime; fractions of a second are cut off (O20).

    Raises:
        TypeError: the time is not aware.
    """
    if moment.tzinfo is None:
        raise TypeError("a time must be aware")
    text = moment.astimezone(UTC).isoformat()  # YYYY-MM-DDTHH:MM:SS…, also in the year 1
    digits = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]
    return b"\x18\x0f" + digits.encode("ascii") + b"Z"


_GOOD: Final = b"\x80\x00"
_UNKNOWN: Final = b"\x82\x00"


def _cert_status(status: CertStatus) -> bytes:
    if not isinstance(status, Revoked):
        return _GOOD if isinstance(status, Good) else _UNKNOWN
    moment, reason = time_der(status.revocation_time), status.reason
    if reason is None:
        return b"\xa1\x11" + moment
    return b"\xa1\x16%b\xa0\x03\x0a\x01%c" % (moment, reason)


def single_response_tail(
    status: CertStatus, this_update: datetime, next_update: datetime, extensions: Extensions
) -> bytes:
    """Write a SingleResponse without its CertID: what answers of one second may share."""
    single_extensions = explicit(1, extensions.encode()) if extensions.members else b""
    return b"%b%b\xa0\x11%b%b" % (
        _cert_status(status),
        time_der(this_update),
        time_der(next_update),
        single_extensions,
    )


def single_response(cert_id: bytes, tail: bytes) -> bytes:
    """Write a SingleResponse; the CertID's DER is echoed as it came (O15)."""
    return b"\x30" + _length(len(cert_id) + len(tail)) + cert_id + tail


# --- responseExtensions --------------------------------------------------------------------

_NONCE_OID: Final = encode(Nonce.oid)

EXTENDED_REVOKE: Final = encode(Extensions.of(ExtendedRevoke()).members[0].declared())
"""The extension extended-revoke (RFC 6960 §4.4.8, O13), not critical."""


def nonce_extension(nonce: Nonce) -> bytes:
    """Write the nonce as an extension that is not critical, wrapped or bare as it came (N3)."""
    return _nonce_head(len(nonce.octets), nonce.is_bare) + nonce.octets


@lru_cache(MAX_NONCE_OCTETS)
def _nonce_head(octets: int, is_bare: bool) -> bytes:
    wrapping = b"" if is_bare else b"\x04" + _length(octets)
    value = len(wrapping) + octets
    head = _NONCE_OID + b"\x04" + _length(value) + wrapping
    return b"\x30" + _length(len(head) + octets) + head


def _response_extensions(der: bytes) -> bytes:
    """Write ``[1] EXPLICIT Extensions`` around extensions; of none nothing at all."""
    if not der:
        return b""
    head = _length(len(der))
    return b"\xa1" + _length(1 + len(head) + len(der)) + b"\x30" + head + der


# --- ResponseData, BasicOCSPResponse, OCSPResponse -----------------------------------------

_BASIC: Final = encode(oids.ID_PKIX_OCSP_BASIC)
_SUCCESSFUL: Final = bytes((0x0A, 0x01, OCSPResponseStatus.SUCCESSFUL))


@dataclass(frozen=True, slots=True)
class Frame:
    """What all answers of one signer have in common, as DER.

    ``certs`` is ``[0] EXPLICIT``, or nothing where none are sent (O18).
    """

    responder_id: bytes
    signature_algorithm: bytes
    certs: bytes

    @classmethod
    def of(cls, signer: Signer, responder_id: ResponderID) -> Frame:
        """Prepare the frame of a signer."""
        members = b"".join(one.der for one in signer.certs)
        return cls(
            encode_responder_id(responder_id),
            encode(signer.algorithm.identifier.declared()),
            explicit(0, b"\x30" + _length(len(members)) + members) if members else b"",
        )

    def opening(self, produced_at: datetime) -> bytes:
        """Write what ResponseData begins with: responderID and producedAt."""
        return self.responder_id + time_der(produced_at)

    def response(self, tbs: bytes, signature: bytes) -> bytes:
        """Write a successful OCSPResponse around signed ResponseData."""
        algorithm, certs = self.signature_algorithm, self.certs
        bits = b"\x03" + _length(len(signature) + 1) + b"\x00"
        size = len(tbs) + len(algorithm) + len(bits) + len(signature) + len(certs)
        return b"".join((_before_tbs(size), tbs, algorithm, bits, signature, certs))


@lru_cache(_USUAL)
def _before_tbs(size: int) -> bytes:
    """Write what an OCSPResponse begins with, before the ``size`` octets of what is in the innermost."""
    basic = _length(size)
    octets = _length(size := size + 1 + len(basic))
    content = _length(size := size + 1 + len(octets) + len(_BASIC))
    response_bytes = _length(size := size + 1 + len(content))
    whole = _length(size + 1 + len(response_bytes) + len(_SUCCESSFUL))
    return b"".join(
        (
            *(b"\x30", whole, _SUCCESSFUL, b"\xa0", response_bytes, b"\x30", content, _BASIC),
            *(b"\x04", octets, b"\x30", basic),
        )
    )


def response_data(opening: bytes, responses: bytes, extensions: bytes = b"") -> bytes:
    """Write ResponseData: what the signature covers.

    ``opening`` is the frame's, ``responses`` the SingleResponses and ``extensions`` the
    responseExtensions, one behind the other.
    """
    head = _length(len(responses))
    tail = _response_extensions(extensions)
    size = len(opening) + 1 + len(head) + len(responses) + len(tail)
    return b"".join((b"\x30", _length(size), opening, b"\x30", head, responses, tail))
