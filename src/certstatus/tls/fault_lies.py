"""What faulty responses say, each made of a right one in the making.

Its law: pure. Most lies are those of ``certstatus.testing``; here stand the answers that are
right and unwelcome, and the octets that are no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.ocsp import OCSPResponseStatus, Revoked, Unknown, encode_error_response
from certstatus.pkix import CRLReason
from certstatus.testing import LIES, Forge, contradicting, never_issued

__all__ = [
    "Tell",
    "broken_tag",
    "cut_short",
    "error_status",
    "honest",
    "lie",
    "nothing",
    "one_more_byte",
    "oversized",
    "revoked",
    "said_twice",
    "unissued",
    "unknown",
]

Tell: TypeAlias = Callable[[Forge], bytes]
"""Makes the response, right or wrong, of a right one in the making."""

_REVOKED_FOR: Final = timedelta(days=1)


def honest(forge: Forge) -> bytes:
    """Say what is so."""
    return forge.der


def lie(name: str) -> Tell:
    """Tell a lie of ``certstatus.testing.LIES``."""
    _, tell = LIES[name]
    return lambda forge: tell(forge).der


# --- right, and unwelcome ------------------------------------------------------------------


def revoked(forge: Forge) -> bytes:
    """Say that it is revoked."""
    status = Revoked(forge.now - _REVOKED_FOR, CRLReason.KEY_COMPROMISE)
    return forge.but(cert_status=status).der


def unknown(forge: Forge) -> bytes:
    """Say that the responder does not know it."""
    return forge.but(cert_status=Unknown()).der


def unissued(forge: Forge) -> bytes:
    """Say that it was never issued (O13)."""
    return never_issued(forge).der


def said_twice(forge: Forge) -> bytes:
    """Say good and revoked of the same certificate (O12)."""
    return contradicting(forge).der


def error_status(status: OCSPResponseStatus) -> Tell:
    """Say an error status, unsigned (O10)."""
    return lambda _: encode_error_response(status)


# --- no answer -----------------------------------------------------------------------------


def nothing(_: Forge) -> bytes:
    """Say nothing."""
    return b""


def broken_tag(forge: Forge) -> bytes:
    """Make the responseStatus an INTEGER, which has the same length."""
    der = forge.der
    place = der.index(b"\x0a\x01\x00")
    return der[:place] + b"\x02" + der[place + 1 :]


def cut_short(forge: Forge) -> bytes:
    """Leave the last third away."""
    der = forge.der
    return der[: len(der) * 2 // 3]


def one_more_byte(forge: Forge) -> bytes:
    """Put a byte after the end."""
    return forge.der + b"\0"


def oversized(forge: Forge) -> bytes:
    """Fill it up past what we read, and any client should."""
    return forge.der.ljust(MAX_RESPONSE_BYTES + 1, b"\0")
