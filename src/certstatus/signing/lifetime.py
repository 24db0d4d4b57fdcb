"""No answer outlives those who vouch for it: nextUpdate against notAfter. Pure.

Mozilla's root store policy §6 asks for it, and clients reject such answers on the day
that the signer expires.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from certstatus.pkix import Certificate
from certstatus.signing.base import Signer
from certstatus.signing.profile import Finding, Severity

__all__ = ["check_lifetime", "clamp", "last_moment"]


def last_moment(signer: Signer, issuer: Certificate) -> datetime:
    """Return the last second at which the signer may be believed for ``issuer``, aware UTC.

    No certificate in ``certs`` may have ended before, whoever it is for (Mozilla's policy §6).
    """
    ends = (one.not_after for one in (signer.certificate, *signer.certs, issuer))
    return min(ends)


def clamp(next_update: datetime, signer: Signer, issuer: Certificate) -> datetime:
    """Return ``next_update``, or the last second of signer and issuer where that is earlier."""
    return min(next_update, last_moment(signer, issuer))


def check_lifetime(
    signer: Signer, issuer: Certificate, *, now: datetime, notice: timedelta
) -> Finding | None:
    """Warn from ``notice`` before the end on; with a validity as notice, from the first clamp on.

    ``now`` is aware UTC. What has ended already is refused by ``check_signer``.
    """
    end = last_moment(signer, issuer)
    if end - now > notice:
        return None
    whose = "the signer" if end == signer.certificate.not_after else "the CA"
    text = f"{whose} expires on {end:%F %TZ}, and no answer reaches past it: renew it"
    return Finding(None, Severity.WARN, text)
