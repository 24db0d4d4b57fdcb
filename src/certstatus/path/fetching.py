"""Fetching what certificates name: issuers, CRLs and OCSP responses, through the guarded door.

Who chose these URLs is a stranger, so the guard keeps them out of private networks unless it
is told otherwise. What several ask for at the same time goes out once; what was fetched
serves all, for as long as it may. Nothing here raises for what a peer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from certstatus.clock import Clock, SystemClock
from certstatus.errors import Attempt, MalformedError, UnreachableError
from certstatus.fetch import (
    LDAPURL,
    Door,
    Exchange,
    Guard,
    HTTPAnswer,
    HTTPDoor,
    LDAPDoor,
    Provenance,
    is_ldap_url,
)
from certstatus.limits import MAX_CRL_BYTES, MAX_CRL_URLS
from certstatus.limits_path import MAX_AIA_BYTES, MAX_AIA_CERTIFICATES, MAX_AIA_URLS
from certstatus.ocsp import OCSPResponse
from certstatus.path.crl_view import HeldCRL
from certstatus.path.evidence import Fetched
from certstatus.path.evidence_cache import EvidenceCache, Kept
from certstatus.path.work import Work
from certstatus.pkix import (
    Certificate,
    CertificateList,
    DistributionPoint,
    Name,
    crl_distribution_points,
    freshest_crl,
)
from certstatus.requestor import AskPolicy, CheckPolicy, CheckResult, Requestor, read_certificates
from certstatus.verify import DelegateStatus, KnownSignatures, VerifyPolicy

__all__ = ["EvidenceFetcher"]

T = TypeVar("T")

_FULL = "certificateRevocationList"
_DELTA = "deltaRevocationList"
_TRIES = 2


@dataclass(kw_only=True)
class EvidenceFetcher:
    """Fetches for everyone who validates in one event loop; close it with ``aclose``.

    ``allow_private`` lets what certificates name lead inside; ``clock`` says how long what
    was fetched may serve.
    """

    door: Door = field(default_factory=HTTPDoor)
    ldap: LDAPDoor = field(default_factory=LDAPDoor)
    cache: EvidenceCache = field(default_factory=EvidenceCache)
    clock: Clock = field(default_factory=SystemClock)
    allow_private: bool = False
    allow_sha1: bool = False
    known: KnownSignatures = field(default_factory=KnownSignatures, repr=False)
    _under_way: dict[Hashable, asyncio.Task[Kept]] = field(default_factory=dict, repr=False)

    async def aclose(self) -> None:
        """Break off what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what certificates name -------------------------------------------------------------

    async def issuers(self, certificate: Certificate, work: Work) -> Sequence[Certificate]:
        """Fetch what caIssuers names (C14): certificates and certs-only messages."""
        try:
            urls = certificate.ca_issuers_uris[:MAX_AIA_URLS]
        except MalformedError:
            return ()
        kept = await asyncio.gather(*(self._certificates(url, work) for url in urls))
        return _items(Certificate, kept)

    async def _certificates(self, url: str, work: Work) -> Kept:
        return await self._once(
            ("caIssuers", url), lambda: self._fetch(url, MAX_AIA_BYTES, _read_issuers), work
        )

    async def crls(
        self, certificate: Certificate, *, with_deltas: bool, work: Work
    ) -> Fetched[HeldCRL]:
        """Fetch the CRL of each distribution point (C11), and the deltas that are named."""
        try:
            points = crl_distribution_points(certificate.extensions)
            places = list(_places(points, certificate.issuer, _FULL))
            deltas = list(_places(freshest_crl(certificate.extensions), certificate.issuer, _DELTA))
        except MalformedError as error:
            return Fetched(reasons=(str(error),))
        found = await self._places(places, work)
        if with_deltas:
            deltas += _deltas_of(found.items)
            found = _both(found, await self._places(dict.fromkeys(deltas), work))
        return found

    async def _places(self, places: Iterable[tuple[str, ...]], work: Work) -> Fetched[HeldCRL]:
        """Fetch one CRL from each place; the names of a place are alternatives."""
        kept = await asyncio.gather(*(self._place(urls, work) for urls in places))
        reasons = (one.reason for one in kept if one.reason)
        return Fetched(
            items=_items(HeldCRL, kept),
            reasons=tuple(dict.fromkeys(reasons)),
            is_named=bool(kept),
            is_reached=any(one.is_reached for one in kept),
        )

    async def _place(self, urls: tuple[str, ...], work: Work) -> Kept:
        kept = Kept()
        is_reached = False
        for url in urls:
            kept = await self._crl(url, work)
            is_reached |= kept.is_reached
            if kept.items:
                break
        return replace(kept, is_reached=is_reached)

    async def _crl(self, url: str, work: Work) -> Kept:
        return await self._once(
            ("crl", url), lambda: self._fetch(url, MAX_CRL_BYTES, _read_crl), work
        )

    async def ocsp(
        self, certificate: Certificate, issuer: Certificate, work: Work
    ) -> Fetched[OCSPResponse]:
        """Ask the responders that AIA names; whether to believe them is for the caller to judge."""
        try:
            if not certificate.ocsp_uris:
                return Fetched()
        except MalformedError as error:
            return Fetched(reasons=(str(error),))
        key = "ocsp", issuer.fingerprint, certificate.fingerprint
        kept = await self._once(key, lambda: self._ask(certificate, issuer), work)
        return Fetched(
            items=_items(OCSPResponse, [kept]),
            reasons=(kept.reason,) if kept.reason else (),
            is_named=True,
            is_reached=kept.is_reached,
        )

    async def _ask(self, certificate: Certificate, issuer: Certificate) -> Kept:
        listening = _ListeningDoor(self.door)
        requestor = Requestor(
            policy=CheckPolicy(
                ask=AskPolicy(attempts=_TRIES),
                # A delegate's own status is asked for by the caller, who needs it as proof.
                verify=VerifyPolicy(allow_sha1=self.allow_sha1, delegate_status=DelegateStatus.OFF),
                allow_private=self.allow_private,
                check_expired=True,
            ),
            door=listening,
            clock=self.clock,
            known=self.known,
        )
        result = await requestor.acheck(certificate, issuer)
        return _kept(result, has_answered=listening.has_answered)

    # --- fetching once ----------------------------------------------------------------------

    async def _once(self, key: Hashable, fetch: Callable[[], Awaitable[Kept]], work: Work) -> Kept:
        """Take what was fetched lately, wait for who fetches it now, or fetch it."""
        kept = self.cache.get(key, self.clock.now())
        if kept is not None:
            return kept
        excess = work.fetch_excess
        if excess is not None:
            return Kept(reason=f"not fetched: {excess}")
        work.fetches += 1
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(self._keep(key, fetch))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        try:
            async with asyncio.timeout(work.seconds_left):
                kept = await asyncio.shield(task)
        except TimeoutError:
            return Kept(reason=f"not fetched: {work.excess or 'there is no time left'}")
        work.bytes += kept.size
        return kept

    async def _keep(self, key: Hashable, fetch: Callable[[], Awaitable[Kept]]) -> Kept:
        kept = await fetch()
        self.cache.put(key, kept, self.clock.now())
        return kept

    def _end(self, key: Hashable, done: asyncio.Task[Kept]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # whoever waited was told; who stopped waiting need not hear of it

    async def _fetch(
        self, url: str, max_bytes: int, read: Callable[[str, Sequence[bytes]], Kept]
    ) -> Kept:
        """Fetch a document, and read it beside the event loop."""
        guard = Guard(Provenance.CERTIFICATE, self.allow_private)
        try:
            if is_ldap_url(url):
                bodies = await self.ldap.aget(url, guard=guard, max_bytes=max_bytes)
            else:
                answer = await self.door.afetch(Exchange(url=url, guard=guard, max_bytes=max_bytes))
                if answer.status != _OK:
                    return Kept(reason=f"{url}: HTTP status {answer.status}", is_reached=True)
                bodies = (answer.body,)
        except UnreachableError as error:
            return Kept(reason=_reason(url, error.attempts))
        return await asyncio.to_thread(read, url, bodies)


_OK = 200


class _ListeningDoor:
    """A door that says afterwards whether anybody answered."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.has_answered = False

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        answer = self._door.fetch(exchange)
        self.has_answered = True
        return answer

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        answer = await self._door.afetch(exchange)
        self.has_answered = True
        return answer


def _read_issuers(url: str, bodies: Sequence[bytes]) -> Kept:
    found: list[Certificate] = []
    reason = f"{url}: holds no certificate"
    for body in bodies:
        try:
            found += read_certificates(body)[:MAX_AIA_CERTIFICATES]
        except MalformedError as error:
            reason = f"{url}: {error}"
    return _read(tuple(found[:MAX_AIA_CERTIFICATES]), reason, sum(map(len, bodies)))


def _read_crl(url: str, bodies: Sequence[bytes]) -> Kept:
    found: list[HeldCRL] = []
    reason = f"{url}: holds no CRL"
    for body in bodies:
        try:
            found.append(HeldCRL(CertificateList.load(body)))
        except MalformedError as error:
            reason = f"{url}: {error}"
    ends = [one.crl.next_update for one in found if one.crl.next_update is not None]
    kept = _read(tuple(found), reason, sum(map(len, bodies)), min(ends, default=None))
    return replace(kept, is_doubtful=lambda: not any(one.is_believed for one in found))


def _read(items: tuple[object, ...], reason: str, size: int, until: datetime | None = None) -> Kept:
    why = "" if items else reason
    return Kept(items=items, reason=why, is_reached=True, size=size, until=until)


def _kept(result: CheckResult, *, has_answered: bool) -> Kept:
    """Take over what the requestor got, believed or not."""
    response = None if result.report is None else result.report.response
    reasons = [f"{one.url}: {one.reason}" if one.url else one.reason for one in result.attempts]
    if response is None or response.basic is None:
        if result.report is not None:
            reasons += [check.reason for check in result.report.failures]
        reason = "; ".join(dict.fromkeys(reasons)) or f"the responder said {result.verdict.value}"
        return Kept(reason=reason, is_reached=has_answered)
    single = None if result.report is None else result.report.single
    until = None if single is None else single.next_update
    return Kept(
        items=(response,),
        is_reached=True,
        size=len(response.der),
        until=until,
        is_doubtful=lambda: not result.is_verified,
    )


def _items(kind: type[T], kept: Iterable[Kept]) -> tuple[T, ...]:
    return tuple(item for one in kept for item in one.items if isinstance(item, kind))


def _both(one: Fetched[HeldCRL], other: Fetched[HeldCRL]) -> Fetched[HeldCRL]:
    return Fetched(
        items=one.items + other.items,
        reasons=one.reasons + other.reasons,
        is_named=one.is_named or other.is_named,
        is_reached=one.is_reached or other.is_reached,
    )


def _reason(url: str, attempts: Sequence[Attempt]) -> str:
    return f"{url}: {'; '.join(one.reason for one in attempts)}"


# --- where CRLs are ---------------------------------------------------------------------------


def _places(
    points: Iterable[DistributionPoint], issuer: Name, attribute: str
) -> Iterator[tuple[str, ...]]:
    """Yield the URLs of each distribution point: alternatives for one CRL (C11)."""
    for point in tuple(points)[:MAX_CRL_URLS]:
        entries = (LDAPURL(dn=str(name), attribute=attribute) for name in point.entries(issuer))
        urls = (*point.uris, *map(str, entries))
        if urls:
            yield urls[:MAX_CRL_URLS]


def _deltas_of(crls: Iterable[HeldCRL]) -> Iterator[tuple[str, ...]]:
    """Yield where full CRLs say that their deltas are (RFC 5280 §5.2.6)."""
    for held in crls:
        try:
            points = freshest_crl(held.crl.extensions)
            yield from _places(points, held.crl.issuer, _DELTA)
        except MalformedError:
            continue
