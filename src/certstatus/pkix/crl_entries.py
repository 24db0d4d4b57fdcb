"""The entries of a CRL where they stand: a million of them are found, not taken apart.

Nearly all entries are *plain*: a serial number, a UTCTime, and a reasonCode, an
invalidityDate or both that are not critical. One regular expression accepts those, byte by
byte what the declarations accept; a test lays both side by side. It runs at the speed of C.
Every other entry is read by its declaration: removeFromCRL, certificateIssuer, a critical
extension, a leap day, an odd length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from certstatus.asn1.walk import element_at
from certstatus.pkix.crl_entry import RevokedEntry, parse_entry
from certstatus.pkix.reason import CRLReason

__all__ = ["Run", "count_entries", "read_entry", "runs_of", "serial_octets", "serial_octets_at"]

_WHERE: Final = "revokedCertificates"
_LONG_FORM: Final = 0x80

# --- what is plain ----------------------------------------------------------------------------

# February 29 is left to the declarations, which know the leap years.
_MONTH_AND_DAY: Final = (
    rb"(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])"
    rb"|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    rb"|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
_REST_OF_TIME: Final = _MONTH_AND_DAY + rb"(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z"
_UTC_TIME: Final = rb"\x17\x0d[0-9]{2}" + _REST_OF_TIME
_REASON: Final = rb"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01[\x00-\x06\x09\x0a]"
_INVALIDITY: Final = (
    rb"\x30\x18\x06\x03\x55\x1d\x18\x04\x11\x18\x0f(?:19|20)[0-9]{2}" + _REST_OF_TIME
)
_EXTENSIONS: Final = {
    0: b"",
    14: rb"\x30\x0c" + _REASON,
    28: rb"\x30\x1a" + _INVALIDITY,
    40: rb"\x30\x26" + _REASON + _INVALIDITY,
}
"""What may follow the date, by its length."""

_SERIAL_LENGTHS: Final = (16, 17, 15, 18, 19, 20, 8, 9, *range(14, 9, -1), *range(7, 0, -1), 21)
"""The likely ones first: up to 20 octets, and the one that keeps a positive number positive."""

_DATE_LENGTH: Final = 15
_RUN: Final = 1024
"""Entries that are found in one go: a third of a millisecond, in which no other thread runs."""


def _shape(extensions_length: int) -> bytes:
    """Return the expression for entries with extensions of one length, and serials of any."""
    serials = b"|".join(_serial(length, extensions_length) for length in _SERIAL_LENGTHS)
    return rb"(?:" + serials + rb")" + _UTC_TIME + _EXTENSIONS[extensions_length]


def _serial(length: int, extensions_length: int) -> bytes:
    """Return the expression for the entry's own length, and a serial number with its head."""
    whole = 2 + length + _DATE_LENGTH + extensions_length
    octets = (
        b"."
        if length == 1
        else rb"(?:[\x01-\xfe].|\x00[\x80-\xff]|\xff[\x00-\x7f]).{%d}" % (length - 2)
    )
    return re.escape(bytes((whole, 0x02, length))) + octets


@cache
def _plain(count: int = 1) -> re.Pattern[bytes]:
    """Return the expression for so many plain entries; made when the first CRL is read."""
    one = rb"\x30(?:" + b"|".join(map(_shape, _EXTENSIONS)) + rb")"
    return re.compile(one if count == 1 else rb"(?:%b){%d}+" % (one, count), re.DOTALL)


# --- finding ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """So many plain entries one after another, or one entry that is not plain."""

    start: int
    end: int
    count: int
    is_plain: bool

    def serials(self, der: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield the octets of each serial number, and where its entry begins."""
        if not self.is_plain:
            yield serial_octets_at(der, self.start), self.start
            return
        for found in _plain().finditer(der, self.start, self.end):
            at = found.start()
            yield der[at + 4 : at + 4 + der[at + 3]], at


def runs_of(der: bytes, start: int, end: int) -> Iterator[Run]:
    """Yield the entries that fill a range, in order, as runs.

    Raises:
        MalformedError: something in it is no element at all.
    """
    while start < end:
        run = _full_run(der, start, end) or _short_run(der, start, end) or _odd(der, start, end)
        yield run
        start = run.end


def _full_run(der: bytes, start: int, end: int) -> Run | None:
    found = _plain(_RUN).match(der, start, end)
    return None if found is None else Run(start, found.end(), _RUN, is_plain=True)


def _short_run(der: bytes, start: int, end: int) -> Run | None:
    count, at, plain = 0, start, _plain()
    while count < _RUN and (found := plain.match(der, at, end)) is not None:
        count, at = count + 1, found.end()
    return Run(start, at, count, is_plain=True) if count else None


def _odd(der: bytes, start: int, end: int) -> Run:
    return Run(start, element_at(der, start, end, _WHERE).end, 1, is_plain=False)


def count_entries(der: bytes, start: int, end: int) -> int:
    """Return how many entries fill a range. Raises as ``runs_of``."""
    return sum(run.count for run in runs_of(der, start, end))


# --- reading ----------------------------------------------------------------------------------


def read_entry(der: bytes, start: int, end: int) -> RevokedEntry:
    """Read the entry that begins at ``start``, within a range that ends at ``end``.

    Raises:
        MalformedError: it is broken, or carries an unknown critical extension (C8).
    """
    found = _plain().match(der, start, end)
    if found is None:
        return parse_entry(der[start : element_at(der, start, end, _WHERE).end])
    date = start + 4 + der[start + 3]
    extensions = date + _DATE_LENGTH
    length = found.end() - extensions
    if length not in _SHORT:
        return parse_entry(found[0])
    return RevokedEntry(
        serial_number=int.from_bytes(der[start + 4 : date], signed=True),
        revocation_date=_utc_time(der[date + 2 : extensions].decode("ascii")),
        reason=CRLReason(der[found.end() - 1]) if length else None,
    )


_SHORT: Final = frozenset({0, 14})
"""Lengths of the extensions that are read here: none, or the reason alone."""

_CENTURY_TURNS: Final = 50


def _utc_time(text: str) -> datetime:
    """Read a UTCTime that matched; its years are 1950 to 2049 (RFC 5280 §4.1.2.5.1)."""
    century = "19" if int(text[:2]) >= _CENTURY_TURNS else "20"
    return datetime.fromisoformat(f"{century}{text[:6]}T{text[6:]}")


# --- serial numbers ---------------------------------------------------------------------------


def serial_octets(serial_number: int) -> bytes:
    """Return the octets of an INTEGER: two's complement, as few as there can be."""
    if serial_number >= 0:
        return serial_number.to_bytes(serial_number.bit_length() // 8 + 1)
    return serial_number.to_bytes((~serial_number).bit_length() // 8 + 1, signed=True)


def serial_octets_at(der: bytes, start: int) -> bytes:
    """Return the octets of the serial number in an entry that was found at ``start``."""
    if der[start + 1] < _LONG_FORM:
        return der[start + 4 : start + 4 + der[start + 3]]
    entry = element_at(der, start, len(der), _WHERE)
    serial = element_at(der, entry.contents, entry.end, _WHERE)
    return der[serial.contents : serial.end]
