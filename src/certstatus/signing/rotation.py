"""Which of several signers signs now: overlap, rotation, and when to renew. Pure.

Its law: a new certificate is used once it has settled, before the old one's end would shorten
an answer; the old one signs until then, and again should the new one go.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from certstatus.limits_signers import SETTLING_TIME
from certstatus.pkix import Certificate
from certstatus.signing.base import Signer
from certstatus.signing.lifetime import last_moment

__all__ = ["Rota", "Term", "in_force", "renewal_due", "term_of"]

S = TypeVar("S", bound=Signer)

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Term:
    """From when until when a signer may be believed; aware UTC, both ends included."""

    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        """Whether an answer signed now has time left: at the very end none has."""
        return self.start <= now < self.end

    def left(self, now: datetime) -> timedelta:
        """How long it goes on; nothing where it is over."""
        return max(self.end - now, timedelta(0))


_EVER: Final = Term(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def term_of(signer: Signer, issuers: Sequence[Certificate]) -> Term:
    """Return the time in which a signer and all CAs that it speaks for are valid."""
    certificates = (signer.certificate, *signer.certs, *issuers)
    return Term(
        max(one.not_before for one in certificates),
        min(last_moment(signer, issuer) for issuer in issuers),
    )


def in_force(
    signers: Sequence[S],
    *,
    issuers: Sequence[Certificate],
    now: datetime,
    validity: timedelta,
    settling: timedelta = SETTLING_TIME,
) -> tuple[S, ...]:
    """Choose one signer of each line, in the order in which the lines are given.

    A line is what clients can't tell apart by algorithm: one signature algorithm, one kind
    of key, delegates or the CA itself. Of a line the newest counts that has been valid for
    ``settling`` and stays so for ``validity``. Where none has both, one that has settled goes
    before one that has not, and then what stays valid longest; of equals, the first.

    A line of which none is valid keeps one all the same: the choice of an algorithm looks at
    validity itself, and says what is missing.
    """
    lines: dict[Hashable, list[S]] = {}
    for signer in signers:
        lines.setdefault(_line(signer), []).append(signer)
    if len(lines) == len(signers):
        return tuple(signers)

    def rank(signer: S) -> tuple[bool, bool, bool, datetime]:
        term = term_of(signer, issuers)
        has_settled = now - term.start >= settling
        is_full = term.end - now >= validity
        newest = has_settled and is_full
        return term.holds(now), has_settled, is_full, term.start if newest else term.end

    return tuple(max(line, key=rank) for line in lines.values())


def _line(signer: Signer) -> Hashable:
    certificate = signer.certificate
    return signer.algorithm.identifier, certificate.key_algorithm, bool(signer.certs)


class Rota(Generic[S]):
    """Who is in force for one CA, worked out once for each time in which nothing changes."""

    def __init__(
        self, issuer: Certificate, *, validity: timedelta, settling: timedelta = SETTLING_TIME
    ) -> None:
        self._issuers = (issuer,)
        self._validity = validity
        self._settling = settling
        self._signers: tuple[S, ...] = ()
        self._chosen: tuple[S, ...] = ()
        self._since = self._until = datetime.min.replace(tzinfo=UTC)

    def in_force(self, signers: tuple[S, ...], now: datetime) -> tuple[S, ...]:
        """Choose as the function of that name does."""
        if not (self._since <= now < self._until and signers == self._signers):
            self._chosen = in_force(
                signers,
                issuers=self._issuers,
                now=now,
                validity=self._validity,
                settling=self._settling,
            )
            self._signers = signers
            self._since, self._until = self._unchanged(now)
        return self._chosen

    def _unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the time around ``now`` in which no signer's rank changes, its end left out."""
        moments = [_EVER.start, _EVER.end]
        for signer in self._signers:
            term = term_of(signer, self._issuers)
            last_full = term.end - self._validity
            moments += [term.start, term.start + self._settling, last_full + _TICK, term.end]
        return max(one for one in moments if one <= now), min(one for one in moments if one > now)


def renewal_due(certificate: Certificate, issuer: Certificate, *, before: timedelta) -> datetime:
    """Return when a certificate is to be renewed: ``before`` its end, or its CA's."""
    return min(certificate.not_after, issuer.not_after) - before
