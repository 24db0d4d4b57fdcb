"""DER as it should be, and BER where a peer wrote that: RFC 5055 Appendix B lets some do so (S5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from certstatus.asn1.ber import read_lenient
from certstatus.asn1.departure import Departure
from certstatus.limits_scvp import MAX_SCVP_BER_BYTES

__all__ = ["read_leniently"]

T = TypeVar("T")


def read_leniently(
    reader: Callable[[bytes, list[Departure]], T], data: bytes, where: str
) -> tuple[T, tuple[Departure, ...]]:
    """Read a message from DER or, where that fails, from what BER it is; and tell its departures.

    Raises:
        MalformedError: it is neither, or larger BER than ``MAX_SCVP_BER_BYTES``.
    """

    def read(der: bytes) -> tuple[T, tuple[Departure, ...]]:
        departures: list[Departure] = []
        if der is not data:
            departures.append(Departure(where, "is written in BER, not DER (RFC 5055 §3)"))
        return reader(der, departures), tuple(departures)

    if len(data) > MAX_SCVP_BER_BYTES:
        return read(data)
    return read_lenient(data, read, where)
