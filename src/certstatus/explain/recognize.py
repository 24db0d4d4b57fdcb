"""What a message is, told by the octets at its front, so that a broken one is named too."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from certstatus.explain.capture_file import is_capture
from certstatus.handshake import ExtensionType, HandshakeType, is_records
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES

__all__ = ["Kind", "is_whole", "recognize"]


class Kind(Enum):
    """A message that we explain."""

    REQUEST = "OCSPRequest"
    RESPONSE = "OCSPResponse"
    CERTIFICATE = "Certificate"
    CRL = "CertificateList"
    CONTENT_INFO = "ContentInfo"
    CAPTURE = "packet capture"
    RECORDS = "TLS records"
    HANDSHAKE = "TLS handshake"
    EXTENSION = "TLS extension"
    CV_REQUEST = "CVRequest"
    CV_RESPONSE = "CVResponse"
    VAL_POL_REQUEST = "ValPolRequest"
    VAL_POL_RESPONSE = "ValPolResponse"


_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_OID: Final = 0x06
_ENUMERATED: Final = 0x0A
_SEQUENCE: Final = 0x30
_GENERALIZED_TIME: Final = 0x18
_TIMES: Final = (0x17, _GENERALIZED_TIME)
_CONTEXT_0: Final = 0xA0
_CONTEXT_1: Final = 0xA1
_CONTEXT_2: Final = 0xA2
_CONTEXT_3: Final = 0xA3


def recognize(der: bytes) -> Kind | None:
    """Tell the kind of a message, whole or cut short; None where it is none that we know."""
    if der[:1] != bytes((_SEQUENCE,)):
        return _beside_der(der)
    first = _inside(der, 0)
    told = _BY_FIRST.get(_tag(der, first) or 0)
    return None if told is None else told(der, first)


def _by_status(der: bytes, at: int) -> Kind:
    del der, at
    return Kind.RESPONSE


def _by_type(der: bytes, at: int) -> Kind | None:
    """Tell a ContentInfo: contentType, and its content under [0]."""
    return Kind.CONTENT_INFO if _tag(der, _after(der, at)) in {_CONTEXT_0, None} else None


def _by_sequence(der: bytes, at: int) -> Kind | None:
    inside = _inside(der, at)
    return Kind.CV_REQUEST if _is_query(der, inside) else _by_tbs(der, inside)


def _by_number(der: bytes, at: int) -> Kind | None:
    """Tell apart what begins with a version that is written out: a message of SCVP, or none."""
    second = _after(der, at)
    third = _after(der, second)
    if _tag(der, second) == _SEQUENCE:
        return Kind.CV_REQUEST if _is_query(der, _inside(der, second)) else None
    if _tag(der, second) == _OCTET_STRING:
        return _nonce_alone(der, second)
    if _tag(der, second) != _INTEGER:
        return None
    if _tag(der, third) == _GENERALIZED_TIME:  # serverConfigurationID, producedAt
        return Kind.CV_RESPONSE
    fourth = _after(der, third)
    is_policy = _tag(der, third) == _tag(der, fourth) == _INTEGER
    followed = is_policy and _tag(der, _after(der, fourth)) == _GENERALIZED_TIME
    return Kind.VAL_POL_RESPONSE if followed else None


def _nonce_alone(der: bytes, at: int) -> Kind | None:
    """Tell a ValPolRequest by its nonce, the last of it; a private key has more after its octets."""
    return Kind.VAL_POL_REQUEST if _after(der, at) >= len(der) else None


_BY_FIRST: Final[dict[int, Callable[[bytes, int], Kind | None]]] = {
    _ENUMERATED: _by_status,
    _INTEGER: _by_number,
    _OCTET_STRING: _nonce_alone,
    _OID: _by_type,
    _SEQUENCE: _by_sequence,
}


def _is_query(der: bytes, at: int) -> bool:
    """Say whether a Query begins here: references under [0] or [1], then identifiers.

    Where a TBSRequest has a version, or its requestorName, a SEQUENCE of no identifier follows.
    """
    references = {_CONTEXT_0: (_CONTEXT_0, _CONTEXT_1), _CONTEXT_1: (_CONTEXT_2, _CONTEXT_3)}
    if _tag(der, _inside(der, at)) not in references.get(_tag(der, at) or 0, ()):
        return False
    checks = _after(der, at)
    return checks >= len(der) or (
        _tag(der, checks) == _SEQUENCE and _tag(der, _inside(der, checks)) in {_OID, None}
    )


def _beside_der(data: bytes) -> Kind | None:
    """Tell the kind of what is no DER: a capture, or TLS."""
    if is_capture(data):
        return Kind.CAPTURE
    if _is_extension(data):
        return Kind.EXTENSION
    if _is_handshake(data):
        return Kind.HANDSHAKE
    return Kind.RECORDS if is_records(data) else None


_STATUS_EXTENSIONS: Final = (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)
_HELLOS: Final = (HandshakeType.CLIENT_HELLO, HandshakeType.SERVER_HELLO)


def _is_extension(data: bytes) -> bool:
    """Tell an extension of certificate status, with its type and length."""
    kind, length = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
    return kind in _STATUS_EXTENSIONS and len(data) == 4 + length


def _is_handshake(data: bytes) -> bool:
    """Tell handshake messages by their lengths, or by the hello that begins them."""
    if len(data) > 5 and data[0] in _HELLOS and data[1] == 0 and data[4] == 3:
        return True
    at = 0
    for _ in range(MAX_HANDSHAKE_MESSAGES):
        if at + 4 > len(data) or data[at] not in _MESSAGES:
            break
        at += 4 + int.from_bytes(data[at + 1 : at + 4])
    return at == len(data) > 0


_MESSAGES: Final = frozenset(HandshakeType)


def _by_tbs(der: bytes, at: int) -> Kind | None:
    """Tell apart what begins with a to-be-signed SEQUENCE, by what stands first in it."""
    tag = _tag(der, at)
    if tag == _CONTEXT_0:  # a version: v3 of a certificate, or one written out in a request
        following = _tag(der, _after(der, at))
        return Kind.CERTIFICATE if following == _INTEGER else Kind.REQUEST
    if tag == _CONTEXT_1:  # requestorName
        return Kind.REQUEST
    if tag == _INTEGER:
        return _by_fourth(_tag(der, _after(der, _after(der, _after(der, at)))))
    if tag == _SEQUENCE:  # requestList, or the algorithm of a v1 CRL
        return Kind.CRL if _tag(der, _inside(der, at)) == _OID else Kind.REQUEST
    return None


def _by_fourth(tag: int | None) -> Kind | None:
    """Tell apart what begins with a number: serial, algorithm, issuer, validity; or version."""
    if tag in _TIMES:  # version, algorithm, issuer, thisUpdate
        return Kind.CRL
    # A request for a certificate has its attributes there, and is none of ours.
    return Kind.CERTIFICATE if tag in {_SEQUENCE, None} else None


def is_whole(der: bytes) -> bool:
    """Say whether ``der`` is one SEQUENCE from its first octet to its last."""
    return der[:1] == bytes((_SEQUENCE,)) and _after(der, 0) == len(der)


def _tag(der: bytes, at: int) -> int | None:
    return der[at] if at < len(der) else None


def _inside(der: bytes, at: int) -> int:
    """Return where the contents of the element at ``at`` begin."""
    form = _tag(der, at + 1) or 0
    return at + 2 + (form & 0x7F if form & 0x80 else 0)


def _after(der: bytes, at: int) -> int:
    """Return where the element at ``at`` ends, by its own word."""
    start = _inside(der, at)
    length = der[at + 1 : start]
    return start + (int.from_bytes(length[1:]) if start > at + 2 else int.from_bytes(length))
