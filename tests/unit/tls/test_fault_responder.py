from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import quote

import pytest

from certstatus.limits import MAX_REQUESTS
from certstatus.ocsp import (
    CertID,
    Extensions,
    Nonce,
    OCSPResponseStatus,
    encode_request,
    parse_response,
)
from certstatus.pkix import Certificate
from certstatus.tls.fault import FAULTS, Pace, Where
from certstatus.tls.fault_page import Listing, expected, told
from certstatus.tls.fault_pki import FaultPKI
from certstatus.tls.fault_responder import FaultFace
from certstatus.tls.fault_web import WebReply, WebRequest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "http://127.0.0.1:8888"
OCSP = "application/ocsp-request"

PKI = FaultPKI(now=NOW, ocsp_url=URL)
LISTING = Listing(
    domain="fault.test", host="127.0.0.1", port=8443, ocsp_url=URL, ports={"expired": 9006}
)
FACE = FaultFace(PKI, LISTING)
ASKED = CertID.of(PKI.intermediate.certificate, 0x1234)
QUESTION = encode_request([ASKED])


def get(target: str, **headers: str) -> WebReply:
    return FACE.reply(WebRequest(method="GET", target=target, headers=headers), NOW)


def post(target: str, body: bytes = QUESTION, content_type: str = OCSP) -> WebReply:
    headers = {"content-type": content_type}
    return FACE.reply(WebRequest(method="POST", target=target, headers=headers, body=body), NOW)


def status(reply: WebReply) -> OCSPResponseStatus:
    assert reply.content_type == "application/ocsp-response"
    return parse_response(reply.body).response_status


# --- OCSP ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/none/" + quote(b64encode(QUESTION), safe=""),
        "/none/" + b64encode(QUESTION).decode(),
        URL + "/none/" + quote(b64encode(QUESTION), safe=""),
    ],
    ids=["escaped", "raw", "absolute"],
)
@pytest.mark.rule("O32")
def test_get_is_answered(target: str) -> None:
    assert status(get(target)) is OCSPResponseStatus.SUCCESSFUL


@pytest.mark.parametrize("target", ["/none", "/none/", URL + "/none"])
@pytest.mark.rule("O33")
def test_post_is_answered(target: str) -> None:
    assert status(post(target)) is OCSPResponseStatus.SUCCESSFUL


def test_what_is_no_request_is_malformed() -> None:
    malformed = OCSPResponseStatus.MALFORMED_REQUEST
    bad_nonce = encode_request([ASKED], request_extensions=Extensions.of(Nonce(bytes(129))))

    assert status(post("/none", b"junk")) is malformed
    assert status(get("/none/anything")) is malformed
    assert status(post("/none", bad_nonce)) is malformed


def test_what_it_does_not_speak_for_is_unauthorized() -> None:
    stranger = encode_request(
        [CertID.of(PKI.intermediate.certificate, 1), CertID.of(PKI.root.certificate, 1)]
    )
    many = encode_request([ASKED] * (MAX_REQUESTS + 1))

    assert status(post("/none", stranger)) is OCSPResponseStatus.UNAUTHORIZED
    assert status(post("/none", many)) is OCSPResponseStatus.UNAUTHORIZED


def test_faults_of_the_web_are_those_of_the_table() -> None:
    page, down = post("/web-page"), post("/unavailable")

    assert (page.status, page.content_type) == (HTTPStatus.OK, "text/html; charset=utf-8")
    assert down.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert (post("/slow").pace, post("/drip").pace) == (Pace.SLOW, Pace.DRIP)
    assert post("/slow-handshake").pace is Pace.PROMPT


@pytest.mark.parametrize(
    ("reply", "expected_status"),
    [
        (post("/"), 404),
        (post("/no-such-fault"), 404),
        (post("/none", content_type="text/plain"), 415),
        (FACE.reply(WebRequest(method="PUT", target="/none", headers={}), NOW), 405),
        (get("/none"), 404),
        (get("/no-such-fault.pem"), 404),
        (get("/../ca.pem"), 404),
    ],
)
def test_what_is_not_there_is_said_in_http(reply: WebReply, expected_status: int) -> None:
    assert reply.status == expected_status
    assert reply.content_type.startswith("text/plain")


