"""Names: the exact bytes of a Name for hashing, and GeneralName in all its arms."""

from __future__ import annotations

import ipaddress
import unicodedata
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import (
    TLV,
    decode,
    decode_sequence_of,
    encode,
    encode_sequence_of,
    encode_tlv,
    read_tlv,
)
from certstatus.asn1.x509 import AccessDescription as DeclaredAccessDescription
from certstatus.asn1.x509 import GeneralNames, OtherName, RDNSequence, RelativeDistinguishedName
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_NAMES

__all__ = [
    "AccessDescription",
    "GeneralName",
    "GeneralNameKind",
    "Name",
    "decode_general_names",
    "distribution_point_name",
    "encode_general_names",
]


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name by its DER, as it stood where it was read (O1)."""

    der: bytes

    @classmethod
    def from_der(cls, der: bytes, where: str = "Name") -> Name:
        """Read a Name, whatever stands in its strings.

        Raises:
            MalformedError: the bytes are no SEQUENCE of SETs of attributes.
        """
        _rdns(der, where)
        return cls(der)

    @classmethod
    def from_x509(cls, name: x509.Name) -> Name:
        """Take the DER of a name of the cryptography package."""
        return cls(name.public_bytes())

    @classmethod
    def from_rfc4514(cls, text: str) -> Name:
        """Read a name as people write it: ``CN=ocsp.example,O=Example``.

        Raises:
            MalformedError: ``text`` is not an RFC 4514 name.
        """
        try:
            return cls.from_x509(x509.Name.from_rfc4514_string(text))
        except (ValueError, KeyError) as error:
            raise MalformedError(f"{text!r} is not a distinguished name", where="Name") from error

    def parsed(self) -> x509.Name:
        """Return the name taken apart by the cryptography package, which is stricter than we.

        Raises:
            MalformedError: the bytes are no Name, or its strings break their types.
        """
        # The library warns of lengths, as of a country of three letters; that is no news here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode(x509.Name, self.der, "Name")

    def matches(self, other: Name) -> bool:
        """Compare by RFC 5280 §7.1: exact bytes, else ignoring case and runs of spaces."""
        if self.der == other.der:
            return True
        try:
            return _folded(self.der) == _folded(other.der)
        except MalformedError:
            return False

    @property
    def folded(self) -> Hashable:
        """What names have in common that match; the bytes themselves where they can't be read."""
        return _comparable(self.der)

    def values(self, attribute: ObjectIdentifier) -> tuple[str, ...]:
        """Return the values of an attribute that are strings, the most specific last."""
        pairs = (pair for rdn in _rdns(self.der, "Name") for pair in rdn)
        texts = (_value_text(value) for oid, value in pairs if oid == attribute)
        return tuple(text for text in texts if text is not None)

    def __str__(self) -> str:
        """Write the name as RFC 4514 does, last RDN first."""
        return _text(self.der)


@lru_cache(MAX_KNOWN_NAMES)
def _text(der: bytes) -> str:
    try:
        rdns = _rdns(der, "Name")
    except MalformedError:
        return f"(unreadable name {der.hex()})"
    return ",".join("+".join(_attribute_text(*one) for one in rdn) for rdn in reversed(rdns))


_RDN = list[tuple[ObjectIdentifier, TLV]]


def _rdns(der: bytes, where: str) -> list[_RDN]:
    return [_rdn(element, where) for element in decode_sequence_of(RDNSequence, der, where).names]


def _rdn(element: TLV, where: str) -> _RDN:
    if element.tag_bytes != b"\x31" or not element.data:
        raise MalformedError("holds a RelativeDistinguishedName that is no SET OF", where=where)
    members = encode_tlv(0x30, bytes(element.data))
    declared = decode_sequence_of(RelativeDistinguishedName, members, where)
    return [(one.attribute_type, one.value) for one in declared.attributes]


# By tag: UTF8String, NumericString, PrintableString, TeletexString (in practice Latin-1),
# IA5String, UniversalString, BMPString.
_ENCODINGS: Final = {
    b"\x0c": "utf-8",
    b"\x12": "latin-1",
    b"\x13": "latin-1",
    b"\x14": "latin-1",
    b"\x16": "latin-1",
    b"\x1c": "utf-32-be",
    b"\x1e": "utf-16-be",
}


def _value_text(value: TLV) -> str | None:
    """Read a string of any type; None for what is no string."""
    encoding = _ENCODINGS.get(value.tag_bytes)
    if encoding is None:
        return None
    try:
        return bytes(value.data).decode(encoding)
    except UnicodeDecodeError:
        return None


