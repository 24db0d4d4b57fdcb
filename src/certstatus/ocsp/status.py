"""What an answer says of a certificate: Good | Revoked | Unknown (RFC 6960 §2.2, O12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, TypeAlias

from certstatus.errors import MalformedError
from certstatus.pkix.reason import CRLReason

__all__ = ["NEVER_ISSUED", "CertStatus", "Good", "OCSPResponseStatus", "Revoked", "Unknown"]


@dataclass(frozen=True, slots=True)
class Good:
    """Not revoked, as far as the responder knows; no proof that it was ever issued."""

    def __str__(self) -> str:
        return "good"


@dataclass(frozen=True, slots=True)
class Revoked:
    """Revoked for good, or on hold; ``revocation_time`` is aware UTC."""

    revocation_time: datetime
    reason: CRLReason | None = None

    def __str__(self) -> str:
        why = f", {self.reason.label}" if self.reason is not None else ""
        return f"revoked ({self.revocation_time:%Y-%m-%d %H:%M:%SZ}{why})"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The responder knows nothing of the certificate."""

    def __str__(self) -> str:
        return "unknown"


CertStatus: TypeAlias = Good | Revoked | Unknown

NEVER_ISSUED: Final = Revoked(datetime(1970, 1, 1, tzinfo=UTC), CRLReason.CERTIFICATE_HOLD)
"""What extended-revoke says of a serial that was never issued (RFC 6960 §2.2, O13)."""


class OCSPResponseStatus(IntEnum):
    """OCSPResponseStatus, RFC 6960 §4.2.1; 4 is not used (O10)."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6

    @property
    def label(self) -> str:
        """The name as the RFC writes it: tryLater."""
        return _LABELS[self]

    @classmethod
    def from_number(cls, number: int) -> OCSPResponseStatus:
        """Return the status of a number.

        Raises:
            MalformedError: the number is not assigned.
        """
        try:
            return cls(number)
        except ValueError:
            raise MalformedError(
                f"{number} is not assigned", where="OCSPResponse.responseStatus", rule="O10"
            ) from None


_LABELS: Final = {
    OCSPResponseStatus.SUCCESSFUL: "successful",
    OCSPResponseStatus.MALFORMED_REQUEST: "malformedRequest",
    OCSPResponseStatus.INTERNAL_ERROR: "internalError",
    OCSPResponseStatus.TRY_LATER: "tryLater",
    OCSPResponseStatus.SIG_REQUIRED: "sigRequired",
    OCSPResponseStatus.UNAUTHORIZED: "unauthorized",
}
