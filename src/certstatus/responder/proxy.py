"""Other responders' answers, handed on as they were signed (RFC 6960 §2.1; O7, L4).

Its law: nothing goes out that was not verified for just this request, and nothing past its
end. A good answer stands until then, whatever befalls the upstream; revoked replaces good
at once. Nobody but those who are listed is ever asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from certstatus.clock import Clock
from certstatus.errors import ConfigError, SourceError
from certstatus.fetch import Guard, Provenance
from certstatus.limits import MAX_PROXIED_ANSWERS
from certstatus.ocsp import CertID, OCSPRequest, Revoked, encode_request, parse_request
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import Asked, Requestor
from certstatus.responder.forwarding import (
    Forwarded,
    ForwardedNonce,
    forwarded,
    is_definite,
    is_small,
    proxied_reply,
)
from certstatus.responder.locator import AllowedLocation, located
from certstatus.responder.reply import Cause, Refusal, Reply
from certstatus.responder.shelved import entry_of, shelf_key, verified_anew
from certstatus.responder.stored import Shelf
from certstatus.sources.events import Observer
from certstatus.sources.upstream_asking import (
    Destination,
    Heard,
    Tally,
    Unheard,
    UpstreamPolicy,
    Upstreams,
    destinations,
)
from certstatus.sources.upstream_keeping import Keeping, Kept

__all__ = ["Proxy", "ProxyPolicy"]

_NO_CERTIFICATE: Final = 0
"""The serial number of no certificate (RFC 5280 §4.1.2.2): health checks ask for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyPolicy:
    """How a proxy hands on: what becomes of nonces, and how its upstreams are asked."""

    nonce: ForwardedNonce = ForwardedNonce.IGNORE
    upstream: UpstreamPolicy = UpstreamPolicy()  # noqa: RUF009 - a value, frozen


