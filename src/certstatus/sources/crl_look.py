"""One look at one place: its URLs in order, until one gives a CRL to be believed (C11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeAlias

from certstatus.errors import Attempt, MalformedError, UnreachableError
from certstatus.fetch import Exchange, Guard, HTTPAnswer, HTTPDoor, LDAPDoor, is_ldap_url
from certstatus.limits import MAX_CRL_BYTES
from certstatus.pkix import Certificate, CertificateList
from certstatus.requestor.cache import server_says
from certstatus.sources.crl_folder import PlaceState
from certstatus.sources.crl_place import CRLPlace

__all__ = ["Believed", "Failed", "Look", "Looker", "Newer", "Unchanged"]

_VALIDATORS: Final = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


@dataclass(frozen=True, slots=True)
class Believed:
    """A CRL that may be believed, with its signer and where it says that its deltas are."""

    crl: CertificateList
    signer: Certificate
    deltas: tuple[CRLPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    """There is a CRL that is not the one kept; ``validators`` make the next request conditional."""

    url: str
    believed: Believed
    validators: Mapping[str, str] | None = None
    fresh_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The CRL that is kept is still what is published."""

    fresh_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No URL gave a CRL; ``is_untrusted``: something came, and is not to be believed."""

    reason: str
    is_untrusted: bool = False


Look: TypeAlias = Newer | Unchanged | Failed

Believe: TypeAlias = Callable[[bytes], Believed]
"""Reads PEM or DER, and raises MalformedError for what is not to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Fetches for one authority; ``allow_private`` lets what certificates name lead inside."""

    http: HTTPDoor
    ldap: LDAPDoor
    believe: Believe
    allow_private: bool = False

    async def look(self, place: CRLPlace, state: PlaceState, now: datetime) -> Look:
        """Try the URLs in order; a later one is asked where one before it fails."""
        guard = Guard(place.provenance, allow_private=self.allow_private)
        reasons: list[str] = []
        is_untrusted = False
        for url in place.urls:
            try:
                found = await self._ask(url, state, guard, now)
            except UnreachableError as error:
                reasons += [f"{url}: {one.reason}" for one in error.attempts]
            except MalformedError as error:
                reasons.append(f"{url}: {error}")
                is_untrusted = True
            else:
                if isinstance(found, Newer) or not _has_expired(state, now):
                    return found
                reasons.append(f"{url}: gives no newer CRL than the one that has expired")
        return Failed("; ".join(reasons), is_untrusted)

    async def _ask(
        self, url: str, state: PlaceState, guard: Guard, now: datetime
    ) -> Newer | Unchanged:
        if is_ldap_url(url):
            values = await self.ldap.aget(url, guard=guard, max_bytes=MAX_CRL_BYTES)
            return await self._judged(url, values, state)
        validators = state.validators if state.url == url else None
        answer = await self.http.afetch(
            Exchange(url=url, headers=validators or {}, guard=guard, max_bytes=MAX_CRL_BYTES)
        )
        fresh_until = server_says(answer.headers, now)
        if answer.status == 304 and validators:
            return Unchanged(fresh_until)
        if answer.status != 200:
            attempt = Attempt(url, f"HTTP status {answer.status}")
            raise UnreachableError("no CRL came", attempts=[attempt])
        return await self._judged(url, (answer.body,), state, answer, fresh_until)

    async def _judged(
        self,
        url: str,
        bodies: Sequence[bytes],
        state: PlaceState,
        answer: HTTPAnswer | None = None,
        fresh_until: datetime | None = None,
    ) -> Newer | Unchanged:
        """Take the newest of what came that may be believed; several values are alternatives."""
        others = [one for one in bodies if sha256(one).hexdigest() != state.digest]
        is_kept_there = len(others) < len(bodies)
        newest = await self._newest(others, older_is_fine=is_kept_there)
        if newest is None or sha256(newest.crl.der).hexdigest() == state.digest:
            return Unchanged(fresh_until)
        return Newer(
            url=url,
            believed=newest,
            validators=None if answer is None else _validators(answer.headers),
            fresh_until=fresh_until,
        )

    async def _newest(
        self, bodies: Sequence[bytes], *, older_is_fine: bool = False
    ) -> Believed | None:
        """Return the newest that is believed; where there is none, raise why the last is not."""
        found: list[Believed] = []
        problem: MalformedError | None = None
        for body in bodies:
            try:
                found.append(await asyncio.to_thread(self.believe, body))
            except MalformedError as error:
                problem = error
        if not found and problem is not None and not older_is_fine:
            raise problem
        return max(found, key=_age, default=None)


def _age(believed: Believed) -> tuple[int, datetime]:
    number = believed.crl.crl_number
    return -1 if number is None else number, believed.crl.this_update


def _has_expired(state: PlaceState, now: datetime) -> bool:
    return state.next_update is not None and state.next_update <= now


def _validators(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the fields of a request that asks only for what has changed since."""
    said = {field: headers[name] for name, field in _VALIDATORS.items() if name in headers}
    return said or None
