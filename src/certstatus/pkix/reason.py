"""Why a certificate was revoked: CRLReason, and the ReasonFlags that number otherwise.

The numbering trap (C6): in the CRLReason enumeration 7 is unused and 9, 10 are
privilegeWithdrawn, aACompromise; in the ReasonFlags bit string they are bits 7 and 8,
and bit 0 is unused (RFC 5280 §4.2.1.13, §5.3.1).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from certstatus.asn1.doorway import BitString
from certstatus.errors import MalformedError

__all__ = ["ALL_REASONS", "CRLReason", "reason_flags"]


class CRLReason(IntEnum):
    """CRLReason, RFC 5280 §5.3.1; ``label`` is the RFC's name."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10

    @property
    def label(self) -> str:
        """The name as the RFC writes it: keyCompromise."""
        return _LABELS[self]

    @classmethod
    def from_label(cls, label: str) -> CRLReason:
        """Return the reason of a name, in any case: keyCompromise, key_compromise.

        Raises:
            MalformedError: no such reason.
        """
        wanted = label.replace("_", "").replace("-", "").lower()
        for reason, name in _LABELS.items():
            if name.lower() == wanted:
                return reason
        raise MalformedError(
            f"{label!r} is none of {', '.join(_LABELS.values())}", where="CRLReason"
        )

    @classmethod
    def from_number(cls, number: int, where: str) -> CRLReason:
        """Return the reason of a number.

        Raises:
            MalformedError: the number is not assigned (7, or above 10).
        """
        try:
            return cls(number)
        except ValueError:
            raise MalformedError(f"CRLReason {number} is not assigned", where=where) from None


_LABELS: Final = {
    CRLReason.UNSPECIFIED: "unspecified",
    CRLReason.KEY_COMPROMISE: "keyCompromise",
    CRLReason.CA_COMPROMISE: "cACompromise",
    CRLReason.AFFILIATION_CHANGED: "affiliationChanged",
    CRLReason.SUPERSEDED: "superseded",
    CRLReason.CESSATION_OF_OPERATION: "cessationOfOperation",
    CRLReason.CERTIFICATE_HOLD: "certificateHold",
    CRLReason.REMOVE_FROM_CRL: "removeFromCRL",
    CRLReason.PRIVILEGE_WITHDRAWN: "privilegeWithdrawn",
    CRLReason.AA_COMPROMISE: "aACompromise",
}

# Bit n of ReasonFlags; bit 0 is unused.
_FLAGS: Final = (
    None,
    CRLReason.KEY_COMPROMISE,
    CRLReason.CA_COMPROMISE,
    CRLReason.AFFILIATION_CHANGED,
    CRLReason.SUPERSEDED,
    CRLReason.CESSATION_OF_OPERATION,
    CRLReason.CERTIFICATE_HOLD,
    CRLReason.PRIVILEGE_WITHDRAWN,
    CRLReason.AA_COMPROMISE,
)

ALL_REASONS: Final = frozenset(reason for reason in _FLAGS if reason is not None)
"""What a CRL without onlySomeReasons covers (RFC 5280 §6.3.3)."""


def reason_flags(bits: BitString) -> frozenset[CRLReason]:
    """Read ReasonFlags; bits that name no reason are passed over."""
    data = bits.as_bytes()
    return frozenset(
        reason
        for position, reason in enumerate(_FLAGS)
        if reason is not None
        and position // 8 < len(data)
        and data[position // 8] & (0x80 >> position % 8)
    )
