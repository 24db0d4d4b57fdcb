"""Kinds of option values: serial numbers, times, lengths of time, octets in hex, OIDs."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from cryptography.x509 import ObjectIdentifier

from certstatus.errors import MalformedError
from certstatus.sources.serial_number import parse_serial

__all__ = ["HEX", "MOMENT", "OID", "SERIAL", "SPAN"]


class _Serial(click.ParamType[int]):
    """A serial number in hex: 3E8, 0x3e8, 03:E8."""

    name = "HEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_serial(value)
        except MalformedError as error:
            self.fail(error.message, param, ctx)


class _Moment(click.ParamType[datetime]):
    """A time: 2026-11-21T12:00:00Z; without a zone it is UTC, without a time midnight."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-21T12:00:00Z", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_SPAN: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s?)?")


class _Span(click.ParamType[timedelta]):
    """A length of time: 90, 90s, 5m, 36h, 4d, 1d12h; a bare number counts seconds."""

    name = "SPAN"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(value)
        if not value or found is None:
            self.fail(f"{value!r} is no length of time such as 90s, 5m, 36h or 4d", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


class _Hex(click.ParamType[bytes]):
    """Octets in hex; colons and spaces between them don't count."""

    name = "HEX"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            return binascii.unhexlify(re.sub(r"[:\s]|^0x", "", value))
        except (binascii.Error, ValueError):
            self.fail(f"{value!r} is not hexadecimal", param, ctx)


class _Oid(click.ParamType[ObjectIdentifier]):
    """An object identifier, dotted."""

    name = "OID"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ObjectIdentifier:
        if isinstance(value, ObjectIdentifier):
            return value
        try:
            return ObjectIdentifier(value)
        except ValueError:
            self.fail(f"{value!r} is no object identifier such as 1.3.6.1.5.5.7.48.1", param, ctx)


SERIAL: Final = _Serial()
MOMENT: Final = _Moment()
SPAN: Final = _Span()
HEX: Final = _Hex()
OID: Final = _Oid()
