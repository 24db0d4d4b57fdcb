"""A proxy over an upstream that signs whatever a test wants, and clients that ask through it."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import unquote

from certstatus.ocsp import (
    CertID,
    CertStatus,
    Extensions,
    Nonce,
    OCSPRequest,
    OCSPResponse,
    OCSPResponseStatus,
    Request,
    encode_error_response,
    encode_request,
    parse_request,
    parse_response,
)
from certstatus.responder import (
    AllowedLocation,
    ForwardedNonce,
    Proxy,
    ProxyPolicy,
    Refusal,
    Reply,
    Responder,
    Router,
)
from certstatus.sources import UpstreamPolicy
from certstatus.testing import FixedClock, Forge, TinyCA
from tests.books import NOW, Watcher
from tests.scripted import OCSP, Asked, ScriptedServer
from tests.scripted import Reply as HTTPAnswer

SHORT = timedelta(milliseconds=400)
"""For upstreams that never answer; all others have as long as in production."""

SERIAL = 0x1234


def asked_request(asked: Asked) -> OCSPRequest:
    """Read the request that an upstream was asked with, by GET or POST."""
    if asked.method == "POST":
        return parse_request(asked.body)
    return parse_request(b64decode(unquote(asked.path.rpartition("/")[2]), validate=True))


@dataclass
class Signing:
    """A script for an upstream that signs an answer to whatever it is asked.

    ``echoes`` returns the nonce; ``headers`` are those of its HTTP.
    """

    forge: Forge
    echoes: bool = True
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> HTTPAnswer:
        request = asked_request(asked)
        forge = self.forge.but(cert_ids=request.cert_ids)
        if self.echoes and request.nonce is not None:
            forge = forge.but(response_extensions=Extensions.of(request.nonce))
        return HTTPAnswer(body=forge.der, headers={"Content-Type": OCSP, **self.headers})


def refusing(status: OCSPResponseStatus) -> HTTPAnswer:
    """Answer an error status."""
    return HTTPAnswer(body=encode_error_response(status), headers={"Content-Type": OCSP})


@dataclass
class Branch:
    """A proxy, its upstream, and the time; ``says`` sets what the upstream signs."""

    ca: TinyCA
    server: ScriptedServer
    nonce: ForwardedNonce = ForwardedNonce.IGNORE
    clock: FixedClock = field(default_factory=FixedClock)
    watcher: Watcher = field(default_factory=Watcher)
    heard: list[Refusal] = field(default_factory=list)
    policy: UpstreamPolicy = UpstreamPolicy(jitter=0)  # noqa: RUF009 - a value, frozen

    def __post_init__(self) -> None:
        self.forge = Forge.honest(self.ca, SERIAL)
        self.router = self.over(self.server.url)
        self.says()

    def proxy(self, *urls: str, issuers: Iterable[TinyCA] = (), **more: Any) -> Proxy:
        """Make a proxy for the CA, or for these, that asks these URLs."""
        return Proxy(
            "branch",
            [one.certificate for one in issuers or (self.ca,)],
            urls,
            policy=ProxyPolicy(nonce=self.nonce, upstream=self.policy),
            observer=self.watcher,
            clock=self.clock,
            **more,
        )

    def over(self, *urls: str, **more: Any) -> Router:
        """Make a router with such a proxy alone."""
        self.made = self.proxy(*urls, **more)
        return Router(Responder([]), [self.made], observe=self.heard.append)

    def led(self, *allowed: str, **more: Any) -> Router:
        """Make a router whose proxy asks whom ServiceLocators name, out of a list."""
        return self.over(allowed=[AllowedLocation.of(one) for one in allowed], **more)

    def with_policy(self, **changes: Any) -> Self:
        """Ask in another way from now on, as after a reload."""
        former = self.made
        self.policy = replace(self.policy, **changes)
        self.router = self.over(self.server.url)
        self.made.take_over(former)
        return self

    def impatient(self) -> Self:
        """Wait for no upstream any longer than a test may take."""
        return self.with_policy(url_time=SHORT, time_limit=3 * SHORT)

    # --- the upstream -----------------------------------------------------------------------

    def says(self, cert_status: CertStatus | None = None, **more: Any) -> None:
        """Let the upstream sign this status, or good."""
        changes = {} if cert_status is None else {"cert_status": cert_status}
        self.signs(self.forge.but(**changes, **more))

    def signs(self, forge: Forge, **headers: str) -> None:
        self.server.script = Signing(forge, headers=headers)

    def sends(self, answer: HTTPAnswer) -> None:
        self.server.script = lambda _: answer

    @property
    def asked(self) -> list[OCSPRequest]:
        """What the upstream was asked."""
        return [asked_request(one) for one in self.server.asked]

    # --- the clients ------------------------------------------------------------------------

    def cert_id(self, serial_number: int = SERIAL) -> CertID:
        return CertID.of(self.ca.certificate, serial_number)

    def ask(
        self,
        *asked: CertID | Request,
        nonce: Nonce | None = None,
        router: Router | None = None,
        **more: Any,
    ) -> Reply:
        """Ask for the certificate, or for what is named."""
        extensions = more.pop("extensions", Extensions() if nonce is None else Extensions.of(nonce))
        der = encode_request(asked or (self.cert_id(),), request_extensions=extensions, **more)
        return asyncio.run((router or self.router).respond(der, self.clock.now()))

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    @property
    def now(self) -> datetime:
        return self.clock.now()


def response(reply: Reply) -> OCSPResponse:
    return parse_response(reply.der)


def status_of(reply: Reply) -> CertStatus:
    """Return the status in a successful reply about one certificate."""
    basic = response(reply).basic
    assert basic is not None, (reply.cause, reply.detail)
    (single,) = basic.tbs_response_data.responses
    assert reply.told[0].cert_status == single.cert_status
    return single.cert_status


__all__ = [
    "NOW",
    "SERIAL",
    "SHORT",
    "Branch",
    "Signing",
    "asked_request",
    "refusing",
    "response",
    "status_of",
]
