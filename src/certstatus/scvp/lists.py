"""The lists of SCVP's messages: bounded as they are read, and never empty where SIZE (1..MAX)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import TLV, decode, decode_sequence_of, encode, read_tlv
from certstatus.asn1.walk import Element, element_at, elements_in
from certstatus.asn1.x509 import Extension as DeclaredExtension
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.limits_scvp import (
    MAX_BUNDLE_CERTS,
    MAX_SCVP_ELEMENTS,
    MAX_SCVP_NAME_BYTES,
    MAX_SCVP_NAMES,
    MAX_SCVP_OIDS,
)
from certstatus.ocsp import NO_EXTENSIONS, Extension, Extensions
from certstatus.pkix import GeneralName

__all__ = [
    "bounded",
    "check_elements",
    "declared_certificates",
    "declared_names",
    "declared_oids",
    "decode_members",
    "decode_step",
    "filled",
    "read_certificates",
    "read_extensions",
    "read_name",
    "read_names",
    "read_oids",
]

T = TypeVar("T")

_SEQUENCE_TAG: Final = b"\x30"
_CONSTRUCTED: Final = 0x20
_LEAST_OCTETS: Final = 2
"""An element has a tag and a length at least: few octets hold few elements."""


def decode_step(kind: type[T], der: bytes, where: str, *, depth: int = 2) -> T:
    """Decode a declaration that goes ``depth`` elements deep, having counted them first.

    Raises:
        MalformedError: it is none, or has more than ``MAX_SCVP_ELEMENTS`` so deep.
    """
    check_elements(der, where, depth=depth)
    return decode(kind, der, where)


def decode_members(der: bytes, where: str) -> list[TLV]:
    """Decode a SEQUENCE OF whatever, having counted first. Raises as ``decode_step``."""
    check_elements(der, where, depth=1)
    return decode_sequence_of(asn1.Members, der, where).members


def check_elements(der: bytes, where: str, *, depth: int) -> None:
    """Raise MalformedError where there are more than ``MAX_SCVP_ELEMENTS`` elements so deep."""
    if len(der) <= _LEAST_OCTETS * MAX_SCVP_ELEMENTS:
        return
    outer = element_at(der, 0, len(der), where)
    for count, _ in enumerate(_elements(der, outer, depth, where), 1):
        if count > MAX_SCVP_ELEMENTS:
            raise MalformedError(f"holds more than {MAX_SCVP_ELEMENTS} elements", where=where)


def _elements(der: bytes, outer: Element, depth: int, where: str) -> Iterator[Element]:
    for element in elements_in(der, outer.contents, outer.end, where):
        yield element
        if depth > 1 and element.tag & _CONSTRUCTED:
            yield from _elements(der, element, depth - 1, where)


def bounded(members: Sequence[T], most: int, where: str) -> Sequence[T]:
    """Return the members. Raises MalformedError where there are more than ``most``."""
    if len(members) > most:
        raise MalformedError(f"holds {len(members)} elements, more than {most}", where=where)
    return members


def filled(members: Sequence[T], most: int, where: str) -> Sequence[T]:
    """Return the members. Raises MalformedError where there is none, or more than ``most``."""
    if not members:
        raise MalformedError("is empty", where=where)
    return bounded(members, most, where)


def read_oids(
    declared: Sequence[ObjectIdentifier] | None, where: str
) -> tuple[ObjectIdentifier, ...]:
    """Return a SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER, () where it is absent.

    Raises:
        MalformedError: it is there and empty, or has more than ``MAX_SCVP_OIDS``.
    """
    return () if declared is None else tuple(filled(declared, MAX_SCVP_OIDS, where))


def declared_oids(found: tuple[ObjectIdentifier, ...], where: str) -> list[ObjectIdentifier] | None:
    """Return the value to encode; none are absent. Raises MalformedError for too many."""
    return list(bounded(found, MAX_SCVP_OIDS, where)) or None


def read_names(declared: Sequence[TLV] | None, where: str) -> tuple[GeneralName, ...]:
    """Return GeneralNames, () where they are absent.

    Raises:
        MalformedError: they are there and empty, more than ``MAX_SCVP_NAMES``, or one is none.
    """
    if declared is None:
        return ()
    found = filled(declared, MAX_SCVP_NAMES, where)
    return tuple(read_name(element, where) for element in found)


def read_name(element: TLV, where: str) -> GeneralName:
    """Return a GeneralName. Raises MalformedError also past ``MAX_SCVP_NAME_BYTES``."""
    if len(element.data) > MAX_SCVP_NAME_BYTES:
        raise MalformedError(f"is larger than {MAX_SCVP_NAME_BYTES} bytes", where=where)
    return GeneralName.from_tlv(element, where)


def declared_names(names: tuple[GeneralName, ...], where: str) -> list[TLV] | None:
    """Return the value to encode; none are absent. Raises MalformedError for too many."""
    return [read_tlv(one.encode(), where) for one in bounded(names, MAX_SCVP_NAMES, where)] or None


def read_certificates(declared: Sequence[TLV] | None, where: str) -> tuple[bytes, ...]:
    """Return a CertBundle as DER, each certificate unread; () where it is absent.

    Raises:
        MalformedError: it is there and empty, more than ``MAX_BUNDLE_CERTS``, or a member is no
            SEQUENCE.
    """
    if declared is None:
        return ()
    for element in filled(declared, MAX_BUNDLE_CERTS, where):
        if element.tag_bytes != _SEQUENCE_TAG:
            raise MalformedError("holds an element that is no Certificate", where=where)
    return tuple(encode(element) for element in declared)


def declared_certificates(certificates: tuple[bytes, ...], where: str) -> list[TLV] | None:
    """Return the value to encode; none are absent.

    Raises:
        MalformedError: there are too many, or one is no SEQUENCE.
    """
    elements = [read_tlv(der, where) for der in certificates] or None
    read_certificates(elements, where)
    return elements


def read_extensions(
    declared: Sequence[DeclaredExtension] | None, where: str, departures: list[Departure]
) -> Extensions:
    """Return extensions as they stand: none has a meaning in SCVP, also none of OCSP's (S8).

    Raises:
        MalformedError: there are too many, or one stands twice.
    """
    if declared is None:
        return NO_EXTENSIONS
    if not declared:
        departures.append(Departure(where, "is empty; it should be absent"))
    found = tuple(
        Extension(one.extn_id, one.extn_value, bool(one.critical))
        for one in bounded(declared, MAX_EXTENSIONS, where)
    )
    departures += [
        Departure(f"{where}.{member}", "writes the default critical FALSE out")
        for one, member in zip(declared, found, strict=True)
        if one.critical is False
    ]
    if len({member.oid for member in found}) != len(found):
        raise MalformedError("holds an extension twice (RFC 5280 §4.2)", where=where)
    return Extensions(found)
