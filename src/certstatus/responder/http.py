"""Method, target and headers to an HTTP reply around the OCSP one (O32, O33, L11 to L14).

Sans-IO. OCSP errors travel with HTTP 200, in five octets that no cache keeps; HTTP's own
status codes speak of HTTP alone. Nothing is ever redirected.

Choices, where the standards leave them: Last-Modified is thisUpdate (RFC 9919 §7.2; its
§6 says producedAt). If-Modified-Since counts where it is that very moment, as nginx has
it: an answer that takes a revocation back may have an earlier thisUpdate. A GET whose
target has a query is malformed; a POST's query is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits import DEFAULT_MAX_AGE, MAX_REQUEST_BYTES, MAX_TARGET_BYTES
from certstatus.ocsp import CertStatus, Good, Revoked
from certstatus.responder.dress import (
    NO_STORE,
    RESPONSE_TYPE,
    cache_age,
    cache_control,
    entity_fields,
)
from certstatus.responder.exchange import Headers, HTTPReply, HTTPRequest, Lane
from certstatus.responder.reply import Cause, Reply
from certstatus.responder.routing import Answering
from certstatus.responder.target import decode_request, path_of, repaired_requests, under
from certstatus.sources.via import came_through

__all__ = ["OCSPFace", "facts_of", "refused_to_all", "word_of"]

_REQUEST_TYPE: Final = b"application/ocsp-request"
_METHODS: Final = (b"GET", b"POST")
_SENSELESS: Final = frozenset({Cause.MALFORMED, Cause.ISSUER})


class OCSPFace:
    """The HTTPFace of a responder under one path.

    ``path`` is where the AIA URL points, "/" or "/ocsp". ``max_age`` bounds how long
    caches may keep an answer; ``max_request_bytes`` what a POST may hold. ``lane`` is the hot
    lane before it, if there is one.
    """

    def __init__(
        self,
        responder: Answering,
        *,
        path: str = "/",
        max_age: timedelta = DEFAULT_MAX_AGE,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self.lane: Lane | None = None
        self._responder = responder
        self._prefix = path.encode("ascii").rstrip(b"/")
        self._max_age = int(max_age.total_seconds())
        self._max_request_bytes = max_request_bytes

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Judge a request by its head: 404, 405, 413, 414 or 415; None: read the body."""
        if method not in _METHODS:
            return _METHOD
        if len(target) > MAX_TARGET_BYTES:
            return _TARGET
        path = path_of(target)
        if method == b"GET":
            return _PATH if under(path, self._prefix) is None else None
        if under(path.partition(b"?")[0], self._prefix) != b"":
            return _PATH
        return self._admit_post(headers)

    def _admit_post(self, headers: Headers) -> HTTPReply | None:
        first = dict(reversed(headers)).get
        media_type = first(b"content-type", b"").partition(b";")[0]
        if media_type.strip().lower() != _REQUEST_TYPE:
            return _CONTENT_TYPE
        if first(b"content-encoding", b"").strip().lower() not in {b"", b"identity"}:
            return _CONTENT_ENCODING
        length = first(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_request_bytes:
            return _BODY
        return None

    async def reply(self, request: HTTPRequest, now: datetime) -> HTTPReply:
        """Answer a request; ``now`` is aware UTC."""
        with came_through(value for name, value in request.headers if name == b"via"):
            return await self._reply(request, now)

    def refuse(self, request: HTTPRequest, now: datetime) -> HTTPReply | None:
        """Refuse at once what nobody has to be asked for, of what was admitted by its head."""
        if len(request.body) > self._max_request_bytes:
            return _BODY
        if request.method == b"POST":
            reply = self._responder.refusal(request.body, now)
        else:
            reply = self._refusal_of_get(self._encoded(request.target), now)
        return None if reply is None else self._dressed(reply, now)

    def _refusal_of_get(self, encoded: bytes, now: datetime) -> Reply | None:
        try:
            reply = self._responder.refusal(decode_request(encoded), now)
        except MalformedError as error:
            reply = Reply.refusing(Cause.MALFORMED, str(error))
        if reply is None or reply.cause not in _SENSELESS:
            return reply
        return reply if self._only_served(repaired_requests(encoded), now) is None else None

    def put_off(self, request: HTTPRequest) -> HTTPReply:  # noqa: ARG002 - of the protocol
        """Tell to try later, whatever was asked."""
        return _PUT_OFF

    async def _reply(self, request: HTTPRequest, now: datetime) -> HTTPReply:
        refused = self.admit(request.method, request.target, request.headers)
        if refused is not None:
            return refused
        if request.method == b"POST":
            if len(request.body) > self._max_request_bytes:
                return _BODY
            return self._dressed(await self._responder.respond(request.body, now), now)
        reply = self._dressed(await self._get(request.target, now), now)
        return _not_modified(reply) if _is_current(request.headers, reply.headers) else reply

    async def _get(self, target: bytes, now: datetime) -> Reply:
        """Answer the request in a target; where it makes no sense, as it was before a proxy."""
        encoded = self._encoded(target)
        try:
            reply = await self._responder.respond(decode_request(encoded), now)
        except MalformedError as error:
            reply = Reply.refusing(Cause.MALFORMED, str(error))
        if reply.cause in _SENSELESS:
            der = self._only_served(repaired_requests(encoded), now)
            if der is not None:
                return await self._responder.respond(der, now)
        return reply

    def _encoded(self, target: bytes) -> bytes:
        return under(path_of(target), self._prefix) or b""

    def _only_served(self, candidates: Iterable[bytes], now: datetime) -> bytes | None:
        """Return the one candidate that asks for what is served here; None: none, or several."""
        served = {der for der in candidates if self._responder.serves(der, now)}
        return served.pop() if len(served) == 1 else None

    def _dressed(self, reply: Reply, now: datetime) -> HTTPReply:
        """Put HTTP around a reply."""
        return HTTPReply(HTTPStatus.OK, self._cache_headers(reply, now), reply.der, _facts(reply))

    def _cache_headers(self, reply: Reply, now: datetime) -> Headers:
        if not reply.is_cacheable or reply.this_update is None or reply.next_update is None:
            return (RESPONSE_TYPE, NO_STORE)
        this_update, next_update = _seconds(reply.this_update), _seconds(reply.next_update)
        age = cache_age(next_update, _seconds(now), self._max_age)
        if reply.cache_until is not None:
            age = max(0, min(age, int((reply.cache_until - now).total_seconds())))
        fields = entity_fields(reply.der, this_update, next_update)
        return (*fields, (b"cache-control", cache_control(age)))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


# --- conditional requests (RFC 9110 §13) ---------------------------------------------------


def _is_current(asked: Headers, given: Headers) -> bool:
    """Whether the client's copy is the answer; If-None-Match goes before the date."""
    etag = _field(given, b"etag")
    if not etag:
        return False
    tags = [value for name, value in asked if name == b"if-none-match"]
    if tags:
        listed = {tag.strip().removeprefix(b"W/") for one in tags for tag in one.split(b",")}
        return etag in listed or b"*" in listed
    since = _moment(_field(asked, b"if-modified-since"))
    return since is not None and since == _moment(_field(given, b"last-modified"))


def _not_modified(reply: HTTPReply) -> HTTPReply:
    headers = tuple(field for field in reply.headers if field != RESPONSE_TYPE)
    return HTTPReply(HTTPStatus.NOT_MODIFIED, headers, b"", reply.facts)


def _moment(value: bytes) -> datetime | None:
    """Read an HTTP date; what is none counts as absent (RFC 9110 §13.1.3)."""
    try:
        return parsedate_to_datetime(value.decode("ascii"))
    except (ValueError, OverflowError):
        return None


def _field(headers: Headers, wanted: bytes) -> bytes:
    """Return the first field of a name, or nothing."""
    return next((value for name, value in headers if name == wanted), b"")


# --- for the access log and the metrics ----------------------------------------------------


def _facts(reply: Reply) -> Mapping[str, object]:
    if reply.cause is not Cause.ANSWERED:
        status = reply.response_status.label
        return {"responseStatus": status, "cause": str(reply.cause), "detail": reply.detail}
    words = tuple(word_of(one.cert_status) for one in reply.told)
    first = reply.told[0]
    return {
        **facts_of(_lane(reply), words[0] if len(words) == 1 else words),
        "serial": f"{first.cert_id.serial_number:x}",
        "authority": first.authority,
        "source": first.origin,
    }


def refused_to_all(reply: Reply) -> HTTPReply:
    """Put HTTP around a refusal that is the same whatever was asked."""
    return HTTPReply(HTTPStatus.OK, (RESPONSE_TYPE, NO_STORE), reply.der, _facts(reply))


def facts_of(
    lane: str, cert_status: str | tuple[str, ...], store: str | None = None
) -> dict[str, object]:
    """Return what is counted of a successful answer."""
    facts: dict[str, object] = {
        "responseStatus": "successful",
        "lane": lane,
        "certStatus": cert_status,
    }
    return facts if store is None else facts | {"store": store}


def _lane(reply: Reply) -> str:
    if reply.is_remembered:
        return "cached"
    return "proxied" if reply.is_proxied else "live"


def word_of(cert_status: CertStatus) -> str:
    """Return the status in the RFC's word."""
    if isinstance(cert_status, Revoked):
        return "revoked"
    return "good" if isinstance(cert_status, Good) else "unknown"


# --- what HTTP itself forbids --------------------------------------------------------------


def _refusal(status: HTTPStatus, cause: str, text: str, *more: tuple[bytes, bytes]) -> HTTPReply:
    headers = ((b"content-type", b"text/plain"), NO_STORE, *more)
    return HTTPReply(status, headers, text.encode("ascii") + b"\n", {"cause": cause})


_METHOD: Final = _refusal(
    HTTPStatus.METHOD_NOT_ALLOWED,
    "method",
    "OCSP is asked by GET or POST",
    (b"allow", b"GET, HEAD, POST"),
)
_TARGET: Final = _refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG, "targetLength", "the request target is too long; use POST"
)
_PATH: Final = _refusal(HTTPStatus.NOT_FOUND, "path", "no OCSP responder is at this path")
_CONTENT_TYPE: Final = _refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "contentType",
    "the content type of an OCSP request is application/ocsp-request",
    (b"accept", _REQUEST_TYPE),
)
_CONTENT_ENCODING: Final = _refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "contentEncoding",
    "an OCSP request is sent without content encoding",
    (b"accept-encoding", b"identity"),
)
_BODY: Final = _refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bodyLength", "the OCSP request is too large"
)

_PUT_OFF: Final = refused_to_all(Reply.refusing(Cause.OVERLOAD, "waited too long for its turn"))
