"""Reads the shape that nearly all responses have, without declarations; all others it leaves.

Its law: what is read here is read as the declarations of ``certstatus.asn1.ocsp`` read it,
or not at all: one answer, no extensions, lengths of at most 65,535, nothing to note. For
whatever is otherwise, or broken, None is returned, and the declarations say what is wrong.
One regular expression takes what is signed apart, at the speed of C. Five times as fast; a test
holds both against each other, octet by octet.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from certstatus.asn1 import oids
from certstatus.asn1.doorway import GeneralizedTime, decode, decode_time, encode, encode_tlv
from certstatus.asn1.walk import contents_at
from certstatus.errors import MalformedError
from certstatus.limits import (
    MAX_KNOWN_NAMES,
    MAX_KNOWN_WORDS,
    MAX_RESPONSE_CERTS,
    MAX_SERIAL_OCTETS,
)
from certstatus.ocsp.certid import CertID
from certstatus.ocsp.response_values import (
    BasicOCSPResponse,
    ByKey,
    ByName,
    OCSPResponse,
    ResponderID,
    ResponseData,
    SingleResponse,
)
from certstatus.ocsp.status import CertStatus, Good, OCSPResponseStatus, Revoked, Unknown
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm, Name
from certstatus.pkix.algorithm import known_algorithm

__all__ = ["read_plain"]

_SEQUENCE: Final = 0x30
_BASIC_OID: Final = bytes.fromhex("06092b0601050507300101")
_BY_NAME: Final = 0xA1
_CERTS: Final = 0xA0
_BIT_STRING: Final = 0x03
_LONG_FORM: Final = 0x80
_STATUSES: Final[dict[bytes, CertStatus]] = {b"\x80\x00": Good(), b"\x82\x00": Unknown()}
_HASHES: Final[dict[bytes, tuple[AlgorithmIdentifier, int]]] = {
    encode(identifier.declared()): (identifier, len(algorithm.digest(b"")))
    for algorithm in HashAlgorithm
    for identifier in (
        AlgorithmIdentifier(algorithm.oid),
        AlgorithmIdentifier(algorithm.oid, b"\x05\x00"),
    )
}

# --- what is signed, octet by octet -------------------------------------------------------------

_HEAD: Final = rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)"
_TIME: Final = rb"\x18\x0f[0-9]{14}Z"
_TWO_DIGESTS: Final = rb"(?:\x04\x%02x.{%d}){2}"
_DATA: Final = re.compile(
    rb"(\xa2\x16\x04\x14.{20}|\xa1.+?)"  # responderID
    rb"(%(time)b)"  # producedAt
    rb"(%(head)b%(head)b%(head)b)"  # responses, its one SingleResponse, its CertID
    rb"(%(hash)b)(%(digests)b)"
    rb"\x02(.)((?:[\x01-\x7f]|\x00[\x80-\xff]).*?)"  # serialNumber
    rb"(\x80\x00|\x82\x00|\xa1\x11%(time)b|\xa1\x16%(time)b\xa0\x03\x0a\x01.)"  # certStatus
    rb"(%(time)b)(?:\xa0\x11(%(time)b))?"  # thisUpdate, nextUpdate
    % {
        b"time": _TIME,
        b"head": _HEAD,
        b"hash": b"|".join(map(re.escape, _HASHES)),
        b"digests": b"|".join(_TWO_DIGESTS % (size, size) for _, size in _HASHES.values()),
    },
    re.DOTALL,
)


def read_plain(der: bytes) -> OCSPResponse | None:
    """Read a response of the usual shape; None: it has another, or is none."""
    shell = _shell(len(der))
    if not der.startswith(shell):
        return None
    try:
        return OCSPResponse(
            response_status=OCSPResponseStatus.SUCCESSFUL,
            response_type=oids.ID_PKIX_OCSP_BASIC,
            basic=_basic(der, len(shell)),
            der=der,
        )
    except (IndexError, MalformedError):
        return None


def _basic(der: bytes, tbs: int) -> BasicOCSPResponse:
    at, end = contents_at(der, tbs, _SEQUENCE)
    data = _data(der, at, end)
    _, after = contents_at(der, end, _SEQUENCE)
    bits, signature_end = contents_at(der, after, _BIT_STRING)
    if der[bits] or bits == signature_end:
        raise _odd()  # unused bits, or not even their count
    return BasicOCSPResponse(
        tbs_response_data=data,
        tbs_der=der[tbs:end],
        signature_algorithm=known_algorithm(der[end:after]),
        signature=der[bits + 1 : signature_end],
        certs=_certs(der, signature_end),
    )


def _odd() -> MalformedError:
    """Make what ends the reading here: the declarations will say what it is."""
    return MalformedError("has not the usual shape", where="OCSPResponse")


def _data(der: bytes, at: int, end: int) -> ResponseData:
    found = _DATA.fullmatch(der, at, end)
    if found is None:
        raise _odd()
    responder, produced, heads, hash_, digests, length, serial, status, start, until = (
        found.groups()
    )
    algorithm, size = _HASHES[hash_]
    contents = len(hash_) + len(digests) + 2 + len(serial)
    if (
        heads != _heads(contents, end - found.end(7))
        or len(digests) != 2 * size + 4
        or not length[0] == len(serial) <= MAX_SERIAL_OCTETS
    ):
        raise _odd()
    cert_id = der[found.start(4) - (2 if contents < _LONG_FORM else 3) : found.end(7)]
    single = SingleResponse(
        cert_id=CertID(
            algorithm, digests[2 : 2 + size], digests[-size:], int.from_bytes(serial), cert_id
        ),
        cert_status=_STATUSES.get(status) or _revoked(status),
        this_update=_moment(start),
        next_update=None if until is None else _moment(until),
    )
    return ResponseData(
        responder_id=_responder(responder),
        produced_at=_moment(produced),
        responses=(single,),
    )


@lru_cache(MAX_KNOWN_WORDS)
def _heads(cert_id: int, rest: int) -> bytes:
    """Return tags and lengths of responses, SingleResponse and CertID: DER leaves no choice.

    ``cert_id`` counts the octets in the CertID, ``rest`` those after it.
    """
    inner = encode_tlv(_SEQUENCE, bytes(cert_id))
    single = encode_tlv(_SEQUENCE, inner + bytes(rest))
    responses = encode_tlv(_SEQUENCE, single)
    return responses[: len(responses) - rest - cert_id]


@lru_cache(MAX_KNOWN_WORDS)
def _shell(size: int) -> bytes:
    """Return how a successful basic response of ``size`` octets begins: DER leaves no choice."""
    shell, left = b"", size
    for tag, lead in _LAYERS:
        head = _head(tag, left)
        if head is None:
            return _NEVER
        shell += head + lead
        left = size - len(shell)
    return shell


_LAYERS: Final = (
    (_SEQUENCE, b"\x0a\x01\x00"),  # OCSPResponse, and its status
    (0xA0, b""),
    (_SEQUENCE, _BASIC_OID),  # ResponseBytes, and its type
    (0x04, b""),
    (_SEQUENCE, b""),  # BasicOCSPResponse
)
_NEVER: Final = b"\xff"
"""What no response begins with."""


def _head(tag: int, size: int) -> bytes | None:
    """Return tag and length of an element that has ``size`` octets in all; None: none has."""
    for width, lead in ((2, b""), (3, b"\x81"), (4, b"\x82")):
        contents = size - width
        least, most = _SPANS[width]
        if least <= contents <= most:
            return bytes((tag,)) + lead + contents.to_bytes(max(width - 2, 1))
    return None


_SPANS: Final = {2: (0, 0x7F), 3: (0x80, 0xFF), 4: (0x100, 0xFFFF)}


def _responder(der: bytes) -> ResponderID:
    if der[0] != _BY_NAME:
        return ByKey(der[4:])
    start, end = contents_at(der, 0, _BY_NAME)
    if end != len(der) or end > _MAX_KEPT_OCTETS:
        raise _odd()
    return _by_name(der[start:])


_MAX_KEPT_OCTETS: Final = 1_024


@lru_cache(MAX_KNOWN_NAMES)
def _by_name(der: bytes) -> ByName:
    return ByName(Name.from_der(der))


@lru_cache(MAX_KNOWN_WORDS)
def _moment(der: bytes) -> datetime:
    """Read a GeneralizedTime; many answers are of one moment."""
    return decode_time(decode(GeneralizedTime, der, "GeneralizedTime"), "GeneralizedTime")


def _revoked(der: bytes) -> Revoked:
    if len(der) == _WITHOUT_REASON:
        return Revoked(_moment(der[2:]))
    reason = CRLReason.from_number(der[-1], "RevokedInfo.revocationReason")
    return Revoked(_moment(der[2:_WITHOUT_REASON]), reason)


_WITHOUT_REASON: Final = 19


def _certs(der: bytes, at: int) -> tuple[bytes, ...]:
    if at == len(der):
        return ()
    outer, outer_end = contents_at(der, at, _CERTS)
    at, end = contents_at(der, outer, _SEQUENCE)
    if not at < end == outer_end == len(der):
        raise _odd()
    certs = []
    while at < end:
        _, after = contents_at(der, at, _SEQUENCE)
        certs.append(der[at:after])
        at = after
    if at != end or len(certs) > MAX_RESPONSE_CERTS:
        raise _odd()
    return tuple(certs)