def _folded(der: bytes) -> list[tuple[int, frozenset[tuple[ObjectIdentifier, str | bytes]]]]:
    """Make two names comparable: RDNs in order, each one's attributes in any order."""
    return [
        (len(rdn), frozenset((oid, _fold(value)) for oid, value in rdn))
        for rdn in _rdns(der, "Name")
    ]


@lru_cache(MAX_KNOWN_NAMES)
def _comparable(der: bytes) -> Hashable:
    try:
        return tuple(_folded(der))
    except MalformedError:
        return der


def _fold(value: TLV) -> str | bytes:
    """Prepare a string for comparison as RFC 5280 §7.1 asks by RFC 4518 §2."""
    text = _value_text(value)
    if text is None:
        return encode(value)
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(composed.split())


_ATTRIBUTES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}


def _attribute_text(oid: ObjectIdentifier, value: TLV) -> str:
    name = _ATTRIBUTES.get(oid.dotted_string, oid.dotted_string)
    text = _value_text(value)
    return f"{name}=#{encode(value).hex()}" if text is None else f"{name}={_escaped(text)}"


def _escaped(text: str) -> str:
    """Escape as RFC 4514 §2.4 does, and what a terminal or a log would take for an order."""
    body = "".join(map(_escaped_character, text))
    if body[:1] in {" ", "#"}:
        body = f"\\{body}"
    return f"{body[:-1]}\\ " if len(text) > 1 and text.endswith(" ") else body


def _escaped_character(character: str) -> str:
    if character in '"+,;<>\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\{octet:02x}" for octet in character.encode("utf-8", "surrogatepass"))


class GeneralNameKind(IntEnum):
    """The arms of GeneralName by their tag numbers (RFC 5280 §4.2.1.6)."""

    OTHER_NAME = 0
    RFC822_NAME = 1
    DNS_NAME = 2
    X400_ADDRESS = 3
    DIRECTORY_NAME = 4
    EDI_PARTY_NAME = 5
    UNIFORM_RESOURCE_IDENTIFIER = 6
    IP_ADDRESS = 7
    REGISTERED_ID = 8


_LABELS = {
    GeneralNameKind.OTHER_NAME: "otherName",
    GeneralNameKind.RFC822_NAME: "rfc822Name",
    GeneralNameKind.DNS_NAME: "dNSName",
    GeneralNameKind.X400_ADDRESS: "x400Address",
    GeneralNameKind.DIRECTORY_NAME: "directoryName",
    GeneralNameKind.EDI_PARTY_NAME: "ediPartyName",
    GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER: "uniformResourceIdentifier",
    GeneralNameKind.IP_ADDRESS: "iPAddress",
    GeneralNameKind.REGISTERED_ID: "registeredID",
}

_IA5 = frozenset(
    {
        GeneralNameKind.RFC822_NAME,
        GeneralNameKind.DNS_NAME,
        GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER,
    }
)
_CONSTRUCTED = frozenset(
    {
        GeneralNameKind.OTHER_NAME,
        GeneralNameKind.X400_ADDRESS,
        GeneralNameKind.DIRECTORY_NAME,
        GeneralNameKind.EDI_PARTY_NAME,
    }
)