class Proxy:
    """Answers for CAs with what other responders signed.

    Either ``urls`` name those who are asked, in order; or ``allowed`` lists where the
    ServiceLocator of a request may lead (O7). What is kept rests on the ``shelf``, too, where
    there is one: it outlives a restart, and other workers find it there.

    ``keeping`` holds what is given; without an answer, that revoked is known of one that can't
    be given to others.
    """

    def __init__(
        self,
        name: str,
        issuers: Sequence[Certificate],
        urls: Sequence[str] = (),
        *,
        allowed: Sequence[AllowedLocation] = (),
        policy: ProxyPolicy = ProxyPolicy(),
        observer: Observer | None = None,
        tally: Tally = lambda _outcome, _seconds: None,
        shelf: Shelf | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Ask nobody yet.

        Raises:
            ConfigError: nobody is named who could be asked, both ways are, or a URL can't be.
        """
        if bool(urls) == bool(allowed):
            raise ConfigError(
                "needs either responders to ask or a list of where ServiceLocators may lead",
                key="upstream",
                remedy="name upstream, or service_locator",
            )
        self.name = name
        self.issuers = tuple(issuers)
        self._to = destinations(urls) if urls else ()
        self._allowed = tuple(allowed)
        self._policy = policy
        self._guard = _LISTED if urls else _located_guard(policy)
        places = urls or [one.location.url for one in allowed]
        identity = [*(one.fingerprint for one in issuers), *(url.encode() for url in places)]
        self._upstreams: Upstreams[Reply | Unheard] = Upstreams(
            name, identity, policy=policy.upstream, observer=observer, tally=tally, clock=clock
        )
        self._shelf = shelf
        self.keeping: Keeping[Reply | None] = Keeping(MAX_PROXIED_ANSWERS)

    async def forward(
        self, request: OCSPRequest, issuers: Mapping[CertID, Certificate], now: datetime
    ) -> Reply:
        """Answer a request about certificates of these issuers, all of them ours.

        Raises:
            Refusal: nobody gave an answer to be handed on, or none may be asked.
        """
        question = forwarded(request, issuers, self._policy.nonce)
        to = self._to or self._located(request, issuers)
        try:
            self._upstreams.refuse_loop(now)
        except SourceError as error:
            raise Refusal.over(Cause.SOURCE_UNAVAILABLE, error) from error
        reply = await self._with_nonce(question, to, now)
        return reply if reply is not None else await self._without_nonce(question, to, now)

    def take_over(self, former: Proxy) -> None:
        """Go on with what a former one keeps, where it was verified by the same rules."""
        if former.trust == self.trust:
            self.keeping = former.keeping

    @property
    def trust(self) -> tuple[object, ...]:
        """What answers are verified against and by."""
        return tuple(one.der for one in self.issuers), self._policy.upstream.verify_policy

    async def check(self, now: datetime) -> str | None:
        """Say why the upstream could not answer now; None: it could, or is named by clients."""
        if not self._to:
            return None
        cert_id = CertID.of(self.issuers[0], _NO_CERTIFICATE, HashAlgorithm.SHA256)
        try:
            await self.forward(
                parse_request(encode_request([cert_id])), {cert_id: self.issuers[0]}, now
            )
        except Refusal as refusal:
            return None if refusal.cause is Cause.UPSTREAM_REFUSED else refusal.detail
        return None

    def _located(
        self, request: OCSPRequest, issuers: Mapping[CertID, Certificate]
    ) -> tuple[Destination, ...]:
        """Find who may be asked where the request itself names the responder."""
        found = located(request, [issuers[one] for one in request.cert_ids], self._allowed)
        if not found:
            raise Refusal(
                Cause.SERVICE_LOCATOR, f"{self.name}: no ServiceLocator leads to a listed responder"
            )
        return tuple(Destination(url, text) for url, text in found.items())

    # --- asking, and what came of it ------------------------------------------------------------

    async def _with_nonce(
        self, question: Forwarded, to: Sequence[Destination], now: datetime
    ) -> Reply | None:
        """Ask with the client's nonce; None: there is none, or it brought nothing (L4)."""
        if question.nonced is None:
            return None
        fetch = partial(self._fetch_for_one, question.nonced, question, to, now)
        reply = await self._upstreams.once(_key(question.nonced, to), fetch, now)
        return reply if isinstance(reply, Reply) else None

    async def _without_nonce(
        self, question: Forwarded, to: Sequence[Destination], now: datetime
    ) -> Reply:
        """Give what is kept while it is fresh; else ask, and where that fails what still counts."""
        kept = self.keeping.find(question.key, now)
        if kept is not None and kept.given is not None and now < kept.fresh_until:
            return kept.given
        fetch = partial(self._fetch_for_all, question, to, now)
        reply = await self._upstreams.once(_key(question.plain, to), fetch, now)
        if isinstance(reply, Reply):
            return reply
        kept = self.keeping.find(question.key, now)
        if kept is not None and kept.given is not None:
            return kept.given
        cause = Cause.UPSTREAM_REFUSED if reply.is_refused else Cause.SOURCE_UNAVAILABLE
        raise Refusal(cause, f"{self.name}: {reply.reason}")

    async def _fetch_for_one(
        self, nonced: bytes, question: Forwarded, to: Sequence[Destination], now: datetime
    ) -> Reply | Unheard:
        """Ask with a nonce. A revocation that is heard so ends what is kept as good."""
        heard = await self._ask(nonced, question, to, now)
        if isinstance(heard, Unheard):
            return heard
        reply = self._reply(heard, now)
        kept = self.keeping.find(question.key, now)
        is_news = kept is None or not isinstance(kept.cert_status, Revoked)
        if question.is_about_one and is_news and isinstance(reply.told[0].cert_status, Revoked):
            told = replace(self._kept(heard, reply, now), given=None, fresh_until=now)
            self.keeping.take(question.key, told, now)
        return reply

    async def _fetch_for_all(
        self, question: Forwarded, to: Sequence[Destination], now: datetime
    ) -> Reply | Unheard:
        """Ask without a nonce, and take in what is heard; what is held may count for more."""
        shelved = await self._shelved(question, now)
        if shelved is not None and shelved.given is not None and now < shelved.fresh_until:
            return shelved.given
        heard = await self._ask(question.plain, question, to, now)
        if isinstance(heard, Unheard):
            return heard
        reply = self._reply(heard, now)
        if not question.is_about_one:
            return reply
        told = self._kept(heard, reply, now)
        take = self.keeping.take if is_small(heard.verified[0]) else self.keeping.weigh
        kept = take(question.key, told, now)
        if kept is told:
            self._offer(question, told)
            return reply
        self._upstreams.put_off(_key(question.plain, to), now)
        return kept.given or Unheard("takes back a revocation with an answer of before")

    async def _ask(
        self,
        request_der: bytes,
        question: Forwarded,
        to: Sequence[Destination],
        now: datetime,
    ) -> Heard | Unheard:
        def put(requestor: Requestor) -> Awaitable[Asked]:
            return requestor.aask_with(request, question.issuers, guard=self._guard)

        request = parse_request(request_der)
        return await self._upstreams.ask(_key(request_der, to), to, put, now)

    def _reply(self, heard: Heard, now: datetime) -> Reply:
        return proxied_reply(
            heard.verified, url=heard.url, headers=heard.headers, proxy=self.name, now=now
        )

    def _kept(self, heard: Heard, reply: Reply, now: datetime) -> Kept[Reply | None]:
        """Say for how long an answer counts; what the upstream does not know, briefly alone."""
        (verified,) = heard.verified
        assert verified.expires is not None  # what has no end is not handed on
        policy = self._policy.upstream
        ends, fresh = verified.expires, policy.end_of_freshness(verified, heard.headers, now)
        if not is_definite(verified):
            ends = min(ends, now + policy.negative)
            fresh = min(ends, fresh)
        return Kept(
            given=replace(reply, is_remembered=True),
            cert_status=verified.cert_status,
            this_update=verified.single.this_update,
            ends=ends,
            fresh_until=fresh,
        )

    # --- the shelf ------------------------------------------------------------------------------

    def _offer(self, question: Forwarded, kept: Kept[Reply | None]) -> None:
        """Let what is kept rest on the shelf, too."""
        key = shelf_key(question) if self._shelf is not None else None
        entry = entry_of(kept) if key is not None else None
        if self._shelf is not None and key is not None and entry is not None:
            self._shelf.offer(key, entry)

    async def _shelved(self, question: Forwarded, now: datetime) -> Kept[Reply | None] | None:
        """Take up what rests on the shelf, verified anew: another one may have asked already."""
        key = None if self._shelf is None else shelf_key(question)
        stored = None if self._shelf is None or key is None else await self._shelf.get(key)
        if stored is None or stored.next_update <= now:
            return None
        kept = self.keeping.find(question.key, now)
        if kept is not None and kept.given is not None and kept.given.der == stored.der:
            return None  # no news: how long it is fresh is for us to say, not for the store
        policy = self._policy.upstream.verify_policy
        verified = verified_anew(stored, question, policy, now)
        if verified is None or verified.expires is None:
            return None
        found = Heard(url=_SHELF, verified=(verified,), headers={})
        reply = replace(self._reply(found, now), is_remembered=True, cache_until=stored.fresh_until)
        fresh_until = min(stored.fresh_until, now + self._policy.upstream.refresh)
        told = replace(self._kept(found, reply, now), fresh_until=fresh_until)
        return self.keeping.take(question.key, told, now)


_SHELF: Final = "store"
"""Where an answer came from that an earlier process, or another one, asked for."""

_LISTED: Final = Guard()


def _located_guard(policy: ProxyPolicy) -> Guard:
    """Guard what a client named: listed, but the way there may lead elsewhere."""
    return Guard(
        provenance=Provenance.CERTIFICATE,
        allow_private=policy.upstream.allow_private,
        allow_redirects=False,
    )


def _key(request_der: bytes, to: Sequence[Destination]) -> tuple[bytes, tuple[str, ...]]:
    """Name a question by what is asked, and of whom: another one might know."""
    return HashAlgorithm.SHA256.digest(request_der), tuple(one.url for one in to)
