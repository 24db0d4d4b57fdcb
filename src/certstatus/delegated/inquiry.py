"""The certificates of one query, each worked on for itself (RFC 5055 §4.9; S14).

One that can't be read, or is not here, spoils no other. Replies stand in the order asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from certstatus.delegated.demand import Demand
from certstatus.delegated.replying import reply_about, reply_without_search
from certstatus.delegated.search import Found, Search
from certstatus.errors import MalformedError
from certstatus.path import Evidence, PathInputs
from certstatus.pkix import Certificate
from certstatus.scvp import CertReply, PKCReference, ReplyStatus, SCVPCertID

__all__ = ["Inquiry"]

R = TypeVar("R")
T = TypeVar("T")
Told: TypeAlias = tuple[CertReply, Found | None]


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What all certificates of a query are asked; ``now`` is aware UTC.

    ``history`` is how far back may be asked, None: without end. ``find`` looks up what is
    given by reference. ``evidence`` lays out what one search goes by, with work of its own.
    """

    demand: Demand
    inputs: PathInputs
    excluded: frozenset[bytes]
    now: datetime
    history: timedelta | None
    find: Callable[[SCVPCertID], Certificate | None]
    evidence: Callable[[], Evidence]

    async def about_all(self, most: int) -> list[Told]:
        """Reply about all, in their order, not more than ``most`` being worked on at once."""
        return await _each(self._about, self.demand.references, most)

    async def _about(self, reference: PKCReference) -> Told:
        certificate = self._certificate(reference)
        if isinstance(certificate, ReplyStatus):
            moment = self.demand.at or self.now
            return reply_without_search(reference, certificate, moment), None
        search = Search(
            certificate=certificate,
            demand=self.demand,
            inputs=self.inputs,
            evidence=self.evidence(),
            now=self.now,
            excluded=self.excluded,
        )
        found = await search.run()
        return reply_about(reference, found, self.demand, self.now), found

    def _certificate(self, reference: PKCReference) -> Certificate | ReplyStatus:
        """Return the certificate that is meant, or why nothing can be looked at (S15)."""
        try:
            certificate = reference.certificate
        except MalformedError:
            return ReplyStatus.MALFORMED_PKC
        if reference.pkc_ref is not None:
            certificate = self.find(reference.pkc_ref)
        if certificate is None:
            return ReplyStatus.REFERENCE_CERT_HASH_FAIL
        at = self.demand.at
        if self.history is not None and at is not None and self.now - at > self.history:
            return ReplyStatus.UNAVAILABLE_VALIDATION_TIME
        return certificate


async def _each(work: Callable[[R], Awaitable[T]], items: Iterable[R], most: int) -> list[T]:
    """Work on all items, not more than ``most`` at once; where one fails, end the others."""
    gate = asyncio.Semaphore(most)

    async def in_turn(item: R) -> T:
        async with gate:
            return await work(item)

    tasks = [asyncio.ensure_future(in_turn(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
