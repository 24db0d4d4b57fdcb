"""Reads the shape that nearly all certificates have, without declarations; all others it leaves.

Its law: what is read here is read as the declarations of ``certstatus.asn1.x509`` read it,
or not at all: v3, with extensions and without unique identifiers, lengths of at most 65,535,
two UTCTimes. For whatever is otherwise, or broken, None is returned, and the declarations say
what is wrong. Three times as fast; a test holds both against each other, octet by octet.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1.doorway import UTCTime, decode, decode_time
from certstatus.asn1.walk import contents_at, is_positive
from certstatus.errors import MalformedError
from certstatus.limits import MAX_INTEGER_OCTETS, MAX_KNOWN_NAMES, MAX_KNOWN_WORDS
from certstatus.pkix.algorithm import known_algorithm
from certstatus.pkix.name import Name

__all__ = ["read_plain"]

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
_OCTET_STRING: Final = 0x04
_OID: Final = 0x06
_EXTENSIONS: Final = 0xA3
_V3: Final = bytes.fromhex("a003020102")
_VALIDITY: Final = b"\x30\x1e"
_TRUE: Final = b"\x01\x01\xff"
_MAX_KEPT_OCTETS: Final = 64


def read_plain(der: bytes) -> dict[str, object] | None:
    """Read a certificate of the usual shape; None: it has another, or is none.

    Returns:
        The values of ``Certificate``, by their names: of its field, and of its properties.
    """
    try:
        return _read(der)
    except (IndexError, MalformedError):
        return None


def _read(der: bytes) -> dict[str, object]:
    tbs, end = contents_at(der, 0, _SEQUENCE)
    at, tbs_end = contents_at(der, tbs, _SEQUENCE)
    if end != len(der) or der[at : at + 5] != _V3:
        raise _odd()
    serial, at = contents_at(der, at + 5, _INTEGER)
    _, issuer = contents_at(der, at, _SEQUENCE)
    _, validity = contents_at(der, issuer, _SEQUENCE)
    subject = validity + 32
    _, spki = contents_at(der, subject, _SEQUENCE)
    key, spki_end = contents_at(der, spki, _SEQUENCE)
    _, bits = contents_at(der, key, _SEQUENCE)
    _, signature = contents_at(der, tbs_end, _SEQUENCE)
    named = known_algorithm(der[tbs_end:signature])
    return {
        "der": der,
        "tbs_der": der[tbs:tbs_end],
        "version": 2,
        "serial_number": _positive(der[serial:at]),
        "has_one_algorithm": known_algorithm(der[at:issuer]) == named,
        "issuer": Name(der[issuer:validity]),
        "_validity": _validity(der[validity:subject]),
        "subject": Name(der[subject:spki]),
        "spki_der": der[spki:spki_end],
        "key_algorithm": known_algorithm(der[key:bits]),
        "key_bits": _bits(der, bits, spki_end),
        "extensions": _extensions(der, spki_end, tbs_end),
        "signature_algorithm": named,
        "signature": _bits(der, signature, end),
    }


def _odd() -> MalformedError:
    """Make what ends the reading here: the declarations will say what it is."""
    return MalformedError("has not the usual shape", where="Certificate")


def _positive(octets: bytes) -> int:
    if not is_positive(octets) or len(octets) > MAX_INTEGER_OCTETS:
        raise _odd()
    return int.from_bytes(octets)


@lru_cache(MAX_KNOWN_WORDS)
def _validity(der: bytes) -> tuple[datetime, datetime]:
    """Read two UTCTimes; a CA gives many certificates the same."""
    if not der.startswith(_VALIDITY):
        raise _odd()
    return _moment(der[2:17]), _moment(der[17:32])


def _moment(der: bytes) -> datetime:
    return decode_time(decode(UTCTime, der, "UTCTime"), "UTCTime")


def _bits(der: bytes, at: int, end: int) -> bytes:
    """Read a BIT STRING of whole octets that ends at ``end``."""
    start, after = contents_at(der, at, _BIT_STRING)
    if after != end or end - start < 2 or der[start]:
        raise _odd()
    return der[start + 1 : end]


def _extensions(der: bytes, at: int, end: int) -> dict[ObjectIdentifier, tuple[bool, bytes]]:
    """Read the extensions between two places; one that stands twice is odd."""
    outer, outer_end = contents_at(der, at, _EXTENSIONS)
    at, inner_end = contents_at(der, outer, _SEQUENCE)
    if not at < inner_end == outer_end == end:
        raise _odd()
    found, count = {}, 0
    while at < end:
        start, after = contents_at(der, at, _SEQUENCE)
        if after - at > _MAX_KEPT_OCTETS:
            oid, value = _extension(der[start:after])
        else:
            oid, value = _known_extension(der[start:after])
        found[oid] = value
        count, at = count + 1, after
    if at != end or len(found) != count:
        raise _odd()
    return found


def _extension(der: bytes) -> tuple[ObjectIdentifier, tuple[bool, bytes]]:
    """Read what stands within an extension."""
    _, at = contents_at(der, 0, _OID)
    oid = _oid(der[:at])
    is_critical = der.startswith(_TRUE, at)
    start, end = contents_at(der, at + 3 if is_critical else at, _OCTET_STRING)
    if end != len(der):
        raise _odd()
    return oid, (is_critical, der[start:])


_known_extension: Final = lru_cache(MAX_KNOWN_WORDS)(_extension)


@lru_cache(MAX_KNOWN_NAMES)
def _oid(der: bytes) -> ObjectIdentifier:
    return decode(ObjectIdentifier, der, "extnID")
