"""What the host of faults says over HTTP: OCSP answers, right or wrong, and its own pages.

Its law: no I/O and no clock; a request and ``now`` in, a reply out.
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import Final

from certstatus.errors import MalformedError
from certstatus.explain import parse_get_url
from certstatus.limits import MAX_NONCE_OCTETS, MAX_REQUESTS
from certstatus.ocsp import OCSPRequest, OCSPResponseStatus, encode_error_response, parse_request
from certstatus.tls.fault import FAULTS, Fault, Web, Where
from certstatus.tls.fault_page import Listing
from certstatus.tls.fault_pki import FaultPKI
from certstatus.tls.fault_web import WebReply, WebRequest

__all__ = ["FaultFace"]

_REQUEST_TYPE: Final = "application/ocsp-request"
_RESPONSE_TYPE: Final = "application/ocsp-response"
_PEM_TYPE: Final = "application/x-pem-file"
_ORIGIN: Final = re.compile(r"^https?://[^/?#]*", re.IGNORECASE)
_METHODS: Final = ("GET", "HEAD", "POST")


class FaultFace:
    """Answers every request, by its path: ``/NAME`` is the responder of that fault."""

    def __init__(self, pki: FaultPKI, listing: Listing) -> None:
        self._pki = pki
        self._listing = listing

    def reply(self, request: WebRequest, now: datetime, *, shown: Fault | None = None) -> WebReply:
        """Answer a request; ``shown`` is the fault that the TLS connection itself has."""
        if request.method not in _METHODS:
            return _refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, "ask by GET or POST", ("Allow", ", ".join(_METHODS))
            )
        path = _ORIGIN.sub("", request.target).partition("?")[0] or "/"
        name, _, rest = path.strip("/").partition("/")
        if name in FAULTS and (rest or request.method == "POST"):
            return self._responder(FAULTS[name], request, now)
        if request.method == "POST":
            return _refusal(HTTPStatus.NOT_FOUND, "no responder is here; / lists them")
        return self._page(path, request, now, shown)

    # --- pages ------------------------------------------------------------------------------

    def _page(self, path: str, request: WebRequest, now: datetime, shown: Fault | None) -> WebReply:
        if path == "/faults.json" or (path == "/" and _prefers_json(request)):
            return WebReply(body=self._listing.json(), content_type="application/json")
        if path == "/":
            return WebReply(body=self._listing.html(shown), content_type="text/html; charset=utf-8")
        if path == "/ca.pem":
            pem = self._pki.root.issued.certificate_pem
            return WebReply(body=pem, content_type=_PEM_TYPE)
        name = path.removeprefix("/").removesuffix(".pem")
        if path.endswith(".pem") and name in FAULTS:
            identity = self._pki.identity(FAULTS[name], self._listing.server_name(name), now)
            return WebReply(body=identity.pem, content_type=_PEM_TYPE)
        return _refusal(HTTPStatus.NOT_FOUND, "nothing is here; / lists what is")

    # --- OCSP -------------------------------------------------------------------------------

    def _responder(self, fault: Fault, request: WebRequest, now: datetime) -> WebReply:
        """Answer an OCSP request by GET or POST, with the fault where it is the responder's."""
        if request.method == "POST":
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media_type != _REQUEST_TYPE:
                text = f"the content type of an OCSP request is {_REQUEST_TYPE}"
                return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
        try:
            asked = parse_request(_der(request))
        except MalformedError:
            return _answer(encode_error_response(OCSPResponseStatus.MALFORMED_REQUEST))
        if Where.RESPONDER not in fault.where:
            return _answer(self._ocsp(fault, asked, now))
        if fault.how.web is Web.PAGE:
            return WebReply(body=_PORTAL, content_type="text/html; charset=utf-8")
        is_up = fault.how.web is not Web.UNAVAILABLE
        return WebReply(
            body=self._ocsp(fault, asked, now),
            content_type=_RESPONSE_TYPE,
            status=HTTPStatus.OK if is_up else HTTPStatus.SERVICE_UNAVAILABLE,
            pace=fault.how.pace,
        )

    def _ocsp(self, fault: Fault, asked: OCSPRequest, now: datetime) -> bytes:
        nonce = asked.nonce
        if nonce is not None and not 1 <= len(nonce.octets) <= MAX_NONCE_OCTETS:
            return encode_error_response(OCSPResponseStatus.MALFORMED_REQUEST)
        if len(asked.cert_ids) > MAX_REQUESTS:
            return encode_error_response(OCSPResponseStatus.UNAUTHORIZED)
        answer = self._pki.answer(fault, asked.cert_ids, nonce, now)
        return encode_error_response(OCSPResponseStatus.UNAUTHORIZED) if answer is None else answer


_PORTAL: Final = b"""<!doctype html>
<html lang="en"><title>Welcome</title><p>Please log in to use this network.</p></html>
"""


def _der(request: WebRequest) -> bytes:
    """Return the DER of a request by GET or POST. Raises MalformedError."""
    if request.method == "POST":
        return request.body
    return parse_get_url(f"http://host{_ORIGIN.sub('', request.target)}").der


def _answer(der: bytes) -> WebReply:
    return WebReply(body=der, content_type=_RESPONSE_TYPE)


def _refusal(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> WebReply:
    return WebReply(status=status, body=f"{text}\n".encode(), headers=headers)


def _prefers_json(request: WebRequest) -> bool:
    """Whether the client names JSON, and does not name HTML as browsers do."""
    accept = request.headers.get("accept", "").lower()
    return "application/json" in accept and "text/html" not in accept
