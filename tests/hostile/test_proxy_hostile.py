"""Proxies under hostile upstreams and clients: nothing false goes out, nobody unlisted is asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.limits import MAX_RESPONSE_BYTES, MAX_UPSTREAM_QUESTIONS
from certstatus.ocsp import (
    CertID,
    Extensions,
    Nonce,
    Request,
    Revoked,
    ServiceLocator,
    encode_request,
    parse_response,
)
from certstatus.pkix import AccessDescription, GeneralName
from certstatus.responder import (
    AllowedLocation,
    Cause,
    ForwardedNonce,
    OCSPFace,
    Proxy,
    Reply,
    Responder,
    Router,
)
from certstatus.responder.exchange import HTTPRequest
from certstatus.testing import TinyCA
from certstatus.verify import verify_response
from tests.property.mutation import Mutator
from tests.proxying import NOW, SERIAL, Branch
from tests.scripted import OCSP, Asked, ScriptedServer
from tests.scripted import Reply as HTTPAnswer

CA = TinyCA("Besieged CA")
DAY = timedelta(days=1)
IN_TIME = 5
"""Seconds: the upstreams here would take ten, and are waited for half of one."""
TRY_LATER = bytes.fromhex("30030a0103")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def branch(server: ScriptedServer) -> Branch:
    return Branch(CA, server, nonce=ForwardedNonce.FORWARD)


# --- upstreams ----------------------------------------------------------------------------------


def drip(over: threading.Event, data: bytes) -> Iterator[bytes]:
    for octet in data:
        yield bytes([octet])
        if over.wait(0.05):
            return


def endless(over: threading.Event) -> Iterator[bytes]:
    while not over.is_set():
        yield bytes(65_536)


@pytest.mark.parametrize("kind", ["silent", "dripping", "endless", "huge"])
@pytest.mark.parametrize("nonce", [None, Nonce(bytes(32))], ids=["plain", "nonced"])
@pytest.mark.rule("O11")
def test_what_never_ends_is_try_later_in_time_and_over_when_it_is_well_again(
    branch: Branch, kind: str, nonce: Nonce | None
) -> None:
    over = threading.Event()
    der = branch.forge.der

    def script(_: Asked) -> HTTPAnswer:
        if kind == "silent":
            over.wait(10)
            return HTTPAnswer(status=503)
        if kind == "huge":
            return HTTPAnswer(headers={"Content-Type": OCSP}, body=der + bytes(MAX_RESPONSE_BYTES))
        return HTTPAnswer(chunks=drip(over, der) if kind == "dripping" else endless(over))

    branch.server.script = script
    branch.impatient()
    started = time.monotonic()

    assert branch.ask(nonce=nonce).der == TRY_LATER

    assert time.monotonic() - started < IN_TIME
    over.set()
    branch.says()
    branch.pass_time(DAY)
    assert branch.ask(nonce=nonce).cause is Cause.ANSWERED


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>good</html>", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", bytes(5)],
    ids=repr,
)
@pytest.mark.rule("O11")
def test_nonsense_is_try_later_and_never_handed_on(branch: Branch, body: bytes) -> None:
    branch.sends(HTTPAnswer(body=body, headers={"Content-Type": OCSP}))

    assert branch.ask().der == TRY_LATER


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404, 500, 503])
@pytest.mark.rule("O33", "O11")
def test_another_http_status_carries_no_answer(branch: Branch, status: int) -> None:
    branch.sends(HTTPAnswer(status=status, body=b"" if status == 204 else branch.forge.der))

    assert branch.ask().der == TRY_LATER


@pytest.mark.rule("O21", "O11")
def test_of_damaged_answers_only_what_still_holds_is_handed_on(branch: Branch) -> None:
    revoked = branch.forge.but(cert_status=Revoked(NOW - DAY), next_update=NOW + 9 * DAY)
    handed_on = 0
    for body in Mutator(5, [revoked.der]).inputs(150):
        branch.router = branch.over(branch.server.url)
        branch.sends(HTTPAnswer(body=body))

        reply = branch.ask()

        if reply.cause is not Cause.ANSWERED:
            assert len(reply.der) == 5
            continue
        handed_on += 1
        report = verify_response(
            reply.der, issuer=CA.certificate, serial_number=SERIAL, now=branch.now
        )
        assert report.verified is not None
        assert isinstance(report.verified.cert_status, Revoked)
    assert handed_on < 150


def test_a_crowd_over_a_dead_upstream_is_answered_in_time(branch: Branch) -> None:
    over = threading.Event()
    branch.server.script = lambda _: HTTPAnswer(status=503) if over.wait(10) else HTTPAnswer()
    requests = [encode_request([branch.cert_id(1 + number % 20)]) for number in range(400)]

    async def crowd() -> list[Reply]:
        return await asyncio.gather(*(branch.router.respond(one, NOW) for one in requests))

    branch.impatient()
    started = time.monotonic()
    replies = asyncio.run(crowd())
    elapsed = time.monotonic() - started
    over.set()

    assert {one.der for one in replies} == {TRY_LATER}
    assert elapsed < IN_TIME
    assert len(branch.server.asked) <= 20


@pytest.mark.rule("O11")
def test_a_flood_of_nonces_is_bounded_and_answered_from_what_is_kept(branch: Branch) -> None:
    """Whoever makes up nonces can't open sockets without end, nor keep others from answers."""
    kept = branch.ask().der
    branch.impatient()
    over = threading.Event()
    branch.server.script = lambda _: HTTPAnswer(status=503) if over.wait(10) else HTTPAnswer()
    before = len(branch.server.asked)
    requests = [
        encode_request(
            [branch.cert_id()], request_extensions=Extensions.of(Nonce(number.to_bytes(32, "big")))
        )
        for number in range(MAX_UPSTREAM_QUESTIONS + 50)
    ]

    async def flood() -> list[Reply]:
        return await asyncio.gather(*(branch.router.respond(one, NOW) for one in requests))

    replies = asyncio.run(flood())
    over.set()

    assert {one.der for one in replies} == {kept}
    assert len(branch.server.asked) - before <= MAX_UPSTREAM_QUESTIONS