# --- pages -----------------------------------------------------------------------------------


def test_the_pem_files_are_those_of_the_host() -> None:
    assert Certificate.from_pem(get("/ca.pem").body) == (PKI.root.certificate,)
    chain = Certificate.from_pem(get("/expired.pem").body)
    assert chain == PKI.identity(FAULTS["expired"], "expired.fault.test", NOW).chain


@pytest.mark.parametrize(
    ("target", "accept", "content_type"),
    [
        ("/", "", "text/html; charset=utf-8"),
        ("/", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/", "application/json", "application/json"),
        ("/?x=1", "application/json", "application/json"),
        ("/faults.json", "text/html", "application/json"),
    ],
)
def test_programs_get_json_and_people_a_page(target: str, accept: str, content_type: str) -> None:
    assert get(target, accept=accept).content_type == content_type


def test_the_json_names_every_fault_and_where_it_is() -> None:
    listed = json.loads(get("/faults.json").body)

    assert [one["name"] for one in listed["faults"]] == list(FAULTS)
    assert listed["ca"] == f"{URL}/ca.pem"
    by_name = {one["name"]: one for one in listed["faults"]}
    assert by_name["expired"] == {
        "name": "expired",
        "title": "expired",
        "description": "nextUpdate passed a day ago.",
        "where": ["staple", "responder"],
        "versions": ["TLS 1.2", "TLS 1.3"],
        "rules": ["L10"],
        "verdict": "untrusted",
        "alerts": {
            "TLS 1.2": "bad_certificate_status_response(113)",
            "TLS 1.3": "bad_certificate_status_response(113)",
        },
        "needs": None,
        "serverName": "expired.fault.test",
        "port": 8443,
        "ownPort": 9006,
        "url": f"{URL}/expired",
        "certificate": f"{URL}/expired.pem",
    }
    assert by_name["wrong-nonce"]["serverName"] is None
    assert by_name["unsolicited"]["url"] is None
    assert by_name["unsolicited"]["alerts"] == {
        "TLS 1.2": "unexpected_message(10)",
        "TLS 1.3": "unsupported_extension(110)",
    }
    assert by_name["promised-absent"]["alerts"] == {}


class Page(HTMLParser):
    """Collects the text of a page, and sees to it that what is opened is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[str | None] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append(dict(attrs).get("id"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_page(html: bytes) -> tuple[Page, str]:
    page = Page()
    page.feed(html.decode())
    page.close()
    assert page.open == []
    return page, "".join(page.words)


def test_the_page_names_every_fault_with_its_rule_and_place() -> None:
    page, text = read_page(get("/").body)

    assert page.rows[1:] == list(FAULTS)
    for fault in FAULTS.values():
        assert fault.title in text
        assert fault.description in text
        assert expected(fault) in text
        assert (f"{fault.name}.fault.test" in page.words) == fault.shows_in_tls
        assert (f"{URL}/{fault.name}" in page.words) == (Where.RESPONDER in fault.where)
    assert "or port 9006" in text


def test_the_page_says_which_fault_the_connection_has() -> None:
    request = WebRequest(method="GET", target="/", headers={})

    _, text = read_page(FACE.reply(request, NOW, shown=FAULTS["expired"]).body)
    assert "This connection has the fault expired (L10), and your client has let it pass." in text
    _, text = read_page(FACE.reply(request, NOW, shown=FAULTS["none"]).body)
    assert "This connection" not in text


def test_a_name_of_a_host_can_not_break_the_page() -> None:
    listing = Listing(domain="<b>", host="<i>", port=1, ocsp_url="http://<u>")

    read_page(listing.html())


def test_what_is_told_of_a_fault_is_the_same_without_a_host() -> None:
    for fault, listed in zip(FAULTS.values(), LISTING.as_json()["faults"], strict=True):  # type: ignore[call-overload]
        assert told(fault).items() <= listed.items()
