from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import SourceError
from certstatus.limits import MAX_REQUEST_BYTES, MAX_TARGET_BYTES
from certstatus.ocsp import CertID, Extensions, Nonce
from certstatus.pkix import HashAlgorithm
from certstatus.responder import (
    HTTPFace,
    HTTPReply,
    HTTPRequest,
    OCSPFace,
    RequestPolicy,
    Responder,
)
from certstatus.sources import Answer
from certstatus.testing import TinyCA
from tests.desk import CA, NOW, REVOKED, authority, cert_id, known, request, unlisted

MALFORMED = bytes.fromhex("30030a0101")
UNAUTHORIZED = bytes.fromhex("30030a0106")
OCSP_REQUEST = (b"content-type", b"application/ocsp-request")


def face(answer: Answer | Exception = known(), path: str = "/") -> OCSPFace:  # noqa: B008
    return OCSPFace(Responder([authority(answer)]), path=path)


def ask(
    one: OCSPFace,
    target: bytes,
    *headers: tuple[bytes, bytes],
    body: bytes | None = None,
    method: bytes | None = None,
) -> HTTPReply:
    verb = method or (b"GET" if body is None else b"POST")
    asked = HTTPRequest(verb, target, headers, body or b"")
    reply = asyncio.run(one.reply(asked, NOW))
    if one.admit(verb, target, headers) is None:
        at_once = one.refuse(asked, NOW)
        assert at_once is None or at_once == reply
    return reply


def field(reply: HTTPReply, name: bytes) -> bytes | None:
    return dict(reply.headers).get(name)


def test_the_face_is_an_http_face() -> None:
    one: HTTPFace = face()

    assert one.admit(b"GET", b"/", ()) is None


# --- GET -----------------------------------------------------------------------------------


def encoded(number: int) -> bytes:
    return base64.b64encode(request(cert_id(number)))


def tail(number: int) -> bytes:
    """Return the base64 of the serial number, where no hash can put a slash."""
    return encoded(number)[-12:]


def first(bits: Iterable[int], fits: Callable[[bytes], bool]) -> int:
    """Find a serial number with some of these bits whose base64 looks as wished."""
    return next(number for one in bits if fits(tail(number := 1 << 64 | one)))


WORST = first(range(2**20), lambda text: b"+" in text and b"/" in text)
ENCODED = encoded(WORST)


@pytest.mark.rule("O32")
@pytest.mark.parametrize("path", ["/", "/ocsp", "/ocsp/"])
@pytest.mark.parametrize(
    "form",
    [
        ENCODED,
        quote(ENCODED, safe="").encode(),
        quote(ENCODED, safe="/").encode(),
        b"/" + ENCODED,
        b"%2F" + ENCODED,
        ENCODED.replace(b"+", b"%20"),
        ENCODED.rstrip(b"="),
        ENCODED.translate(bytes.maketrans(b"+/", b"-_")),
    ],
)
def test_a_get_is_read_in_every_form_under_every_path(path: str, form: bytes) -> None:
    one, base = face(path=path), path.rstrip("/").encode()

    for target in (base + b"/" + form, b"http://ocsp.example" + base + b"/" + form):
        reply = ask(one, target)
        assert reply.status == 200
        assert field(reply, b"content-type") == b"application/ocsp-response"
        assert reply.facts["certStatus"] == "good"
        assert reply.facts["serial"] == f"{WORST:x}"


@pytest.mark.rule("O32", "O33")
@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"favicon.ico",
        b"MFQ%253D",
        b"MFQ=MFQ=",
        ENCODED + b"?x=1",
        ENCODED + b"%00",
        base64.b64encode(b"junk"),
        base64.b64encode(request() + b"\0"),
    ],
)
def test_junk_in_the_path_is_an_ocsp_error_within_a_successful_exchange(rest: bytes) -> None:
    reply = ask(face(), b"/" + rest)

    assert (reply.status, reply.body) == (200, MALFORMED)
    assert field(reply, b"content-type") == b"application/ocsp-response"
    assert field(reply, b"cache-control") == b"no-store"
    assert reply.facts["responseStatus"] == "malformedRequest"
    assert reply.facts["cause"] == "malformed"


DOUBLE = first((0xFFF << at for at in range(48)), lambda text: text.count(b"//") == 1)
TWICE = first(
    (0xFFF << at | 0x3F << at - 12 for at in range(24, 48)),
    lambda text: b"//" in text and text.count(b"/") == 3 and b"///" not in text,
)


@pytest.mark.rule("O32")
def test_slashes_that_a_proxy_has_merged_are_put_back() -> None:
    merged = encoded(DOUBLE)[:-12] + tail(DOUBLE).replace(b"//", b"/")

    for form in (merged, merged.rstrip(b"="), quote(merged, safe="").encode()):
        reply = ask(face(), b"/" + form)
        assert reply.facts["serial"] == f"{DOUBLE:x}"


