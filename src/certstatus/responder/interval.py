"""From when until when an answer holds: thisUpdate and nextUpdate (O19, O20, L7). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from certstatus.ocsp import Revoked
from certstatus.responder.authority import Authority
from certstatus.responder.reply import Cause, Refusal
from certstatus.responder.statement import Statement
from certstatus.signing import Signer

__all__ = ["Interval", "interval_of"]

_SECOND: Final = timedelta(seconds=1)


class Interval(NamedTuple):
    """Both ends count; aware UTC, whole seconds."""

    this_update: datetime
    next_update: datetime


def interval_of(
    statement: Statement, authority: Authority, signer: Signer, now: datetime
) -> Interval:
    """Find thisUpdate and nextUpdate of a statement signed at ``now``, whole seconds.

    nextUpdate is the earliest of: the validity, counted from thisUpdate where the source
    knows at any time and else from now, less the last second, since both ends count; the
    source's next update; and the last second of signer and CA (Mozilla's policy §6).

    Raises:
        Refusal: that end is past already.
    """
    this_update = _this_update(statement, authority.policy.backdate, now)
    start = this_update if statement.known_until is None else now
    next_update = start + authority.policy.validity - _SECOND
    if statement.known_until is not None:
        next_update = min(next_update, _floor(statement.known_until))
    if next_update <= now:
        text = f"what {statement.origin} knows ended at {next_update:%F %TZ}"
        raise Refusal(Cause.SOURCE_STALE, text)
    end = authority.voice_of(signer).last_moment
    if end <= now:
        text = f"{signer.certificate} and its CA may be believed until {end:%F %TZ} only"
        raise Refusal(Cause.SIGNER_EXPIRES, text)
    return Interval(this_update, min(next_update, end))


def _this_update(statement: Statement, backdate: timedelta, now: datetime) -> datetime:
    """Go back for slow clocks, where any time is as good, but never to before a revocation."""
    known_at = min(_floor(statement.known_at), now)
    if statement.known_until is not None:
        return known_at
    backdated = min(known_at, now - backdate)
    cert_status = statement.cert_status
    if isinstance(cert_status, Revoked):
        return min(known_at, max(backdated, _floor(cert_status.revocation_time)))
    return backdated


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) if moment.microsecond else moment
