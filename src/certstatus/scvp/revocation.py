"""Revocation information inside a message: CRLs, delta CRLs, OCSP responses, others.

Each is kept as its DER and not read: a broken one is of no use, and spoils no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.doorway import TLV, decode, encode, read_tlv, retag
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_REVOCATION_INFOS
from certstatus.scvp.lists import bounded, filled

__all__ = [
    "OtherRevInfo",
    "RevocationInfo",
    "RevocationInfoKind",
    "declared_revocation_infos",
    "read_revocation_infos",
]

_SEQUENCE: Final = 0x30
_CONTEXT: Final = 0xA0


class RevocationInfoKind(IntEnum):
    """The arms of RevocationInfo by their tag numbers (RFC 5055 §3.2.9)."""

    CRL = 0
    DELTA_CRL = 1
    OCSP = 2
    OTHER = 3

    @property
    def label(self) -> str:
        """The name as the RFC writes it: delta-crl."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class OtherRevInfo:
    """Revocation information of another type: ``ri_value`` is DER."""

    ri_type: ObjectIdentifier
    ri_value: bytes


@dataclass(frozen=True, slots=True)
class RevocationInfo:
    """One of them: ``der`` has the SEQUENCE tag of its own type, not that of the arm."""

    kind: RevocationInfoKind
    der: bytes

    @classmethod
    def crl(cls, der: bytes) -> RevocationInfo:
        """Give a full CRL."""
        return cls(RevocationInfoKind.CRL, der)

    @classmethod
    def delta_crl(cls, der: bytes) -> RevocationInfo:
        """Give a delta CRL."""
        return cls(RevocationInfoKind.DELTA_CRL, der)

    @classmethod
    def ocsp(cls, der: bytes) -> RevocationInfo:
        """Give an OCSPResponse."""
        return cls(RevocationInfoKind.OCSP, der)

    @classmethod
    def other(cls, ri_type: ObjectIdentifier, ri_value: bytes) -> RevocationInfo:
        """Give information of a type of its own; ``ri_value`` is DER."""
        value = read_tlv(ri_value, "OtherRevInfo.riValue")
        der = encode(asn1.OtherRevInfo(ri_type=ri_type, ri_value=value))
        return cls(RevocationInfoKind.OTHER, der)

    @classmethod
    def from_tlv(cls, element: TLV, where: str) -> RevocationInfo:
        """Read an element by its tag.

        Raises:
            MalformedError: the tag is no arm's, or an OtherRevInfo is none.
        """
        der = encode(element)
        try:
            info = cls(RevocationInfoKind(der[0] - _CONTEXT), retag(der, _SEQUENCE))
        except ValueError:
            raise MalformedError(
                "holds an element that is no RevocationInfo", where=where
            ) from None
        _ = info.other_info
        return info

    @property
    def other_info(self) -> OtherRevInfo | None:
        """Type and value of the arm other; None for the standard's own. Raises MalformedError."""
        if self.kind is not RevocationInfoKind.OTHER:
            return None
        declared = decode(asn1.OtherRevInfo, self.der, "RevocationInfo.other")
        return OtherRevInfo(declared.ri_type, encode(declared.ri_value))

    def declared(self, where: str) -> TLV:
        """Return the element to encode. Raises MalformedError where ``der`` is no SEQUENCE."""
        if self.der[:1] != bytes((_SEQUENCE,)):
            raise MalformedError(f"holds a {self.kind.label} that is no SEQUENCE", where=where)
        return read_tlv(retag(self.der, _CONTEXT | self.kind), where)


def read_revocation_infos(declared: Sequence[TLV] | None, where: str) -> tuple[RevocationInfo, ...]:
    """Read RevocationInfos, () where they are absent.

    Raises:
        MalformedError: they are there and empty, more than ``MAX_REVOCATION_INFOS``, or one is none.
    """
    if declared is None:
        return ()
    elements = filled(declared, MAX_REVOCATION_INFOS, where)
    return tuple(RevocationInfo.from_tlv(element, where) for element in elements)


def declared_revocation_infos(infos: tuple[RevocationInfo, ...], where: str) -> list[TLV] | None:
    """Return the value to encode; none are absent. Raises MalformedError for too many."""
    return [info.declared(where) for info in bounded(infos, MAX_REVOCATION_INFOS, where)] or None
