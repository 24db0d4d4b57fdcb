"""SCVP over HTTP: its path, its one method, its four media types, and OCSP beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from certstatus.delegated import AnswerFacts, MessageKind, SCVPAnswer
from certstatus.responder.exchange import HTTPReply, HTTPRequest
from certstatus.scvp import CVStatusCode, ReplyStatus
from certstatus.server.http import HTTPLimits
from certstatus.server.scvp import PathFaces, SCVPFace
from certstatus.testing import FixedClock
from tests.scvp_site import CV_TYPE, VP_TYPE, cv_response
from tests.serving import Counts, Echo, in_loop, post, serving

NOW = FixedClock().moment
CV = ((b"content-type", CV_TYPE.encode()),)


@dataclass
class Answering:
    """Says what it is told to say, and remembers what it was asked."""

    facts: AnswerFacts = field(
        default_factory=lambda: AnswerFacts(kind=MessageKind.CV, status=CVStatusCode.OKAY)
    )
    configuration_id: int = 7
    asked: list[tuple[bytes, bool]] = field(default_factory=list)

    async def answer(self, octets: bytes, now: datetime, *, is_secure: bool = False) -> SCVPAnswer:
        assert now == NOW
        self.asked.append((octets, is_secure))
        return SCVPAnswer(content_info=b"answer to " + octets, facts=self.facts)


def face(
    service: Answering | None = None,
    *,
    path: str = "/scvp",
    most: int = 5_000,
    is_secure: bool = False,
    counts: Counts | None = None,
) -> SCVPFace:
    return SCVPFace(
        service or Answering(),
        clock=FixedClock(),
        meter=counts or Counts(),
        path=path,
        max_request_bytes=most,
        is_secure=is_secure,
    )


def ask(
    one: SCVPFace,
    body: bytes = b"request",
    *,
    method: bytes = b"POST",
    target: bytes = b"/scvp",
    headers: tuple[tuple[bytes, bytes], ...] = CV,
) -> HTTPReply:
    return asyncio.run(one.reply(HTTPRequest(method, target, headers, body), NOW))


def header(reply: HTTPReply, name: bytes) -> bytes:
    return dict(reply.headers)[name]


@pytest.mark.rule("S24")
@pytest.mark.parametrize("media_type", [CV_TYPE, VP_TYPE, f"{CV_TYPE}; q=1", CV_TYPE.upper()])
def test_both_media_types_of_requests_are_taken(media_type: str) -> None:
    service = Answering()

    reply = ask(face(service), headers=((b"content-type", media_type.encode()),))

    assert (reply.status, reply.body) == (200, b"answer to request")
    assert service.asked == [(b"request", False)]


@pytest.mark.rule("S24")
@pytest.mark.parametrize(
    ("kind", "status", "media_type"),
    [
        (MessageKind.CV, CVStatusCode.OKAY, b"application/scvp-cv-response"),
        (MessageKind.VP, CVStatusCode.OKAY, b"application/scvp-vp-response"),
        (MessageKind.VP, CVStatusCode.TOO_BUSY, b"application/scvp-cv-response"),
        (MessageKind.UNKNOWN, CVStatusCode.UNABLE_TO_DECODE, b"application/scvp-cv-response"),
    ],
)
def test_an_answer_has_its_media_type_and_200_also_where_it_is_an_error(
    kind: MessageKind, status: CVStatusCode, media_type: bytes
) -> None:
    reply = ask(face(Answering(AnswerFacts(kind=kind, status=status))))

    assert reply.status == 200
    assert header(reply, b"content-type") == media_type
    assert header(reply, b"cache-control") == b"no-store"


@pytest.mark.rule("S24")
@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"OPTIONS"])
def test_every_method_but_post_is_refused_with_the_one_that_is_allowed(method: bytes) -> None:
    one = face()

    refused = one.admit(method, b"/scvp", CV)

    assert refused is not None
    assert (refused.status, header(refused, b"allow")) == (405, b"POST")
    assert ask(one, method=method) == refused


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"/", CV, 404),
        (b"/scvp/more", CV, 404),
        (b"/SCVP", CV, 404),
        (b"/scvp?" + b"x" * 100_000, CV, 414),
        (b"/scvp", (), 415),
        (b"/scvp", ((b"content-type", b"application/ocsp-request"),), 415),
        (b"/scvp", ((b"content-type", b"application/scvp-cv-response"),), 415),
        (b"/scvp", (*CV, (b"content-encoding", b"gzip")), 415),
        (b"/scvp", (*CV, (b"content-length", b"5001")), 413),
    ],
)
def test_what_http_forbids_is_refused_before_its_body_is_read(
    target: bytes, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    service = Answering()
    refused = face(service).admit(b"POST", target, headers)

    assert refused is not None
    assert refused.status == status
    assert refused.facts["cause"]
    assert not service.asked


def test_a_body_that_is_too_large_is_refused_wherever_it_is_seen() -> None:
    one, service = face(most=10), Answering()
    request = HTTPRequest(b"POST", b"/scvp", CV, bytes(11))

    refused = one.refuse(request, NOW)
    assert refused is not None
    assert refused.status == 413
    assert one.refuse(HTTPRequest(b"POST", b"/scvp", CV, bytes(10)), NOW) is None
    assert ask(face(service, most=10), bytes(11)).status == 413
    assert not service.asked


@pytest.mark.parametrize(
    "target", [b"/scvp", b"/scvp/", b"//scvp", b"/scvp?x=1", b"http://host/scvp"]
)
def test_its_path_is_known_as_clients_and_proxies_write_it(target: bytes) -> None:
    assert ask(face(), target=target).status == 200


def test_behind_tls_the_service_is_told_so() -> None:
    service = Answering()

    ask(face(service, is_secure=True))

    assert service.asked == [(b"request", True)]


def test_what_was_answered_is_counted_timed_and_told_to_the_log() -> None:
    counts = Counts()
    facts = AnswerFacts(
        kind=MessageKind.CV,
        status=CVStatusCode.OKAY,
        reason="why",
        is_protected=True,
        requestor="CN=" + "x" * 500,
        is_cached=True,
        reply_statuses=(ReplyStatus.SUCCESS, ReplyStatus.CERT_PATH_NOT_VALID),
        paths=3,
    )

    reply = ask(face(Answering(facts), counts=counts))

    assert counts.seen == {
        ("scvp_requests", "cv-request", "okay"): 1,
        ("scvp_replies", "success"): 1,
        ("scvp_replies", "certPathNotValid"): 1,
        ("scvp_seconds", "cv-request"): 1,
        ("scvp_paths",): 3,
    }
    assert reply.facts == {
        "lane": "scvp",
        "scvp": "cv-request",
        "cvStatus": "okay",
        "isProtected": True,
        "replyStatus": "success,certPathNotValid",
        "isCached": True,
        "requestor": "CN=" + "x" * 297,
        "detail": "why",
    }


@pytest.mark.rule("S8")
def test_a_request_that_waited_too_long_is_told_that_the_server_is_too_busy() -> None:
    counts = Counts()

    reply = face(counts=counts).put_off(HTTPRequest(b"POST", b"/scvp", CV))

    response = cv_response(reply.body)
    assert reply.status == 200
    assert header(reply, b"content-type") == b"application/scvp-cv-response"
    assert response.response_status.known is CVStatusCode.TOO_BUSY
    assert (response.server_configuration_id, response.produced_at) == (7, NOW)
    assert counts.seen == {("scvp_requests", "unknown", "tooBusy"): 1}


# --- one listener for two ----------------------------------------------------------------------


def scvp(body: bytes, target: str = "/scvp") -> bytes:
    """Write a POST of a CVRequest."""
    return post(body, f"Content-Type: {CV_TYPE}").replace(b" / ", f" {target} ".encode(), 1)


@in_loop
async def test_one_listener_serves_scvp_at_its_path_and_all_else_elsewhere() -> None:
    echo = Echo()
    async with serving(PathFaces(face(), echo)) as served:
        client = await served.connect()
        first = await client.ask(scvp(b"one"))
        second = await client.ask(post(b"two"))
        third = await client.ask(scvp(b"three", "/scvp/"))

    assert [first.body, second.body, third.body] == [
        b"answer to one",
        b"POST / two",
        b"answer to three",
    ]
    assert [request.target for request in echo.requests] == [b"/"]


@in_loop
async def test_alone_it_serves_its_path_and_nothing_else() -> None:
    async with serving(PathFaces(face(), None)) as served:
        client = await served.connect()
        reply = await client.ask(scvp(b"one"))
        elsewhere = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (reply.status, reply.body) == (200, b"answer to one")
    assert elsewhere.status == 404


@in_loop
async def test_a_body_may_be_as_large_as_each_path_allows() -> None:
    limits = HTTPLimits(body=100)
    async with serving(PathFaces(face(most=50_000), Echo()), limits=limits) as served:
        client = await served.connect()
        fits = await client.ask(scvp(bytes(50_000)))
        large = await client.ask(post(bytes(101)))
        other = await served.connect()
        larger = await other.ask(scvp(bytes(50_001)))

    assert (fits.status, len(fits.body)) == (200, 50_010)
    assert (large.status, larger.status) == (413, 413)


@in_loop
async def test_a_head_is_no_way_in() -> None:
    async with serving(PathFaces(face(), Echo())) as served:
        client = await served.connect()
        await client.say(b"HEAD /scvp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = await client.rest()

    assert said.startswith(b"HTTP/1.1 405 ")
    assert said.endswith(b"\r\n\r\n")


def test_what_waited_too_long_is_put_off_in_the_words_of_its_protocol() -> None:
    faces = PathFaces(face(), Echo())

    scvp = faces.put_off(HTTPRequest(b"POST", b"/scvp", CV))
    other = faces.put_off(HTTPRequest(b"POST", b"/", ()))

    assert cv_response(scvp.body).response_status.known is CVStatusCode.TOO_BUSY
    assert other.body == b"later"


def test_the_hot_lane_of_ocsp_stays_in_front() -> None:
    class WithLane(Echo):
        lane = object()

    assert PathFaces(face(), WithLane()).lane is WithLane.lane
    assert PathFaces(face(), Echo()).lane is None
    assert PathFaces(face(), None).lane is None
