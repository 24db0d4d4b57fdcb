"""The nonce (RFC 9654): random octets that bind a response to its request.

In the extension's OCTET STRING stands a second OCTET STRING with 1 to 128 octets. Old
clients left the second wrapping out (RFC 2560 had no syntax for it): such a bare nonce
is read, marked, and echoed as it was (N3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from certstatus.asn1 import oids
from certstatus.asn1.doorway import decode, encode
from certstatus.errors import MalformedError

__all__ = ["Nonce"]


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce: its octets, and whether it stood bare."""

    oid: ClassVar = oids.ID_PKIX_OCSP_NONCE

    octets: bytes
    is_bare: bool = False

    @classmethod
    def decode(cls, value: bytes, where: str = "Nonce") -> Nonce:
        """Read the value of the extension; its length is judged by who uses it (N2)."""
        try:
            return cls(decode(bytes, value, where))
        except MalformedError:
            return cls(value, is_bare=True)

    def encode(self) -> bytes:
        """Write the value of the extension."""
        return self.octets if self.is_bare else encode(self.octets)
