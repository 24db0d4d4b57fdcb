"""What is held for a certificate, until when it is served, and what may take its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from certstatus.limits import MAX_STAPLE_LIFE
from certstatus.ocsp import ResponderID, Revoked, Unknown
from certstatus.pkix import Certificate
from certstatus.staple.schedule import Life
from certstatus.verify import VerifiedResponse, VerifyPolicy

__all__ = ["Held", "Origin", "Staple", "hold"]


@dataclass(frozen=True)
class Staple:
    """An OCSP response to be stapled as it is: ``der`` goes over the wire.

    ``responder_id`` is for clients that list the responders they trust (T2).
    """

    der: bytes = field(repr=False)
    verified: VerifiedResponse
    responder_id: ResponderID


class Origin(StrEnum):
    """Where a staple came from."""

    RESPONDER = "responder"
    DISK = "disk"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A staple with all that its keeping needs; times are aware UTC.

    It is served before ``end``, and not from then on. ``fresh_until`` is what HTTP said;
    None: nothing, or all of its life. ``url`` is the responder's.
    """

    staple: Staple
    issuer: Certificate
    end: datetime
    fresh_until: datetime | None
    url: str
    origin: Origin

    @property
    def verified(self) -> VerifiedResponse:
        """The proof."""
        return self.staple.verified

    @property
    def is_revoked(self) -> bool:
        """Whether it says revoked."""
        return isinstance(self.verified.cert_status, Revoked)

    @property
    def life(self) -> Life:
        """What the schedule needs to know."""
        return Life(
            this_update=self.verified.single.this_update,
            end=self.end,
            fresh_until=self.fresh_until,
        )

    def replaces(self, other: Held | None, now: datetime) -> bool:
        """Whether it may take the place of what is held.

        Never by an older thisUpdate; of two that are equally old, revoked wins, then the
        one that holds longer. What has ended gives way, unless it says revoked.
        """
        if other is None:
            return True
        if other.end <= now and not other.is_revoked:
            return True
        return _rank(self) > _rank(other)


def _rank(held: Held) -> tuple[datetime, bool, datetime]:
    return held.verified.single.this_update, held.is_revoked, held.end


def hold(
    verified: VerifiedResponse,
    certificate: Certificate,
    issuer: Certificate,
    *,
    policy: VerifyPolicy,
    url: str,
    origin: Origin,
    fresh_until: datetime | None = None,
) -> Held | None:
    """Hold a verified response; None for unknown, which is never stapled (T12).

    It ends with its nextUpdate, its signer, its certificate, or where ``policy`` bounds its
    age, whichever is first. One without nextUpdate ends after MAX_STAPLE_LIFE.
    """
    single = verified.single
    if isinstance(single.cert_status, Unknown):
        return None
    ends = [
        verified.expires if single.next_update else single.this_update + MAX_STAPLE_LIFE,
        verified.signer.not_after,
        certificate.not_after + timedelta(seconds=1),
        None if policy.max_age is None else single.this_update + policy.max_age,
    ]
    end = min(one for one in ends if one is not None)
    return Held(
        staple=Staple(verified.der, verified, verified.data.responder_id),
        issuer=issuer,
        end=end,
        # Fresh to the end is what silence comes to.
        fresh_until=fresh_until if fresh_until is not None and fresh_until < end else None,
        url=url,
        origin=origin,
    )
