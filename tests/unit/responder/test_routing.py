"""Who answers a request: the responder, a proxy, or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID, OCSPRequest
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.responder import (
    Cause,
    OCSPFace,
    Refusal,
    Reply,
    RequestPolicy,
    Responder,
    Router,
    SignedRequests,
)
from certstatus.responder.exchange import HTTPRequest
from certstatus.testing import TinyCA
from tests.desk import CA, NOW, authority, cert_id, request
from tests.proxying import Branch
from tests.scripted import ScriptedServer

OTHER, THIRD = TinyCA("Other CA"), TinyCA("Third CA")


@dataclass
class Hand:
    """Forwards to nobody, and remembers for what it was asked."""

    name: str
    issuers: tuple[Certificate, ...]
    failure: Exception | None = None
    seen: list[tuple[CertID, ...]] = field(default_factory=list)

    async def forward(
        self, request: OCSPRequest, issuers: Mapping[CertID, Certificate], now: datetime
    ) -> Reply:
        """Say that it was here."""
        assert list(issuers) == list(dict.fromkeys(request.cert_ids))
        assert all(one.names_issuer(issuer) for one, issuer in issuers.items())
        self.seen.append(request.cert_ids)
        if self.failure is not None:
            raise self.failure
        return Reply(der=self.name.encode(), cause=Cause.ANSWERED)


def hand(*cas: TinyCA, name: str = "hand", failure: Exception | None = None) -> Hand:
    return Hand(name, tuple(one.certificate for one in cas), failure)


def respond(router: Router, der: bytes) -> Reply:
    return asyncio.run(router.respond(der, NOW))


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O1")
def test_each_ca_is_answered_for_by_who_has_it_under_every_hash(algorithm: HashAlgorithm) -> None:
    proxy, other = hand(OTHER), hand(THIRD, name="third")
    router = Router(Responder([authority()]), [proxy, other])

    ours = respond(router, request(cert_id(algorithm=algorithm)))
    theirs = respond(router, request(cert_id(algorithm=algorithm, ca=OTHER)))
    thirds = respond(router, request(cert_id(algorithm=algorithm, ca=THIRD)))

    assert ours.signer is not None
    assert (theirs.der, thirds.der) == (b"hand", b"third")
    assert (len(proxy.seen), len(other.seen)) == (1, 1)


@pytest.mark.parametrize(
    "asked",
    [
        (cert_id(), cert_id(ca=OTHER)),
        (cert_id(ca=OTHER), cert_id(ca=THIRD)),
        (cert_id(ca=OTHER), cert_id(ca=TinyCA("Nobody's CA"))),
        (cert_id(ca=TinyCA("Nobody's CA")),),
    ],
    ids=["ours and theirs", "two proxies", "theirs and nobody's", "nobody's"],
)
@pytest.mark.rule("O11")
def test_what_is_not_one_s_whole_is_nobody_s(asked: tuple[CertID, ...]) -> None:
    proxies = hand(OTHER), hand(THIRD, name="third")
    router = Router(Responder([authority()]), proxies)

    reply = respond(router, request(*asked))

    assert reply.cause is Cause.ISSUER
    assert not any(one.seen for one in proxies)
    assert not router.serves(request(*asked), NOW)


def test_several_cas_of_one_proxy_are_one_s_whole() -> None:
    proxy = hand(OTHER, THIRD)

    reply = respond(
        Router(Responder([]), [proxy]), request(cert_id(ca=OTHER), cert_id(8, ca=THIRD))
    )

    assert reply.der == b"hand"


def test_what_may_not_be_answered_is_not_asked_elsewhere() -> None:
    proxy = hand(OTHER)
    strict = RequestPolicy(signatures=SignedRequests.REQUIRE, max_certificates=2)
    router = Router(Responder([], requests=strict), [proxy], requests=strict)

    unsigned = respond(router, request(cert_id(ca=OTHER)))
    too_many = respond(router, request(*(cert_id(n, ca=OTHER) for n in (1, 2, 3))))

    assert (unsigned.cause, too_many.cause) == (Cause.UNSIGNED, Cause.TOO_MANY)
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("failure", "cause", "is_heard"),
    [
        (Refusal(Cause.UPSTREAM_REFUSED, "no"), Cause.UPSTREAM_REFUSED, False),
        (Refusal(Cause.SOURCE_UNAVAILABLE, "gone"), Cause.SOURCE_UNAVAILABLE, True),
        (RuntimeError("odd"), Cause.DEFECT, True),
    ],
    ids=["refused", "unavailable", "defect"],
)
def test_what_a_proxy_raises_is_a_reply_and_our_own_failures_are_heard_of(
    failure: Exception, cause: Cause, *, is_heard: bool
) -> None:
    heard: list[Refusal] = []
    router = Router(Responder([]), [hand(OTHER, failure=failure)], observe=heard.append)

    assert respond(router, request(cert_id(ca=OTHER))).cause is cause
    assert [one.cause for one in heard] == ([cause] if is_heard else [])


@pytest.mark.parametrize(
    "proxies",
    [[hand(CA)], [hand(OTHER), hand(OTHER, name="second")], [hand(OTHER, OTHER)]],
    ids=["served and proxied", "two proxies", "twice in one"],
)
def test_a_ca_that_stands_in_two_places_is_a_config_error(proxies: list[Hand]) -> None:
    with pytest.raises(ConfigError, match="both answer for"):
        Router(Responder([authority()]), proxies)


# --- over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.mark.rule("L12", "L13")
def test_a_proxied_answer_has_the_caching_headers_of_its_own_times(server: ScriptedServer) -> None:
    branch = Branch(OTHER, server)
    branch.signs(branch.forge, **{"Cache-Control": "max-age=120", "Age": "20"})
    face = OCSPFace(branch.router)
    asked = HTTPRequest(
        b"POST", b"/", ((b"content-type", b"application/ocsp-request"),), request(branch.cert_id())
    )

    first = asyncio.run(face.reply(asked, NOW))
    again = asyncio.run(face.reply(asked, NOW))

    headers = dict(first.headers)
    assert headers[b"cache-control"] == b"max-age=100, public, no-transform, must-revalidate"
    assert headers[b"last-modified"] == b"Sat, 21 Nov 2026 11:50:00 GMT"
    assert headers[b"expires"] == b"Wed, 25 Nov 2026 11:50:00 GMT"
    assert (first.facts["lane"], again.facts["lane"]) == ("proxied", "cached")
    assert first.facts["authority"] == "branch"
    assert first.facts["source"] == server.url
    assert first.body == again.body


def test_a_get_whose_slashes_were_merged_is_put_back_for_a_proxied_ca(
    server: ScriptedServer,
) -> None:
    router = Router(Responder([]), [hand(OTHER)])

    assert router.serves(request(cert_id(ca=OTHER)), NOW)
    assert not router.serves(b"\x30\x00", NOW)