@dataclass(frozen=True, slots=True)
class GeneralName:
    """A GeneralName: its arm, and the contents of its element.

    For directoryName the contents are the DER of the Name; for the IA5String arms the
    ASCII bytes; else the contents as they stood.
    """

    kind: GeneralNameKind
    contents: bytes

    @classmethod
    def from_tlv(cls, element: TLV, where: str) -> GeneralName:
        """Read an element.

        Raises:
            MalformedError: the tag is no arm of GeneralName, or the contents break its type.
        """
        tag = element.tag_bytes[0]
        number, constructed = tag & 0x1F, bool(tag & 0x20)
        if tag & 0xC0 != 0x80 or number not in _LABELS:
            raise MalformedError("is no GeneralName", where=where)
        kind = GeneralNameKind(number)
        if constructed != (kind in _CONSTRUCTED):
            raise MalformedError(f"{_LABELS[kind]} has the wrong form", where=where)
        name = cls(kind, bytes(element.data))
        name.check(where)
        return name

    @classmethod
    def from_der(cls, der: bytes, where: str) -> GeneralName:
        """Read DER. Raises MalformedError as ``from_tlv`` does."""
        return cls.from_tlv(read_tlv(der, where), where)

    @classmethod
    def directory_name(cls, name: Name) -> GeneralName:
        """Make a directoryName."""
        return cls(GeneralNameKind.DIRECTORY_NAME, name.der)

    @classmethod
    def uri(cls, uri: str) -> GeneralName:
        """Make a uniformResourceIdentifier; ``uri`` is ASCII."""
        return cls(GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER, uri.encode("ascii"))

    @classmethod
    def dns_name(cls, host: str) -> GeneralName:
        """Make a dNSName; ``host`` is ASCII."""
        return cls(GeneralNameKind.DNS_NAME, host.encode("ascii"))

    @classmethod
    def rfc822_name(cls, address: str) -> GeneralName:
        """Make an rfc822Name; ``address`` is ASCII."""
        return cls(GeneralNameKind.RFC822_NAME, address.encode("ascii"))

    def check(self, where: str) -> None:
        """Raise MalformedError where the contents break the arm's own type."""
        if self.kind in _IA5 and not self.contents.isascii():
            raise MalformedError(f"{_LABELS[self.kind]} is not IA5", where=where)
        if self.kind is GeneralNameKind.DIRECTORY_NAME:
            Name.from_der(self.contents, where)
        if self.kind is GeneralNameKind.OTHER_NAME:
            decode(OtherName, encode_tlv(0x30, self.contents), where)
        if self.kind is GeneralNameKind.REGISTERED_ID:
            decode(ObjectIdentifier, encode_tlv(0x06, self.contents), where)

    @property
    def name(self) -> Name | None:
        """The Name of a directoryName; None for every other arm."""
        return Name(self.contents) if self.kind is GeneralNameKind.DIRECTORY_NAME else None

    @property
    def text(self) -> str:
        """The value as people read it, without the arm's label."""
        if self.kind in _IA5:
            return self.contents.decode("ascii")
        if self.kind is GeneralNameKind.DIRECTORY_NAME:
            return str(Name(self.contents))
        if self.kind is GeneralNameKind.REGISTERED_ID:
            oid = decode(ObjectIdentifier, encode_tlv(0x06, self.contents), "registeredID")
            return oids.name_of(oid)
        if self.kind is GeneralNameKind.IP_ADDRESS and len(self.contents) in {4, 16}:
            return str(ipaddress.ip_address(self.contents))
        return self.contents.hex()

    def encode(self) -> bytes:
        """Return the DER of the GeneralName."""
        form = 0xA0 if self.kind in _CONSTRUCTED else 0x80
        return encode_tlv(form | self.kind, self.contents)

    def __str__(self) -> str:
        return f"{_LABELS[self.kind]}:{self.text}"


@dataclass(frozen=True, slots=True)
class AccessDescription:
    """Where to reach a service of a certificate's issuer (RFC 5280 §4.2.2.1, O8)."""

    access_method: ObjectIdentifier
    access_location: GeneralName

    @classmethod
    def from_declared(cls, declared: DeclaredAccessDescription, where: str) -> AccessDescription:
        """Take over what was decoded. Raises MalformedError for a broken location."""
        location = GeneralName.from_tlv(declared.access_location, f"{where}.accessLocation")
        return cls(declared.access_method, location)

    def encode(self) -> bytes:
        """Return the DER of the AccessDescription."""
        return encode_sequence_of([encode(self.access_method), self.access_location.encode()])

    def declared(self) -> DeclaredAccessDescription:
        """Return the value to encode."""
        return DeclaredAccessDescription(
            access_method=self.access_method,
            access_location=read_tlv(self.access_location.encode(), "accessLocation"),
        )


def encode_general_names(names: tuple[GeneralName, ...]) -> bytes:
    """Write GeneralNames."""
    return encode_sequence_of([name.encode() for name in names])


def decode_general_names(der: bytes, where: str) -> tuple[GeneralName, ...]:
    """Read GeneralNames.

    Raises:
        MalformedError: it is not a SEQUENCE of at least one GeneralName.
    """
    elements = decode_sequence_of(GeneralNames, der, where).names
    if not elements:
        raise MalformedError("is empty", where=where)
    return tuple(GeneralName.from_tlv(element, where) for element in elements)


def distribution_point_name(
    point: object, where: str
) -> tuple[tuple[GeneralName, ...], bytes | None]:
    """Read DistributionPointName: fullName [0], or the RDN of nameRelativeToCRLIssuer [1].

    Raises:
        MalformedError: it is neither arm.
    """
    if point is None:
        return (), None
    if not isinstance(point, TLV) or point.tag_bytes not in {b"\xa0", b"\xa1"}:
        raise MalformedError("has no DistributionPointName", where=where)
    contents = bytes(point.data)
    if point.tag_bytes == b"\xa1":
        return (), contents
    return decode_general_names(encode_sequence_of([contents]), f"{where}.fullName"), None