@pytest.mark.rule("O32")
def test_where_two_repairs_ask_for_what_is_served_nothing_is_guessed() -> None:
    merged = encoded(TWICE)[:-12] + tail(TWICE).replace(b"//", b"/")

    reply = ask(face(), b"/" + merged)

    assert (reply.status, reply.body) == (200, MALFORMED)
    whole = ask(face(), b"/" + encoded(TWICE))
    assert whole.facts["serial"] == f"{TWICE:x}"


@pytest.mark.rule("O1")
def test_a_foreign_issuer_is_unauthorized_by_get_too() -> None:
    foreign = CertID(cert_id().hash_algorithm, b"\xff" * 32, b"\xff" * 32, 5)
    reply = ask(face(), b"/" + base64.b64encode(request(foreign)))

    assert (reply.status, reply.body) == (200, UNAUTHORIZED)
    assert reply.facts["cause"] == "issuer"


@pytest.mark.rule("O32")
def test_a_path_that_is_not_ours_is_not_found() -> None:
    for target in (b"/", b"/other/" + ENCODED, b"/ocspx/" + ENCODED, b"*"):
        assert ask(face(path="/ocsp"), target).status == 404


def test_a_target_up_to_the_limit_is_read() -> None:
    fits = b"/" + b"A" * (MAX_TARGET_BYTES - 1)

    assert face().admit(b"GET", fits, ()) is None
    refused = face().admit(b"GET", fits + b"A", ())
    assert refused is not None
    assert refused.status == 414
    assert ask(face(), fits + b"A").status == 414


# --- POST ----------------------------------------------------------------------------------


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    "content_type",
    [
        b"application/ocsp-request",
        b"Application/OCSP-Request",
        b"application/ocsp-request; charset=binary",
        b"application/ocsp-request ;x=y",
    ],
)
def test_a_post_of_the_right_type_is_answered(content_type: bytes) -> None:
    reply = ask(face(known(REVOKED)), b"/", (b"content-type", content_type), body=request())

    assert reply.status == 200
    assert field(reply, b"content-type") == b"application/ocsp-response"
    assert reply.facts["certStatus"] == "revoked"


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"content-type", b""),),
        ((b"content-type", b"application/x-www-form-urlencoded"),),
        ((b"content-type", b"application/ocsp-response"),),
        ((b"content-type", b"text/plain; application/ocsp-request"),),
        (OCSP_REQUEST, (b"content-encoding", b"gzip")),
    ],
)
def test_a_post_of_another_type_or_encoding_is_not(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    reply = ask(face(), b"/", *headers, body=request())

    assert reply.status == 415
    assert field(reply, b"cache-control") == b"no-store"


def test_an_identity_encoding_is_none() -> None:
    reply = ask(face(), b"/", OCSP_REQUEST, (b"content-encoding", b"identity"), body=request())

    assert reply.status == 200


@pytest.mark.rule("O33")
def test_a_body_past_the_limit_is_refused_by_its_head_and_by_its_length() -> None:
    def head(length: int) -> HTTPReply | None:
        length_field = (b"content-length", str(length).encode())
        return face().admit(b"POST", b"/", (OCSP_REQUEST, length_field))

    assert head(MAX_REQUEST_BYTES) is None
    refused = head(MAX_REQUEST_BYTES + 1)
    assert refused is not None
    assert refused.status == 413
    chunked = ask(face(), b"/", OCSP_REQUEST, body=bytes(MAX_REQUEST_BYTES + 1))
    assert chunked.status == 413
    assert ask(face(), b"/", OCSP_REQUEST, body=bytes(MAX_REQUEST_BYTES)).body == MALFORMED


@pytest.mark.rule("O33")
def test_an_empty_post_is_malformed_in_ocsps_own_words() -> None:
    reply = ask(face(), b"/", OCSP_REQUEST, body=b"")

    assert (reply.status, reply.body) == (200, MALFORMED)


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    ("path", "target", "status"),
    [
        ("/", b"/", 200),
        ("/", b"//", 200),
        ("/", b"", 200),
        ("/", b"/?ca=1", 200),
        ("/", b"http://ocsp.example/", 200),
        ("/", b"http://ocsp.example", 200),
        ("/", b"/elsewhere", 404),
        ("/ocsp", b"/ocsp", 200),
        ("/ocsp", b"/ocsp/", 200),
        ("/ocsp", b"/ocsp?x", 200),
        ("/ocsp", b"/", 404),
        ("/ocsp", b"/ocsp/MFQ", 404),
    ],
)
def test_a_post_goes_to_the_path_itself(path: str, target: bytes, status: int) -> None:
    assert ask(face(path=path), target, OCSP_REQUEST, body=request()).status == status


# --- the rest of HTTP ----------------------------------------------------------------------


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"CONNECT", b"BREW"])
def test_other_methods_are_told_which_are_allowed(method: bytes) -> None:
    reply = ask(face(), b"/" + ENCODED, method=method)

    assert reply.status == 405
    assert field(reply, b"allow") == b"GET, HEAD, POST"
    assert reply.facts == {"cause": "method"}


