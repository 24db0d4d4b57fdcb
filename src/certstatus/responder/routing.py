"""Who answers a request: the responder itself, or a proxy for other ones. Pure.

Its law: a request is answered whole, by one of them; what is about certificates of several
is nobody's. What may not be answered here is not asked elsewhere, either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID, OCSPRequest
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.responder.core import Responder
from certstatus.responder.reply import Cause, Observer, Refusal, Reply, answered
from certstatus.responder.requests import RequestPolicy, accept

__all__ = ["Answering", "Forwarding", "Router"]


class Answering(Protocol):
    """What answers requests."""

    async def respond(self, request_der: bytes, now: datetime) -> Reply:
        """Answer a request at ``now``, aware UTC. Never raises."""
        ...

    def refusal(self, request_der: bytes, now: datetime) -> Reply | None:
        """Refuse at once what the request itself is reason to; None: ``respond`` answers it."""
        ...

    def serves(self, request_der: bytes, now: datetime) -> bool:
        """Whether these bytes are a request that names only issuers which are served here."""
        ...


class Forwarding(Protocol):
    """What hands requests on; ``certstatus.responder.Proxy`` is one."""

    name: str
    issuers: tuple[Certificate, ...]

    async def forward(
        self, request: OCSPRequest, issuers: Mapping[CertID, Certificate], now: datetime
    ) -> Reply:
        """Answer a request about certificates of ``issuers``, all of them its own.

        Raises:
            Refusal: there is no answer to be handed on.
        """
        ...


_Key: TypeAlias = tuple[str, bytes, bytes]


class Router:
    """Answers by the responder where that serves the issuer, else by the proxy that does.

    ``requests`` says which requests are answered, as it does to the responder; ``observe``
    hears of our own failures.

    Raises:
        ConfigError: a CA stands in two of them.
    """

    def __init__(
        self,
        responder: Responder,
        proxies: Iterable[Forwarding],
        *,
        requests: RequestPolicy = RequestPolicy(),  # noqa: B008 - frozen
        observe: Observer = lambda _: None,
    ) -> None:
        self._responder = responder
        self._requests = requests
        self._observe = observe
        self._table = _table(responder, proxies)

    async def respond(self, request_der: bytes, now: datetime) -> Reply:
        """Answer a request at ``now``, aware UTC. Never raises: every outcome is a reply."""
        if self._responder.authorities:
            reply = await self._responder.respond(request_der, now)
            if reply.cause is not Cause.ISSUER:
                return reply
        return await answered(self._forwarded(request_der, now), self._observe)

    def refusal(self, request_der: bytes, now: datetime) -> Reply | None:
        """Refuse at once what nobody here answers, whoever it is about."""
        reply = self._responder.refusal(request_der, now)
        return None if reply is None or reply.cause is Cause.ISSUER else reply

    def serves(self, request_der: bytes, now: datetime) -> bool:
        """Whether these bytes are a request that names only issuers which are served here."""
        if self._responder.serves(request_der, now):
            return True
        try:
            return self._route(accept(request_der, self._requests, now)) is not None
        except Refusal:
            return False

    async def _forwarded(self, request_der: bytes, now: datetime) -> Reply:
        request = accept(request_der, self._requests, now)
        route = self._route(request)
        if route is None:
            asked = ", ".join(map(str, request.cert_ids[:3]))
            raise Refusal(Cause.ISSUER, f"nobody answers for all of {asked}")
        proxy, issuers = route
        return await proxy.forward(request, issuers, now.replace(microsecond=0))

    def _route(
        self, request: OCSPRequest
    ) -> tuple[Forwarding, Mapping[CertID, Certificate]] | None:
        """Find the one proxy for all certificates of a request, and the issuer of each."""
        found = {one: self._table.get(one.key[:3]) for one in dict.fromkeys(request.cert_ids)}
        proxies = {None if entry is None else id(entry[0]) for entry in found.values()}
        if len(proxies) != 1:
            return None
        issuers = {one: entry[1] for one, entry in found.items() if entry is not None}
        entry = found[request.cert_ids[0]]
        return None if entry is None else (entry[0], issuers)


def _table(
    responder: Responder, proxies: Iterable[Forwarding]
) -> dict[_Key, tuple[Forwarding, Certificate]]:
    """Enter every proxied CA under each of its names. Raises ConfigError for one that is twice."""
    names = {key: one.name for one in responder.authorities for key in _keys(one.issuer)}
    table: dict[_Key, tuple[Forwarding, Certificate]] = {}
    for proxy in proxies:
        for issuer in proxy.issuers:
            for key in _keys(issuer):
                if key in names:
                    raise ConfigError(
                        f"{proxy.name} and {names[key]} both answer for {issuer.subject}",
                        key="proxy",
                        remedy="keep one of them",
                    )
                names[key] = proxy.name
                table[key] = (proxy, issuer)
    return table


def _keys(issuer: Certificate) -> list[_Key]:
    return [CertID.of(issuer, 0, algorithm).key[:3] for algorithm in HashAlgorithm]
