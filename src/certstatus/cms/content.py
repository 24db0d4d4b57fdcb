"""ContentInfo: what kind of content follows, and its octets (RFC 5652 §3, RFC 5055 §3, §4).

An unprotected message of SCVP stands in it bare, without an OCTET STRING; a protected one
in SignedData. The content's octets are kept as they were received, also where the elements
around them are BER: what is hashed later is what the peer wrote (S5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import Departure, oids
from certstatus.asn1.ber import BERElement, element_at, normalize
from certstatus.asn1.doorway import decode, encode, encode_sequence_of, encode_tlv, explicit
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CMS_BYTES
from certstatus.pkix.cached import cached_property

__all__ = ["ContentInfo", "Protection", "encode_content_info", "parse_content_info"]

_SEQUENCE: Final = 0x30
_OID: Final = 0x06
_CONTENT: Final = 0xA0
_WHERE: Final = "ContentInfo"


class Protection(StrEnum):
    """How a message is protected (RFC 5055 §3, S1)."""

    NONE = "none"
    """Bare: its own type stands in the ContentInfo."""
    SIGNED = "signed"
    """SignedData."""
    AUTHENTICATED = "authenticated"
    """AuthenticatedData, a MAC: told apart, and not supported."""


_PROTECTIONS: Final = {
    oids.ID_SIGNED_DATA: Protection.SIGNED,
    oids.ID_CT_AUTH_DATA: Protection.AUTHENTICATED,
}


@dataclass(frozen=True, kw_only=True)
class ContentInfo:
    """A content type, and the one element that is its content, as received."""

    content_type: ObjectIdentifier
    content: bytes = field(repr=False)
    der: bytes = field(repr=False)
    departures: tuple[Departure, ...] = ()

    @property
    def protection(self) -> Protection:
        """How the message inside is protected."""
        return _PROTECTIONS.get(self.content_type, Protection.NONE)

    @cached_property
    def content_der(self) -> bytes:
        """The content as DER: ``content`` itself, unless a peer wrote BER.

        Raises:
            MalformedError: it is past a limit of BER.
        """
        return normalize(self.content, f"{_WHERE}.content")


def encode_content_info(content_type: ObjectIdentifier, content: bytes) -> bytes:
    """Write a ContentInfo around the DER of its content."""
    return encode_sequence_of([encode(content_type), explicit(0, content)])


def parse_content_info(data: bytes) -> ContentInfo:
    """Read a ContentInfo from DER or BER, and take its content out untouched.

    Raises:
        MalformedError: it is none, has bytes after its end, or is larger than
            ``MAX_CMS_BYTES``.
    """
    if len(data) > MAX_CMS_BYTES:
        raise MalformedError(f"is larger than {MAX_CMS_BYTES} bytes", where=_WHERE)
    outer = _only(data, 0, len(data), _SEQUENCE, _WHERE)
    where = f"{_WHERE}.contentType"
    kind = element_at(data, outer.contents, outer.contents_end, where)
    if kind.tag != _OID:
        raise MalformedError("is no OBJECT IDENTIFIER", where=where)
    octets = data[kind.contents : kind.contents_end]
    content_type = decode(ObjectIdentifier, encode_tlv(_OID, octets), where)
    where = f"{_WHERE}.content"
    tagged = _only(data, kind.end, outer.contents_end, _CONTENT, where)
    inner = element_at(data, tagged.contents, tagged.contents_end, where)
    if inner.end != tagged.contents_end:
        raise MalformedError("holds more than one element", where=where)
    content = data[inner.start : inner.end]
    return ContentInfo(
        content_type=content_type,
        content=content,
        der=data,
        departures=_departures(data, encode_content_info(content_type, content)),
    )


def _only(data: bytes, start: int, end: int, tag: int, where: str) -> BERElement:
    """Find the element of this tag that fills a range."""
    found = element_at(data, start, end, where)
    if found.tag != tag:
        raise MalformedError("has an element of another type than the standard's", where=where)
    if found.end != end:
        raise MalformedError("has bytes after its end", where=where)
    return found


def _departures(data: bytes, der: bytes) -> tuple[Departure, ...]:
    return () if data == der else (Departure(_WHERE, "is BER, not DER"),)