@pytest.mark.rule("O33", "L13")
@pytest.mark.parametrize(
    ("answer", "word"),
    [(SourceError("down"), "tryLater"), (RuntimeError("defect"), "internalError")],
)
def test_ocsp_errors_travel_with_http_200(answer: Exception, word: str) -> None:
    reply = ask(face(answer), b"/" + ENCODED)

    assert reply.status == 200
    assert len(reply.body) == 5
    assert reply.facts["responseStatus"] == word
    assert field(reply, b"cache-control") == b"no-store"


def test_the_facts_tell_lane_status_and_who_said_so() -> None:
    one = face()
    first, second = (ask(one, b"/" + ENCODED) for _ in range(2))

    assert first.facts == {
        "responseStatus": "successful",
        "lane": "live",
        "certStatus": "good",
        "serial": f"{WORST:x}",
        "authority": CA.common_name,
        "source": "desk",
    }
    assert second.facts["lane"] == "cached"


def test_several_certificates_have_several_statuses() -> None:
    answers: dict[int, Answer] = {1: known(), 2: known(REVOKED), 3: unlisted()}
    several = OCSPFace(Responder([authority(lambda asked, _: answers[asked.serial_number])]))

    reply = ask(several, b"/", OCSP_REQUEST, body=request(*map(cert_id, answers)))

    assert reply.facts["certStatus"] == ("good", "revoked", "unknown")


@given(
    method=st.sampled_from([b"GET", b"POST"]),
    target=st.binary(max_size=100) | st.text("/%+-_=?aM0", max_size=40).map(str.encode),
    value=st.binary(max_size=40),
    body=st.binary(max_size=60),
)
def test_nothing_that_a_client_sends_makes_the_face_raise(
    method: bytes, target: bytes, value: bytes, body: bytes
) -> None:
    headers = (OCSP_REQUEST, (b"if-none-match", value), (b"if-modified-since", value))

    reply = asyncio.run(face().reply(HTTPRequest(method, target, headers, body), NOW))

    assert reply.status in {200, 404}
    assert all(b"\r" not in one and b"\n" not in one for pair in reply.headers for one in pair)


@given(value=st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode()))
def test_no_condition_makes_the_face_raise(value: bytes) -> None:
    for name in (b"if-none-match", b"if-modified-since"):
        assert ask(face(), b"/" + ENCODED, (name, value)).status in {200, 304}


_FOREIGN = CertID.of(TinyCA("Another CA").certificate, 1, HashAlgorithm.SHA1)


# --- at once -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("der", "cause"),
    [
        (b"", "malformed"),
        (b"junk", "malformed"),
        (request() + b"\0", "malformed"),
        (request(_FOREIGN), "issuer"),
        (request(cert_id(1), _FOREIGN), "issuer"),
        (request(cert_id(1, HashAlgorithm.SHA384)), "hash"),
        (request(*map(cert_id, range(1, 5))), "tooManyCertificates"),
        (request(extensions=Extensions.of(Nonce(bytes(129)))), "nonceLength"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_request_itself_is_reason_to_is_refused_at_once(
    der: bytes, cause: str, method: str
) -> None:
    strict = authority(hash_algorithms=frozenset({HashAlgorithm.SHA1, HashAlgorithm.SHA256}))
    one = OCSPFace(Responder([strict], requests=RequestPolicy(max_certificates=3)))
    target = b"/" + base64.b64encode(der) if method == "GET" else b"/"
    asked = HTTPRequest(method.encode(), target, (OCSP_REQUEST,), b"" if method == "GET" else der)
    refused = one.refuse(asked, NOW)
    assert refused is not None
    assert refused.facts["cause"] == cause
    assert refused == asyncio.run(one.reply(asked, NOW))


def test_what_a_source_has_to_be_asked_for_is_not_refused_at_once() -> None:
    for one in (face(), face(unlisted()), face(SourceError("down"))):
        assert one.refuse(HTTPRequest(b"POST", b"/", (), request()), NOW) is None


def test_what_was_read_at_once_is_not_taken_for_another_request() -> None:
    one = face()
    for number in (1, 2, 1):
        assert one.refuse(HTTPRequest(b"POST", b"/", (), request(cert_id(number))), NOW) is None
    reply = ask(one, b"/", OCSP_REQUEST, body=request(cert_id(7)))
    assert reply.facts["serial"] == "7"


def test_a_request_that_waited_too_long_is_told_to_try_later() -> None:
    reply = face().put_off(HTTPRequest(b"GET", b"/", ()))
    assert reply.status == 200
    assert reply.body == bytes.fromhex("30030a0103")
    assert field(reply, b"cache-control") == b"no-store"
    assert reply.facts["cause"] == "overload"