# --- clients ------------------------------------------------------------------------------------


LED = Router(
    Responder([]),
    [Proxy("led", [CA.certificate], allowed=[AllowedLocation.of("http://ocsp.example/")])],
)


@given(st.binary(max_size=120))
def test_no_bytes_make_it_raise(der: bytes) -> None:
    reply = asyncio.run(LED.respond(der, NOW))

    assert reply.cause is Cause.MALFORMED


REQUEST = encode_request(
    [
        Request(
            CertID.of(CA.certificate, SERIAL),
            Extensions.of(
                ServiceLocator(
                    CA.certificate.subject,
                    (AccessDescription(oids.ID_AD_OCSP, GeneralName.uri("http://127.0.0.1:1/x")),),
                )
            ),
        )
    ],
    request_extensions=Extensions.of(Nonce(bytes(32))),
)


@settings(max_examples=150)
@given(st.integers(0, len(REQUEST) - 1), st.integers(0, 255))
@pytest.mark.rule("O7")
def test_no_spoiled_request_makes_it_raise_or_ask_the_unlisted(at: int, octet: int) -> None:
    spoiled = bytearray(REQUEST)
    spoiled[at] = octet

    reply = asyncio.run(LED.respond(bytes(spoiled), NOW))

    assert reply.cause in {
        Cause.MALFORMED,
        Cause.CRITICAL_EXTENSION,
        Cause.ISSUER,
        Cause.SERVICE_LOCATOR,
        Cause.NONCE_LENGTH,
    }
    assert parse_response(reply.der).basic is None


@pytest.mark.parametrize(
    "via",
    [
        b"1.1 certstatus-zzzz",
        b"certstatus-" * 500,
        b"\xff\xfe, 1.1 \x00",
        b", , ,",
        b"1.1 certstatus-0123456789abcdef0 (long)",
    ],
    ids=["no mark", "long", "binary", "empty", "longer than a mark"],
)
def test_what_others_write_into_via_neither_raises_nor_counts(branch: Branch, via: bytes) -> None:
    face = OCSPFace(branch.router)
    headers = ((b"content-type", b"application/ocsp-request"), (b"via", via))
    request = HTTPRequest(b"POST", b"/", headers, encode_request([branch.cert_id()]))

    reply = asyncio.run(face.reply(request, NOW))

    assert reply.facts["responseStatus"] == "successful"
    sent = branch.server.asked[0].headers["via"]
    assert sent.startswith("1.1 certstatus-")
    assert "," not in sent
