"""Finding paths: from the end entity up to an anchor, the likeliest first (RFC 4158).

A search with a heap: of all beginnings of paths the cheapest is taken and led on by every
certificate that may have issued its last one. What the hints speak against (key identifiers,
validity, the right to issue) costs more, and so does what other beginnings came by already;
all of it is tried in the end. Names say how far the anchors are, and from where none can be
reached. No name with one key stands twice in a path, so that cycles end; what is left is
bounded by ``Work``.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Final, Protocol, TypeAlias

from certstatus.errors import MalformedError
from certstatus.limits_path import MAX_PATH_BEGINNINGS, MAX_PATH_LENGTH
from certstatus.path.keys import inherits_parameters
from certstatus.path.pool import CertificatePool
from certstatus.path.report import CertificationPath
from certstatus.path.work import Work
from certstatus.pkix import Certificate
from certstatus.scvp import ValidationError
from certstatus.verify import KnownSignatures

__all__ = ["IssuerFetch", "PathFinder"]


class IssuerFetch(Protocol):
    """Fetches what may have issued a certificate, from where the certificate says."""

    async def issuers(self, certificate: Certificate, work: Work) -> Sequence[Certificate]:
        """Return what was found; nothing where nothing can be had."""
        ...


_STEP: Final = 1
_AGAIN: Final = 4
_NO_KEY_MATCH: Final = 8
_FETCH: Final = 20
_NOT_VALID: Final = 24
_NO_CA: Final = 48
"""What speaks against a step: a fetch comes after what is at hand and fits."""

_TOLD: Final = 3
"""Names that a reason lists: a mesh has many."""

_CHECKS_OF_ENDS: Final = 100
"""Signatures that are checked to say where paths lead that end at no anchor."""

_TURN: Final = 32
"""Steps after which others get their turn of the event loop."""


@dataclass(frozen=True, slots=True, order=True)
class _Beginning:
    """A path's beginning that waits to be led on; ``is_fetch``: by what caIssuers brings."""

    estimate: int
    number: int
    cost: int = field(compare=False)
    certificates: tuple[Certificate, ...] = field(compare=False)
    is_fetch: bool = field(compare=False, default=False)

    @property
    def last(self) -> Certificate:
        return self.certificates[-1]


