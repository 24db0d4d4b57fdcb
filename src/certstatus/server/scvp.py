"""SCVP over HTTP (RFC 5055 appendix A; S24), and one listener for it and for OCSP.

SCVP's errors are answers, and travel with HTTP 200; HTTP's own status codes speak of HTTP
alone. No cache may keep an answer: it is made for one request, or kept by the service itself.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import datetime
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final, Protocol

from certstatus.asn1 import oids
from certstatus.clock import Clock
from certstatus.cms import encode_content_info
from certstatus.delegated import SCVPAnswer
from certstatus.limits import MAX_TARGET_BYTES
from certstatus.meter import Meter
from certstatus.responder.exchange import Headers, HTTPFace, HTTPReply, HTTPRequest, Lane
from certstatus.responder.target import path_of
from certstatus.scvp import CVResponse, CVStatusCode, ResponseStatus, encode_cv_response

__all__ = ["REQUEST_TYPES", "PathFaces", "SCVPAnswering", "SCVPFace"]

REQUEST_TYPES: Final = (b"application/scvp-cv-request", b"application/scvp-vp-request")
_NO_STORE: Final = (b"cache-control", b"no-store")
_MAX_WORDS: Final = 300
"""Characters of a reason or a name in the access log: a client may have chosen them."""


class SCVPAnswering(Protocol):
    """What answers a ContentInfo: ``certstatus.delegated.SCVPService``."""

    @property
    def configuration_id(self) -> int:
        """The serverConfigurationID."""
        ...

    async def answer(self, octets: bytes, now: datetime, *, is_secure: bool = False) -> SCVPAnswer:
        """Answer octets as they came; never raises for what a client sent."""
        ...


class SCVPFace:
    """The HTTPFace of a server of SCVP at one path.

    Args:
        service: answers.
        clock: tells the time of replies for which there is no time.
        meter: counts requests and errors, and times the answers.
        path: of the URL; nothing else is served.
        max_request_bytes: what a POST may hold.
        is_secure: whether every client comes over TLS, through a proxy in front.
    """

    def __init__(
        self,
        service: SCVPAnswering,
        *,
        clock: Clock,
        meter: Meter,
        path: str,
        max_request_bytes: int,
        is_secure: bool = False,
    ) -> None:
        self.max_request_bytes = max_request_bytes
        self._service = service
        self._clock = clock
        self._meter = meter
        self._path = _bare(path.encode("ascii"))
        self._is_secure = is_secure

    def is_at(self, target: bytes) -> bool:
        """Whether a raw request target leads here; its query counts for nothing."""
        return _bare(path_of(target).partition(b"?")[0]) == self._path

    def body_limit(self, target: bytes) -> int | None:
        """How many bytes a body may have that is sent here; None: it is not for us to say."""
        return self.max_request_bytes if self.is_at(target) else None

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Judge a request by its head: 404, 405, 413, 414 or 415; None: read the body."""
        if len(target) > MAX_TARGET_BYTES:
            return _TARGET
        if not self.is_at(target):
            return _PATH
        return self._admit_post(headers) if method == b"POST" else _METHOD

    def _admit_post(self, headers: Headers) -> HTTPReply | None:
        first = dict(reversed(headers)).get
        media_type = first(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type not in REQUEST_TYPES:
            return _CONTENT_TYPE
        if first(b"content-encoding", b"").strip().lower() not in {b"", b"identity"}:
            return _CONTENT_ENCODING
        length = first(b"content-length", b"")
        if length.isdigit() and int(length) > self.max_request_bytes:
            return _BODY
        return None

    def refuse(self, request: HTTPRequest, now: datetime) -> HTTPReply | None:  # noqa: ARG002 - of the protocol
        """Refuse a body that is too large; whatever else it is, the service answers."""
        return _BODY if len(request.body) > self.max_request_bytes else None

    async def reply(self, request: HTTPRequest, now: datetime) -> HTTPReply:
        """Answer a request; ``now`` is aware UTC."""
        refused = self.admit(request.method, request.target, request.headers)
        refused = refused or self.refuse(request, now)
        if refused is not None:
            return refused
        began = perf_counter()
        answer = await self._service.answer(request.body, now, is_secure=self._is_secure)
        kind, status = answer.facts.kind.value, answer.facts.status.label
        self._meter.observe("scvp_seconds", perf_counter() - began, kind=kind)
        self._meter.count("scvp_requests", kind=kind, status=status)
        for one in answer.facts.reply_statuses:
            self._meter.count("scvp_replies", status=one.label)
        for _ in range(answer.facts.paths):
            self._meter.count("scvp_paths")
        headers = ((b"content-type", answer.media_type.encode("ascii")), _NO_STORE)
        return HTTPReply(HTTPStatus.OK, headers, answer.content_info, _facts(answer))

    def put_off(self, request: HTTPRequest) -> HTTPReply:  # noqa: ARG002 - of the protocol
        """Say tooBusy, whatever was asked."""
        response = CVResponse(
            server_configuration_id=self._service.configuration_id,
            produced_at=self._clock.now().replace(microsecond=0),
            response_status=ResponseStatus(CVStatusCode.TOO_BUSY, _WAITED),
        )
        body = encode_content_info(oids.ID_CT_SCVP_CERT_VAL_RESPONSE, encode_cv_response(response))
        status = CVStatusCode.TOO_BUSY.label
        self._meter.count("scvp_requests", kind="unknown", status=status)
        facts = {"lane": "scvp", "cvStatus": status, "cause": "overload", "detail": _WAITED}
        headers = ((b"content-type", b"application/scvp-cv-response"), _NO_STORE)
        return HTTPReply(HTTPStatus.OK, headers, body, facts)


class PathFaces:
    """One face for two: SCVP at its own path, OCSP, where there is any, at all others.

    OCSP's usual requests go to its hot lane as if nothing else stood here.
    """

    def __init__(self, scvp: SCVPFace, others: HTTPFace | None) -> None:
        self._scvp = scvp
        self._others = scvp if others is None else others
        self.lane: Lane | None = getattr(others, "lane", None)

    def _of(self, target: bytes) -> HTTPFace:
        return self._scvp if self._scvp.is_at(target) else self._others

    def body_limit(self, target: bytes) -> int | None:
        """How many bytes a body may have; None: as many as anywhere."""
        return self._scvp.body_limit(target)

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Let the face judge whom the path leads to."""
        return self._of(target).admit(method, target, headers)

    def refuse(self, request: HTTPRequest, now: datetime) -> HTTPReply | None:
        """Let the face refuse."""
        return self._of(request.target).refuse(request, now)

    def reply(
        self, request: HTTPRequest, now: datetime
    ) -> HTTPReply | Coroutine[Any, Any, HTTPReply]:
        """Let the face answer."""
        return self._of(request.target).reply(request, now)

    def put_off(self, request: HTTPRequest) -> HTTPReply:
        """Let the face say that there is no time."""
        return self._of(request.target).put_off(request)


def _bare(path: bytes) -> bytes:
    """Leave out what may have been added on the way: slashes before and after."""
    return path.strip(b"/")


# --- for the access log and the metrics -----------------------------------------------------


def _facts(answer: SCVPAnswer) -> Mapping[str, object]:
    told = answer.facts
    facts: dict[str, object] = {
        "lane": "scvp",
        "scvp": told.kind.value,
        "cvStatus": told.status.label,
        "isProtected": told.is_protected,
    }
    if told.reply_statuses:
        facts["replyStatus"] = ",".join(one.label for one in told.reply_statuses)[:_MAX_WORDS]
    if told.is_cached:
        facts["isCached"] = True
    if told.requestor is not None:
        facts["requestor"] = told.requestor[:_MAX_WORDS]
    if told.reason is not None:
        facts["detail"] = told.reason[:_MAX_WORDS]
    return facts


# --- what HTTP itself forbids ---------------------------------------------------------------


def _refusal(status: HTTPStatus, cause: str, text: str, *more: tuple[bytes, bytes]) -> HTTPReply:
    headers = ((b"content-type", b"text/plain"), _NO_STORE, *more)
    return HTTPReply(status, headers, text.encode("ascii") + b"\n", {"cause": cause})


_WAITED: Final = "waited too long for its turn"
_METHOD: Final = _refusal(
    HTTPStatus.METHOD_NOT_ALLOWED, "method", "SCVP is asked by POST alone", (b"allow", b"POST")
)
_TARGET: Final = _refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG, "targetLength", "the request target is too long"
)
_PATH: Final = _refusal(HTTPStatus.NOT_FOUND, "path", "no SCVP server is at this path")
_CONTENT_TYPE: Final = _refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "contentType",
    "the content type of a request is application/scvp-cv-request or application/scvp-vp-request",
    (b"accept", b", ".join(REQUEST_TYPES)),
)
_CONTENT_ENCODING: Final = _refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "contentEncoding",
    "a request is sent without content encoding",
    (b"accept-encoding", b"identity"),
)
_BODY: Final = _refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bodyLength", "the request of SCVP is too large"
)
