"""RFC 9919 (with RFC 6960 Appendix A and RFC 9654) as a requestor keeps it, seen on the wire."""

from __future__ import annotations

import string
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp as judge

from certstatus.limits import MAX_GET_URL_BYTES
from certstatus.ocsp import (
    Extensions,
    Nonce,
    OCSPRequest,
    OCSPResponseStatus,
    encode_error_response,
    parse_request,
)
from certstatus.pkix import HashAlgorithm
from certstatus.requestor import (
    AskPolicy,
    CheckPolicy,
    CheckResult,
    Method,
    Requestor,
    ResponseCache,
)
from certstatus.testing import FixedClock, Forge, TinyCA
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy
from tests.scripted import OCSP, Asked, Reply, Script, ScriptedServer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CA = TinyCA("Issuing CA")
DELEGATE = CA.issue_responder()
LEAF = CA.issue_server()
POLICY = CheckPolicy(ask=AskPolicy(back_off=timedelta(0)), allow_private=True)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Lend an honest responder; it ends with the test."""
    with ScriptedServer() as running:
        running.script = answering()
        yield running


def answering(
    *, nonce: str = "echo", headers: dict[str, str] | None = None, **changes: Any
) -> Script:
    """Answer good, or as is said; ``nonce``: echo, strip, other or own."""

    def script(asked: Asked) -> Reply:
        request = read(asked)
        told = {"echo": request.nonce, "strip": None}.get(nonce, Nonce(b"\xee" * 32))
        forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE).but(
            cert_ids=request.cert_ids,
            response_extensions=Extensions.of(*((told,) if told else ())),
            **changes,
        )
        return Reply(200, forge.der, {"Content-Type": OCSP, **(headers or {})})

    return script


def read(asked: Asked) -> OCSPRequest:
    """Read a request as a responder does that knows nothing but the standard."""
    if asked.method == "POST":
        return parse_request(asked.body)
    return parse_request(b64decode(unquote(asked.path.rpartition("/")[2]), validate=True))


def check(
    server: ScriptedServer, policy: CheckPolicy = POLICY, url: str | None = None, **more: Any
) -> CheckResult:
    more = {"clock": FixedClock(NOW)} | more
    return Requestor(urls=(url or server.url,), policy=policy, **more).check(
        LEAF.certificate, CA.certificate
    )


# --- the request (RFC 9919 §3.1) ---------------------------------------------------------------


@pytest.mark.rule("L1")
def test_a_request_is_one_sha256_certid_and_nothing_else(server: ScriptedServer) -> None:
    check(server)

    request = read(server.asked[0])
    judged = judge.load_der_ocsp_request(request.der)
    assert isinstance(judged.hash_algorithm, hashes.SHA256)
    assert judged.serial_number == LEAF.certificate.serial_number
    assert judged.issuer_name_hash == HashAlgorithm.SHA256.digest(LEAF.certificate.issuer.der)
    assert judged.issuer_key_hash == HashAlgorithm.SHA256.digest(CA.certificate.key_bits)
    assert list(judged.extensions) == []
    assert len(request.request_list) == 1
    assert request.request_list[0].single_request_extensions == Extensions()
    assert request.requestor_name is None
    assert request.optional_signature is None


@pytest.mark.rule("L1")
def test_sha1_names_the_issuer_by_option_alone(server: ScriptedServer) -> None:
    by_sha1 = replace(POLICY.ask, hashes=(HashAlgorithm.SHA1,))

    check(server, replace(POLICY, ask=by_sha1))

    (cert_id,) = read(server.asked[0]).cert_ids
    assert cert_id.hash is HashAlgorithm.SHA1
    assert len(cert_id.issuer_key_hash) == 20


@pytest.mark.rule("L1", "N1")
def test_a_nonce_is_the_only_extension_and_holds_32_octets_in_two_wrappings(
    server: ScriptedServer,
) -> None:
    check(server, replace(POLICY, send_nonce=True))

    request = read(server.asked[0])
    (extension,) = judge.load_der_ocsp_request(request.der).extensions
    assert not extension.critical
    assert request.nonce is not None
    assert bytes.fromhex("04220420") + request.nonce.octets in request.der
    assert len(request.nonce.octets) == 32


@pytest.mark.rule("N1")
def test_no_nonce_is_used_twice_not_even_when_a_request_is_repeated(
    server: ScriptedServer,
) -> None:
    server.script = lambda _: Reply(200, encode_error_response(OCSPResponseStatus.UNAUTHORIZED))

    for _ in range(4):
        check(server, replace(POLICY, send_nonce=True))

    nonces = [one.nonce.octets for asked in server.asked if (one := read(asked)).nonce]
    assert len(nonces) == 8  # by SHA-256 and by SHA-1
    assert len(set(nonces)) == 8


# --- whom to ask, and whether (RFC 9919 §4) -----------------------------------------------------


@pytest.mark.rule("L8", "O8")
def test_the_responders_of_aia_are_asked_in_order_until_one_answers(
    server: ScriptedServer,
) -> None:
    answer = answering()
    server.script = lambda asked: Reply(404) if asked.path.startswith("/dead") else answer(asked)
    uris = ("ldap://ldap.example/", f"{server.url}dead", f"{server.url}one", f"{server.url}two")
    leaf = CA.issue_server(ocsp_uris=uris).certificate

    result = Requestor(policy=POLICY, clock=FixedClock(NOW)).check(leaf, CA.certificate)

    assert result.verdict is Verdict.GOOD
    asked = [one.path.split("/")[1] for one in server.asked]
    assert list(dict.fromkeys(asked)) == ["dead", "one"]
    assert result.attempts[0].url == "ldap://ldap.example/"


@pytest.mark.rule("O8")
def test_a_configured_responder_goes_before_those_of_aia(server: ScriptedServer) -> None:
    leaf = CA.issue_server(ocsp_uris=(f"{server.url}aia",)).certificate
    requestor = Requestor(urls=(f"{server.url}own",), policy=POLICY, clock=FixedClock(NOW))

    assert requestor.check(leaf, CA.certificate).verdict is Verdict.GOOD
    assert {one.path.split("/")[1] for one in server.asked} == {"own"}


@pytest.mark.rule("L9")
def test_a_certificate_that_the_issuer_did_not_sign_makes_no_traffic(
    server: ScriptedServer,
) -> None:
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))
    der = bytearray(LEAF.certificate.der)
    der[-1] ^= 1
    spoilt = type(LEAF.certificate).from_der(bytes(der))
    for certificate in (spoilt, TinyCA("Issuing CA").issue_server().certificate):
        result = requestor.check(certificate, CA.certificate)

        assert result.verdict is Verdict.UNTRUSTED
        assert result.report is not None
        assert result.report.check("L9").reason.startswith("not asked: ")
    assert server.asked == []


@pytest.mark.rule("L9")
def test_an_expired_certificate_makes_no_traffic(server: ScriptedServer) -> None:
    late = FixedClock(LEAF.certificate.not_after + timedelta(seconds=1))
    result = check(server, clock=late)

    assert result.verdict is Verdict.UNTRUSTED
    assert server.asked == []


@pytest.mark.rule("O34")
def test_a_check_fetches_the_answer_and_nothing_else(server: ScriptedServer) -> None:
    uris = {"ca_issuers_uris": (f"{server.url}ca.cer",), "crl_uris": (f"{server.url}ca.crl",)}
    delegate = CA.issue_responder(ocsp_uris=(f"{server.url}delegate",), crl_uris=uris["crl_uris"])
    server.script = answering(signer=delegate)
    leaf = CA.issue_server(ocsp_uris=(f"{server.url}ocsp",), **uris).certificate  # type: ignore[arg-type]

    result = Requestor(policy=POLICY, clock=FixedClock(NOW)).check(leaf, CA.certificate)

    assert result.verdict is Verdict.GOOD
    assert [one.path.split("/")[1] for one in server.asked] == ["ocsp"]


# --- what to believe (RFC 9919 §5) ----------------------------------------------------------------


@pytest.mark.rule("L10", "N3", "N4")
@pytest.mark.parametrize(
    ("sends", "returned", "policy", "verdict"),
    [
        (False, "strip", NoncePolicy.PREFERRED, Verdict.GOOD),
        (False, "own", NoncePolicy.PREFERRED, Verdict.GOOD),
        (True, "echo", NoncePolicy.PREFERRED, Verdict.GOOD),
        (True, "strip", NoncePolicy.PREFERRED, Verdict.GOOD),
        (True, "other", NoncePolicy.PREFERRED, Verdict.UNTRUSTED),
        (True, "echo", NoncePolicy.REQUIRED, Verdict.GOOD),
        (True, "strip", NoncePolicy.REQUIRED, Verdict.UNTRUSTED),
        (True, "other", NoncePolicy.REQUIRED, Verdict.UNTRUSTED),
        (True, "other", NoncePolicy.OFF, Verdict.GOOD),
    ],
)
def test_a_nonce_sent_must_return_unchanged_and_its_absence_is_left_to_policy(
    server: ScriptedServer, sends: bool, returned: str, policy: NoncePolicy, verdict: Verdict
) -> None:
    server.script = answering(nonce=returned)

    result = check(server, replace(POLICY, send_nonce=sends, verify=VerifyPolicy(nonce=policy)))

    assert result.verdict is verdict


@pytest.mark.rule("L10")
@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"has_next_update": False}, Verdict.UNTRUSTED),
        ({"this_update": NOW - 5 * DAY, "next_update": NOW - DAY}, Verdict.UNTRUSTED),
        ({"this_update": NOW + DAY}, Verdict.UNTRUSTED),
        ({"this_update": NOW - DAY, "next_update": NOW - timedelta(minutes=4)}, Verdict.GOOD),
        ({"this_update": NOW + timedelta(minutes=4)}, Verdict.GOOD),
    ],
    ids=["no end", "ended", "not begun", "ended within the skew", "begins within the skew"],
)
def test_an_answer_holds_inside_its_interval_but_for_a_small_tolerance(
    server: ScriptedServer, changes: dict[str, Any], verdict: Verdict
) -> None:
    server.script = answering(**changes)

    assert check(server).verdict is verdict


# --- how it travels (RFC 9919 §6, RFC 6960 Appendix A.1) ----------------------------------------------


def base_for(server: ScriptedServer, length: int) -> str:
    """Make a base URL that gives the whole GET URL this length."""
    check(server)
    path = server.asked.pop().path
    return server.url + "p" * (length - len(server.url) - len(path))


@pytest.mark.rule("L11")
@pytest.mark.parametrize(("length", "method"), [(254, "GET"), (255, "GET"), (256, "POST")])
def test_a_url_of_at_most_255_octets_is_got_and_a_longer_one_posted_to(
    server: ScriptedServer, length: int, method: str
) -> None:
    assert MAX_GET_URL_BYTES == 255
    url = base_for(server, length)

    result = check(server, url=url)

    assert result.verdict is Verdict.GOOD
    assert [asked.method for asked in server.asked] == [method]
    if method == "GET":
        assert len(server.url) - 1 + len(server.asked[0].path) == length


@pytest.mark.rule("L11")
def test_requests_are_of_the_sizes_that_make_get_fit_without_a_nonce(
    server: ScriptedServer,
) -> None:
    long_serial = CA.issue_server(serial_number=2**159 - 1).certificate
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))

    requestor.check(long_serial, CA.certificate)
    replace(requestor, policy=replace(POLICY, send_nonce=True)).check(long_serial, CA.certificate)

    plain, bound = server.asked
    assert len(read(plain).der) <= 115
    assert (plain.method, bound.method) == ("GET", "POST")


@pytest.mark.rule("L11", "O32")
@pytest.mark.parametrize("path", ["", "ocsp", "ocsp/", "ocsp//", "a/b/"])
def test_after_one_slash_stands_base64_with_its_specials_escaped(
    server: ScriptedServer, path: str
) -> None:
    for _ in range(8):  # serial numbers differ, and with them what has to be escaped
        leaf = CA.issue_server(serial_number=(1 << 158) - len(server.asked) * 7919).certificate
        requestor = Requestor(urls=(server.url + path,), policy=POLICY, clock=FixedClock(NOW))
        assert requestor.check(leaf, CA.certificate).verdict is Verdict.GOOD

    stem = "/" + path.rstrip("/")
    for asked in server.asked:
        assert asked.method == "GET"
        assert asked.path.startswith(stem.rstrip("/") + "/")
        encoded = asked.path.removeprefix(stem.rstrip("/") + "/")
        assert set(encoded) <= set(string.ascii_letters + string.digits + "%")
        assert b64decode(unquote(encoded), validate=True)
    assert any("%2B" in asked.path or "%2F" in asked.path for asked in server.asked)


@pytest.mark.rule("O33")
def test_a_post_is_the_der_under_its_media_type_to_the_url_as_it_is(
    server: ScriptedServer,
) -> None:
    by_post = replace(POLICY, ask=replace(POLICY.ask, method=Method.POST))

    assert check(server, by_post, server.url + "ocsp/").verdict is Verdict.GOOD

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/ocsp/")
    assert asked.headers["content-type"] == "application/ocsp-request"
    assert asked.headers["content-length"] == str(len(asked.body))
    assert asked.headers["accept"] == OCSP
    assert judge.load_der_ocsp_request(asked.body).serial_number == LEAF.certificate.serial_number


@pytest.mark.rule("O33")
@pytest.mark.parametrize("status", [201, 203, 206, 400, 403, 404, 500, 533])
def test_an_answer_under_any_status_but_200_is_none(server: ScriptedServer, status: int) -> None:
    answer = answering()
    server.script = lambda asked: replace(answer(asked), status=status)

    result = check(server)

    assert result.verdict is Verdict.UNREACHABLE
    assert {attempt.reason for attempt in result.attempts} == {f"HTTP status {status}"}


# --- caches (RFC 9919 §7) -------------------------------------------------------------------------------


@pytest.mark.rule("L13")
def test_no_cache_is_said_only_after_an_answer_that_has_expired(server: ScriptedServer) -> None:
    expired, fresh = answering(this_update=NOW - 5 * DAY, next_update=NOW - DAY), answering()

    server.script = lambda asked: (fresh if "cache-control" in asked.headers else expired)(asked)
    assert check(server).verdict is Verdict.GOOD
    server.script = answering(sign=lambda _: b"\x30\x00")
    assert check(server).verdict is Verdict.UNTRUSTED

    said = [
        (asked.headers.get("cache-control"), asked.headers.get("pragma")) for asked in server.asked
    ]
    assert said == [(None, None), ("no-cache", "no-cache"), (None, None)]


@pytest.mark.rule("L14")
@pytest.mark.parametrize(
    ("headers", "fresh", "over"),
    [
        ({"Cache-Control": "max-age=3600"}, timedelta(minutes=59), timedelta(minutes=60)),
        ({"Cache-Control": "max-age=99999999"}, 3 * DAY, 5 * DAY),
        ({"Expires": "Sat, 21 Nov 2026 13:00:00 GMT"}, timedelta(minutes=59), timedelta(hours=1)),
        ({}, 3 * DAY, 5 * DAY),
    ],
    ids=["max-age", "max-age past nextUpdate", "Expires", "neither"],
)
def test_an_answer_is_kept_until_max_age_and_never_past_next_update(
    server: ScriptedServer,
    tmp_path: Path,
    headers: dict[str, str],
    fresh: timedelta,
    over: timedelta,
) -> None:
    server.script = answering(headers=headers)
    cache = ResponseCache(tmp_path)
    check(server, cache=cache)

    kept = check(server, cache=cache, clock=FixedClock(NOW + fresh))
    asked = len(server.asked)
    check(server, cache=cache, clock=FixedClock(NOW + over))

    assert (kept.verdict, kept.from_cache, asked) == (Verdict.GOOD, True, 1)
    assert len(server.asked) > 1


@pytest.mark.rule("L13", "L14")
@pytest.mark.parametrize(
    "body",
    [
        *(encode_error_response(status) for status in OCSPResponseStatus if status),
        b"",
        b"<html>",
    ],
)
def test_what_no_authority_said_is_not_kept(
    server: ScriptedServer, tmp_path: Path, body: bytes
) -> None:
    server.script = lambda _: Reply(200, body, {"Cache-Control": "max-age=3600"})

    check(server, cache=ResponseCache(tmp_path / "cache"))

    assert not (tmp_path / "cache").exists()
