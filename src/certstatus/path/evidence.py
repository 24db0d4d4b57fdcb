"""Where the status of certificates is known from: what the asker gave, and who fetches more.

Nothing here is believed for standing here: CRLs, responses and certificates are judged by
``certstatus.path.status``, wherever they came from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeAlias, TypeVar

from certstatus.ocsp import CertStatus, OCSPResponse
from certstatus.path.crl_view import HeldCRL
from certstatus.path.pool import CertificatePool
from certstatus.path.work import Work
from certstatus.pkix import Certificate, CertificateList
from certstatus.verify import KnownSignatures

__all__ = ["Evidence", "EvidenceFetch", "Fetched", "StatusSource"]

T = TypeVar("T")

StatusSource: TypeAlias = Callable[
    [Certificate, Certificate, datetime], Awaitable[CertStatus | None]
]
"""Tells a certificate's status at a time, by certificate and issuer; None: it does not know."""


@dataclass(frozen=True, kw_only=True)
class Fetched(Generic[T]):
    """What came of fetching. ``is_named``: there was somewhere to ask; ``is_reached``: it answered."""

    items: tuple[T, ...] = ()
    reasons: tuple[str, ...] = ()
    is_named: bool = False
    is_reached: bool = False


class EvidenceFetch(Protocol):
    """Fetches what certificates name. Nothing raises for what a peer sends or fails to send."""

    async def issuers(self, certificate: Certificate, work: Work) -> Sequence[Certificate]:
        """Fetch what caIssuers names (C14)."""
        ...

    async def crls(
        self, certificate: Certificate, *, with_deltas: bool, work: Work
    ) -> Fetched[HeldCRL]:
        """Fetch the CRLs of all distribution points (C11), and their deltas."""
        ...

    async def ocsp(
        self, certificate: Certificate, issuer: Certificate, work: Work
    ) -> Fetched[OCSPResponse]:
        """Ask the responders that AIA names (O8)."""
        ...


class Evidence:
    """What one search goes by. It grows by what is fetched for it.

    Args:
        crls: full ones and deltas, of whomever. One that many searches go by is given as a
            ``HeldCRL``, which is read and verified once.
        ocsp_responses: of whomever.
        pool: certificates that paths, and those of CRL issuers, may lead through.
        source: tells statuses by itself; such an answer proves nothing to others.
        fetcher: fetches more where this does not settle a status; None: nothing is fetched.
        work: what the search may cost.
        known: signatures that held before.
    """

    def __init__(
        self,
        *,
        crls: Iterable[CertificateList | HeldCRL] = (),
        ocsp_responses: Iterable[OCSPResponse] = (),
        pool: CertificatePool | None = None,
        source: StatusSource | None = None,
        fetcher: EvidenceFetch | None = None,
        work: Work | None = None,
        known: KnownSignatures | None = None,
    ) -> None:
        self.pool = CertificatePool(over=pool)
        self.ocsp_responses = tuple(ocsp_responses)
        self.source = source
        self.fetcher = fetcher
        self.work = Work() if work is None else work
        self.known = KnownSignatures() if known is None else known
        self._crls: dict[Hashable, dict[bytes, HeldCRL]] = {}
        self.add_crls(one if isinstance(one, HeldCRL) else HeldCRL(one) for one in crls)

    def add_crls(self, crls: Iterable[HeldCRL]) -> None:
        """Take CRLs in."""
        for held in crls:
            self._crls.setdefault(held.crl.issuer.folded, {}).setdefault(held.crl.der, held)

    def crls_of(self, issuers: Iterable[Hashable]) -> Iterator[HeldCRL]:
        """Yield the CRLs of issuers whose names fold to these, the newest of each first."""
        for issuer in dict.fromkeys(issuers):
            held = self._crls.get(issuer, {}).values()
            yield from sorted(held, key=lambda one: one.crl.this_update, reverse=True)
