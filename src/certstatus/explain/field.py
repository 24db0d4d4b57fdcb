"""The tree that an explanation is: fields by the RFC's names, each with its meaning and section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.departure import Departure

__all__ = [
    "Field",
    "Value",
    "absent",
    "count_text",
    "departure_texts",
    "numbered",
    "oid_text",
    "span_text",
]

Value: TypeAlias = str | bytes | datetime | None
"""Text, octets, a time (aware UTC), or None for a structure and for what is absent."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    ``name`` is the RFC's, ``section`` where it stands, ``meaning`` what it says in plain
    words. ``der`` are the field's own octets where they were kept: the DER element, or
    for an OCTET or BIT STRING its contents. ``departures`` tell what the writer did
    otherwise than the standard asks; ``problem`` why the field can't be read at all.
    """

    name: str
    value: Value = None
    meaning: str = ""
    section: str = ""
    _: KW_ONLY
    children: tuple[Field, ...] = ()
    der: bytes | None = field(default=None, repr=False)
    departures: tuple[str, ...] = ()
    problem: str = ""
    is_absent: bool = False

    @property
    def text(self) -> str:
        """The value as text: octets in hex, times as 2026-11-21T12:00:00Z."""
        if isinstance(self.value, bytes):
            return self.value.hex()
        if isinstance(self.value, datetime):
            return f"{self.value:%Y-%m-%dT%H:%M:%SZ}"
        return self.value or ""

    def walk(self) -> Iterator[Field]:
        """Yield this field and all under it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def at(self, *names: str) -> Field:
        """Return the field at a path of names under this one, the first where several match.

        Raises:
            KeyError: there is none.
        """
        found = self
        for name in names:
            for child in found.children:
                if child.name == name:
                    found = child
                    break
            else:
                raise KeyError(f"{found.name} has no {name}")
        return found

    def as_json(self, *, with_bytes: bool = False) -> dict[str, object]:
        """Return what ``show --json`` prints of a field; ``hex`` only where it is asked for."""
        told: dict[str, object] = {
            "name": self.name,
            "value": None if self.value is None else self.text,
            "absent": self.is_absent,
            "meaning": self.meaning,
            "section": self.section,
            "departures": list(self.departures),
            "problem": self.problem or None,
        }
        if with_bytes:
            told["hex"] = None if self.der is None else self.der.hex()
        told["fields"] = [child.as_json(with_bytes=with_bytes) for child in self.children]
        return told


def absent(name: str, meaning: str, section: str) -> Field:
    """Make an optional field that is not there; ``meaning`` says what follows from that."""
    return Field(name, None, meaning, section, is_absent=True)


def departure_texts(departures: tuple[Departure, ...]) -> tuple[str, ...]:
    """Put what parsing noted into lines."""
    return tuple(f"{departure.where} {departure.text}" for departure in departures)


def oid_text(oid: ObjectIdentifier) -> str:
    """Write an object identifier with its standard's name, where it has one."""
    name = oids.name_of(oid)
    return name if name == oid.dotted_string else f"{name} ({oid.dotted_string})"


def count_text(count: int, one: str, many: str | None = None) -> str:
    """Write a number of things: 1 request, 2 requests."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def numbered(number: int, registry: type[IntEnum]) -> str:
    """Write a number of TLS with its name: ocsp (1); one that we don't know as unknown (9)."""
    try:
        return f"{registry(number).name.lower()} ({number:d})"
    except ValueError:
        return f"unknown ({number})"


_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def span_text(span: timedelta) -> str:
    """Write a length of time in its two largest units: 3 days 12 hours."""
    rest, words = abs(int(span.total_seconds())), []
    for word, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(count_text(count, word))
    return " ".join(words[:2]) or "0 seconds"