class PathFinder:
    """One search. Iterate over ``paths``; ``reason`` and ``errors`` then say why it ended.

    Args:
        certificate: the end entity.
        anchors: where paths may end.
        pool: what paths may lead through.
        at: aware UTC; certificates that are not valid then are tried last.
        work: what the search may cost, shared with whoever validates.
        known: signatures that held before.
        fetch: brings issuers from caIssuers; None: only the pool counts.
    """

    def __init__(
        self,
        certificate: Certificate,
        *,
        anchors: Iterable[Certificate],
        pool: CertificatePool,
        at: datetime,
        work: Work,
        known: KnownSignatures,
        fetch: IssuerFetch | None = None,
    ) -> None:
        self._certificate = certificate
        self._anchors = CertificatePool(anchors)
        self._anchor_keys = {_identity(one) for one in self._anchors}
        self._anchor_names = frozenset(one.subject.folded for one in self._anchors)
        self._pool = CertificatePool(over=pool)
        self._at = at
        self._work = work
        self._known = known
        self._fetch = fetch
        self._waiting: list[_Beginning] = []
        self._numbers = count()
        self._begun: set[tuple[Certificate, ...]] = set()
        self._visits: Counter[_Identity] = Counter()
        self._is_cut = False
        self.found = 0

    @property
    def errors(self) -> tuple[ValidationError, ...]:
        """Why there is no path, in the RFC's words."""
        if self._is_cut or not self._other_ends():
            return (ValidationError.NO_VALID_CERT_PATH,)
        return (ValidationError.WRONG_TRUST_ANCHOR,)

    @property
    def reason(self) -> str:
        """Why there is no (further) path."""
        if self._is_cut:
            why = self._work.search_excess or self._work.fetch_excess
            why = why or f"more than {MAX_PATH_BEGINNINGS} paths begin"
            return f"the search was ended: {why}"
        ends = self._other_ends()
        if ends:
            return f"paths lead to {', '.join(ends[:_TOLD])}, and to no anchor"
        return f"no certificate leads from {self._certificate.subject} to an anchor"

    def _other_ends(self) -> list[str]:
        """Name the self-issued certificates that paths lead to, and that are no anchors."""
        seen, level, ends = set[Certificate](), [self._certificate], dict[str, None]()
        checks = _CHECKS_OF_ENDS
        while level:
            below = level.pop()
            for one in self._pool.named(below.issuer.folded):
                if one in seen or checks == 0:
                    continue
                checks -= 1
                if self._known.issuance_problem(below, one) is None:
                    seen.add(one)
                    level.append(one)
                    ends |= dict.fromkeys([str(one.subject)] if one.is_self_issued else [])
        return sorted(ends)

    async def paths(self) -> AsyncGenerator[CertificationPath, None]:
        """Yield paths, the likeliest first, until there are no more or the work is done."""
        self._wait((self._certificate,), 0)
        steps = 0
        while self._waiting:
            if self._work.search_excess is not None:
                self._is_cut = True
                return
            beginning = heapq.heappop(self._waiting)
            if beginning.is_fetch:
                await self._fetch_issuers(beginning)
            elif self._holds(beginning):
                whole = self._ends(beginning)
                for path in whole:
                    self._work.paths += 1
                    self.found += 1
                    yield path
                self._lead_on(beginning, is_whole=bool(whole))
            steps += 1
            if steps % _TURN == 0:
                await asyncio.sleep(0)

    def _holds(self, beginning: _Beginning) -> bool:
        """Whether the last certificate issued the one before it."""
        if len(beginning.certificates) == 1:
            return True
        return self._issued(beginning.last, beginning.certificates[-2])

    def _ends(self, beginning: _Beginning) -> list[CertificationPath]:
        """Return the paths that a beginning is whole with: by the anchors that issued its last."""
        named = self._anchors.named(beginning.last.issuer.folded)
        return [
            CertificationPath(beginning.certificates, anchor)
            for anchor in named
            if self._issued(anchor, beginning.last)
        ]

    def _lead_on(self, beginning: _Beginning, *, is_whole: bool) -> None:
        """Let every certificate of the pool with the issuer's name follow, to be verified then."""
        last = beginning.last
        self._visits[_identity(last)] += 1
        if len(beginning.certificates) >= MAX_PATH_LENGTH:
            return
        self._follow(beginning, self._pool.named(last.issuer.folded))
        if self._fetch is not None and not is_whole and not last.is_self_issued:
            self._wait(beginning.certificates, beginning.cost + _FETCH, is_fetch=True)

    async def _fetch_issuers(self, beginning: _Beginning) -> None:
        """Let what caIssuers brings follow."""
        assert self._fetch is not None
        if self._work.fetch_excess is not None:
            self._is_cut = True
        self._pool.add(await self._fetch.issuers(beginning.last, self._work))
        if self._work.excess is not None:
            self._is_cut = True
        self._follow(beginning, self._pool.named(beginning.last.issuer.folded))

    def _follow(self, beginning: _Beginning, issuers: Iterable[Certificate]) -> None:
        """Wait with one more certificate; a path comes back to no name and key (RFC 4158 §5.2).

        Nor does it lead through an anchor: it ends there (S10).
        """
        if len(self._begun) >= MAX_PATH_BEGINNINGS:
            self._is_cut = True
            return
        passed = {_identity(one) for one in beginning.certificates} | self._anchor_keys
        known = self._pool.distances(self._anchor_names)
        for issuer in issuers:
            is_way = self._fetch is not None or issuer.issuer.folded in known
            if is_way and _identity(issuer) not in passed:
                cost = beginning.cost + _STEP + self._objections(issuer, beginning.last)
                self._wait((*beginning.certificates, issuer), cost)

    def _wait(
        self, certificates: tuple[Certificate, ...], cost: int, *, is_fetch: bool = False
    ) -> None:
        if not is_fetch and certificates in self._begun:
            return
        if len(self._begun) >= MAX_PATH_BEGINNINGS:
            self._is_cut = True
            return
        self._begun.add(certificates)
        estimate = cost + self._distance(certificates[-1])
        beginning = _Beginning(estimate, next(self._numbers), cost, certificates, is_fetch)
        heapq.heappush(self._waiting, beginning)

    def _distance(self, last: Certificate) -> int:
        """Return how many more certificates it takes to an anchor, going by names."""
        known = self._pool.distances(self._anchor_names)
        return known.get(last.issuer.folded, _FETCH)

    def _objections(self, issuer: Certificate, issued: Certificate) -> int:
        """Weigh what speaks against a step; hints decide the order, never the outcome."""
        cost = _AGAIN * self._visits[_identity(issuer)]
        cost += 0 if issuer.is_valid_at(self._at) else _NOT_VALID
        try:
            wanted, has = issued.authority_key_identifier, issuer.subject_key_identifier
            cost += 0 if wanted is None or has is None or wanted == has else _NO_KEY_MATCH
            cost += 0 if issuer.is_ca else _NO_CA
        except MalformedError:
            cost += _NO_CA
        return cost

    def _issued(self, issuer: Certificate, issued: Certificate) -> bool:
        """Whether the key signed; one that inherits its parameters is left to the validation."""
        if self._work.excess is not None:
            self._is_cut = True
            return False
        if inherits_parameters(issuer):
            return issued.issuer.matches(issuer.subject)
        self._work.signatures += 1
        return self._known.issuance_problem(issued, issuer) is None


_Identity: TypeAlias = tuple[Hashable, bytes]


def _identity(certificate: Certificate) -> _Identity:
    """What makes two certificates one step of a path: subject and key."""
    return certificate.subject.folded, certificate.spki_der
