r"""The index.txt of ``openssl ca``: one certificate in each line, six fields between tabs.

::

    V  391231235959Z                                    03E8  unknown  /CN=leaf.example
    R  391231235959Z  260301120000Z,keyCompromise       03E9  unknown  /CN=lost.example
    E  250101000000Z                                    03E7  unknown  /CN=old.example

Status letter, expiry, revocation (``date[,reason[,extra]]``), serial number in hex, file
name, subject. Times are UTCTime or GeneralizedTime as text. A tab in a field has a
backslash before it. Blank lines and lines that begin with # are passed over, as OpenSSL
does; a line that is anything else makes the whole index unusable, and is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason

__all__ = ["IndexEntry", "IndexRevocation", "IndexStatus", "encode_index", "parse_index"]


class IndexStatus(StrEnum):
    """The status letters of OpenSSL's database."""

    VALID = "V"
    REVOKED = "R"
    EXPIRED = "E"
    SUSPENDED = "S"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRevocation:
    """The revocation field. Times are aware UTC.

    ``hold_instruction`` is what OpenSSL writes after holdInstruction, a name or an OID;
    RFC 5280 dropped that extension, and no answer carries it.
    """

    revocation_time: datetime
    reason: CRLReason | None = None
    invalidity_date: datetime | None = None
    hold_instruction: str | None = None

    def encode(self) -> str:
        """Return the field as OpenSSL writes it.

        It has a place for an invalidity date beside keyCompromise and cACompromise alone.
        """
        parts = [_time_text(self.revocation_time)]
        if self.hold_instruction is not None:
            parts += ["holdInstruction", self.hold_instruction]
        elif self.invalidity_date is not None and self.reason in _KEY_TIMES:
            # OpenSSL notes this one in full, with a four-digit year, whatever the year.
            parts += [_KEY_TIMES[self.reason], f"{self.invalidity_date:%Y%m%d%H%M%SZ}"]
        elif self.reason is not None:
            parts.append(_REASON_NAMES.get(self.reason, self.reason.label))
        return ",".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One line; ``revocation`` is set for R and S, and for them alone."""

    status: IndexStatus
    expiry: datetime
    serial_number: int
    subject: str
    file_name: str = "unknown"
    revocation: IndexRevocation | None = None

    @property
    def cert_status(self) -> Good | Revoked:
        """What OCSP says of it; an expired certificate that was not revoked is good (O12)."""
        if self.revocation is None:
            return Good()
        return Revoked(self.revocation.revocation_time, self.revocation.reason)

    def encode(self) -> str:
        """Return the line as OpenSSL writes it, with its line break."""
        revocation = "" if self.revocation is None else self.revocation.encode()
        serial = f"{abs(self.serial_number):X}"
        sign = "-" if self.serial_number < 0 else ""
        fields = (
            self.status.value,
            _time_text(self.expiry),
            revocation,
            sign + serial.zfill(len(serial) + len(serial) % 2),
            self.file_name,
            self.subject,
        )
        return "\t".join(field.replace("\t", "\\\t") for field in fields) + "\n"


def encode_index(entries: Iterable[IndexEntry]) -> bytes:
    """Write an index."""
    return "".join(entry.encode() for entry in entries).encode()


def parse_index(data: bytes, where: str = "index.txt") -> Iterator[IndexEntry]:
    """Yield every entry in order.

    Raises:
        MalformedError: a line is not an index entry, a serial number stands twice, or the
            last line has no end: the file is half written. ``where`` and the line's number
            say where.
    """
    if data and not data.endswith(b"\n"):
        last = data.count(b"\n") + 1
        raise MalformedError(
            "has no end: the file was cut short, or is being written",
            where=f"{where} line {last}",
        )
    seen: set[int] = set()
    # Subjects are shown to people only, so a byte that is no UTF-8 may stand as its escape.
    for number, line in enumerate(data.decode(errors="backslashreplace").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{where} line {number}"
        entry = _entry(line.removesuffix("\r"), place)
        if entry.serial_number in seen:
            raise MalformedError(f"serial {entry.serial_number:X} stands twice", where=place)
        seen.add(entry.serial_number)
        yield entry


_BETWEEN_FIELDS: Final = re.compile(r"(?<!\\)\t")
_FIELDS: Final = 6
_REVOKED: Final = frozenset({IndexStatus.REVOKED, IndexStatus.SUSPENDED})


def _entry(line: str, where: str) -> IndexEntry:
    fields = _split(line)
    if len(fields) != _FIELDS:
        raise MalformedError(f"has {len(fields)} fields between tabs, not {_FIELDS}", where=where)
    letter, expiry, revocation, serial, file_name, subject = fields
    try:
        status = IndexStatus(letter)
    except ValueError:
        raise MalformedError(f"has status {letter!r}, none of V, R, E, S", where=where) from None
    return IndexEntry(
        status=status,
        expiry=_time(expiry, f"{where}: expiry"),
        revocation=_status_revocation(status, revocation, f"{where}: revocation"),
        serial_number=_serial(serial, where),
        file_name=file_name,
        subject=subject,
    )


def _split(line: str) -> list[str]:
    if "\\" not in line:
        return line.split("\t")
    return [field.replace("\\\t", "\t") for field in _BETWEEN_FIELDS.split(line)]


_SERIAL: Final = re.compile(rf"-?[0-9A-Fa-f]{{1,{2 * MAX_LISTED_SERIAL_OCTETS}}}")


def _serial(text: str, where: str) -> int:
    if not _SERIAL.fullmatch(text):
        raise MalformedError(f"has serial {text[:64]!r}, which is not hexadecimal", where=where)
    return int(text, 16)


def _status_revocation(status: IndexStatus, text: str, where: str) -> IndexRevocation | None:
    if status not in _REVOKED:
        if text:
            raise MalformedError(f"stands in a line of status {status.value}", where=where)
        return None
    if not text:
        raise MalformedError(f"is missing in a line of status {status.value}", where=where)
    revocation = _revocation(text, where)
    if status is IndexStatus.REVOKED:
        return revocation
    return IndexRevocation(
        revocation_time=revocation.revocation_time,
        reason=CRLReason.CERTIFICATE_HOLD,
        hold_instruction=revocation.hold_instruction,
    )


# OpenSSL's pseudo reasons: a reason and what the third part holds.
_KEY_TIMES: Final = {
    CRLReason.KEY_COMPROMISE: "keyTime",
    CRLReason.CA_COMPROMISE: "CAkeyTime",
}
_REASONS_WITH_TIME: Final = {name.lower(): reason for reason, name in _KEY_TIMES.items()}
_REASON_NAMES: Final = {CRLReason.CA_COMPROMISE: "CACompromise"}


def _revocation(text: str, where: str) -> IndexRevocation:
    date, *rest = text.split(",", 2)
    moment = _time(date, where)
    name = rest[0] if rest else "unspecified"
    extra = rest[1] if len(rest) > 1 else None
    if name.lower() in _REASONS_WITH_TIME:
        return IndexRevocation(
            revocation_time=moment,
            reason=_REASONS_WITH_TIME[name.lower()],
            invalidity_date=_time(extra or "", f"{where}: {name}"),
        )
    if name.lower() == "holdinstruction":
        return IndexRevocation(
            revocation_time=moment, reason=CRLReason.CERTIFICATE_HOLD, hold_instruction=extra or ""
        )
    if extra is not None:
        raise MalformedError(f"has something after the reason {name}", where=where)
    return IndexRevocation(revocation_time=moment, reason=_reason(name, where))


def _reason(name: str, where: str) -> CRLReason | None:
    """Read a reason; unspecified is as good as none (RFC 5280 §5.3.1, C9)."""
    try:
        reason = CRLReason.from_label(name)
    except MalformedError as error:
        raise MalformedError(error.message, where=where) from None
    if reason is CRLReason.REMOVE_FROM_CRL:
        raise MalformedError("removeFromCRL stands in delta CRLs alone", where=where)
    return None if reason is CRLReason.UNSPECIFIED else reason


_UTC_TIME: Final = re.compile(r"([0-9]{2})([0-9]{8})([0-9]{2})?Z")
_GENERALIZED_TIME: Final = re.compile(r"([0-9]{4})([0-9]{8})([0-9]{2})Z")
_CENTURY_TURNS: Final = 50


def _time(text: str, where: str) -> datetime:
    """Read UTCTime, whose years are 1950 to 2049 (RFC 5280 §4.1.2.5.1), or GeneralizedTime."""
    found = _UTC_TIME.fullmatch(text) or _GENERALIZED_TIME.fullmatch(text)
    if found is None:
        raise MalformedError(f"{text[:64]!r} is not a time YYMMDDHHMMSSZ", where=where)
    year, middle, second = int(found[1]), found[2], int(found[3] or 0)
    if len(found[1]) == 2:
        year += 1900 if year >= _CENTURY_TURNS else 2000
    month, day, hour, minute = (int(middle[start : start + 2]) for start in (0, 2, 4, 6))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise MalformedError(f"{text!r} is not a time: {error}", where=where) from None


def _time_text(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    if 1950 <= moment.year < 2050:
        return f"{moment:%y%m%d%H%M%SZ}"
    return f"{moment.year:04}{moment:%m%d%H%M%SZ}"
